"use strict";
const main=document.getElementById("main"),age=document.getElementById("age");
let fresh=Date.now();
function tell(){const old=Math.round((Date.now()-fresh)/1000);
age.textContent=old>3?"No answer for "+old+" s: what stands here is old":"live";
age.className=old>3?"old":"";}
async function look(){try{const answer=await fetch("content",{cache:"no-store"});
if(answer.ok){const text=await answer.text(),all=()=>[...main.querySelectorAll("details")],open={};
all().forEach(d=>open[d.dataset.of]=d.open);
const at=document.activeElement.closest("details"),focus=at&&main.contains(at)?at.dataset.of:null;
main.innerHTML=text;
all().forEach(d=>{if(d.dataset.of in open)d.open=open[d.dataset.of];
if(d.dataset.of===focus)d.firstElementChild.focus({preventScroll:true});});
fresh=Date.now();}}catch(error){}
tell();setTimeout(look,1000);}
setInterval(tell,1000);tell();look();

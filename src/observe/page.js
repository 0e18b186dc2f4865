"use strict";
const main=document.getElementById("main"),age=document.getElementById("age");
let fresh=Date.now();
function tell(){const old=Math.round((Date.now()-fresh)/1000);
age.textContent=old>3?"No answer for "+old+" s: what stands here is old":"live";
age.className=old>3?"old":"";}
async function look(){try{const answer=await fetch("content",{cache:"no-store"});
if(answer.ok){const open=[...main.querySelectorAll("details")].map(d=>d.open);
main.innerHTML=await answer.text();
main.querySelectorAll("details").forEach((d,i)=>{if(i in open)d.open=open[i];});
fresh=Date.now();}}catch(error){}
tell();setTimeout(look,1000);}
setInterval(tell,1000);tell();look();

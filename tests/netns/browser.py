# SPDX-License-Identifier: MIT OR Apache-2.0
"""Looks at a page with headless Chromium, as a person does, over its DevTools pipe.

Usage: browser.py PATIENCE FOLDER STEP ...
Steps: `open URL`, `see TEXT` and `unseen TEXT` (wait for what the page shows, or no longer shows), `is JS` (wait until an expression is
true), `size WIDTH HEIGHT`, `dark`, `light`, `scripts on|off`, `key NAME`, `readable` (every text stands out from its background),
`fits` (nothing is wider than the window), `shot NAME` (a picture in FOLDER), `sh COMMAND`.
"""
import base64, json, os, select, shutil, subprocess, sys, time

patience, folder, steps = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
home = "/run/browser"
os.makedirs(home, exist_ok=True)
to_it, from_us = os.pipe()
from_it, to_us = os.pipe()


def as_three_and_four():
    # What is copied away first is not overwritten.
    ends = os.dup(to_it), os.dup(to_us)
    os.dup2(ends[0], 3)
    os.dup2(ends[1], 4)


program = shutil.which("chromium") or shutil.which("chromium-browser")
flags = """--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-background-networking
--disable-component-update --disable-extensions --disable-sync --hide-scrollbars --mute-audio --remote-debugging-pipe""".split()
browser = subprocess.Popen(
    [program, *flags, f"--user-data-dir={home}", "about:blank"],
    preexec_fn=as_three_and_four, close_fds=False, start_new_session=True, stdin=subprocess.DEVNULL,
    stdout=subprocess.DEVNULL, stderr=open(f"{home}/complaints", "w"), env={**os.environ, "HOME": home, "TMPDIR": home})
os.close(to_it), os.close(to_us)
numbers, received, answers = iter(range(1, 1 << 30)), b"", {}


def call(method, session=None, **parameters):
    global received
    number = next(numbers)
    order = {"id": number, "method": method, "params": parameters}
    if session:
        order["sessionId"] = session
    os.write(from_us, json.dumps(order).encode() + b"\0")
    start = time.monotonic()
    while number not in answers:
        if time.monotonic() - start > patience or browser.poll() is not None:
            fail(f"the browser does not answer to {method}: {open(home + '/complaints').read()[-2000:]}")
        if select.select([from_it], [], [], 1)[0]:
            received += os.read(from_it, 1 << 20)
        *whole, received = received.split(b"\0")
        for message in map(json.loads, whole):
            if "id" in message:
                answers[message["id"]] = message
    answer = answers.pop(number)
    if "error" in answer:
        fail(f"{method}: {answer['error']}")
    return answer["result"]


def fail(why):
    try:
        os.killpg(browser.pid, 9)
    finally:
        sys.exit(why)


target = call("Target.createTarget", url="about:blank")["targetId"]
session = call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]


def tab(method, **parameters):
    return call(method, session, **parameters)


def js(expression):
    result = tab("Runtime.evaluate", expression=expression, returnByValue=True)
    if "exceptionDetails" in result:
        # Between two pages there is nothing to ask.
        return None
    return result["result"].get("value")


def text():
    return js("document.body ? document.body.innerText : ''") or ""


def until(promise, holds):
    start = time.monotonic()
    while not holds():
        if time.monotonic() - start > patience:
            fail(f"never came: {promise}\n{text()}")
        time.sleep(0.1)


# The worst contrast of any text with what is behind it, by the rule of WCAG 2, and whose it is.
CONTRAST = """(() => {
  const numbers = colour => colour.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = one => { for (; one; one = one.parentElement) {
    const colour = numbers(getComputedStyle(one).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour; } return [255, 255, 255]; };
  let worst = [21, ""];
  for (const one of document.body.querySelectorAll("*")) {
    if (!["SCRIPT", "NOSCRIPT", "STYLE"].includes(one.tagName) && [...one.childNodes].some(n => n.nodeType === 3 && n.data.trim())) {
      const [a, b] = [light(numbers(getComputedStyle(one).color)), light(behind(one))].sort((a, b) => b - a);
      const ratio = (a + 0.05) / (b + 0.05);
      if (ratio < worst[0]) worst = [ratio, one.outerHTML.slice(0, 200)];
    }
  }
  return JSON.stringify(worst);
})()"""
# What reaches beyond the window.
WIDE = """(() => { const width = document.documentElement.clientWidth;
  return [...document.querySelectorAll("body *")].filter(one => one.getBoundingClientRect().right > width + 1)
    .map(one => one.outerHTML.slice(0, 200)).join("\\n"); })()"""
KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), "Space": (32, " ")}
scheme, tall = "light", 900
tab("Page.enable")
for step in steps:
    verb, _, what = step.partition(" ")
    if verb == "open":
        tab("Page.navigate", url=what)
    elif verb == "see":
        until(step, lambda: what in text())
    elif verb == "unseen":
        until(step, lambda: what not in text())
    elif verb == "is":
        until(step, lambda: js(what) is True)
    elif verb == "size":
        width, tall = map(int, what.split())
        tab("Emulation.setDeviceMetricsOverride", width=width, height=tall, deviceScaleFactor=1, mobile=width < 500)
    elif verb in ("dark", "light"):
        tab("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": verb}])
    elif verb == "scripts":
        tab("Emulation.setScriptExecutionDisabled", value=what == "off")
    elif verb == "key":
        code, letter = KEYS[what]
        for kind in ("keyDown", "keyUp"):
            name = {"Space": " "}.get(what, what)
            pressed = {"text": letter} if letter and kind == "keyDown" else {}
            tab("Input.dispatchKeyEvent", type=kind, key=name, code=what, windowsVirtualKeyCode=code, **pressed)
    elif verb == "readable":
        ratio, whose = json.loads(js(CONTRAST))
        if ratio < 4.5:
            fail(f"hard to read, {ratio:.1f} to 1: {whose}")
    elif verb == "fits":
        wide = js(WIDE)
        if wide:
            fail(f"wider than the window:\n{wide}")
    elif verb == "shot":
        picture = tab("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(f"{folder}/{what}.png", "wb") as file:
            file.write(base64.b64decode(picture["data"]))
    elif verb == "sh":
        assert subprocess.run(what, shell=True).returncode == 0, what
    print(f"--- {step}")
print(text())
call("Browser.close")
try:
    browser.wait(timeout=patience)
finally:
    if browser.poll() is None:
        os.killpg(browser.pid, 9)
print("all was seen")

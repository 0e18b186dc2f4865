# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs a program at a terminal of 80 columns and 24 lines, as a person sits before it.

Usage: terminal.py PATIENCE PROGRAM ... -- STEP ...
A step is `see TEXT` (wait until the screen has it), `key TEXT` (press; \\e is escape), `size COLUMNS LINES`, `sh COMMAND`, `term`
(the signal), or `end` (wait until the program has ended). What was on the screen when a step does not come is printed.
"""
import fcntl, os, pty, re, select, signal, struct, sys, termios, time

words = sys.argv[1:]
patience, cut = float(words[0]), words.index("--")
program, steps = words[1:cut], words[cut + 1:]


class Screen:
    """Of what terminals do, what is used here."""

    def __init__(self, columns, lines):
        self.size(columns, lines)
        self.rest, self.alternate, self.cursor, self.between = "", False, True, False

    def size(self, columns, lines):
        self.columns, self.lines, self.x, self.y = columns, lines, 0, 0
        self.cells = [[" "] * columns for _ in range(lines)]

    def feed(self, text):
        text = self.rest + text
        self.rest = ""
        while text:
            found = re.match(r"\x1b\[(\??)([0-9;]*)([A-Za-z])", text)
            if found:
                self.steer(*found.groups())
                text = text[found.end():]
            elif text[0] == "\x1b" and len(text) < 16:
                self.rest = text
                return
            else:
                self.put(text[0])
                text = text[1:]

    def put(self, letter):
        assert letter >= " " or letter in "\r\n", f"{letter!r} on the screen"
        if self.between and (self.y >= self.lines or self.x >= self.columns) and letter not in "\r":
            # What was on its way when the window got smaller.
            return
        if letter == "\r":
            self.x = 0
        elif letter == "\n":
            assert self.between or self.y + 1 < self.lines, "the picture is higher than the screen"
            self.y += 1
        else:
            assert self.x < self.columns, "the picture is wider than the screen"
            self.cells[self.y][self.x] = letter
            self.x += 1

    def steer(self, private, numbers, verb):
        if private:
            if numbers == "1049":
                self.alternate = verb == "h"
            if numbers == "25":
                self.cursor = verb == "h"
        elif verb == "H":
            at = [int(number or 1) for number in (numbers or "1;1").split(";")]
            self.y, self.x = at[0] - 1, at[1] - 1
        elif self.between and self.y >= self.lines:
            return
        elif verb == "K":
            self.cells[self.y][self.x:] = [" "] * (self.columns - self.x)
        elif verb == "J":
            self.cells[self.y][self.x:] = [" "] * (self.columns - self.x)
            for line in range(self.y + 1, self.lines):
                self.cells[line] = [" "] * self.columns
        else:
            assert verb == "m", f"{verb} steers the terminal"

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.cells)


def resize(columns, lines):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


master, slave = pty.openpty()
resize(80, 24)
before = termios.tcgetattr(slave)
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in range(3):
        os.dup2(slave, number)
    os.close(master)
    os.execvp(program[0], program)
screen, ended = Screen(80, 24), None


def until(promise, holds):
    global ended
    start = time.monotonic()
    while not holds():
        if time.monotonic() - start > patience:
            sys.exit(f"never came: {promise}\n{screen.text()}")
        ready, _, _ = select.select([master], [], [], 0.1)
        if ready:
            screen.feed(os.read(master, 65536).decode("utf-8", "replace"))
        elif ended is None:
            pid, status = os.waitpid(child, os.WNOHANG)
            ended = status if pid else None


for step in steps:
    verb, _, what = step.partition(" ")
    if verb == "see":
        until(step, lambda: what in screen.text())
        screen.between = False
    elif verb == "key":
        os.write(master, what.replace("\\e", "\x1b").encode())
    elif verb == "size":
        columns, lines = map(int, what.split())
        screen.size(columns, lines)
        screen.between = True
        resize(columns, lines)
        os.killpg(child, signal.SIGWINCH)
    elif verb == "sh":
        assert os.system(what) == 0, what
    elif verb == "term":
        os.kill(child, signal.SIGTERM)
    elif verb == "end":
        until(step, lambda: ended is not None)
    print(f"--- {step}\n{screen.text()}")
if ended is None:
    os.kill(child, signal.SIGKILL)
    sys.exit("it still runs")
assert not screen.alternate and screen.cursor, "the screen is not given back"
assert termios.tcgetattr(slave) == before, "the terminal is not as it was"
print("ended", os.waitstatus_to_exitcode(ended))

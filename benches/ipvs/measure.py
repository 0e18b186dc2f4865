# SPDX-License-Identifier: MIT OR Apache-2.0
"""Times both daemons with a large table, by turns, and prints a table of the figures."""

import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

SERVICES = int(os.environ["SERVICES"])
SERVERS = int(os.environ["SERVERS"])
QUICK = bool(os.environ["QUICK"])
PROGRAMS = {"ours": os.environ["OURS"], "keepalived": os.environ["THEIRS"]}
WORK = "/run/bench"
CONFIGURATION = f"{WORK}/bench.conf"
# Where checks are answered.
ANSWERS = 8
# Rounds begin while there is time for one more.
BUDGET = 30 if QUICK else 300
ROUNDS_MAX = 1 if QUICK else 5
# The longest wait for anything, and how long processes must rest before they count as done.
PATIENCE = 60 if QUICK else 240
REST = 0.5
# How long a changed configuration may have no effect before it is asked for again, and until it is given up.
NUDGE = 20
RELOAD_PATIENCE = 60
# Reloads in a row, and how long they may take together.
RELOADS = 5 if QUICK else 50
RELOADS_TIME = 8 if QUICK else 50

BEGUN = time.monotonic()



def service(number):
    return f"10.{100 + number // 250}.{number % 250}.1"


def server(number):
    return f"172.{16 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"


def configure(weight):
    """All real servers have weight 1 but the first. First checks are spread over hours; the few that are made succeed, for
    one address answers them all: the whole table is wanted all the time."""
    with open(CONFIGURATION, "w", encoding="ascii") as out:
        for s in range(SERVICES):
            out.write(f"virtual_server {service(s)} 80 {{\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n")
            out.write(" delay_loop 36000\n warmup 36000\n")
            for r in range(s * SERVERS // SERVICES, (s + 1) * SERVERS // SERVICES):
                out.write(f" real_server {server(r)} 80 {{\n  weight {1 if r else weight}\n")
                out.write(f"  TCP_CHECK {{\n   connect_timeout 3\n   connect_ip 127.0.0.1\n   connect_port {ANSWERS}\n  }}\n }}\n")
            out.write("}\n")


def listed(number):
    """What the kernel says of one service: the weights of its servers."""
    told = subprocess.run(["ipvsadm", "-Ln", "-t", f"{service(number)}:80"], capture_output=True, text=True)
    return dict(re.findall(r"-> (\S+):80\s+\S+\s+(\d+)", told.stdout))


def entries():
    """Real servers and services in the whole table."""
    with open("/proc/net/ip_vs", encoding="ascii") as table:
        lines = table.read().splitlines()[3:]
    return sum(line.startswith("  ->") for line in lines), sum(line.startswith("TCP") for line in lines)


def is_full():
    # Both fill it from the first to the last; all of it is counted only then.
    return server(SERVERS - 1) in listed(SERVICES - 1) and entries() == (SERVERS, SERVICES)


def wait(promise, holds, pause=0.05, nudge=None, patience=PATIENCE):
    """A signal that comes while the one before is still obeyed may be lost: then `nudge` sends it again."""
    deadline = time.monotonic() + patience
    nudged = time.monotonic()
    while not holds():
        if nudge and time.monotonic() > nudged + NUDGE:
            nudge()
            nudged = time.monotonic()
        if time.monotonic() > deadline:
            servers, services = entries()
            print(f"(never came: {promise}; the table has {services} services and {servers} servers)", flush=True)
            subprocess.run(["tail", "-n", "5", f"{WORK}/ours.log", f"{WORK}/keepalived.log"], check=False)
            return
        time.sleep(pause)


class Count:
    """What goes to the load balancer over netlink, as a monitor of the kernel shows it."""

    WRITES = {1, 2, 3, 5, 6, 7, 9, 10, 12, 16, 17}

    def __init__(self):
        self.sends = self.writes = 0
        self.socket = None
        try:
            self.family = self.look_up()
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
            self.socket.bind(("nlmon0", 3))
            self.socket.settimeout(0.1)
        except OSError as error:
            print(f"(netlink cannot be watched: {error})", flush=True)
            return
        self.ends = False
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    @staticmethod
    def look_up():
        """The number of the kernel's load balancer among generic netlink families."""
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16) as asking:
            name = struct.pack("HH5s3x", 9, 2, b"IPVS\0")
            asking.send(struct.pack("IHHIIBBH", 20 + len(name), 16, 1, 1, 0, 3, 1, 0) + name)
            at, told = 20, asking.recv(65536)
            while at + 4 <= len(told):
                length, kind = struct.unpack_from("HH", told, at)
                if kind == 1:
                    return struct.unpack_from("H", told, at + 4)[0]
                at += max(4, (length + 3) & ~3)
        raise OSError("no load balancer")

    def listen(self):
        while not self.ends:
            try:
                bytes_, (_, protocol, *_) = self.socket.recvfrom(1 << 20)
            except TimeoutError:
                continue
            if protocol != 16:
                continue
            at = writes = 0
            while at + 20 <= len(bytes_):
                length, kind, flags = struct.unpack_from("IHH", bytes_, at)
                # Answers of the kernel do not have the flag of requests.
                writes += kind == self.family and flags & 1 and bytes_[at + 16] in self.WRITES
                at += max(16, (length + 3) & ~3)
            self.writes += writes
            self.sends += writes > 0

    def end(self):
        if self.socket is None:
            return None, None
        time.sleep(0.2)
        self.ends = True
        self.thread.join()
        self.socket.close()
        return self.sends, self.writes


def answer():
    """Takes connections and ends them, for ever."""
    listening = socket.create_server(("127.0.0.1", ANSWERS), backlog=1024)

    def serve():
        while True:
            taken, _ = listening.accept()
            taken.close()

    threading.Thread(target=serve, daemon=True).start()


class Daemon:
    def __init__(self, who):
        self.who = who
        options = ["-n", "-l", "-G", "-C", "-f", CONFIGURATION, "-p", f"{WORK}/p", "-c", f"{WORK}/c", "-r", f"{WORK}/r"]
        self.log = open(f"{WORK}/{who}.log", "wb")
        self.process = subprocess.Popen([PROGRAMS[who], *options], stdout=self.log, stderr=self.log)

    def processes(self):
        found, left = [], [self.process.pid]
        while left:
            pid = left.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as children:
                        left += map(int, children.read().split())
            except OSError:
                pass
        return found

    def cpu(self):
        """Seconds that all processes worked."""
        spent = 0
        for pid in self.processes():
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as told:
                        spent += int(told.read().split()[0])
            except OSError:
                pass
        return spent / 1e9

    def memory(self):
        """Megabytes of all processes, their share of what they have together."""
        sum_ = 0
        for pid in self.processes():
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as told:
                    sum_ += int(re.search(r"^Pss:\s+(\d+)", told.read(), re.M)[1])
            except (OSError, TypeError):
                pass
        return sum_ / 1024

    def until_it_rests(self):
        """Waits until it does nothing any more; when it last did something."""
        last, at = self.cpu(), time.monotonic()
        deadline = at + PATIENCE
        while time.monotonic() < min(at + REST, deadline):
            time.sleep(0.05)
            spent = self.cpu()
            # The loop's own signs of life are less.
            if spent - last > 0.002:
                last, at = spent, time.monotonic()
        return at

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        wait("the end of the daemon", lambda: self.process.poll() is not None)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


def measure(who, long):
    """One round of one daemon."""
    figures = {}
    configure(1)
    began = time.monotonic()
    before = os.times()
    subprocess.run([PROGRAMS[who], "-t", "-f", CONFIGURATION], capture_output=True)
    after = os.times()
    figures["test"] = time.monotonic() - began
    figures["test cpu"] = sum(after[2:4]) - sum(before[2:4])

    began = time.monotonic()
    daemon = Daemon(who)
    wait("the whole table", is_full)
    figures["start"] = time.monotonic() - began
    figures["start cpu"] = daemon.cpu()
    daemon.until_it_rests()
    figures["memory"] = daemon.memory()

    spent, count = daemon.cpu(), Count()
    began = time.monotonic()
    daemon.reload()
    figures["same"] = daemon.until_it_rests() - began
    figures["same cpu"] = daemon.cpu() - spent
    figures["same sends"], figures["same writes"] = count.end()

    configure(7)
    spent, count = daemon.cpu(), Count()
    began = time.monotonic()
    daemon.reload()
    wait("the changed weight", lambda: listed(0).get(server(0)) == "7", nudge=daemon.reload, patience=RELOAD_PATIENCE)
    figures["one"] = time.monotonic() - began
    daemon.until_it_rests()
    figures["one cpu"] = daemon.cpu() - spent
    figures["one sends"], figures["one writes"] = count.end()

    if long:
        before, reloads, began = daemon.memory(), 0, time.monotonic()
        while reloads < RELOADS and time.monotonic() < began + RELOADS_TIME:
            daemon.reload()
            daemon.until_it_rests()
            reloads += 1
        figures["reloads"] = reloads
        figures["growth"] = (daemon.memory() / before - 1) * 100

    began = time.monotonic()
    daemon.stop()
    figures["stop"] = time.monotonic() - began
    figures["left"] = sum(entries())
    subprocess.run(["ipvsadm", "-C"], check=False)
    return figures


def restored():
    """How long the same table takes command by command, without a daemon."""
    lines = []
    for s in range(SERVICES):
        lines.append(f"-A -t {service(s)}:80 -s rr\n")
        for r in range(s * SERVERS // SERVICES, (s + 1) * SERVERS // SERVICES):
            lines.append(f"-a -t {service(s)}:80 -r {server(r)}:80 -m -w 1\n")
    began = time.monotonic()
    subprocess.run(["ipvsadm", "-R"], input="".join(lines), text=True, capture_output=True)
    took = time.monotonic() - began
    subprocess.run(["ipvsadm", "-C"], check=False)
    return took


def median(values):
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2] if ordered else float("nan")


def short(value):
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


def line(what, key, rounds, limit="-", scale=1, grain=0.001):
    pairs = [(ours.get(key), theirs.get(key)) for ours, theirs in rounds]
    pairs = [(ours * scale, theirs * scale) for ours, theirs in pairs if ours is not None and theirs is not None]
    if not pairs:
        print(f"| {what} | none | none | {limit} | - |")
        return
    ratios = [max(theirs, grain) / max(ours, grain) for ours, theirs in pairs]
    ratio = median(ratios)
    columns = [[pair[side] for pair in pairs] for side in (0, 1)]
    spread = [f"{short(median(side))} ({short(min(side))} to {short(max(side))})" for side in columns]
    verdict = "" if ratio >= 1 else " **lost**"
    print(f"| {what} | {spread[0]} | {spread[1]} | {limit} | {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}){verdict} |")


def main():
    os.makedirs(WORK, exist_ok=True)
    answer()
    kernel = os.uname().release
    print(f"## A table of {SERVICES:,} virtual and {SERVERS:,} real servers (guest: Linux {kernel})\n", flush=True)
    rounds, longest = [], 0.0
    while len(rounds) < ROUNDS_MAX and (not rounds or time.monotonic() - BEGUN + longest < BUDGET):
        began = time.monotonic()
        order = ("keepalived", "ours") if len(rounds) % 2 == 0 else ("ours", "keepalived")
        # Many reloads are played once: they take most of the time.
        played = {who: measure(who, not rounds) for who in order}
        rounds.append((played["ours"], played["keepalived"]))
        if len(rounds) > 1 or ROUNDS_MAX == 1:
            longest = max(longest, time.monotonic() - began)
    bare = "-" if QUICK else f"{restored():.2f} (`ipvsadm -R`)"
    print(f"| {len(rounds)} rounds; median (least to most) | ours | keepalived | limit | theirs : ours, median (least to most) |")
    print("|---|---|---|---|---|")
    line("test of the configuration, s", "test", rounds)
    line("the same, s of CPU", "test cpu", rounds)
    line("start to the whole table, s", "start", rounds, bare)
    line("the same, s of CPU", "start cpu", rounds)
    line("memory of all processes then (PSS), MB", "memory", rounds)
    line("reload without a change, s until all rest", "same", rounds)
    line("the same, ms of CPU", "same cpu", rounds, "100 (aim)", 1000)
    line("the same, commands to the load balancer", "same writes", rounds, "0")
    line("reload with one weight changed, s until the kernel has it", "one", rounds)
    line("the same, s of CPU", "one cpu", rounds)
    line("the same, commands to the load balancer", "one writes", rounds, "1")
    line("the same, sends of commands", "one sends", rounds, "1")
    reloads = " and ".join(f"{side['reloads']}" for side in rounds[0])
    line(f"growth of memory over {reloads} reloads, %", "growth", rounds, "0", grain=1)
    line("stop, s", "stop", rounds)
    line("entries left in the table after the stop", "left", rounds, "0")
    print(f"\n({time.monotonic() - BEGUN:.0f} s)", flush=True)


main()

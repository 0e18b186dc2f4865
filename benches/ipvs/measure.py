# SPDX-License-Identifier: MIT OR Apache-2.0
"""Times both daemons with a large table, by turns, and prints a table of the figures.

Each round is a process in a network namespace of its own, because a kernel remembers servers that were removed for minutes and
looks through all of them for each one that is added: what came second would be slower.
"""

import ctypes
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

WHOLE = (int(os.environ["SERVICES"]), int(os.environ["SERVERS"]))
QUICK = bool(os.environ["QUICK"])
# Reloads are compared with a part of it too, since keepalived is busy with one of the whole table for many minutes.
PART = [max(1, number // (8 if QUICK else 4)) for number in WHOLE]
SERVICES, SERVERS = WHOLE
PROGRAMS = {"ours": os.environ["OURS"], "keepalived": os.environ["THEIRS"]}
WORK = "/run/bench"
CONFIGURATION = f"{WORK}/bench.conf"
# Where checks are answered.
ANSWERS = 8
ROUNDS = 1 if QUICK else 3
# The longest wait for anything, and how long processes must rest before they count as done.
PATIENCE = 60
REST = 0.5
# A reload that takes longer is given up, and told as longer than that.
RELOAD_PATIENCE = 20 if QUICK else 60
# Reloads in a row, and how long they may take together.
RELOADS = 50
RELOADS_TIME = 30

BEGUN = time.monotonic()
LIBC = ctypes.CDLL(None)


def size(of):
    global SERVICES, SERVERS
    SERVICES, SERVERS = of


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


def servers_of_last():
    """How many servers the last service has, by one system call: the guest has one processor, and who looks takes from who works."""
    entry = ctypes.create_string_buffer(104)
    struct.pack_into("=HxxIH", entry, 0, socket.IPPROTO_TCP, *struct.unpack("=I", socket.inet_aton(service(SERVICES - 1))), socket.htons(80))
    length = ctypes.c_uint(len(entry))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as asking:
        # IP_VS_SO_GET_SERVICE
        failed = LIBC.getsockopt(asking.fileno(), socket.IPPROTO_IP, 1155, entry, ctypes.byref(length))
    return 0 if failed else struct.unpack_from("=I", entry, 44)[0]


def is_full():
    # Both fill it from the first to the last; all of it is counted only then.
    return servers_of_last() == SERVERS - (SERVICES - 1) * SERVERS // SERVICES and entries() == (SERVERS, SERVICES)


def wait(promise, holds, pause=0.05, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            servers, services = entries()
            print(f"(never came: {promise}; the table has {services} services and {servers} servers)", flush=True)
            subprocess.run(["tail", "-n", "5", f"{WORK}/ours.log", f"{WORK}/keepalived.log"], check=False)
            return False
        time.sleep(pause)
    return True


class Count:
    """What goes to the load balancer over netlink, as a monitor of the kernel shows it."""

    WRITES = {1, 2, 3, 5, 6, 7, 9, 10, 12, 16, 17}

    def __init__(self):
        self.sends = self.writes = 0
        self.socket = None
        try:
            # Only while somebody watches, since it copies every message.
            subprocess.run(["ip", "link", "add", "nlmon0", "type", "nlmon"], check=False)
            subprocess.run(["ip", "link", "set", "nlmon0", "up"], check=False)
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
        subprocess.run(["ip", "link", "del", "nlmon0"], check=False)
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

    def until_it_rests(self, patience=PATIENCE):
        """Waits until it does nothing any more; when it last did something, or nothing when it never rests."""
        last, at = self.cpu(), time.monotonic()
        deadline = at + patience
        while time.monotonic() < at + REST:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.05)
            spent = self.cpu()
            # The loop's own signs of life are less.
            if spent - last > 0.002:
                last, at = spent, time.monotonic()
        return at

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        processes = self.processes()
        self.process.send_signal(signal.SIGTERM)
        wait("the end of the daemon", lambda: self.process.poll() is not None)
        # One that is busy is left behind by its parent, or does not end at all.
        for pid in processes:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.log.close()


def start_and_stop(who):
    """One round of one daemon: from nothing to the whole table, and back."""
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
    wait("the whole table", is_full, pause=0.02)
    figures["start"] = time.monotonic() - began
    figures["start cpu"] = daemon.cpu()
    daemon.until_it_rests()
    figures["memory"] = daemon.memory()

    began = time.monotonic()
    daemon.stop()
    figures["stop"] = time.monotonic() - began
    figures["left"] = sum(entries())
    return figures


def reloaded(who, many):
    """One round of one daemon: a reload without a change, one with one, and many if asked for."""
    figures = {}
    configure(1)
    daemon = Daemon(who)
    wait("the whole table", is_full)
    daemon.until_it_rests()

    spent, count = daemon.cpu(), Count()
    began = time.monotonic()
    daemon.reload()
    rested = daemon.until_it_rests(RELOAD_PATIENCE)
    figures["same cpu"] = daemon.cpu() - spent
    _, writes = count.end()
    if rested is None:
        figures["same"] = time.monotonic() - began
        figures["gave up"] = ["same", "same cpu"]
    else:
        figures["same"], figures["same writes"] = rested - began, writes
        figures.update(changed(daemon))
        if many:
            figures.update(grown(daemon))
    daemon.stop()
    return figures


def changed(daemon):
    """A reload with one change."""
    figures = {}
    configure(7)
    spent, count = daemon.cpu(), Count()
    began = time.monotonic()
    daemon.reload()
    came = wait("the changed weight", lambda: listed(0).get(server(0)) == "7", patience=RELOAD_PATIENCE)
    figures["one"] = time.monotonic() - began
    daemon.until_it_rests()
    figures["one cpu"] = daemon.cpu() - spent
    figures["one sends"], figures["one writes"] = count.end()
    if not came:
        figures["gave up"] = list(figures)
    return figures


def grown(daemon):
    """Many reloads without a change, and what they leave in memory."""
    before, reloads, began = daemon.memory(), 0, time.monotonic()
    while reloads < RELOADS and time.monotonic() < began + RELOADS_TIME:
        daemon.reload()
        daemon.until_it_rests()
        reloads += 1
    return {"reloads": reloads, "growth": (daemon.memory() / before - 1) * 100}


def restored():
    """How long the same table takes command by command, without a daemon."""
    lines = []
    for s in range(SERVICES):
        lines.append(f"-A -t {service(s)}:80 -s rr\n")
        for r in range(s * SERVERS // SERVICES, (s + 1) * SERVERS // SERVICES):
            lines.append(f"-a -t {service(s)}:80 -r {server(r)}:80 -m -w 1\n")
    began = time.monotonic()
    subprocess.run(["ipvsadm", "-R"], input="".join(lines), text=True, capture_output=True)
    return {"took": time.monotonic() - began}


PLAYS = {
    "start": start_and_stop,
    "reload": lambda who: reloaded(who, False),
    "reloads": lambda who: reloaded(who, True),
    "restore": lambda _: restored(),
}


def play(what, who="-"):
    """One round, in a process and a network of its own."""
    told = subprocess.run(
        ["unshare", "--net", sys.executable, __file__, what, who, str(SERVICES), str(SERVERS)], stdout=subprocess.PIPE, check=True
    )
    # What went wrong is told before the figures.
    *complaints, figures = told.stdout.decode().splitlines()
    if complaints:
        print("\n".join(complaints), flush=True)
    return json.loads(figures)


def one_round(what, who, services, servers):
    size((int(services), int(servers)))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    answer()
    print(json.dumps(PLAYS[what](who)), flush=True)
    # The thread that answers checks would keep us.
    os._exit(0)


def median(values):
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2] if ordered else float("nan")


def short(value):
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"


def column(rounds, key, scale):
    """The figures of one daemon; `>` before what was given up."""
    known = [side for side in rounds if side.get(key) is not None]
    if not known:
        return "none"
    values = [side[key] * scale for side in known]
    more = "> " if any(key in side.get("gave up", []) for side in known) else ""
    if len(values) == 1:
        return f"{more}{short(values[0])}"
    return f"{more}{short(median(values))} ({short(min(values))} to {short(max(values))})"


def line(what, key, rounds, limit="-", scale=1, grain=0.001):
    columns = [column([pair[side] for pair in rounds], key, scale) for side in (0, 1)]
    pairs = [pair for pair in rounds if pair[0].get(key) is not None and pair[1].get(key) is not None]
    ratios = [max(theirs[key] * scale, grain) / max(ours[key] * scale, grain) for ours, theirs in pairs]
    gave_up = {side for pair in pairs for side in (0, 1) if key in pair[side].get("gave up", [])}
    if not ratios or 0 in gave_up:
        told = "-"
    else:
        more = "> " if gave_up else ""
        told = f"{more}{median(ratios):.2f}"
        if len(ratios) > 1:
            told += f" ({min(ratios):.2f} to {max(ratios):.2f})"
        told += "" if median(ratios) >= 1 else " **lost**"
    print(f"| {what} | {columns[0]} | {columns[1]} | {limit} | {told} |")


def head(rounds):
    print(f"| rounds: {rounds}; median (least to most) | ours | keepalived | limit | theirs : ours, median (least to most) |")
    print("|---|---|---|---|---|")


def by_turns(whats):
    """A round of both for each, alternating who begins: pairs of ours and theirs."""
    rounds = []
    for number, what in enumerate(whats):
        order = ("keepalived", "ours") if number % 2 == 0 else ("ours", "keepalived")
        played = {who: play(what, who) for who in order}
        rounds.append((played["ours"], played["keepalived"]))
    return rounds


def lines_of_reloads(rounds):
    head(len(rounds))
    line("reload without a change, s until all rest", "same", rounds)
    line("the same, ms of CPU", "same cpu", rounds, "100 (aim)", 1000)
    line("the same, commands to the load balancer", "same writes", rounds, "0")
    line("reload with one weight changed, s until the kernel has it", "one", rounds)
    line("the same, s of CPU", "one cpu", rounds)
    line("the same, commands to the load balancer", "one writes", rounds, "1")
    line("the same, sends of commands", "one sends", rounds, "1")
    if rounds[0][0].get("reloads") and rounds[0][1].get("reloads"):
        reloads = " and ".join(f"{side['reloads']}" for side in rounds[0])
        line(f"growth of memory over {reloads} reloads, %", "growth", rounds, "0", grain=1)


def main():
    os.makedirs(WORK, exist_ok=True)
    kernel = os.uname().release
    print(f"## A table of {SERVICES:,} virtual and {SERVERS:,} real servers (guest: Linux {kernel})\n", flush=True)
    rounds = by_turns(["start"] * ROUNDS)
    bare = "-" if QUICK else f"{play('restore')['took']:.2f} (`ipvsadm -R`)"
    head(len(rounds))
    line("test of the configuration, s", "test", rounds)
    line("the same, s of CPU", "test cpu", rounds)
    line("start to the whole table, s", "start", rounds, bare)
    line("the same, s of CPU", "start cpu", rounds)
    line("memory of all processes then (PSS), MB", "memory", rounds)
    line("stop, s", "stop", rounds)
    line("entries left in the table after the stop", "left", rounds, "0", grain=1)
    if not QUICK:
        print(f"\nReloads of it (one that takes more than {RELOAD_PATIENCE} s is given up):\n", flush=True)
        lines_of_reloads(by_turns(["reload"]))
    size(PART)
    print(f"\nReloads of {SERVICES:,} virtual and {SERVERS:,} real servers:\n", flush=True)
    lines_of_reloads(by_turns(["reload"] if QUICK else ["reloads", "reload"]))
    print(f"\n({time.monotonic() - BEGUN:.0f} s)", flush=True)


if len(sys.argv) > 1:
    one_round(*sys.argv[1:])
else:
    main()

# SPDX-License-Identifier: MIT OR Apache-2.0
"""The network of the demonstration: its nodes and segments, the web servers and the client."""
import ctypes
import os
import select
import selectors
import signal
import socket
import subprocess
import time

VIP, GATEWAY = "192.0.2.100", "10.0.0.254"
# Name, address outside, address inside.
NODES = [
    ("a", "192.0.2.1", "10.0.0.251"),
    ("b", "192.0.2.2", "10.0.0.252"),
    ("client", "192.0.2.9", None),
    ("web1", None, "10.0.0.1"),
    ("web2", None, "10.0.0.2"),
    ("web3", None, "10.0.0.3"),
    ("sorry", None, "10.0.0.9"),
]
RATE = 40  # requests a second
PATIENCE = 1.0  # a request without an answer for so long is lost


def batch(node, lines):
    """Commands of ip, in one process: in a guest each process counts."""
    where = ["-n", node] if node else []
    subprocess.run(["ip", *where, "-batch", "-"], input=lines, text=True, check=True)


def within(node, what):
    """Runs a function in a node's network, in a process of its own; its number."""
    child = os.fork()
    if child:
        return child
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with open(f"/run/netns/{node}") as network:
            if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), 0x40000000) != 0:
                raise OSError(ctypes.get_errno(), "entering a network")
        what()
    finally:
        os._exit(1)


def lay():
    """Two segments, outside and inside; the nodes; their addresses."""
    batch(None, "".join(f"netns add {name}\n" for name, _, _ in [("switch", None, None), *NODES]))
    switch = "link add outside type bridge forward_delay 0\nlink add inside type bridge forward_delay 0\n"
    switch += "link set outside up\nlink set inside up\n"
    for name, outside, inside in NODES:
        for segment, address, device in (("outside", outside, "eth0"), ("inside", inside, "eth1" if outside else "eth0")):
            if address:
                port = f"{segment[:2]}-{name}"
                switch += f"link add {port} type veth peer name {device} netns {name}\n"
                switch += f"link set {port} master {segment} up\n"
    batch("switch", switch)
    for name, outside, inside in NODES:
        lines = "link set lo up\nlink set eth0 up\n"
        lines += f"addr add {outside or inside}/24 dev eth0\n"
        if outside and inside:
            lines += f"link set eth1 up\naddr add {inside}/24 dev eth1\n"
        if inside and not outside:
            lines += f"route add default via {GATEWAY}\n"
        batch(name, lines)
    for name in ("a", "b"):
        os.waitpid(within(name, forward), 0)


def forward():
    for setting, value in (("ip_forward", "1"), ("conf/all/rp_filter", "0"), ("conf/all/send_redirects", "0")):
        with open(f"/proc/sys/net/ipv4/{setting}", "w") as file:
            file.write(value)
    os._exit(0)


def serve(name, address):
    """A web server that says its name."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, 80))
    listener.listen(256)
    listener.setblocking(False)
    body = f"{name}\n".encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    open_ones = {}
    while True:
        for number, _ in poll.poll():
            try:
                if number == listener.fileno():
                    connection, _ = listener.accept()
                    connection.setblocking(False)
                    open_ones[connection.fileno()] = connection
                    poll.register(connection, select.EPOLLIN)
                    continue
                with open_ones.pop(number) as connection:
                    if connection.recv(4096):
                        connection.send(answer)
            except OSError:
                pass


def ask(write, start):
    """A client: a request every so often, never waiting for the last one. Says `number end who` of each."""
    selector = selectors.DefaultSelector()
    open_ones = {}  # connection: number, whether it has asked
    count = 0

    def over(connection, who):
        number, _ = open_ones.pop(connection)
        selector.unregister(connection)
        connection.close()
        os.write(write, f"{number} {time.monotonic():.4f} {who}\n".encode())

    while True:
        while time.monotonic() >= (next_one := start + count / RATE):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex((VIP, 80))
            open_ones[connection] = [count, False]
            selector.register(connection, selectors.EVENT_WRITE)
            count += 1
        for key, _ in selector.select(max(0, next_one - time.monotonic())):
            connection = key.fileobj
            try:
                if not open_ones[connection][1]:
                    connection.send(b"GET / HTTP/1.1\r\nHost: demo\r\n\r\n")
                    open_ones[connection][1] = True
                    selector.modify(connection, selectors.EVENT_READ)
                else:
                    over(connection, connection.recv(4096).decode().strip()[-1:] or "x")
            except OSError:
                over(connection, "x")
        late = (time.monotonic() - start - PATIENCE) * RATE
        for connection in [one for one, (number, _) in open_ones.items() if number < late]:
            over(connection, "x")

# SPDX-License-Identifier: Apache-2.0
"""What the live tests share: network namespaces that vanish afterwards, traffic, the harness, TAP. Needs root; everything
happens inside namespaces made here."""

import atexit
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("BUILD", "build")
PORT_COUNT = os.path.join(BUILD, "tests", "port_count")


def sh(command, check=True):
    """Runs a command line, returns what it printed."""
    done = subprocess.run(command, shell=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    if check and done.returncode:
        raise RuntimeError(f"{command}: {done.stdout.strip()}")
    return done.stdout


def need(*programs):
    """Skips the whole file where the machine cannot run it."""
    reason = None
    if os.geteuid() != 0:
        reason = "needs root"
    for program in programs:
        if not shutil.which(program):
            reason = f"needs {program}"
    if not reason and subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL).returncode:
        reason = "may not make network namespaces"
    if reason:
        print(f"1..0 # SKIP {reason}")
        sys.exit(0)


class Net:
    """Namespaces with names of this process alone."""

    def __init__(self):
        self.names = []

    def __enter__(self):
        atexit.register(self.clear)
        return self

    def __exit__(self, *_):
        self.clear()

    def clear(self):
        for name in self.names:
            sh(f"ip netns del {name}", check=False)
        self.names = []

    def ns(self, short, ipv6=False):
        name = f"spt{os.getpid()}{short}"
        sh(f"ip netns add {name}")
        self.names.append(name)
        if not ipv6:
            # Nothing but what the test sends.
            sh(f"ip netns exec {name} sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
        sh(f"ip -n {name} link set lo up")
        return name

    def pair(self, a="a", b="b", addresses=True, ipv6=False):
        """Two namespaces joined by a veth pair: va in the first, vb in the second."""
        one, two = self.ns(a, ipv6), self.ns(b, ipv6)
        self.veth(one, "va", two, "vb")
        if addresses:
            sh(f"ip -n {one} addr add 10.9.0.1/24 dev va; ip -n {two} addr add 10.9.0.2/24 dev vb")
        return one, two

    @staticmethod
    def veth(ns1, dev1, ns2, dev2, options=""):
        sh(f"ip link add {dev1} netns {ns1} {options} type veth peer name {dev2} netns {ns2} {options}")
        sh(f"ip -n {ns1} link set {dev1} up; ip -n {ns2} link set {dev2} up")
        for ns, dev in ((ns1, dev1), (ns2, dev2)):
            for _ in range(100):
                if "LOWER_UP" in sh(f"ip -n {ns} link show {dev}"):
                    break
                time.sleep(0.02)


def device_packets(ns, dev):
    """Packets and bytes that a device counted, both directions."""
    stats = json.loads(sh(f"ip -n {ns} -j -s link show {dev}"))[0]["stats64"]
    return (stats["rx"]["packets"] + stats["tx"]["packets"], stats["rx"]["bytes"] + stats["tx"]["bytes"])


class Port:
    """A running harness. `Port("netns=x", "interface=y").end()` gives its counts."""

    def __init__(self, *settings, seconds=300, options=(), prefix=()):
        self.process = subprocess.Popen(
            [*prefix, PORT_COUNT, "-t", str(seconds), *options, *settings], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        atexit.register(self.process.kill)  # also when a test ends before its time
        self.messages = ""
        for line in self.process.stderr:
            if line == "ready\n":
                return
            self.messages += line
        self.process.wait()

    @property
    def failed(self):
        return self.process.returncode is not None

    def end(self, settle=0.15):
        """Stops the harness once what was sent had time to arrive."""
        time.sleep(settle)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        out, err = self.process.communicate(timeout=60)
        self.messages += err
        if self.process.returncode:
            raise RuntimeError(f"harness ended with {self.process.returncode}: {self.messages}")
        return json.loads(out)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


SERVER = """
import socket, sys, threading
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], 8080)); s.listen(256); print("up", flush=True)
def serve(c):
    need = int.from_bytes(c.recv(8, socket.MSG_WAITALL), "big")
    c.sendall(b"x" * need); c.shutdown(socket.SHUT_WR); c.recv(1); c.close()
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""

CLIENT = """
import socket, sys
for i in range(int(sys.argv[2])):
    c = socket.create_connection((sys.argv[1], 8080), 10)
    c.sendall(int(sys.argv[3]).to_bytes(8, "big"))
    got = 0
    while chunk := c.recv(1 << 16): got += len(chunk)
    assert got == int(sys.argv[3]); c.close()
"""


def tcp(server_ns, address, client_ns, connections=5, size=100000):
    """Downloads over the kernel's TCP, one connection after the other."""
    server = subprocess.Popen(
        ["ip", "netns", "exec", server_ns, sys.executable, "-c", SERVER, address], stdout=subprocess.PIPE, text=True
    )
    try:
        server.stdout.readline()
        subprocess.run(
            ["ip", "netns", "exec", client_ns, sys.executable, "-c", CLIENT, address, str(connections), str(size)],
            check=True,
            timeout=60,
        )
    finally:
        server.kill()
        server.wait()


def udp_frame(n, size=60, vlan=None):
    """A frame of flow number n: Ethernet, IPv4, UDP."""
    payload = struct.pack("!I", n) + bytes(max(0, size - 46))
    udp = struct.pack("!HHHH", 1024 + n % 60000, 9, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), n & 0xFFFF, 0, 64, 17, 0, bytes((10, 9, 1, 1)), bytes((10, 9, 1, 2)))
    tag = struct.pack("!HH", 0x8100, vlan) if vlan is not None else b""
    return b"\x02\0\0\0\0\2\x02\0\0\0\0\1" + tag + b"\x08\x00" + ip + udp


def _ip(src, dst, proto, payload):
    if len(src) == 16:
        return struct.pack("!IHBB16s16s", 6 << 28, len(payload), proto, 64, src, dst) + payload
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, proto, 0, src, dst) + payload


def _udp(sport, dport, payload):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


ETHERNET = b"\x02\0\0\0\0\2\x02\0\0\0\0\1"

# How each tunnel wraps an inner Ethernet frame, or an inner IP packet: (IP protocol, what follows the outer IP header).
TUNNELS = {
    "vxlan": lambda e, ip, port: (17, _udp(port, 4789, struct.pack("!II", 8 << 24, 5 << 8) + e)),
    "vxlan-otv": lambda e, ip, port: (17, _udp(port, 8472, struct.pack("!II", 8 << 24, 5 << 8) + e)),
    "geneve": lambda e, ip, port: (17, _udp(port, 6081, struct.pack("!BBHI", 2, 0, 0x6558, 7 << 8) + bytes(8) + e)),
    "geneve-ip": lambda e, ip, port: (17, _udp(port, 6081, struct.pack("!BBHI", 0, 0, 0x0800, 7 << 8) + ip)),
    "gtpu": lambda e, ip, port: (17, _udp(2152, 2152, struct.pack("!BBHI", 0x30, 255, len(ip), 9) + ip)),
    "gtpu-seq": lambda e, ip, port: (17, _udp(2152, 2152, struct.pack("!BBHII", 0x32, 255, len(ip) + 4, 9, 1 << 16) + ip)),
    "gtpu-5g": lambda e, ip, port: (
        17,
        _udp(2152, 2152, struct.pack("!BBHIHBBI", 0x34, 255, len(ip) + 8, 9, 0, 0, 0x85, 0x01000900) + ip),
    ),
    "gretap": lambda e, ip, port: (47, struct.pack("!HHI", 0x2000, 0x6558, 77) + e),
    "gre": lambda e, ip, port: (47, struct.pack("!HH", 0, 0x0800) + ip),
    "erspan1": lambda e, ip, port: (47, struct.pack("!HH", 0, 0x88BE) + e),
    "erspan2": lambda e, ip, port: (47, struct.pack("!HHIII", 0x1000, 0x88BE, port, 0x10000001, 0) + e),
    "erspan3": lambda e, ip, port: (47, struct.pack("!HHIIII", 0x1000, 0x22EB, port, 0x20000001, 0, 0) + e),
    "erspan3-sub": lambda e, ip, port: (47, struct.pack("!HHIIIIQ", 0x1000, 0x22EB, port, 0x20000001, 0, 1, 0) + e),
    "ipip": lambda e, ip, port: (4, ip),
}


def tunnelled(kind, n):
    """Both directions of UDP flow number n inside a tunnel, the outer source ports unrelated; half over IPv6."""
    number = list(TUNNELS).index(kind)
    client, server = bytes((10, 20 + number, n, 1)), bytes((10, 20 + number, n, 2))
    v6 = n % 2
    vteps = [(b"\xfd" + bytes(14) if v6 else bytes((192, 0, 2))) + bytes((i,)) for i in (1, 2)]
    frames = []
    for direction, (src, dst, sport, dport) in enumerate(((client, server, 2000 + n, 53), (server, client, 53, 2000 + n))):
        inner = _ip(src, dst, 17, _udp(sport, dport, b"question"))
        tag = struct.pack("!HH", 0x8100, 12) if n % 3 == 0 else b""
        proto, rest = TUNNELS[kind](ETHERNET + tag + b"\x08\x00" + inner, inner, 49152 + (n * 7919 + direction * 4441) % 16000)
        outer = _ip(vteps[direction], vteps[1 - direction], proto, rest)
        frames.append(ETHERNET + (b"\x86\xdd" if v6 else b"\x08\x00") + outer)
    return frames


def write_pcap(path, frames, start_ns=1700000000_000000000, step_ns=1000):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1))
        for i, frame in enumerate(frames):
            t = start_ns + i * step_ns
            f.write(struct.pack("<IIII", t // 10**9, t % 10**9 // 1000, len(frame), len(frame)) + frame)


def scratch():
    """A directory that goes away."""
    path = tempfile.mkdtemp(prefix="spantap-net-")
    atexit.register(shutil.rmtree, path, True)
    return path


def tcpreplay(ns, dev, pcap, options="--topspeed --preload-pcap"):
    """Returns how many packets were sent."""
    out = sh(f"ip netns exec {ns} tcpreplay {options} -i {dev} {pcap}")
    return int(out.split("Actual: ")[1].split(" ")[0])


class Tap:
    def __init__(self):
        self.n = self.failed = 0
        self.bad = []

    def equal(self, what, got, want):
        if got != want:
            self.bad.append(f"{what}: {got}, expected {want}")

    def true(self, what, holds):
        if not holds:
            self.bad.append(f"{what} does not hold")

    def run(self, test):
        """Runs test(self); its name is the test's."""
        self.n += 1
        self.bad = []
        try:
            reason = test(self)
        except Exception as e:  # the others still run
            reason = None
            self.bad.append(f"{type(e).__name__}: {e}")
        for line in self.bad:
            print("# " + line.replace("\n", "\n# "))
        self.failed += bool(self.bad)
        skip = f" # SKIP {reason}" if reason and not self.bad else ""
        print(f"{'not ok' if self.bad else 'ok'} {self.n} - {test.__name__}{skip}", flush=True)

    def done(self):
        print(f"1..{self.n}")
        sys.exit(1 if self.failed else 0)

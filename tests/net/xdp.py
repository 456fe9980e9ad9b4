#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""AF_XDP ports on veth pairs in namespaces of this test: what was sent is what was received and what was counted as lost, to
the packet, and a host keeps its traffic. Needs root, iproute2 and tcpreplay; BUILD names the build directory."""

import ctypes
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

BUILD = os.environ.get("BUILD", "build")
COUNT = f"{BUILD}/tests/xdp_count"
SEND = f"{BUILD}/bench/xdp_send"
NEAR, FAR = f"sptest{os.getpid()}a", f"sptest{os.getpid()}b"
CLONE_NEWNET = 0x40000000
FLOOD = int(os.environ.get("SPANTAP_FLOOD", "1000000"))  # frames; an emulated machine takes minutes for a million


class Skip(Exception):
    pass


def sh(command, check=True):
    r = subprocess.run(command.split(), capture_output=True, text=True, timeout=60)
    if check and r.returncode:
        raise RuntimeError(f"{command}: {r.stdout}{r.stderr}")
    return r.stdout + r.stderr


def ip(netns, command, check=True):
    return sh(f"ip -n {netns} {command}", check)


class Pair:
    """va in NEAR, vb in FAR, both silent: only what a test sends is there."""

    def __init__(self, queues=1, addresses=False, super_frames=False):
        self.remove()
        for netns in NEAR, FAR:
            sh(f"ip netns add {netns}")
            # From here on nothing speaks unasked; devices that are there already keep their own setting.
            for scope in "all", "default":
                sh(f"ip netns exec {netns} sysctl -qw net.ipv6.conf.{scope}.disable_ipv6=1")
        size = f"numtxqueues {queues} numrxqueues {queues}"
        sh(f"ip link add va netns {NEAR} {size} type veth peer name vb netns {FAR} {size}")
        for n, (netns, name) in enumerate(((NEAR, "va"), (FAR, "vb")), 1):
            if not super_frames:
                ip(netns, f"link set {name} gso_max_segs 1")
            if addresses:
                ip(netns, f"addr add 198.18.9.{n}/24 dev {name}")
            ip(netns, f"link set {name} up")
            ip(netns, "link set lo up")

    @staticmethod
    def remove():
        for netns in NEAR, FAR:
            sh(f"ip netns del {netns}", check=False)

    @staticmethod
    def seen(netns=FAR, name="vb"):
        """Frames in both directions, as the device counted them."""
        stats = ip(netns, f"-s -j link show {name}")
        return sum(int(n) for n in re.findall(r'"packets":(\d+)', stats))


class Count:
    """xdp_count in a namespace, between `with` and its end; then .ports."""

    def __init__(self, *args, netns=FAR, ready=True):
        self.args = ["ip", "netns", "exec", netns, COUNT, *args]
        self.ports = {}
        self.ready = ready

    def __enter__(self):
        self.process = subprocess.Popen(self.args, stdout=subprocess.PIPE, text=True)
        self.head = []
        for line in self.process.stdout:
            self.head.append(line.strip())
            if line.startswith(("go", "failed")):
                break
        if self.ready and self.head[-1] != "go":
            self.process.wait()
            raise RuntimeError(f"{self.args}: {self.head}")
        return self

    def __exit__(self, *exc):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.tail = self.process.communicate(timeout=30)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        for line in self.tail.splitlines():
            name, *fields = line.split()
            if name != "gone":
                self.ports[name] = dict(f.split("=") for f in fields)

    def __getitem__(self, field):
        (port,) = self.ports.values()
        return int(port[field])

    def total(self):
        return sum(int(p["packets"]) + int(p["dropped"]) for p in self.ports.values())


def read_pcap(path):
    with open(path, "rb") as f:
        f.read(24)
        frames = []
        while head := f.read(16):
            frames.append(f.read(int.from_bytes(head[8:12], "little")))
        return frames


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: {got}, expected {want}")


def within(netns, function):
    """Calls it in a thread that has moved to the namespace; sockets stay where they were made."""
    result = []

    def run():
        with open(f"/run/netns/{netns}") as f:
            if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        result.append(function())

    t = threading.Thread(target=run)
    t.start()
    t.join()
    return result[0]


def transfer(size=3_000_000, port=7000, host="198.18.9.2"):
    """A TCP stack's work: `size` bytes there and back. True when they arrived whole."""
    data = os.urandom(size)
    server = within(FAR, lambda: socket.create_server((host, port)))

    def echo():
        connection, _ = server.accept()
        with connection:
            got = b""
            while len(got) < size:
                got += connection.recv(1 << 16)
            connection.sendall(got)

    thread = threading.Thread(target=echo)
    thread.start()
    client = within(NEAR, socket.socket)
    client.settimeout(30)
    client.connect((host, port))
    writer = threading.Thread(target=client.sendall, args=(data,))
    writer.start()
    back = b""
    while len(back) < size:
        piece = client.recv(1 << 16)
        if not piece:
            break
        back += piece
    writer.join()
    thread.join()
    client.close()
    server.close()
    time.sleep(0.2)  # the last ACKs
    return back == data


def exchange(rounds=1000, port=7001, host="198.18.9.2"):
    """As many small requests and answers over one connection: never more than a few frames under way."""
    server = within(FAR, lambda: socket.create_server((host, port)))

    def answer():
        connection, _ = server.accept()
        with connection:
            while piece := connection.recv(100):
                connection.sendall(piece)

    thread = threading.Thread(target=answer)
    thread.start()
    with within(NEAR, socket.socket) as client:
        client.connect((host, port))
        for i in range(rounds):
            client.sendall(b"%d" % i)
            client.recv(100)
    thread.join()
    server.close()
    time.sleep(0.2)


def need_send():
    if tuple(int(n) for n in os.uname().release.split(".")[:2]) < (5, 18):
        raise Skip("xdp_send needs Linux 5.18")


def send(way, n, size=60, flows=1, cpu=0, rate=0):
    need_send()
    netns, name = (NEAR, "va") if way == "tx" else (FAR, "vb")
    sh(f"ip netns exec {netns} taskset -c {cpu} {SEND} {way} {name} {n} {size} {flows} {rate}")


def replay(attach):
    pair_capture = "tests/captures/vlan.pcap" if os.path.exists("tests/captures/vlan.pcap") else "tests/captures/demo.pcap"
    Pair()
    with Count("mode=redirect", f"attach={attach}", "vb") as c:
        out = sh(f"ip netns exec {NEAR} tcpreplay -q --mbps 200 -l 3 -i va {pair_capture}", check=False)
    if attach not in c.head[0]:
        raise AssertionError(c.head[0])
    sent = int(re.search(r"Successful packets: +(\d+)", out).group(1))
    if not sent:
        raise AssertionError("tcpreplay sent nothing")
    equal(c.total(), sent, "received and lost")
    equal(c["wrong"], 0, "wrong points")


def native_replay():
    replay("native")


def generic_replay():
    replay("generic")


def native_flood():
    Pair()
    with Count("mode=redirect", "attach=native", "vb") as c:
        send("tx", FLOOD, flows=1000)
    equal(c.total(), FLOOD, "received and lost")
    equal(c["backwards"], 0, "times that went back")


def generic_flood():
    Pair()
    with Count("mode=redirect", "attach=generic", "vb") as c:
        send("rx", FLOOD, size=1514)
    equal(c.total(), FLOOD, "received and lost")
    equal(c["backwards"], 0, "times that went back")


def full_ring_is_counted():
    """A consumer that is stopped: the ring fills, the rest is counted, and afterwards everything works again."""
    need_send()
    Pair()
    with Count("mode=redirect", "ring=256", "vb") as c:
        c.process.send_signal(signal.SIGSTOP)
        send("tx", 10_000)
        c.process.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        send("tx", 200)
    equal(c.total(), 10_200, "received and lost")
    if not 400 <= c["packets"] <= 1000:
        raise AssertionError(f"{c['packets']} received: the ring was not full, or did not recover")


def times_are_the_kernels():
    """Frames that came while nobody polled have the times when they came."""
    frame = b"\xff" * 6 + b"\2\0\0\0\0\1" + b"\x88\xb5" + b"spantap" + bytes(45)
    for attach in "native", "generic":
        Pair()
        with tempfile.NamedTemporaryFile() as capture:
            with Count("mode=redirect", f"attach={attach}", f"write={capture.name}", "vb") as c:
                with within(NEAR, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)) as s:
                    s.bind(("va", 0))
                    c.process.send_signal(signal.SIGSTOP)
                    for _ in range(4):
                        s.send(frame)
                        time.sleep(0.05)
                    now = time.time_ns()
                    c.process.send_signal(signal.SIGCONT)
            with open(capture.name, "rb") as f:
                data = f.read()
        times = []
        while data := data[24:] if not times and data[:4] == b"\x4d\x3c\xb2\xa1" else data:
            sec, ns, size, _ = struct.unpack("<IIII", data[:16])
            if data[16:16 + size].startswith(frame[:21]):
                times.append(sec * 10**9 + ns)
            data = data[16 + size:]
        equal(len(times), 4, "frames")
        gaps = [b - a for a, b in zip(times, times[1:] + [now])]
        if min(gaps) < 45_000_000:
            raise AssertionError(f"{attach}: {gaps} ns between frames that were sent 50 ms apart")


def frames_do_not_leak():
    """Many times more frames than the memory holds, with a small ring, slowly: all arrive."""
    Pair()
    with Count("mode=redirect", "ring=64", "idle=1", "vb") as c:
        send("tx", 5000, rate=20000)
    equal(c.total(), 5000, "received and lost")
    if c["packets"] < 2500:
        raise AssertionError(f"only {c['packets']} received")


def two_queues():
    Pair(queues=2)
    for workers in 2, 1:  # a worker for each, one for both
        with Count("mode=redirect", f"queues={workers}", "idle=1", "vb") as c:
            for cpu in range(min(os.cpu_count(), 2)):
                send("tx", 50_000, cpu=cpu)
        equal(c.total(), 50_000 * min(os.cpu_count(), 2), "received and lost")
        by_queue = [int(n) for n in c.ports["vb"]["queues"].split(",")]
        equal(len(by_queue), workers, "queues")
        if os.cpu_count() > 1 and not all(by_queue):
            raise AssertionError(f"a queue got nothing: {by_queue}")


def filter_leaves_the_rest():
    """Redirect of UDP port 9 on a device that the host uses: TCP goes on, the wanted datagrams are taken."""
    Pair(addresses=True)
    with Count("mode=redirect", "dedicated=1", "rule=~9", "vb") as c:
        udp = within(NEAR, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        for _ in range(500):
            udp.sendto(b"x", ("198.18.9.2", 9))
        if not transfer(300_000):
            raise AssertionError("the TCP transfer broke")
    equal(c.total(), 500, "received and lost")


def refuses_the_hosts_device():
    Pair(addresses=True)

    def refused(words, *args):
        with Count(*args, ready=False) as c:
            pass
        line = c.head[-1]
        if not line.startswith("failed") or not all(w in line for w in words):
            raise AssertionError(f"expected a refusal with {words}: {line}")

    refused(["198.18.9.2", "dedicated", "mirror"], "mode=redirect", "vb")
    ip(FAR, "route add default via 198.18.9.1")
    refused(["default route", "dedicated"], "mode=redirect", "vb")
    ip(FAR, "addr flush dev vb")
    ip(FAR, "route flush default", check=False)
    ip(FAR, "link add name br0 type bridge")
    ip(FAR, "link set vb master br0")
    refused(["port of br0", "dedicated"], "mode=redirect", "vb")
    ip(FAR, "addr add 198.18.9.2/24 dev br0")
    refused(["br0 has the address"], "mode=redirect", "vb")
    ip(FAR, "link set vb nomaster")
    ip(FAR, "link add link vb name vb.5 type vlan id 5", check=False)
    if "vb.5" in ip(FAR, "-o link"):  # not every kernel has VLAN devices
        ip(FAR, "addr add 198.18.8.2/24 dev vb.5")
        refused(["vb.5 has the address"], "mode=redirect", "vb")
    refused(["no such device"], "mode=mirror", "vx")
    refused(["zero copy"], "mode=redirect", "dedicated=1", "attach=generic", "zero_copy=yes", "vb")
    ip(FAR, "link set vb mtu 9000")
    refused(["MTU", "af_packet"], "mode=mirror", "vb")


def device_goes_away(mode):
    Pair()
    with Count(f"mode={mode}", "vb") as c:
        ip(NEAR, "link del va")
        timer = threading.Timer(20, c.process.kill)
        timer.start()
        line = c.process.stdout.readline()
        timer.cancel()
    if not line.startswith("gone vb: No such device"):
        raise AssertionError(f"not noticed: {line}")


def redirect_device_goes_away():
    device_goes_away("redirect")


def mirror_device_goes_away():
    device_goes_away("mirror")


def mirror_leaves_everything():
    """The host's own TCP transfer over the watched device: whole, and every frame seen in both directions."""
    Pair(addresses=True)
    before = Pair.seen()
    with Count("idle=1", "vb") as c:
        exchange()
    equal(c["packets"], Pair.seen() - before, "mirrored of an exchange")
    before = Pair.seen()
    with Count("idle=1", "vb") as c:
        if not transfer():
            raise AssertionError("the TCP transfer broke")
    seen = Pair.seen() - before
    equal(c.total(), seen, "mirrored and lost of a bulk transfer")
    if seen < 2 * 3_000_000 / 1448:
        raise AssertionError(f"only {seen} frames")


def mirror_cuts_super_frames():
    """Frames of 64 KiB between host and driver are captured as the segments that they stand for."""
    Pair(addresses=True, super_frames=True)
    with Count("idle=1", "vb") as c:
        if not transfer():
            raise AssertionError("the TCP transfer broke")
    if c.total() < 2 * 3_000_000 / 1448:
        raise AssertionError(f"only {c.total()} frames")


def mirror_one_direction():
    Pair(addresses=True)
    with Count("idle=1", "direction=in", "vb") as c:
        sh(f"ip netns exec {NEAR} ping -qc 20 -i 0.01 198.18.9.2")
        ip(NEAR, "neigh show")
    if not 20 <= c.total() <= 23:  # ARP
        raise AssertionError(f"{c.total()} frames of 20 requests")


def mirror_filter():
    Pair(addresses=True)
    with Count("idle=1", "rule=198.18.9.0/24~9", "vb") as c:
        udp = within(NEAR, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        for _ in range(100):
            udp.sendto(b"x", ("198.18.9.2", 9))
        if not transfer(300_000):
            raise AssertionError("the TCP transfer broke")
    equal(c.total(), 100, "mirrored and lost")


def mirror_keeps_tags():
    """The kernel takes the outer VLAN tag out of the bytes when it receives a frame; the copy has it back."""
    Pair()
    raw = within(NEAR, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    raw.bind(("va", 0))
    ends = bytes.fromhex("020000000002 020000000001")
    sent = [
        ends + bytes.fromhex(tags) + b"\x88\xb5" + bytes([n]) * 46
        for n, tags in enumerate(("", "81000007", "88a80008", "88a80008 81000009", "8100600a 8100000b 8100000c"))
    ]
    with tempfile.NamedTemporaryFile() as capture:
        with Count("idle=1", f"write={capture.name}", "vb") as c:
            for frame in sent:
                raw.send(frame)
        got = read_pcap(capture.name)
    equal(c.total(), len(sent), "mirrored and lost")
    equal([f.hex() for f in got], [f.hex() for f in sent], "bytes")


def mirror_two_devices():
    """A bridge between two taps' worth of devices: each is a point of its own, over one capture device."""
    Pair(addresses=True)
    ip(FAR, "link add vc type veth peer name vd")
    for name in "vc", "vd":
        ip(FAR, f"link set {name} up")
    before = Pair.seen()
    with Count("idle=1", "vb", "vc") as c:
        slots = [line.rsplit("slot ", 1)[1] for line in c.head[:2]]
        equal(slots, ["0", "1"], "slots")
        capture = [line for line in ip(FAR, "-o link").splitlines() if "spantap" in line]
        equal(len(capture), 1, "capture devices")
        raw = within(FAR, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
        raw.bind(("vd", 0))
        for _ in range(1000):
            raw.send(bytes.fromhex("020000000002 020000000001 88b5") + bytes(46))
        if not transfer(300_000):
            raise AssertionError("the TCP transfer broke")
    for port in c.ports.values():
        equal(int(port["wrong"]), 0, "frames with another's point")
    equal(int(c.ports["vc"]["packets"]), 1000, "frames of vc")
    lost = int(c.ports["vb"]["dropped"])  # of the capture device as a whole, told to the first
    equal(int(c.ports["vb"]["packets"]) + lost, Pair.seen() - before, "frames of vb")


def nothing_stays():
    """After an end, and after a crash."""
    Pair(addresses=True)

    def left():
        links = [line for line in ip(FAR, "-o link").splitlines() if "spantap" in line]
        xdp = [line for line in ip(FAR, "-o link").splitlines() if "xdp" in line]
        return links + xdp

    with Count("idle=1", "vb") as c:
        pass
    equal(left(), [], "left after an end")
    for mode in "mirror", "redirect":
        c = Count(f"mode={mode}", "dedicated=1", "vb")
        c.__enter__()
        c.process.kill()
        c.process.wait()
        for _ in range(100):
            if not left():
                break
            time.sleep(0.1)
        equal(left(), [], f"left after a crash ({mode})")
        with Count("idle=1", "vb") as c:  # and a new start works
            sh(f"ip netns exec {NEAR} ping -qc 5 -i 0.01 198.18.9.2")
        if c.total() < 10:
            raise AssertionError("the next start captures nothing")


TESTS = [
    native_replay,
    generic_replay,
    native_flood,
    generic_flood,
    full_ring_is_counted,
    times_are_the_kernels,
    frames_do_not_leak,
    two_queues,
    filter_leaves_the_rest,
    refuses_the_hosts_device,
    redirect_device_goes_away,
    mirror_device_goes_away,
    mirror_leaves_everything,
    mirror_cuts_super_frames,
    mirror_one_direction,
    mirror_filter,
    mirror_keeps_tags,
    mirror_two_devices,
    nothing_stays,
]


def main():
    why = "needs root" if os.geteuid() else None
    for tool in "ip", "tcpreplay", "taskset", "sysctl":
        if not shutil.which(tool):
            why = why or f"{tool} is not installed"
    if why:
        print(f"1..0 # SKIP {why}")
        return 0
    only = sys.argv[1:]
    failed = 0
    tests = [t for t in TESTS if not only or t.__name__ in only]
    for n, test in enumerate(tests, 1):
        start = time.time()
        try:
            test()
            print(f"ok {n} - {test.__name__}", flush=True)
        except Skip as e:
            print(f"ok {n} - {test.__name__} # SKIP {e}", flush=True)
        except Exception as e:  # one that fails does not keep the others from running
            failed += 1
            print(f"not ok {n} - {test.__name__}")
            for line in str(e).splitlines() or [repr(e)]:
                print(f"# {line}", flush=True)
        if os.environ.get("TIMES"):
            print(f"# {time.time() - start:.1f} s")
    Pair.remove()
    print(f"1..{len(tests)}")
    return 1 if failed else 0


sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""spantap run on real devices: what was sent is what was analysed and what was counted as lost, to the packet; flows are
those that `spantap read` finds in what tcpdump captured beside it."""

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from netlib import TUNNELS, Net, Tap, device_packets, need, scratch, sh, tcp, tcpreplay, tunnelled, udp_frame, write_pcap

SPANTAP = os.environ.get("SPANTAP", "build/spantap")
VERDICTS = ("analysed", "filtered", "duplicate", "malformed", "dropped")


def until(what, seconds=20):
    """Waits for something to hold."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def read_lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


class Run:
    """A running spantap. Leaves room for the other tests: it sleeps when it is idle, and remembers few flows."""

    def __init__(self, *ports, opened=None, directory=None, workers=None, environment=None, **sections):
        self.directory = directory or scratch()
        self.out = os.path.join(self.directory, "out")
        self.path = os.path.join(self.directory, "spantap.yaml")
        self.errors = os.path.join(self.directory, "errors")
        self.conf = {
            "ports": list(ports),
            "workers": {"busy_poll": False},
            "output": {"directory": self.out},
            "flow": {"max_flows": 20000},
        }
        sections["workers"] = workers if isinstance(workers, dict) else {"count": workers or 1}
        for section, values in sections.items():
            self.conf[section] = {**self.conf.get(section, {}), **values} if isinstance(values, dict) else values
        self.write()
        with open(self.errors, "w", encoding="utf-8") as err:
            self.process = subprocess.Popen([SPANTAP, "run", "-c", self.path], stderr=err, env={**os.environ, **(environment or {})})
        self.wait_for("^spantap: port .*, point ", len(ports) if opened is None else opened)

    def write(self):
        with open(self.path, "w", encoding="utf-8") as f:
            json.dump(self.conf, f)

    @property
    def said(self):
        with open(self.errors, encoding="utf-8") as f:
            return f.read()

    def wait_for(self, words, times=1):
        """Until so many lines were said that match."""
        if not until(lambda: len(re.findall(words, self.said, re.M)) >= times or self.process.poll() is not None):
            raise RuntimeError(f"waited in vain for {words!r}: {self.said}")

    def flows(self):
        return read_lines(os.path.join(self.out, "flows.jsonl"))

    def requests(self):
        return read_lines(os.path.join(self.out, "requests.jsonl"))

    def profiles(self):
        return read_lines(os.path.join(self.out, "profiles.jsonl"))

    def stats(self):
        with open(os.path.join(self.out, "stats.json"), encoding="utf-8") as f:
            return json.load(f)

    def hang_up(self):
        seen = len(re.findall("loaded", self.said))
        self.process.send_signal(signal.SIGHUP)
        until(lambda: len(re.findall("loaded", self.said)) > seen)

    def end(self, t, settle=0.1, elsewhere=0):
        """Stops it, checks that its figures add up, and returns them. `elsewhere`: records in files that were moved away."""
        time.sleep(settle)
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=60)
        if status:
            raise RuntimeError(f"ended with {status}: {self.said}")
        s = self.stats()
        t.equal("packets by verdict", sum(s[v] for v in VERDICTS), s["packets"])
        for key in ("packets", "bytes") + VERDICTS:
            t.equal(f"{key} of all points", sum(p[key] for p in s["points"]), s[key])
        t.equal("drops by stage and reason", sum(sum(stage.values()) for stage in s["drops"].values()), s["dropped"])
        t.equal("records there", len(self.flows()) + len(self.requests()) + len(self.profiles()) + elsewhere, s["records"]["written"])
        t.equal("records lost", [n for name, n in s["records"].items() if name.startswith("lost")], [0, 0, 0])
        if "AddressSanitizer" in self.said or "runtime error" in self.said:
            t.true(self.said, False)
        return s


def af_packet(ns, device, **more):
    return {"type": "af_packet", "interface": device, "netns": ns, **more}


def redirect(ns, device, **more):
    return {"type": "af_xdp", "interface": device, "netns": ns, "af_xdp": {"mode": "redirect", **more}}


class Tcpdump:
    """Captures beside it, for `spantap read`."""

    def __init__(self, ns, device):
        self.directory = scratch()
        self.path = os.path.join(self.directory, "seen.pcap")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", ns, "tcpdump", "-i", device, "-U", "-B", "32768", "--immediate-mode", "--nano", "-w", self.path],
            stderr=subprocess.PIPE, text=True)
        while "listening" not in self.process.stderr.readline():
            if self.process.poll() is not None:
                raise RuntimeError("tcpdump does not start")

    def end(self):
        time.sleep(0.2)
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=20)[1]
        if not re.search("^0 packets dropped by kernel", said, re.M):
            raise RuntimeError(f"tcpdump: {said}")
        return read(self.path)


def read(capture):
    out = scratch()
    subprocess.run([SPANTAP, "read", "-o", out, capture], check=True)
    return read_lines(os.path.join(out, "flows.jsonl"))


# What must not depend on who looked: not times, not the names of points.
FIELDS = ("client_ip", "client_port", "server_ip", "server_port", "proto", "vlan", "tunnels", "packets_c2s", "packets_s2c", "bytes_c2s",
          "bytes_s2c", "payload_bytes_c2s", "payload_bytes_s2c", "tcp_flags_c2s", "tcp_flags_s2c", "syn_count", "synack_count",
          "fin_count", "rst_count", "isn_client", "isn_server", "close_reason", "failure", "community_id")


def essence(flows, fields=FIELDS):
    return sorted(json.dumps([f.get(name) for name in fields]) for f in flows)


def same_flows(t, got, want):
    a, b = essence(got), essence(want)
    t.equal("flows", len(a), len(b))
    if a != b:
        t.equal("first flow that differs", next((x for x in a if x not in b), None), next((x for x in b if x not in a), None))


def numbered_pcap(packets, flows):
    """Datagrams of which no two are alike."""
    frames = [bytearray(udp_frame(n % flows, 100)) for n in range(packets)]
    for n, frame in enumerate(frames):
        frame[18:20] = (n & 0xFFFF).to_bytes(2, "big")  # identification
        frame[42:46] = n.to_bytes(4, "big")
    pcap = os.path.join(scratch(), "numbered.pcap")
    write_pcap(pcap, frames)
    return pcap


# --- ports ---

def tcp_over_veth(t):
    with Net() as net:
        a, b = net.pair()
        run, dump = Run(af_packet(b, "vb")), Tcpdump(b, "vb")
        before = device_packets(b, "vb")
        tcp(b, "10.9.0.2", a, connections=20, size=200000)
        sh(f"ip netns exec {a} ping -c 5 -i 0.02 10.9.0.2; ip netns exec {a} ping -c 1 -W 0.2 10.9.0.77", check=False)
        sh(f"ip netns exec {a} python3 -c 'import socket; socket.create_connection((\"10.9.0.2\", 9))'", check=False)
        want = dump.end()
        packets, bytes_ = (x - y for x, y in zip(device_packets(b, "vb"), before))
        s = run.end(t)
        t.equal("packets", s["packets"], packets)
        t.equal("analysed", s["analysed"], packets)
        t.equal("bytes", s["bytes"], bytes_)
        same_flows(t, run.flows(), want)
        reasons = [f["close_reason"] for f in want]
        t.equal("closed by FIN", reasons.count("fin"), 20)
        t.equal("refused", reasons.count("syn_rejected"), 1)


def a_recorded_network(t):
    """Everything that the demo capture holds, over two workers."""
    with Net() as net:
        a, b = net.pair(addresses=False)
        run = Run(af_packet(b, "vb"), workers=2)
        sent = tcpreplay(a, "va", "tests/captures/demo.pcap", "--pps 2000 --preload-pcap")
        s = run.end(t)
        t.true("2 queues stay with their workers", "2 queues by flow, promiscuous; flows stay with their queue's worker, fragments are handed over" in run.said)
        t.equal("packets", s["packets"], sent)
        t.equal("analysed", s["analysed"], sent)
        t.true("both workers work", min(w["packets"] for w in s["threads"]) > 100)
        t.equal("handed over", sum(w["handed_over"] for w in s["threads"]), 0)
        same_flows(t, run.flows(), read("tests/captures/demo.pcap"))


def every_loss_is_counted(t):
    with Net() as net:
        a, b = net.pair(addresses=False)
        run = Run(af_packet(b, "vb", af_packet={"block_size": "64KiB", "blocks": 4}))
        run.process.send_signal(signal.SIGSTOP)
        sent = tcpreplay(a, "va", numbered_pcap(30000, 100))
        run.process.send_signal(signal.SIGCONT)
        sent += tcpreplay(a, "va", numbered_pcap(2000, 100), "--pps 5000")
        s = run.end(t)
        t.equal("packets", s["packets"], sent)
        t.equal("ring full", s["drops"]["port"]["ring_full"], s["dropped"])
        t.true("something was lost", s["dropped"] > 10000)
        t.equal("analysed and lost", s["analysed"] + s["duplicate"] + s["dropped"], sent)


def xdp_redirect(t):
    with Net() as net:
        a, b = net.pair(addresses=False)
        run = Run(redirect(b, "vb"))
        t.true("native", "redirect, native XDP" in run.said)
        sent = tcpreplay(a, "va", "tests/captures/redis.pcap", "--pps 5000 --preload-pcap")
        s = run.end(t)
        t.equal("packets", s["packets"], sent)
        t.equal("analysed", s["analysed"], sent)
        t.equal("late", s["reorder"]["late"], 0)
        same_flows(t, run.flows(), read("tests/captures/redis.pcap"))


def xdp_mirror_is_passive(t):
    with Net() as net:
        a, b = net.pair()
        for ns, dev in ((a, "va"), (b, "vb")):
            sh(f"ip -n {ns} link set {dev} gso_max_segs 1")
        run = Run({"type": "af_xdp", "interface": "vb", "netns": b})
        before = device_packets(b, "vb")[0]
        tcp(b, "10.9.0.2", a, connections=5, size=20000)
        packets = device_packets(b, "vb")[0] - before
        s = run.end(t)
        t.equal("packets", s["packets"], packets)
        t.equal("connections that went through", [f["close_reason"] for f in run.flows() if f["proto"] == "tcp"], ["fin"] * 5)


def dpdk(t):
    if "built without" in sh(f"{SPANTAP} version | grep libdpdk", check=False):
        return "built without DPDK"
    with Net() as net:
        a, b = net.pair(addresses=False)
        # DPDK's own leak is not ours, as in dpdk.py.
        environment = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
        device = "net_af_packet0,iface=vb,framesz=4096,blocksz=65536,framecnt=16384"
        run = Run({"type": "dpdk", "netns": b, "point": "nic", "dpdk": {"device": device, "memory": "128MiB", "buffer_size": "4KiB"}},
                  workers=2, environment=environment)
        t.true("one queue for both", "handed over by flow: 1 queue for 2 workers" in run.said)
        sent = tcpreplay(a, "va", numbered_pcap(10000, 200), "--pps 5000")
        s = run.end(t, 0.4)
        t.equal("packets", s["packets"], sent)
        t.equal("analysed", s["analysed"], sent)
        t.equal("flows", len(run.flows()), 200)
        t.true("both workers' flows", s["threads"][0]["handed_over"] + s["threads"][1]["handed_over"] > 1000)


# --- several ports, several workers ---

def two_points(t):
    """Both ends of a wire: each point sees every flow once."""
    with Net() as net:
        a, b = net.pair()
        run = Run(af_packet(a, "va", kind="client-nic", point="client"), af_packet(b, "vb", kind="server-nic", point="server"), workers=2)
        dump = Tcpdump(b, "vb")
        before = device_packets(a, "va")[0], device_packets(b, "vb")[0]
        tcp(b, "10.9.0.2", a, connections=10, size=50000)
        want = dump.end()
        after = device_packets(a, "va")[0], device_packets(b, "vb")[0]
        s = run.end(t)
        points = {p["point"]: p for p in s["points"]}
        t.equal("kinds", {p["kind"] for p in s["points"]}, {"client-nic", "server-nic"})
        t.equal("packets at the client", points["client"]["packets"], after[0] - before[0])
        t.equal("packets at the server", points["server"]["packets"], after[1] - before[1])
        t.equal("analysed", s["analysed"], s["packets"])
        same_flows(t, [f for f in run.flows() if f["point"] == "server"], want)
        t.equal("flows of the client", len([f for f in run.flows() if f["point"] == "client" and f["proto"] == "tcp"]), 10)


def halves_of_a_tap(t):
    """Each direction at a port of its own, one point, two workers: flows are whole."""
    with Net() as net:
        a, b = net.pair()
        run = Run(*(af_packet(ns, dev, point="tap", direction="in") for ns, dev in ((a, "va"), (b, "vb"))), workers=2)
        t.equal("and it is said", run.said.count("other ports bring packets of the same flows"), 2)
        dump = Tcpdump(b, "vb")
        tcp(b, "10.9.0.2", a, connections=200, size=3000)
        want = dump.end()
        s = run.end(t)
        t.equal("analysed", s["analysed"], s["packets"])
        t.true("packets were handed over", sum(w["handed_over"] for w in s["threads"]) > 20)
        tcp_flows = [f for f in run.flows() if f["proto"] == "tcp"]
        same_flows(t, tcp_flows, [f for f in want if f["proto"] == "tcp"])
        t.equal("one-way flows", [f for f in tcp_flows if f.get("one_way")], [])


def tunnels_pcap(per_kind):
    frames = [f for kind in TUNNELS for n in range(per_kind) for f in tunnelled(kind, n)]
    pcap = os.path.join(scratch(), "tunnels.pcap")
    write_pcap(pcap, frames)
    return pcap, per_kind * len(TUNNELS)


def whole_tunnelled_flows(t, run, sent, flows):
    s = run.end(t)
    t.equal("packets", s["packets"], sent)
    t.equal("analysed", s["analysed"], sent)
    got = run.flows()
    t.equal("flows", len(got), flows)
    t.equal("flows with both directions", len([f for f in got if f["packets_c2s"] == f["packets_s2c"] == 1]), flows)
    t.true("packets were handed over", sum(w["handed_over"] for w in s["threads"]) > sent / 8)
    return s


def tunnels_by_outer_headers(t):
    """The kernel's hash does not look into tunnels: what is in them goes by its inner conversation."""
    with Net() as net:
        a, b = net.pair(addresses=False)
        run = Run(af_packet(b, "vb", af_packet={"fanout": "kernel"}), workers=2)
        t.true("and it is said", "packets in tunnels handed over by flow: its queues go by outer headers" in run.said)
        pcap, flows = tunnels_pcap(50)
        whole_tunnelled_flows(t, run, tcpreplay(a, "va", pcap, "--pps 5000"), flows)


def queues_that_part_flows(t):
    """AF_XDP on a veth of two queues: the sender's CPU decides the queue."""
    with Net() as net:
        a, b = net.ns("a"), net.ns("b")
        net.veth(a, "va", b, "vb", "numtxqueues 2 numrxqueues 2")
        run = Run(redirect(b, "vb"), workers=2)
        t.true("and it is said", "handed over by flow: its queues part the directions of a flow" in run.said)
        pcap, flows = tunnels_pcap(50)
        whole_tunnelled_flows(t, run, tcpreplay(a, "va", pcap, "--pps 5000"), flows)


def real_vxlan_over_two_workers(t):
    with Net() as net:
        a, b = net.pair()
        for ns, dev, here, there in ((a, "va", 1, 2), (b, "vb", 2, 1)):
            sh(f"ip -n {ns} link add x5 type vxlan id 5 dstport 4789 remote 10.9.0.{there} dev {dev}")
            sh(f"ip -n {ns} link set x5 up; ip -n {ns} addr add 10.5.0.{here}/24 dev x5")
        run, dump = Run(af_packet(b, "vb", queues=1), workers=2), Tcpdump(b, "vb")
        tcp(b, "10.5.0.2", a, connections=200, size=20000)
        want = dump.end()
        s = run.end(t)
        t.equal("analysed", s["analysed"], s["packets"])
        t.true("packets were handed over", sum(w["handed_over"] for w in s["threads"]) > 100)
        same_flows(t, run.flows(), want)


def datagram(n, identifier, size, offset=None):
    """One of flow n, from an address of its own, every other over IPv6: whole, or what of a longer one is at `offset`."""
    data = (struct.pack("!HHHH", 1024 + n, 53, 1234 if offset == 0 else size, 0) + bytes(size))[:size]
    server = bytes((10, 9, 1, 2))
    if n % 2:
        src, dst = b"\xfd" + bytes(13) + bytes((40, n)), b"\xfd" + bytes(11) + server
        head = b"" if offset is None else struct.pack("!BBHI", 17, 0, offset | (offset == 0), identifier)
        ip = struct.pack("!IHBB", 6 << 28, len(head) + size, 44 if head else 17, 64) + src + dst + head
        return b"\x02\0\0\0\0\2\x02\0\0\0\0\1\x86\xdd" + ip + data
    place = 0 if offset is None else offset // 8 | (0x2000 if offset == 0 else 0)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, identifier, place, 64, 17, 0) + bytes((10, 40, 0, n)) + server
    return b"\x02\0\0\0\0\2\x02\0\0\0\0\1\x08\x00" + ip + data


def fragments_find_their_flow(t):
    """Whole datagrams go to a queue by addresses and ports, fragments by addresses: all of a flow meet at one worker."""
    with Net() as net:
        a, b = net.pair(addresses=False)
        pcap = os.path.join(scratch(), "fragments.pcap")
        write_pcap(pcap, [d for n in range(200) for d in (datagram(n, 1, 100), datagram(n, 2, 968, 0), datagram(n, 2, 266, 968))])
        for port, queues in ((af_packet(b, "vb"), 2), (af_packet(b, "vb", queues=1), 1)):
            run = Run(port, workers=2)
            sent = tcpreplay(a, "va", pcap, "--pps 3000")
            s = run.end(t)
            t.equal("analysed", s["analysed"], sent)
            t.equal("malformed", s["malformed"], 0)
            workers = {}
            for f in run.flows():
                client = f["client_ip"] if f.get("server_port") == 53 or f["client_ip"] < f["server_ip"] else f["server_ip"]
                workers.setdefault(client, set()).add(int(f["flow_id"]) >> 56)
            t.equal("addresses", len(workers), 200)
            t.equal(f"flows that were parted, {queues} queues", [k for k, w in workers.items() if len(w) > 1], [])
            t.equal("workers", set.union(*workers.values()), {0, 1})
            t.true("some were handed over", sum(w["handed_over"] for w in s["threads"]) > 50)


# --- coming, going, changing ---

def taps_come_and_go(t):
    with Net() as net:
        host, guest = net.ns("h"), net.ns("g")
        run = Run(af_packet(host, "vnet*,tap*", point="kvm1/*", kind="kvm"), opened=0, workers=2)
        run.wait_for("room for 20000 flows each; records go to ")
        for n in (0, 1):
            net.veth(host, f"vnet{n}", guest, f"e{n}")
            sh(f"ip -n {host} addr add 10.1.{n}.1/24 dev vnet{n}; ip -n {guest} addr add 10.1.{n}.2/24 dev e{n}")
        run.wait_for("^spantap: port vnet", 2)
        before = device_packets(host, "vnet1")[0]
        sh(f"ip netns exec {guest} ping -c 5 -i 0.02 10.1.0.1; ip netns exec {guest} ping -c 5 -i 0.02 10.1.1.1")
        sent = device_packets(host, "vnet1")[0] - before
        sh(f"ip -n {host} link del vnet0")
        run.wait_for("port vnet0: its device is gone")
        t.true("its flows are written", until(lambda: [f["point"] for f in run.flows()] == ["kvm1/vnet0"]))
        t.equal("a flow of the device that went", [(f["packets_c2s"], f["packets_s2c"], f["kind"]) for f in run.flows()], [(5, 5, "kvm")])
        net.veth(host, "vnet0", guest, "e0")
        sh(f"ip -n {host} addr add 10.1.0.1/24 dev vnet0; ip -n {guest} addr add 10.1.0.2/24 dev e0")
        run.wait_for("^spantap: port vnet0, point", 2)
        sh(f"ip netns exec {guest} ping -c 3 -i 0.02 10.1.0.1")
        s = run.end(t)
        flows = {(f["point"], f["packets_c2s"]) for f in run.flows()}
        t.equal("flows", flows, {("kvm1/vnet0", 5), ("kvm1/vnet1", 5), ("kvm1/vnet0", 3)})
        t.equal("points", sorted(p["point"] for p in s["points"]), ["kvm1/vnet0", "kvm1/vnet1"])
        t.equal("packets of the one that stayed", [p["packets"] for p in s["points"] if p["point"] == "kvm1/vnet1"], [sent])
        t.equal("analysed", s["analysed"], s["packets"])


def a_port_comes_back(t):
    """A device that is taken away under traffic, and the same name again; what the other port sees goes on."""
    with Net() as net:
        a, b = net.pair()
        other, far = net.ns("c"), net.ns("d")
        net.veth(other, "vc", far, "vd")
        run = Run(af_packet(b, "vb"), redirect(other, "vc"), workers=2)
        t.equal("ports", run.said.count(", point "), 2)
        sh(f"ip netns exec {a} ping -c 5 -i 0.02 10.9.0.2")
        time.sleep(0.1)
        sh(f"ip -n {b} link del vb")
        run.wait_for("^spantap: port vb: its device is gone")
        run.wait_for("port vb: no such device")
        t.true("flows ended", until(lambda: len(run.flows()) == 1))
        sent = tcpreplay(far, "vd", numbered_pcap(2000, 10), "--pps 4000")
        net.veth(a, "va", b, "vb")
        sh(f"ip -n {a} addr add 10.9.0.1/24 dev va; ip -n {b} addr add 10.9.0.2/24 dev vb")
        run.wait_for("^spantap: port vb, point vb", 2)
        sh(f"ip netns exec {a} ping -c 4 -i 0.02 10.9.0.2")
        sh(f"ip -n {other} link del vc")
        run.wait_for("^spantap: port vc: its device is gone")
        s = run.end(t)
        t.equal("pings", sorted(f["packets_c2s"] for f in run.flows() if f["proto"] == "icmp"), [4, 5])
        t.equal("the other port", [p["packets"] for p in s["points"] if p["point"] == "vc"], [sent])
        t.equal("analysed", s["analysed"], s["packets"])


def reload_loses_nothing(t):
    with Net() as net:
        a, b = net.pair(addresses=False)
        run = Run(af_packet(b, "vb"), workers=2)
        pcap = numbered_pcap(12000, 50)
        replay = subprocess.Popen(["ip", "netns", "exec", a, "tcpreplay", "--pps", "4000", "-i", "va", pcap], stdout=subprocess.DEVNULL)
        for n in range(10):
            run.conf["flow"]["report_interval"] = f"{n + 1}s"
            run.conf["flow"]["timeout"] = {"udp": "1s"}
            run.write()
            run.hang_up()
        replay.wait()
        t.true("the new timeout holds", until(lambda: len({f["client_port"] for f in run.flows() if f["close_reason"] == "timeout"}) == 50))
        s = run.end(t)
        t.equal("packets", s["packets"], 12000)
        t.equal("analysed", s["analysed"], 12000)
        t.equal("said", run.said.count("loaded again\n"), 10)
        t.equal("packets of all records", sum(f["packets_c2s"] + f["packets_s2c"] for f in run.flows()), 12000)


def reload_says_what_it_cannot(t):
    with Net() as net:
        a, b = net.pair()
        run = Run(af_packet(b, "vb"))
        run.conf["workers"]["count"] = 2
        run.conf["flow"]["max_flows"] = 5000
        run.conf["flow"]["timeout"] = {"icmp": "30s"}
        run.write()
        run.hang_up()
        t.true("what needs a restart", "loaded again; only a restart changes workers.count, flow.max_flows\n" in run.said)
        with open(run.path, "w", encoding="utf-8") as f:
            f.write("flow:\n  timeout:\n    icmp: soon\n")
        run.hang_up()
        t.true(f"the error is named ({run.said})", "spantap.yaml:3:" in run.said and "not loaded; everything stays as it was" in run.said)
        sh(f"ip netns exec {a} ping -c 2 -i 0.02 10.9.0.2")
        run.end(t)
        t.equal("it went on", [f["packets_c2s"] for f in run.flows()], [2])


def profiles_can_be_switched_on(t):
    with Net() as net:
        a, b = net.pair()
        run = Run(af_packet(b, "vb"), flow={"timeout": {"icmp": "300ms"}})
        for record, filter_, pings in (("none", "", 2), ("all", "host 10.9.0.2 and icmp", 3), ("all", "tcp", 4), ("none", "", 5)):
            run.conf["profile"] = {"record": record, "filter": filter_, "keep_packets": "1KiB"}
            run.write()
            run.hang_up()
            flows = len(run.flows())
            sh(f"ip netns exec {a} ping -c {pings} -i 0.02 10.9.0.2")
            t.true(f"{pings} pings are over", until(lambda: len(run.flows()) == flows + 1))
        s = run.end(t, elsewhere=6)  # in packets.pcapng
        (r,) = run.profiles()
        t.equal("packets, requests and answers", [p[1] for p in r["packets"]], ["c2s", "s2c"] * 3)
        t.equal("why", (r["reason"], r["last"]), ("filter", True))
        t.equal("counted", [s["flows"][x] for x in ("profiles", "profile_packets", "profile_packets_kept")], [1, 6, 6])
        out = os.path.join(run.out, "pings.pcapng")
        said = sh(f"{SPANTAP} profile --pcapng {out} {run.out} {r['flow_id']}")
        t.true("its packets are kept", "6 packets are in" in said)


def logs_are_rotated(t):
    with Net() as net:
        a, b = net.pair()
        run = Run(af_packet(b, "vb"), flow={"timeout": {"icmp": "200ms"}})
        log, old = os.path.join(run.out, "flows.jsonl"), os.path.join(run.out, "flows.jsonl.1")
        sh(f"ip netns exec {a} ping -c 2 -i 0.02 10.9.0.2")
        t.true("written while it runs", until(lambda: len(run.flows()) == 1))
        t.true("stats, too", until(lambda: run.stats()["packets"] > 0))
        os.rename(log, old)
        run.hang_up()
        t.true("a new file", until(lambda: os.path.exists(log)))
        sh(f"ip netns exec {a} ping -c 3 -i 0.02 10.9.0.2")
        run.end(t, elsewhere=1)
        t.equal("the old file", [f["packets_c2s"] for f in read_lines(old)], [2])
        t.equal("the new one", [f["packets_c2s"] for f in run.flows()], [3])


# --- the end ---

def open_flows_are_written(t):
    with Net() as net:
        a, b = net.pair()
        run = Run(af_packet(b, "vb"))
        server = subprocess.Popen(["ip", "netns", "exec", b, "python3", "-c", "import socket\ns = socket.create_server(('10.9.0.2', 80))\n"
                                   "print('up', flush=True)\nc = s.accept()[0]\nc.recv(1)\nc.recv(1)"], stdout=subprocess.PIPE)
        server.stdout.readline()
        client = subprocess.Popen(["ip", "netns", "exec", a, "python3", "-c", "import socket, time\ns = socket.create_connection(('10.9.0.2', "
                                   "80))\ns.send(b'x')\nprint('up', flush=True)\ntime.sleep(60)"], stdout=subprocess.PIPE)
        client.stdout.readline()
        s = run.end(t, 0)  # right after: what the kernel still holds is waited for
        client.kill()
        server.kill()
        (f,) = [f for f in run.flows() if f["proto"] == "tcp"]
        t.equal("reason", f["close_reason"], "end_of_input")
        t.equal("payload", f["payload_bytes_c2s"], 1)
        t.true("said", f"{s['packets']} packets: {s['packets']} analysed, " in run.said)


def a_second_signal_ends_it(t):
    """An output that takes nothing: the first signal waits for it, and while it runs packets are analysed all the same."""
    with Net() as net:
        a, b = net.pair(addresses=False)
        directory = scratch()
        os.makedirs(os.path.join(directory, "out"))
        os.mkfifo(os.path.join(directory, "out", "flows.jsonl"))
        run = Run(af_packet(b, "vb"), directory=directory)
        sent = tcpreplay(a, "va", numbered_pcap(3000, 1000), "--pps 10000")
        t.true("packets are analysed", until(lambda: run.stats()["analysed"] > 0))
        run.process.send_signal(signal.SIGTERM)
        run.wait_for("SIGTERM: writing open flows")
        time.sleep(0.5)
        t.true("it waits", run.process.poll() is None)
        run.process.send_signal(signal.SIGTERM)
        t.equal("ended by", run.process.wait(timeout=20), -signal.SIGTERM)
        t.equal("sent", sent, 3000)


def a_next_run_appends(t):
    with Net() as net:
        a, b = net.pair()
        directory = scratch()
        first = Run(af_packet(b, "vb"), directory=directory)
        sh(f"ip netns exec {a} ping -c 2 -i 0.02 10.9.0.2")
        second = subprocess.run([SPANTAP, "run", "-c", first.path], stderr=subprocess.PIPE, text=True, check=False)
        t.equal("a second run into the same directory", second.returncode, 1)
        t.true(second.stderr, "another spantap writes there" in second.stderr)
        first.end(t)
        with open(os.path.join(first.out, "flows.jsonl"), "a", encoding="utf-8") as f:
            f.write('{"flow_id":"77","half')
        killed = Run(af_packet(b, "vb"), directory=directory)
        killed.process.kill()
        killed.process.wait()
        t.true("the half line is named", "cut off half a line (21 bytes)" in killed.said)
        run = Run(af_packet(b, "vb"), directory=directory)
        sh(f"ip netns exec {a} ping -c 3 -i 0.02 10.9.0.2")
        run.end(t, elsewhere=-3)  # a flow, and its two echoes
        t.equal("records of both", [f["packets_c2s"] for f in run.flows()], [2, 3])


def refusals_say_what_to_do(t):
    with Net() as net:
        a, b = net.pair()

        def refused(status, words, *ports, **sections):
            run = Run(*ports, **sections)
            t.equal(f"exit code with {ports} {sections}", run.process.wait(timeout=20), status)
            t.true(f"{run.said!r} says {words!r}", words in run.said)

        refused(2, "ports: is empty")
        refused(2, "set interface to a device name", {"type": "af_packet"})
        refused(1, "af_xdp.dedicated", redirect(b, "vb"))
        refused(1, "no port can be opened", redirect(b, "vb"))
        usage = subprocess.run([SPANTAP, "run"], stderr=subprocess.PIPE, text=True, check=False)
        t.equal("without a configuration", usage.returncode, 2)
        t.true(usage.stderr, "wants -c CONF" in usage.stderr)

        # A device that is not there yet is waited for, also when another entry cannot work.
        run = Run(redirect(b, "vb"), af_packet(a, "later"), opened=0)
        run.wait_for("af_xdp.dedicated to yes if this device is for capture only$")
        run.wait_for("port later: no such device .*; trying again")
        t.true("still there", run.process.poll() is None)
        run.end(t)


def a_start_that_cannot_be(t):
    """A CPU that is not there; and, said before, tables larger than the memory."""
    with Net() as net:
        _, b = net.pair()
        run = Run(af_packet(b, "vb"), workers={"cpus": [4095]}, flow={"max_flows": 1 << 28})
        t.equal("exit code", run.process.wait(timeout=20), 1)
        t.true(f"said ({run.said})", "worker 0 cannot be pinned to CPU 4095" in run.said and "workers.cpus" in run.said)
        found = re.search(r"flow.max_flows: (\d+) instead of 268435456 for each of 1 worker: (\d+) MiB of memory are free", run.said)
        t.true(f"said ({run.said})", found and int(found[1]) * 256 <= (int(found[2]) + 1) << 18)


def main():
    need("ip", "tcpreplay", "tcpdump", "ping")
    t = Tap()
    for test in (
        tcp_over_veth,
        a_recorded_network,
        every_loss_is_counted,
        xdp_redirect,
        xdp_mirror_is_passive,
        dpdk,
        two_points,
        halves_of_a_tap,
        tunnels_by_outer_headers,
        queues_that_part_flows,
        real_vxlan_over_two_workers,
        fragments_find_their_flow,
        taps_come_and_go,
        a_port_comes_back,
        reload_loses_nothing,
        reload_says_what_it_cannot,
        profiles_can_be_switched_on,
        logs_are_rotated,
        open_flows_are_written,
        a_second_signal_ends_it,
        a_next_run_appends,
        refusals_say_what_to_do,
        a_start_that_cannot_be,
    ):
        if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
            t.run(test)
    t.done()


if __name__ == "__main__":
    main()

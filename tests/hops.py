#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls that several points saw become traces, whatever lies between the points: of each capture from a real server is made
what other points on the way to it would have seen, behind a translator, inside a tunnel, cut into other segments, with
sequence numbers of a firewall's own, in one direction only. Every call has to come out as one trace with all its points in
order, and none that holds two calls; and the same with any number of shards. Prints TAP."""

import collections
import functools
import ipaddress
import json
import operator
import os
import random
import struct
import sys
import tempfile

import shards

HERE = os.path.dirname(os.path.abspath(__file__))
DELAY = 50_000  # ns from one point to the next
SYN, ACK = 2, 16

Packet = collections.namedtuple("Packet", "ns src dst ttl proto sport dport seq ack flags window options data c2s")


# --- captures ---

def frames(path):
    with open(path, "rb") as f:
        head = f.read(24)
        order = "<" if head[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        unit = 1 if head[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1000
        while record := f.read(16):
            sec, sub, n, _ = struct.unpack(order + "IIII", record)
            yield sec * 10**9 + sub * unit, f.read(n)


def read(name):
    """The TCP and UDP packets of a capture, Ethernet and IPv4 or IPv6 without anything special."""
    packets, client = [], {}
    for ns, frame in frames(os.path.join(HERE, "captures", name + ".pcap")):
        kind, ip = frame[12:14], frame[14:]
        if kind == b"\x08\x00":
            size, n, ttl, proto = (ip[0] & 15) * 4, struct.unpack(">H", ip[2:4])[0], ip[8], ip[9]
            src, dst, l4 = ipaddress.ip_address(ip[12:16]), ipaddress.ip_address(ip[16:20]), ip[size:n or None]
        elif kind == b"\x86\xdd":
            ttl, proto = ip[7], ip[6]
            src, dst = ipaddress.ip_address(ip[8:24]), ipaddress.ip_address(ip[24:40])
            l4 = ip[40:40 + struct.unpack(">H", ip[4:6])[0]]
        else:
            continue
        if proto not in (6, 17):
            continue
        sport, dport = struct.unpack(">HH", l4[:4])
        key = frozenset(((src, sport), (dst, dport)))
        seq = ack = flags = window = 0
        options, data = b"", l4[8:]
        if proto == 6:
            seq, ack, offset, flags, window = struct.unpack(">IIBBH", l4[4:16])
            options, data = l4[20:offset // 16 * 4], l4[offset // 16 * 4:]
        if key not in client or flags & (SYN | ACK) == SYN:
            client[key] = (src, sport)
        packets.append(Packet(ns, src, dst, ttl, proto, sport, dport, seq, ack, flags, window, options, data,
                              client[key] == (src, sport)))
    return packets


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2 + len(data) % 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip_of(src, dst, ttl, proto, l4):
    if src.version == 6:
        return struct.pack(">IHBB", 6 << 28, len(l4), proto, ttl) + src.packed + dst.packed + l4
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(l4), 0, 0x4000, ttl, proto, 0) + src.packed + dst.packed
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + l4


def frame_of(p):
    if p.proto == 6:
        l4 = struct.pack(">HHIIBBHHH", p.sport, p.dport, p.seq, p.ack, (20 + len(p.options)) * 4, p.flags, p.window, 0, 0)
        l4, at = l4 + p.options + p.data, 16
    else:
        l4, at = struct.pack(">HHHH", p.sport, p.dport, 8 + len(p.data), 0) + p.data, 6
    pseudo = p.src.packed + p.dst.packed + struct.pack(">II", len(l4), p.proto)
    l4 = l4[:at] + struct.pack(">H", checksum(pseudo + l4)) + l4[at + 2:]
    macs = b"\2\0\0\0\0\2\2\0\0\0\0\1" if p.c2s else b"\2\0\0\0\0\1\2\0\0\0\0\2"
    return macs + (b"\x08\0" if p.src.version == 4 else b"\x86\xdd") + ip_of(p.src, p.dst, p.ttl, p.proto, l4)


def write(path, packets, wrap):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 1))
        for p in sorted(packets, key=lambda p: p.ns):
            frame = wrap(p, frame_of(p))
            f.write(struct.pack("<IIII", *divmod(p.ns, 10**9), len(frame), len(frame)) + frame)


# --- what lies between points: each makes of what the server's side saw what the client's side sees ---

class Between:
    """Nothing but a cable and a router."""
    wrap = staticmethod(lambda p, frame: frame)

    def packets(self, packets):
        return packets


class Nat(Between):
    """The client asks `vip`; its own address is `own`, and its port another one, where the server sees the translator's."""

    def __init__(self, vip=None, own=None, port=0):
        self.vip, self.own, self.port = vip and ipaddress.ip_address(vip), own and ipaddress.ip_address(own), port

    def packets(self, packets):
        for p in packets:
            src, dst, sport, dport = p.src, p.dst, p.sport, p.dport
            if p.c2s:
                src, dst, sport = self.own or src, self.vip or dst, sport ^ self.port
            else:
                src, dst, dport = self.vip or src, self.own or dst, dport ^ self.port
            yield p._replace(src=src, dst=dst, sport=sport, dport=dport)


class Rewrite(Between):
    """Sequence numbers of its own, to the client (`server`), to the server (`client`), or both."""

    def __init__(self, client=True, server=True):
        self.on = client, server

    def packets(self, packets):
        for p in packets:
            if p.proto != 6:
                yield p
                continue
            port = p.sport if p.c2s else p.dport
            c, s = (port * 2654435761 * n * on % 2**32 for n, on in zip((3, 7), self.on))
            ours, theirs = (c, s) if p.c2s else (s, c)
            yield p._replace(seq=(p.seq + ours) % 2**32, ack=(p.ack + theirs) % 2**32 if p.flags & ACK else p.ack)


class Segments(Between):
    """The client's side cuts bytes into other packets: of `size` at most; or puts together what follows each other."""

    def __init__(self, size=0):
        self.size = size

    def packets(self, packets):
        return self.split(packets) if self.size else self.merge(packets)

    def split(self, packets):
        for p in packets:
            if p.proto != 6 or len(p.data) <= self.size:
                yield p
                continue
            for at in range(0, len(p.data), self.size):
                last = at + self.size >= len(p.data)
                yield p._replace(ns=p.ns + at // self.size, seq=(p.seq + at) % 2**32, data=p.data[at:at + self.size],
                                 flags=p.flags if last else p.flags & ~9)

    def merge(self, packets):
        held = None
        for p in packets:
            follows = held and (p.src, p.sport, p.dst, p.dport) == (held.src, held.sport, held.dst, held.dport) and \
                p.proto == 6 and p.seq == (held.seq + len(held.data)) % 2**32 and held.data and p.data and \
                len(held.data) + len(p.data) < 60000 and not held.flags & 7
            if follows:
                held = held._replace(ns=p.ns, data=held.data + p.data, flags=held.flags | p.flags, ack=p.ack)
                continue
            if held:
                yield held
            held = p
        if held:
            yield held


class Tunnel(Between):
    """What the client's side sees is inside a tunnel."""

    def __init__(self, kind):
        self.wrap = self.vxlan if kind == "vxlan" else self.geneve

    @staticmethod
    def outer(p, port, head, frame):
        a, b = (ipaddress.ip_address(t) for t in ("192.0.2.1", "192.0.2.2"))
        udp = struct.pack(">HHHH", 50000 + p.sport % 1000, port, 8 + len(head) + len(frame), 0) + head + frame
        return frame[:12] + b"\x08\0" + ip_of(a if p.c2s else b, b if p.c2s else a, 64, 17, udp)

    def vxlan(self, p, frame):
        return self.outer(p, 4789, struct.pack(">II", 0x08000000, 42 << 8), frame)

    def geneve(self, p, frame):
        return self.outer(p, 6081, struct.pack(">BBHI", 0, 0, 0x6558, 42 << 8), frame)


class To6(Between):
    """RFC 6052: the client speaks IPv6, the server IPv4."""

    def packets(self, packets):
        def six(address, net):
            return ipaddress.ip_address(int(ipaddress.ip_address(net)) | int(address) & 0xffffffff)
        for p in packets:
            nets = ("fd00:1::", "64:ff9b::") if p.c2s else ("64:ff9b::", "fd00:1::")
            yield p._replace(src=six(p.src, nets[0]), dst=six(p.dst, nets[1]))


class Again(Between):
    """The client sends every third segment of its requests twice: the first one was lost on the way to the server."""

    def packets(self, packets):
        for n, p in enumerate(packets):
            yield p
            if p.c2s and p.data and n % 3 == 0:
                yield p._replace(ns=p.ns + 1000)


class OneWay(Between):
    """The client's side sees one direction only."""

    def __init__(self, c2s):
        self.c2s = c2s

    def packets(self, packets):
        return (p for p in packets if p.c2s == self.c2s)


class Loses(Between):
    """The point at the client's side loses one packet in so many."""

    def __init__(self, of):
        self.of = of

    def packets(self, packets):
        lottery = random.Random(1)
        return (p for p in packets if lottery.randrange(self.of))


# --- points ---

def slowed(packets, ns):
    """Time for the way: a client that was answered asks `ns` later."""
    late, answered = 0, False
    for p in packets:
        if p.c2s and answered:
            late += ns
        answered = not p.c2s
        yield p._replace(ns=p.ns + late)


def seen(packets, before, clock):
    """By a point so many routers before the server's, whose clock is wrong."""
    for p in packets:
        way = before * (-DELAY if p.c2s else DELAY)
        yield p._replace(ns=p.ns + way + clock, ttl=p.ttl + (before if p.c2s else -before))


def lines(path, kind):
    with open(os.path.join(path, kind + ".jsonl"), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def run(capture, between, clocks=True):
    """The requests of every point, the traces, the paths, and what is not the same with several threads: points are p0 at the
    client's side … pN at the server's, one more than there are things between."""
    with tempfile.TemporaryDirectory() as work:
        packets = list(slowed(read(capture), 2 * DELAY * len(between)))
        paths, wrap = [], Between.wrap
        for n in range(len(between) + 1):
            point = len(between) - n
            if n:
                packets = list(between[point].packets(packets))
                wrap = between[point].wrap
            paths.append(os.path.join(work, f"p{point}.pcap"))
            write(paths[-1], seen(packets, n, clocks * (n * 7 % 5 - 2) * 300_000_000), wrap)
        out, *others = (shards.read(work, sorted(paths), n) for n in shards.SHARDS)
        differ = [f"{kind}: depend on the number of shards" for other in others for kind in shards.differences(out, other)]
        return lines(out, "requests"), lines(out, "traces"), lines(out, "paths"), differ


def number(requests):
    """Which call of its connection a record is of, at its point: by where it begins, or by its id."""
    flows = collections.defaultdict(list)
    for r in requests:
        flows[r["point"], r["flow_id"]].append(r)
    for of in flows.values():
        of.sort(key=lambda r: (r["start_ns"], int(r["request_id"])))
        for n, r in enumerate(of):
            r["nth"] = n


def check(capture, between, joined, whole=True):
    """What is wrong. `whole`: every call of the server's side has a trace with all points; else traces may be partial, but
    none may be wrong."""
    requests, traces, paths, wrong = run(capture, between)
    number(requests)
    by_id = {(r["point"], r["request_id"]): r for r in requests}
    got, port = collections.Counter(), {}
    for n in range(len(between)):
        port[f"p{n}"] = functools.reduce(operator.xor, (b.port for b in between[n:] if isinstance(b, Nat)), 0)
    for t in traces:
        names = [s["point"] for s in t["spans"]]
        records = [by_id[s["point"], s["request_id"]] for s in t["spans"]]
        of = {(r["proto"], r["client_port"] ^ port.get(r["point"], 0), whole and r["nth"]) for r in records}
        if len(of) > 1:
            wrong.append(f"two calls in one trace: {of}")
        if names != sorted(names):
            wrong.append(f"{of}: the order is {names}")
        if whole and len(names) != len(between) + 1:
            wrong.append(f"{of}: seen by {names} only")
        how = {s["joined_by"] for s in t["spans"]}
        if not how & set(joined.split()):
            wrong.append(f"{of}: joined by {how}")
        got.update(of)
    there = [r for r in requests if r["point"] == f"p{len(between)}"]
    if whole and (len(traces) != len(there) or max(got.values(), default=0) != 1):
        wrong.append(f"{len(there)} calls, {len(traces)} traces")
    if whole and not (there and traces):
        wrong.append("no traces")
    if whole and joined.startswith("tcp") and any(len(p["points"]) != len(between) + 1 for p in paths):
        wrong.append(f"a path with {sorted(len(p['points']) for p in paths)[0]} points")
    return wrong


def full():
    return Nat("198.51.100.1", "203.0.113.9", 5)


STREAMS = ("http", "http2", "grpc", "redis", "postgresql", "tls13", "http-offload", "dns-pipelined", "kafka", "mqtt")
CASES = [
    ("nothing", STREAMS, lambda: [Between(), Between()], "tcp_seq"),
    ("SNAT", STREAMS, lambda: [Nat(own="203.0.113.9", port=5)], "tcp_seq"),
    ("DNAT", STREAMS, lambda: [Nat(vip="198.51.100.1")], "tcp_seq"),
    ("full NAT", STREAMS, lambda: [full(), Between()], "tcp_seq"),
    ("VXLAN", STREAMS, lambda: [Tunnel("vxlan"), Between()], "tcp_seq"),
    ("GENEVE", STREAMS, lambda: [Tunnel("geneve"), full()], "tcp_seq"),
    ("IPv6 to IPv4", STREAMS, lambda: [To6()], "tcp_seq"),
    ("GRO", STREAMS, lambda: [Segments()], "tcp_seq"),
    ("an MTU of 250", STREAMS, lambda: [Segments(210), Between()], "tcp_seq"),
    ("segments of 7 bytes", STREAMS, lambda: [Segments(7)], "tcp_seq"),
    ("segments sent again", STREAMS, lambda: [Again()], "tcp_seq"),
    ("its own sequence numbers", STREAMS, lambda: [Between(), Rewrite(), Between()], "tcp_offset"),
    ("sequence numbers and DNAT", STREAMS, lambda: [Nat(vip="198.51.100.1"), Rewrite()], "tcp_offset"),
    ("sequence numbers and other segments", STREAMS, lambda: [Rewrite(), Segments(100)], "tcp_offset"),
    ("a SYN proxy", STREAMS, lambda: [full(), Rewrite(client=False)], "tcp_offset tcp_seq"),
    ("DNS behind full NAT", ("dns",), lambda: [full()], "dns_id tcp_seq"),
    ("DNS from IPv6 to IPv4", ("dns",), lambda: [To6()], "dns_id tcp_seq"),
    ("SIP from IPv6 to IPv4", ("sip",), lambda: [To6()], "content tcp_seq"),
]
PARTIAL = [
    ("requests only", STREAMS, lambda: [OneWay(True)], "tcp_seq"),
    ("responses only", STREAMS, lambda: [OneWay(False)], "tcp_seq"),
    ("every tenth packet lost", STREAMS, lambda: [Loses(10), Between()], "tcp_seq"),
]


def main():
    bad = n = 0
    for cases, whole in ((CASES, True), (PARTIAL, False)):
        for what, captures, between, joined in cases:
            for capture in captures:
                n += 1
                wrong = check(capture, between(), joined, whole)
                for line in wrong[:8]:
                    print("#", line)
                print("not ok" if wrong else "ok", n, "-", f"{capture}: {what}")
                bad += bool(wrong)
    print(f"1..{n}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

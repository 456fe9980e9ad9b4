#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packets, bytes and ICMP errors of every conversation, by spantap and by tshark, over tests/captures and the public captures where they
are at hand (SPANTAP_CORPUS or ../shared/corpus). Prints TAP; `differential.py FILE...` compares those files. What may differ
stands in EXPLAINED, with the reason."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict

HERE = os.path.dirname(os.path.abspath(__file__))
SPANTAP = os.environ.get("SPANTAP", os.path.join(HERE, "..", "build", "spantap"))
PROTOCOLS = {"tcp": "tcp", "udp": "udp", "icmp": "icmp", "icmpv6": "icmp6", "sctp": "sctp", "udplite": "136",
             "gre": "47"}

# capture -> why its counts differ. Nothing is compared there.
EXPLAINED = {
    "span-both": "every frame is there twice: spantap counts the copies apart, tshark counts them all",
    "cooked": "every frame is there twice, before and after the router: likewise",
    "synack-lost": "a SYN-ACK sent again 47 us after itself, bit for bit the same: nobody could tell it from a mirror's copy",
}

FIELDS = ["frame.len", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport",
          "udp.srcport", "udp.dstport", "sctp.srcport", "sctp.dstport", "ip.id", "ip.frag_offset", "ipv6.fraghdr.ident",
          "ipv6.fraghdr.offset", "frame.interface_id"]
NETWORK = re.compile(r"\b(ip|ipv6)\b")


def innermost(row, depth):
    """Addresses of the network header number `depth` (counted from 0, outermost first) of a packet."""
    names = [p for p in row["frame.protocols"].split(":") if p in ("ip", "ipv6")]
    kind = names[depth]
    nth = names[:depth].count(kind)
    return row[kind + ".src"].split(",")[nth], row[kind + ".dst"].split(",")[nth], kind, nth


def by_tshark(capture):
    """(address, port, address, port, protocol) with the lower end first -> [packets, bytes, ICMP errors]."""
    args = ["tshark", "-n", "-r", capture, "-T", "fields", "-E", "separator=|", "-E", "occurrence=a",
            "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE"]
    for field in FIELDS:
        args += ["-e", field]
    out = subprocess.run(args, capture_output=True, text=True, check=False, timeout=300).stdout
    flows, fragments = defaultdict(lambda: [0, 0, 0]), {}
    for line in out.splitlines():
        row = dict(zip(FIELDS, line.split("|")))
        protocols = row.get("frame.protocols", "").split(":")
        # An ICMP error belongs to the flow that it quotes, and is counted there apart.
        quotes = any(p in ("icmp", "icmpv6") and {"ip", "ipv6"} & set(protocols[i:]) for i, p in enumerate(protocols))
        depth = sum(p in ("ip", "ipv6") for p in protocols)
        # ARP, also such as a mirror carries: the mirror's transport is not a conversation of its own.
        if not depth or "erspan" in protocols and "arp" in protocols:
            continue
        src, dst, kind, nth = innermost(row, depth - 1)
        last = max(i for i, p in enumerate(protocols) if p in ("ip", "ipv6"))
        proto, ports = None, ("", "")
        for p in protocols[last + 1:]:
            if p in PROTOCOLS:
                proto = PROTOCOLS[p]
                if p in ("tcp", "udp", "sctp"):
                    n = protocols[:last].count(p)
                    ports = tuple(row[f"{p}.{way}port"].split(",")[n] for way in ("src", "dst"))
                break
        ident = row["ip.id"].split(",")[nth] if kind == "ip" else row["ipv6.fraghdr.ident"].split(",")[-1]
        if proto:
            fragments[src, dst, ident] = proto, ports
        else:
            proto, ports = fragments.get((src, dst, ident), ("?", ("", "")))
        key = tuple(sorted([(src, ports[0]), (dst, ports[1])])) + (proto, row["frame.interface_id"])
        if quotes:
            flows[key][2] += 1
            continue
        flows[key][0] += 1
        flows[key][1] += int(row["frame.len"])
    return flows


def by_spantap(capture):
    """The same of spantap, and its exit status."""
    flows = defaultdict(lambda: [0, 0, 0])
    with tempfile.TemporaryDirectory() as out:
        run = subprocess.run([SPANTAP, "read", "-o", out, capture], capture_output=True, text=True, check=False, timeout=300)
        if run.returncode not in (0, 3):
            return None, run.stderr
        points = {}
        with open(os.path.join(out, "flows.jsonl"), encoding="utf-8") as f:
            for line in f:
                r = json.loads(line)
                points.setdefault(r["point"], str(len(points)))
                key = tuple(sorted([(r["client_ip"], str(r.get("client_port", ""))),
                                    (r["server_ip"], str(r.get("server_port", "")))])) + (r["proto"], r["point"])
                flows[key][0] += r["packets_c2s"] + r["packets_s2c"]
                flows[key][1] += r["bytes_c2s"] + r["bytes_s2c"]
                flows[key][2] += r.get("icmp_errors", 0)
    return flows, ""


def without_points(flows):
    """Conversations summed over points: their names are not tshark's numbers."""
    total = defaultdict(lambda: [0, 0, 0])
    for key, counts in flows.items():
        total[key[:3]] = [a + b for a, b in zip(total[key[:3]], counts)]
    return total


def compare(capture):
    """What differs, as lines."""
    ours, error = by_spantap(capture)
    if ours is None:
        return ["spantap failed: " + error.strip()]
    ours, theirs = without_points(ours), without_points(by_tshark(capture))
    lines = []
    for key in sorted(set(ours) | set(theirs)):
        a, b = ours.get(key, [0, 0, 0]), theirs.get(key, [0, 0, 0])
        if a != b:
            ends = " ".join(":".join(filter(None, end)) for end in key[:2])
            lines.append(f"{key[2]} {ends}: packets, bytes, ICMP errors: spantap {a}, tshark {b}")
    return lines


def main():
    if not shutil.which("tshark"):
        print("1..0 # SKIP tshark is not installed")
        return 0
    files = sys.argv[1:] or sorted(glob.glob(os.path.join(HERE, "captures", "*.pcap*")))
    bad = 0
    for n, capture in enumerate(files, 1):
        name = os.path.basename(capture).rsplit(".", 1)[0]
        if name in EXPLAINED and not sys.argv[1:]:
            print(f"ok {n} - {name} # SKIP {EXPLAINED[name]}")
            continue
        lines = compare(capture)
        for line in lines[:20]:
            print("#", line)
        print("not ok" if lines else "ok", n, "-", name)
        bad += bool(lines)
    print(f"1..{len(files)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

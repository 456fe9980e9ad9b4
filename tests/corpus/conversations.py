# SPDX-License-Identifier: Apache-2.0
"""Conversations of a capture as tshark and as spantap see them, in one shape: (protocol, end, end), an end being (address, port or
""), the lower one first, to counts. Counts have two places each, by sender: of the first end, of the second."""

import json
import os
import subprocess
import tempfile
from collections import defaultdict
from decimal import Decimal

import tshark

SPANTAP = os.environ.get("SPANTAP", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "spantap"))
NAMES = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmp6", "132": "sctp"}
PORTS = {"tcp": "tcp", "udp": "udp", "sctp": "sctp", "136": "udp", "33": "dccp"}
L4 = {"tcp": "tcp", "udp": "udp", "icmp": "icmp", "icmpv6": "icmp6", "sctp": "sctp", "udplite": "136", "dccp": "33", "gre": "47"}
# What may stand between an IP header and the one of the conversation: the tunnels that spantap takes off.
TUNNELS = {"udp", "gre", "erspan", "vxlan", "geneve", "gtp", "l2tp", "l2tpv3", "ppp", "pppoes", "nsh", "mpls", "pwethheuristic",
           "pwethcw", "pwethnocw", "eth", "ethertype", "vlan", "etherip", "ah", "ieee8021ad", "ieee8021ah", "llc",
           "ipv6.hopopts", "ipv6.routing", "ipv6.dstopts", "ipv6.fraghdr", "ipv6.ext"}
COUNTS = ["packets", "bytes", "icmp_errors", "retrans", "hole_filled", "out_of_order", "zero_window", "dup_ack", "keepalive"]

# No flow ends before its capture does, and packets come as they stand in the file, all of them: as tshark reads them.
PLAIN = "reorder: {window: 0s}\nflow: {report_interval: 3600s, dedup: {enabled: no}, timeout: {" + ", ".join(
    name + ": 24h" for name in ["opening", "established", "closing", "closed_fin", "closed_rst", "one_way", "udp", "icmp",
                                "other"]) + "}}\n"


class Counts:
    """Of one conversation."""

    def __init__(self):
        self.of = {name: [0, 0] for name in COUNTS}
        self.places = set()  # VLANs, tunnels and points in which it was seen

    def both(self, name):
        return sum(self.of[name])


def key_of(proto, src, dst):
    """The key, and the place of the sender's counts."""
    return ((proto, src, dst), 0) if src <= dst else ((proto, dst, src), 1)


def innermost(protocols):
    """Index of the last IP header that belongs to the conversation itself, in `protocols`; None: there is none. And whether it
    quotes another, as ICMP errors do."""
    last = None
    for i, name in enumerate(protocols):
        if name in ("ip", "ipv6"):
            between = protocols[last + 1:i] if last is not None else []
            if {"icmp", "icmpv6"} & set(between):
                return i, True
            if last is not None and not set(between) <= TUNNELS:
                break
            last = i
    return last, False


def at(row, field, nth):
    """The nth value of a field that a packet may have several of."""
    values = row[field].split(",")
    return values[nth] if nth < len(values) else ""


def address(text):
    """spantap keeps IPv4 addresses as IPv6 ones mapped to them, and does not tell which of both a packet wrote."""
    return text[7:] if text.startswith("::ffff:") and "." in text else text


def upper(row, protocols, last, nth):
    """The protocol number that the last header of the chain names."""
    if protocols[last] == "ip":
        return at(row, "ip.proto", nth)
    chain = [p for p in protocols[last + 1:] if p + ".nxt" in row]
    return row[chain[-1] + ".nxt"].split(",")[-1] if chain else at(row, "ipv6.nxt", nth)


def place_of(row, protocols, last):
    """Where a packet was seen: the point, and what is around its innermost IP header."""
    around = [a for field in ("ip.src", "ip.dst", "ipv6.src", "ipv6.dst") for a in row[field].split(",") if a]
    depth = sum(p in ("ip", "ipv6") for p in protocols[:last])
    return row["frame.interface_id"], row["vlan.id"], tuple(protocols[:last]), tuple(sorted(around)) if depth else ()


def conversation(row, fragments):
    """(key, place of the sender, is an ICMP error) of a packet, or None."""
    protocols = row["frame.protocols"].split(":")
    last, quotes = innermost(protocols)
    if last is None:
        return None
    if "erspan" in protocols[last + 1:]:
        return None  # what a mirror carries is no conversation of the mirror's
    row["place"] = place_of(row, protocols, last)
    kind = protocols[last]
    nth = protocols[:last].count(kind)
    src, dst = address(at(row, kind + ".src", nth)), address(at(row, kind + ".dst", nth))
    proto, ports = None, ("", "")
    for i in range(last + 1, len(protocols)):
        if protocols[i] in L4:
            proto = L4[protocols[i]]
            if proto in PORTS:
                field = PORTS[proto]
                before = protocols[:i].count(protocols[i])
                ports = at(row, field + ".srcport", before), at(row, field + ".dstport", before)
            break
    ident = at(row, "ip.id", nth) if kind == "ip" else row["ipv6.fraghdr.ident"].split(",")[-1]
    number = upper(row, protocols, last, nth)
    if proto:
        fragments[src, dst, ident] = proto, ports
    elif ident:
        proto, ports = fragments.get((src, dst, ident), (None, ports))
    proto = proto or NAMES.get(number, number)
    key, place = key_of(proto, (src, ports[0]), (dst, ports[1]))
    return key, place, quotes


def by_tshark(capture):
    """Conversations, and the packets of each as [(place, row)]."""
    flows, packets, fragments = defaultdict(Counts), defaultdict(list), {}
    for row in tshark.rows(capture):
        found = conversation(row, fragments)
        if not found:
            continue
        key, place, quotes = found
        if quotes and packets[key]:
            flows[key].of["icmp_errors"][0] += 1
            continue
        if quotes:
            key, place = errors_own(row)
        counts = flows[key].of
        counts["packets"][place] += 1
        counts["bytes"][place] += int(row["frame.len"])
        packets[key].append((place, row))
    return flows, packets


def errors_own(row):
    """An ICMP error that quotes a conversation which was not seen before is one of its own."""
    protocols = row["frame.protocols"].split(":")
    icmp = next(i for i, p in enumerate(protocols) if p in ("icmp", "icmpv6"))
    kind = [p for p in protocols[:icmp] if p in ("ip", "ipv6")][-1]
    nth = protocols[:icmp].count(kind) - 1
    ends = [(address(at(row, f"{kind}.{way}", nth)), "") for way in ("src", "dst")]
    return key_of(L4[protocols[icmp]], *ends)


class Failed(Exception):
    """spantap did not do what it was to do."""


def lines(folder, name):
    """Records of a file. Times in them may need more digits than a float has."""
    with open(os.path.join(folder, name), encoding="utf-8") as f:
        return [json.loads(line, parse_float=Decimal) for line in f]


def stats_of(folder):
    with open(os.path.join(folder, "stats.json"), encoding="utf-8") as f:
        return json.load(f)


def run(capture, out, conf=None):
    """spantap's output, in a folder."""
    args = [SPANTAP, "read", "-o", out]
    if conf:
        with open(os.path.join(out, "conf.yaml"), "w", encoding="utf-8") as f:
            f.write(conf)
        args += ["-c", os.path.join(out, "conf.yaml")]
    ended = subprocess.run(args + [capture], capture_output=True, text=True, errors="replace", check=False, timeout=300)
    if ended.returncode not in (0, 3):
        raise Failed(f"exit status {ended.returncode}: {ended.stderr.strip()}")


def spantap(capture, conf=None):
    """Flow records and stats.json of a run."""
    with tempfile.TemporaryDirectory() as out:
        run(capture, out, conf)
        return lines(out, "flows.jsonl"), stats_of(out)


def profiles(capture, conf):
    """Network Profiles, flow records and stats.json of a run."""
    with tempfile.TemporaryDirectory() as out:
        run(capture, out, conf)
        return lines(out, "profiles.jsonl"), lines(out, "flows.jsonl"), stats_of(out)


def by_spantap(capture, conf=PLAIN):
    """Conversations, and stats.json."""
    flows = defaultdict(Counts)
    records, stats = spantap(capture, conf)
    for r in records:
        key, client = key_of(r["proto"], (r["client_ip"], str(r.get("client_port", ""))),
                             (r["server_ip"], str(r.get("server_port", ""))))
        flow = flows[key]
        flow.places.add(json.dumps([r["point"], r.get("vlan"), r.get("mpls"), r.get("tunnels")]))
        for name, both in flow.of.items():
            if name == "icmp_errors":
                both[0] += r.get(name, 0)
            else:
                both[client] += r.get(name + "_c2s", 0)
                both[not client] += r.get(name + "_s2c", 0)
    return flows, stats

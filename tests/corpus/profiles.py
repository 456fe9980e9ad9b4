#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Network Profiles against the frames themselves, as tshark reads them, over the captures of tests/captures and, with --corpus, the
public ones: every packet of every TCP and UDP conversation is in a profile, with its time, direction, flags, numbers, length and
window, and nothing else is; a packet takes 8 bytes at most, on average over all of them. What they say of segments sent again is what
is known of some captures, and in all the same of a flow as of its packets. Prints TAP; `profiles.py FILE...` compares those files,
`profiles.py --sizes` prints what docs/network-profile.md says of sizes.

For a packet that is in no profile one of the CAUSES has to hold, and spantap has to have counted as many of its kind. A capture
that differs otherwise stands in EXPLAINED with the reason, and fails there once it does not differ any more; those that
differential.py explains are left out."""

import functools
import glob
import os
import sys
from collections import Counter, defaultdict
from decimal import Decimal

import conversations
import differential
import suite
import tshark

# What the captures' README says of segments that were sent again, or follows from it: point -> fast, timeout, tail, spurious.
SENT_AGAIN = {
    "blackhole": (0, 3, 0, 0),
    "fragments-tcp": (5, 0, 0, 0),
    "half-close": (0, 0, 0, 0),
    "http-download": (0, 0, 0, 0),
    "keepalive": (0, 0, 0, 0),
    "loss-download/c0": (13, 0, 0, 0),
    "loss-download/s0": (13, 0, 0, 0),
    "loss-upload": (7, 0, 0, 0),
    "reorder": (2, 0, 0, 2),
    "synack-lost": (0, 7, 0, 0),
    "zero-window": (0, 0, 1, 1),
}
CLASSES = ("fast", "timeout", "tail", "spurious")

# capture -> why its profiles differ
SHORTENED = "the tunnel's UDP length is what the capture left of it: tshark counts no bytes beyond it, spantap goes by the header inside"
EXPLAINED = {
    "deepflow/agent/resources/test/common/ip6-vxlan.pcap": SHORTENED,
    "deepflow/server/libs/datatype/ip6-vxlan.pcap": SHORTENED,
    "suricata-verify/firewall/tcp-session-decode-malformed-ipv4/input.pcap": "tshark gives up at an IP option, spantap skips it",
    "tcpdump/timestamp_invalid_micro.pcap": "a second and more of microseconds: spantap adds them, tshark writes ten digits, or none",
}

# What a packet may be in no profile for: name -> condition on (tshark's row, capture).
ERROR = "8388608"  # the severity of tshark's experts
REFUSED = "malformed: spantap refuses what tshark reads as far as it goes"
CUT = "its TCP header was not captured whole"
ALONE = "the first fragment of a datagram of which the capture has no other"
CAUSES = {
    REFUSED: lambda row, _: bool(row["_ws.malformed"]) or ERROR in row["_ws.expert.severity"].split(","),
    CUT: lambda row, _: "TCP truncated" in row["_ws.short"],
    ALONE: lambda row, capture: row["number"] in begun(capture),
}

CONF = conversations.PLAIN + "profile: {record: all, max_memory: 512MiB}\n"
ACK, SYN = 16, 2
BYTES_MAX = 8  # a packet, on average


def expected(capture):
    """Conversation -> the packets that a profile has to have, numbers as they stand in the packets, each with its row. None: some
    came in fragments, which are one packet there, or without a time."""
    packets, fragments = defaultdict(list), {}
    for row in tshark.rows(capture):
        found = conversations.conversation(row, fragments)
        if not found or found[2] or found[0][0] not in ("tcp", "udp"):
            continue
        key, place, _ = found
        timed = row["frame.time_epoch"].replace(".", "").isdigit()  # a block of a pcapng may have none; nor does one before 1970
        if differential.fragment(row) or packets[key] is None or not timed:
            packets[key] = None
            continue
        ns = int(Decimal(row["frame.time_epoch"]) * 10**9)
        if key[0] == "udp":
            packets[key].append(((ns, place), row))
            continue
        nth = row["frame.protocols"].split(":").count("tcp") - 1
        field = lambda name: int(conversations.at(row, name, nth) or "0", 0)
        flags = field("tcp.flags") & 0xff
        packet = (ns, place, flags, field("tcp.seq_raw"), field("tcp.ack_raw") if flags & ACK else 0, field("tcp.len"),
                  field("tcp.window_size_value"))
        packets[key].append((packet, row))
    return packets


def end_of(r):
    """The conversation of a record, and the place of its client."""
    return conversations.key_of(r["proto"], (r["client_ip"], str(r.get("client_port", ""))),
                                (r["server_ip"], str(r.get("server_port", ""))))


@functools.lru_cache
def begun(capture):
    """Numbers of the frames that are a fragment and say that more follow: a question of its own, for the few that ask it."""
    args = ["tshark", "-n", "-r", capture, "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-T", "fields",
            "-e", "frame.number", "-Y", "ip.flags.mf == 1 || ipv6.fraghdr.more == 1"]
    return {int(number) for number in tshark.kept(capture, args).split()}


class Recorded:
    """What a run with profiles leaves of a capture. `packets`: conversation -> those of its profiles; `dropped`: -> how many are said
    to be in none; `known`: conversations that have a flow; `unseen`: those with a beginning that was not seen; `size`: (bytes,
    packets); `problems`: what is wrong about numbers of packets, and about segments sent again."""

    def __init__(self, capture):
        profiles, flows, self.stats = conversations.profiles(capture, CONF)
        self.packets, self.dropped, self.unseen, self.problems = defaultdict(list), Counter(), set(), []
        self.known = {end_of(f)[0] for f in flows}
        self.size = tuple(sum(r[name] for r in profiles) for name in ("recorded_bytes", "packets_recorded"))
        for r in profiles:
            self.add(r)
        self.problems += sent_again(profiles)

    def add(self, r):
        key, client = end_of(r)
        if r["packets_recorded"] != len(r["packets"]):
            self.problems.append(f"flow {r['flow_id']}: {r['packets_recorded']} packets said to be recorded, {len(r['packets'])} are there")
        if r["proto"] == "tcp" and not ("isn_client" in r and "isn_server" in r):
            self.unseen.add(key)
        if r["proto"] in ("tcp", "udp"):
            self.packets[key] += [whole(r, client, p) for p in r["packets"]]
        self.dropped[key] += r["packets_dropped"]


def sent_again(profiles):
    """What is wrong about segments sent again."""
    again, noted = defaultdict(Counter), defaultdict(Counter)
    for r in profiles:
        if r.get("last"):
            again[r["point"]].update(r.get("retransmissions", {}))
        noted[r["point"]].update(note for p in r["packets"] for note in p[7].split())
    problems = [f"{point}: {dict(again[point])} sent again, but packets say {dict(noted[point])}"
                for point in again for c in CLASSES if again[point][c] != noted[point][c]]
    return problems + [f"{point}: {dict(again[point])} sent again, not {SENT_AGAIN[point]}"
                       for point in again if tuple(again[point][c] for c in CLASSES) != SENT_AGAIN.get(point, tuple(
                           again[point][c] for c in CLASSES))]


def whole(r, client, packet):
    """A packet with numbers as they stood in it."""
    t, way, flags, seq, ack, length, window, _ = packet
    place = client if way == "c2s" else 1 - client
    ns = r["start_ns"] + round(t * 1000)
    if r["proto"] == "udp":
        return ns, place
    mine, other = ("client", "server") if way == "c2s" else ("server", "client")
    if not flags & SYN and "wscale_client" in r and "wscale_server" in r:
        window >>= r["wscale_" + mine]
    return (ns, place, flags, (seq + r.get("isn_" + mine, 0)) % 2**32, (ack + r.get("isn_" + other, 0)) % 2**32 if flags & ACK else 0,
            length, window)


def counted_from(theirs, ours):
    """Both with numbers counted from the first ones, where the beginning of the only connection was not seen; without numbers, where
    that of one of several was not."""
    if not theirs or len(theirs[0]) == 2 or Counter(theirs) == Counter(ours):
        return theirs, ours

    def relative(packets):
        first = {}
        for _, place, flags, seq, ack, *_ in sorted(packets, key=lambda p: p[0]):
            first.setdefault(place, seq)
            if flags & ACK:
                first.setdefault(1 - place, ack)
        return [(ns, place, flags, (seq - first[place]) % 2**32, (ack - first[1 - place]) % 2**32 if flags & ACK else 0, *rest)
                for ns, place, flags, seq, ack, *rest in packets]
    if Counter(relative(theirs)) == Counter(relative(ours)):
        return [], []
    return [(*p[:3], *p[5:]) for p in theirs], [(*p[:3], *p[5:]) for p in ours]


def excused(path, key, missing, rows, causes):
    """Lines about packets of a conversation that are in no profile; counts the causes of the others."""
    lines = []
    for packet, n in sorted(missing.items()):
        held = [next((name for name, holds in CAUSES.items() if holds(row, path)), None) for row in rows[packet]]
        held = [name for name in held if name][:n]
        causes.update(held)
        lines += [f"{key}: is in no profile: {packet}"] * (n - len(held))
    return lines


def compare_conversation(path, key, theirs, ours, causes):
    """What differs in a conversation, as lines."""
    want, have = [packet for packet, _ in theirs], ours.packets.get(key, [])
    if key in ours.unseen:
        want, have = counted_from(want, have)
    rows, found = defaultdict(list), Counter()
    for packet, (_, row) in zip(want, theirs):
        rows[packet].append(row)
    want, have = Counter(want), Counter(have)
    lines = excused(path, key, want - have, rows, found)
    lines += [f"{key}: is in a profile alone: {p}" for p in sorted((have - want).elements())]
    if found[CUT] != ours.dropped[key]:
        lines.append(f"{key}: {ours.dropped[key]} packets dropped, {found[CUT]} cannot be recorded")
    causes.update(found)
    return lines


def compare(path):
    """(problems, causes of packets that are in no profile, (bytes, packets))."""
    causes = Counter()
    try:
        theirs, ours = expected(path), Recorded(path)
    except conversations.Failed as failure:
        return [str(failure)], causes, (0, 0)
    problems = ours.problems
    for key in sorted(set(theirs) | set(ours.packets)):
        if theirs.get(key, []) is None or (key not in ours.packets and key not in ours.known):
            continue  # fragments; or spantap does not read so far
        problems += compare_conversation(path, key, theirs.get(key, []), ours, causes)
    for cause, counted in ((REFUSED, ours.stats["malformed"]), (ALONE, ours.stats["flows"]["datagrams_incomplete"])):
        if causes[cause] > counted:
            problems.append(f"{causes[cause]} packets in no profile, spantap counts {counted}: {cause}")
    return problems, causes, ours.size


def main():
    args = sys.argv[1:]
    folder = os.path.join(suite.ROOT, "tests", "captures")
    if not suite.has("tshark"):
        print("1..0 # SKIP tshark is not there")
        return 0
    paths = sorted(glob.glob(os.path.join(folder, "*.pcap*")))
    if args[:1] == ["--corpus"]:
        folder = suite.corpus()
        paths = [os.path.join(folder, path) for path in suite.captures(folder)]
    elif args and args[0] != "--sizes":
        paths = args
    tap, sizes, total = suite.Tap(), {}, Counter()
    for path, (problems, causes, size) in suite.each(compare, paths):
        name = os.path.relpath(path, folder)
        sizes[name] = size
        if args[:1] == ["--sizes"] or name in differential.EXPLAINED:
            continue
        total += causes
        if name in EXPLAINED:
            problems = [] if problems else [f"explained, though nothing differs: {EXPLAINED[name]}"]
        tap.test(name, problems)
    size, n = (sum(s[i] for s in sizes.values()) for i in (0, 1))
    if args[:1] == ["--sizes"]:
        for name, (b, p) in sizes.items():
            if p:
                print(f"| `{name}` | {p:,} | {b / p:.1f} |")
        print(f"| all of them | {n:,} | {size / n:.2f} |")
        return 0
    for cause, count in total.most_common():
        print(f"# {count} packets are in no profile: {cause}")
    tap.test(f"{size / max(n, 1):.2f} bytes a packet over {n:,} packets", [] if size <= BYTES_MAX * n else ["too many"])
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())

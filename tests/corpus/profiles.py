#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Network Profiles against the frames themselves, as tshark reads them, over the captures of tests/captures and, with --corpus, the
public ones: every packet of every TCP and UDP conversation is in a profile, with its time, direction, flags, numbers, length and
window, and nothing else is; a packet takes 8 bytes at most, on average over all of them. What they say of segments sent again is what is known of some captures, and in all the same of a flow as of its packets.
Conversations that differ for a reason that differential.py names are left out. Prints TAP; `profiles.py FILE...` compares
those files, `profiles.py --sizes` prints what docs/network-profile.md says of sizes."""

import glob
import json
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

CONF = conversations.PLAIN + "profile: {record: all, max_memory: 512MiB}\n"
ACK, SYN = 16, 2
BYTES_MAX = 8  # a packet, on average


def expected(capture):
    """Conversation -> the packets that a profile has to have, numbers as they stand in the packets. None: some came in fragments,
    which are one packet there."""
    packets, fragments = defaultdict(list), {}
    for row in tshark.rows(capture):
        found = conversations.conversation(row, fragments)
        if not found or found[2] or found[0][0] not in ("tcp", "udp"):
            continue
        key, place, _ = found
        ns = int(Decimal(row["frame.time_epoch"]) * 10**9)
        if differential.fragment(row) or packets[key] is None:
            packets[key] = None
            continue
        if key[0] == "udp":
            packets[key].append((ns, place))
            continue
        nth = row["frame.protocols"].split(":").count("tcp") - 1
        field = lambda name: int(conversations.at(row, name, nth) or "0", 0)
        flags = field("tcp.flags") & 0xff
        packets[key].append((ns, place, flags, field("tcp.seq_raw"), field("tcp.ack_raw") if flags & ACK else 0, field("tcp.len"),
                             field("tcp.window_size_value")))
    return packets


def end_of(r):
    """The conversation of a record, and the place of its client."""
    return conversations.key_of(r["proto"], (r["client_ip"], str(r.get("client_port", ""))),
                                (r["server_ip"], str(r.get("server_port", ""))))


def recorded(capture):
    """Conversation -> the packets of its profiles; those that have a flow; those that have a beginning which was not seen; what they take: (bytes, packets);
    and what is wrong about segments sent again."""
    unseen = set()
    packets, again, noted, size, n = defaultdict(list), defaultdict(Counter), defaultdict(Counter), 0, 0
    profiles, flows = conversations.profiles(capture, CONF)
    known = {end_of(f)[0] for f in flows}
    for r in profiles:
        key, client = end_of(r)
        size += r["recorded_bytes"]
        n += r["packets_recorded"]
        if r["packets_recorded"] != len(r["packets"]) or r["packets_dropped"]:
            raise conversations.Failed(f"flow {r['flow_id']}: {r['packets_recorded']} packets said to be recorded, "
                                       f"{r['packets_dropped']} dropped, {len(r['packets'])} are there")
        if r.get("last"):
            again[r["point"]].update(r.get("retransmissions", {}))
        noted[r["point"]].update(note for p in r["packets"] for note in p[7].split())
        if r["proto"] == "tcp" and not ("isn_client" in r and "isn_server" in r):
            unseen.add(key)
        if r["proto"] in ("tcp", "udp"):
            packets[key] += [whole(r, client, p) for p in r["packets"]]
    problems = [f"{point}: {dict(again[point])} sent again, but packets say {dict(noted[point])}"
                for point in again for c in CLASSES if again[point][c] != noted[point][c]]
    problems += [f"{point}: {dict(again[point])} sent again, not {SENT_AGAIN[point]}"
                 for point in again if tuple(again[point][c] for c in CLASSES) != SENT_AGAIN.get(point, tuple(
                     again[point][c] for c in CLASSES))]
    return packets, known, unseen, (size, n), problems


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


def compare(path):
    """(problems, (bytes, packets))."""
    try:
        theirs, (ours, known, unseen, size, problems) = expected(path), recorded(path)
    except conversations.Failed as failure:
        return [str(failure)], (0, 0)
    for key in sorted(set(theirs) | set(ours)):
        if theirs.get(key, []) is None or (key not in ours and key not in known):
            continue  # fragments; or spantap does not read so far
        want, have = theirs.get(key, []), ours.get(key, [])
        if key in unseen:
            want, have = counted_from(want, have)
        want, have = Counter(want), Counter(have)
        problems += [f"{key}: is in no profile: {p}" for p in sorted((want - have).elements())]
        problems += [f"{key}: is in a profile alone: {p}" for p in sorted((have - want).elements())]
    return problems, size


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
    tap, sizes = suite.Tap(), {}
    for path, (problems, size) in suite.each(compare, paths):
        name = os.path.relpath(path, folder)
        sizes[name] = size
        if args[:1] != ["--sizes"] and name not in differential.EXPLAINED:
            tap.test(name, problems)
    size, n = (sum(s[i] for s in sizes.values()) for i in (0, 1))
    if args[:1] == ["--sizes"]:
        for name, (b, p) in sizes.items():
            if p:
                print(f"| `{name}` | {p:,} | {b / p:.1f} |")
        print(f"| all of them | {n:,} | {size / n:.2f} |")
        return 0
    tap.test(f"{size / max(n, 1):.2f} bytes a packet over {n:,} packets", [] if size <= BYTES_MAX * n else ["too many"])
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())

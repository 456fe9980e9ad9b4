#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""spantap against tshark, conversation by conversation, over the captures of tests/captures and, with --corpus, the public ones:
packets, bytes and ICMP errors; retransmissions, holes filled, segments out of order, zero windows, duplicate ACKs, keep-alives.
Prints TAP; `differential.py FILE...` compares those files.

Counts have to be equal. TCP's marks are compared in two steps: spantap's counts have to be the sums of what model.py says of each
packet, and where that differs from what tshark says of the same packet, one of the named CAUSES has to hold for that very packet.
A difference that has no such cause stands in EXPLAINED, by capture, with the reason; it fails there once it is gone."""

import glob
import os
import sys
from collections import Counter

import conversations
import model
import suite
from conversations import Counts
from model import ACK, FIN, SYN

# capture -> why its counts differ
EXPLAINED = {
}

MARKS = ("retrans", "hole_filled", "out_of_order", "zero_window", "dup_ack", "keepalive")
DAY = 24 * 3600


# --- counts ---

def fragment(row):
    return any(o not in ("", "0") for field in ("ip.frag_offset", "ipv6.fraghdr.offset") for o in row[field].split(","))


def by_addresses(flows, name):
    """Sums over ports."""
    total = Counter()
    for (proto, a, b), counts in flows.items():
        total[proto, a[0], b[0]] += counts.both(name)
    return +total


def fragments(ours, theirs, stats):
    """Later fragments of a datagram whose first one was not seen before them count without ports."""
    return stats["fragments"] and all(by_addresses(ours, n) == by_addresses(theirs, n) for n in ("packets", "bytes"))


def malformed(ours, theirs, stats):
    """What spantap refuses by reason, tshark reads as far as it goes: only such packets are missing."""
    missing = 0
    for key in set(ours) | set(theirs):
        more = theirs.get(key, Counts()).both("packets") - ours.get(key, Counts()).both("packets")
        missing += more
        if more < 0:
            return False
    return missing <= stats["malformed"]


def compare_counts(ours, theirs, stats):
    """What differs, as lines, and the name of the cause that all of it has."""
    lines = []
    for key in sorted(set(ours) | set(theirs)):
        a, b = ours.get(key, Counts()), theirs.get(key, Counts())
        for name in ("packets", "bytes", "icmp_errors"):
            if a.of[name] != b.of[name]:
                lines.append(f"{key[0]} {':'.join(key[1])} {':'.join(key[2])}: {name}: spantap {a.of[name]}, tshark {b.of[name]}")
    causes = [cause for cause in (fragments, malformed) if lines and cause(ours, theirs, stats)]
    return ([], causes[0].__name__) if causes else (lines, None)


# --- marks ---

def looked_at(s):
    """What tshark says of a segment, in spantap's words; a retransmission there may be a hole filled here."""
    marks = set()
    if s.len and s.marks & {"retransmission", "fast_retransmission", "spurious_retransmission"}:
        marks.add("sent_again")
    elif s.len and "out_of_order" in s.marks:
        marks.add("out_of_order")
    for theirs, ours in (("keep_alive", "keepalive"), ("zero_window_probe", "probe"), ("duplicate_ack", "dup_ack"),
                         ("zero_window", "zero_window")):
        if theirs in s.marks:
            marks.add(ours)
    return marks


def same(mark):
    return "sent_again" if mark in ("retrans", "hole_filled") else mark


# What a difference in one segment is due to: name -> condition on (model's marks, tshark's, segment).
CAUSES = {
    "seen before, and sent again soon after something newer: tshark calls that out of order":
        lambda ours, theirs, s: ours ^ theirs == {"retrans", "out_of_order"} and s.told_by == "seen",
}


def compare_marks(ours, packets, causes):
    """What differs in one conversation, as lines; counts the causes of differences in single packets."""
    sums = {name: [0, 0] for name in MARKS}
    lines = []
    places = {row["place"] for _, row in packets}
    for where in places:
        for place, s, marks in model.marks([(place, row) for place, row in packets if row["place"] == where]):
            for mark in marks & set(MARKS):
                sums[mark][place] += 1
            theirs = looked_at(s)
            if {same(m) for m in marks} == theirs:
                continue
            cause = "seen in several places: tshark takes them for one" if len(places) > 1 else None
            cause = cause or next((name for name, holds in CAUSES.items() if holds(marks, theirs, s)), None)
            causes[cause] += 1
            if not cause:
                lines.append(f"packet {s.number}: spantap {sorted(marks)}, tshark {sorted(s.marks)}")
    lines += [f"{name}: spantap {ours.of[name]}, model {sums[name]}" for name in MARKS if ours.of[name] != sums[name]]
    return lines


def compare(path):
    """What differs in a capture, as lines, and the causes of what may."""
    causes = Counter()
    try:
        ours, stats = conversations.by_spantap(path)
    except conversations.Failed as e:
        return [str(e)], causes
    theirs, packets = conversations.by_tshark(path)
    stats["fragments"] = any(fragment(row) for rows in packets.values() for _, row in rows)
    lines, cause = compare_counts(ours, theirs, stats)
    causes[cause] += bool(cause)
    for key, counts in theirs.items():
        if key[0] == "tcp" and key in ours and ours[key].of["packets"] == counts.of["packets"]:
            lines += [f"{':'.join(key[1])} {':'.join(key[2])}: {line}" for line in compare_marks(ours[key], packets[key], causes)]
    return lines, causes


def main():
    if not suite.has("tshark"):
        print("1..0 # SKIP tshark is not installed")
        return 0
    folder = os.path.join(suite.ROOT, "tests", "captures")
    names = sys.argv[1:] or [os.path.basename(c) for c in glob.glob(os.path.join(folder, "*.pcap*"))]
    if sys.argv[1:] == ["--corpus"]:
        folder = suite.corpus()
        names = suite.captures(folder)
    tap, total = suite.Tap(), Counter()
    for path, (lines, causes) in suite.each(compare, [os.path.join(folder, name) for name in sorted(names)]):
        name = os.path.relpath(path, folder)
        total += causes
        if name in EXPLAINED:
            lines = [] if lines else [f"explained, though nothing differs: {EXPLAINED[name]}"]
        tap.test(name, lines)
    for cause, n in total.most_common():
        print(f"# {n} by cause: {cause}")
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())

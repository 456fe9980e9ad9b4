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
from collections import Counter, defaultdict

import conversations
import model
import suite
from conversations import Counts

# capture -> why its counts differ
EXPLAINED = {
    "mirror-link-reorder.pcap": "more holes at once than the three that a flow remembers: two segments that only the mirror "
    "delayed pass for the network's",
    "vxlan-fragments.pcapng": "a tunnel in fragments: spantap puts it together, and finds the packet inside beside them",
}

COUNTS = ("packets", "bytes", "icmp_errors")
MARKS = ("retrans", "hole_filled", "out_of_order", "zero_window", "dup_ack", "keepalive")


# --- counts ---

def fragment(row):
    return any(o not in ("", "0") for field in ("ip.frag_offset", "ipv6.fraghdr.offset") for o in row[field].split(","))


def sums(flows, ports):
    """(packets, bytes, ICMP errors) by conversation, or by addresses alone."""
    total = defaultdict(lambda: [0, 0, 0])
    for (proto, a, b), counts in flows.items():
        key = (proto, a, b) if ports else (proto, a[0], b[0])
        total[key] = [x + counts.both(name) for x, name in zip(total[key], COUNTS)]
    return total


def only_refused(ours, theirs, stats, ports):
    """Nothing differs but packets that spantap does not have, no more of them than it refused."""
    missing = 0
    ours, theirs = sums(ours, ports), sums(theirs, ports)
    for key in set(ours) | set(theirs):
        packets, size, errors = (b - a for a, b in zip(ours[key], theirs[key]))
        if packets < 0 or errors < 0 or bool(packets) != bool(size):
            return False
        missing += packets + errors
    return missing <= stats["malformed"]


# What all differences of a capture are due to: name -> condition.
COUNT_CAUSES = {
    "malformed: spantap refuses and counts by reason what tshark reads as far as it goes":
        lambda ours, theirs, stats: stats["malformed"] and only_refused(ours, theirs, stats, True),
    "fragments whose first was not seen before them: spantap has no ports for them":
        lambda ours, theirs, stats: stats["fragments"] and only_refused(ours, theirs, stats, False),
}


def compare_counts(ours, theirs, stats):
    """What differs, as lines, and the name of the cause that all of it has."""
    lines = []
    for key in sorted(set(ours) | set(theirs)):
        a, b = ours.get(key, Counts()), theirs.get(key, Counts())
        for name in COUNTS:
            if a.of[name] != b.of[name]:
                lines.append(f"{key[0]} {':'.join(key[1])} {':'.join(key[2])}: {name}: spantap {a.of[name]}, tshark {b.of[name]}")
    cause = next((name for name, holds in COUNT_CAUSES.items() if lines and holds(ours, theirs, stats)), None)
    return ([], cause) if cause else (lines, None)


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
    "lost, as its number or a round trip since it was jumped over says: tshark counts from the newest segment":
        lambda ours, theirs, s: ours ^ theirs in ({"hole_filled", "out_of_order"}, {"retrans", "out_of_order"}) and
        s.told_by in ("number", "time"),
    "overtaken, as its number or the time says: tshark takes what three ACKs asked for, or one acknowledged, for sent again":
        lambda ours, theirs, s: ours ^ theirs == {"out_of_order", "sent_again"} and s.told_by in ("number", "time"),
    "late only here, for the receiver never missed it: tshark does not ask the receiver":
        lambda ours, theirs, s: "late_here" in ours and (ours ^ theirs) <= {"late_here", "out_of_order", "sent_again"},
    "an ACK that a newer one overtook: tshark compares with the latest":
        lambda ours, theirs, s: ours ^ theirs == {"dup_ack"} and s.old_ack,
    "a duplicate ACK behind bytes that are missing here: tshark wants those":
        lambda ours, theirs, s: ours ^ theirs == {"dup_ack"} and "dup_ack" in ours and s.jumped,
    "the first of its side: what was sent before it is not known, though tshark goes by what the other side acknowledged":
        lambda ours, theirs, s: ours ^ theirs == {"sent_again"} and s.first,
    "a question to a closed window as Linux asks it, without a byte: tshark calls that a keep-alive":
        lambda ours, theirs, s: ours ^ theirs == {"probe", "keepalive"} and "probe" in ours,
    "one byte that was not acknowledged yet, sent again: tshark calls that a keep-alive":
        lambda ours, theirs, s: ours ^ theirs == {"retrans", "keepalive"} and "retrans" in ours and s.len == 1,
    "one byte below what was seen: tshark takes it for new, sent after a window probe":
        lambda ours, theirs, s: ours ^ theirs == {"retrans"} and s.delta == -1 and s.len > 1,
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
        if any(fragment(row) for _, row in packets[key]):
            causes["TCP in fragments: spantap judges it by whole datagrams, which the model does not have"] += key[0] == "tcp"
            continue
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

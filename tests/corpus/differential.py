#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""spantap against tshark, conversation by conversation, over the captures of tests/captures and, with --corpus, the public ones:
packets, bytes and ICMP errors; retransmissions, holes filled, segments out of order, zero windows, duplicate ACKs, keep-alives.
Prints TAP; `differential.py FILE...` compares those files.

Counts have to be equal. TCP's marks are compared in two steps: spantap's counts have to be the sums of what model.py says of each
packet, and where that differs from what tshark says of the same packet, one of the named CAUSES has to hold for that very packet.
A difference that has no such cause stands in EXPLAINED, by capture, with the reason; it fails there once it is gone."""

import os
import sys
from collections import Counter, defaultdict

import conversations
import model
import suite
from conversations import Counts

# capture -> why its counts differ
BIG = "BIG TCP in a tunnel: tshark does not take an IP length of 0 for what it is there"
RANDOM = "bits changed at random: what is broken is read in different ways"
AH = "tshark's number is that of the authentication header, which spantap takes off"
EXPLAINED = {
    "arkime/pcap/ah-esp.pcap": AH,
    "ipfixprobe/inputs/tls.pcap": "the same connections twice, and the clock set back by five years between: they have ended by then",
    "libpcap/filter/AH-IPcomp-IPv4.pcap": "tshark decompresses IPComp",
    "libpcap/filter/AH-IPcomp-IPv6.pcap": "tshark decompresses IPComp",
    "libpcap/shb-option-too-long.pcapng": "the section header's two lengths are not the same: spantap refuses the file",
    "ndpi/pcap/KakaoTalk_chat.pcap": "a SYN-ACK with another number when the client has taken the first: tshark goes on with it",
    "ndpi/pcap/fuzz-2006-06-26-2594.pcap": RANDOM,
    "ndpi/pcap/fuzz-2020-02-16-11740.pcap": RANDOM,
    "ndpi/pcap/tls_multiple_synack_different_seq.pcapng": "a SYN that is answered with several numbers: tshark goes on with the first",
    "pcapplusplus/packetexamples/Ftp.pcap": "15 years pass between neighbours: holes are as old as their age modulo 20 hours",
    "pcapplusplus/packetexamples/ipsec.pcapng": AH,
    "suricata-verify/bug-7414-decoder-event-01/ip_secopt.pcap": "tshark gives up at an IP option, spantap skips it",
    "suricata-verify/bug-7964-01/wrong-version-ipv4-ipv6.pcap": "a tunnel whose inside is of another version is a flow of its own",
    "suricata-verify/security-8550/input.pcap": "a tunnel in a fragment is not opened: a flow of its own",
    "tcpdump/LINKTYPE_IPV6_invalid.pcap": "link type IPv6, and IPv4 inside: spantap goes by the packet, tshark by the type",
    "tcpdump/OSPFv3_with_AH.pcap": AH,
    "tcpdump/arista_ether.pcap": "Arista's own Ethernet type with a time stamp is not read",
    "tcpdump/bigtcp-ipv4-geneve-ipv4.pcap": BIG,
    "tcpdump/bigtcp-ipv4-vxlan-ipv4.pcap": BIG,
    "tcpdump/bigtcp-ipv4-vxlan-ipv6.pcap": BIG,
    "tcpdump/bigtcp-ipv6-geneve-ipv4.pcap": BIG,
    "tcpdump/bigtcp-ipv6-geneve-ipv6.pcap": BIG,
    "tcpdump/bigtcp-ipv6-vxlan-ipv4.pcap": BIG,
    "tcpdump/bigtcp-ipv6-vxlan-ipv6.pcap": BIG,
    "tcpdump/ospf-signed-integer-ubsan.pcap": AH,
    "tcpflow/test5-lines-randomized.pcap": "packets in random order, the SYN-ACK behind the FIN: spantap begins a connection there",
    "wireshark-wiki/dns-remoteshell.pcap": "802.11 as Intel's driver wraps it into Ethernet is not read",
    "zeek/Traces/cisco-fabric-path.pcap": "Cisco's FabricPath is not read",
    "zeek/Traces/erspan.pcap": "a mirror's packet in fragments is not opened: a flow of the mirror's",
    "zeek/Traces/ipv6-mobility-dst-opts.pcap": "tshark gives up at a destination option, spantap skips it",
    "zeek/Traces/trunc/mpls-6in6-6in6-4in6-trunc.pcap": "cut inside the innermost tunnel: a flow of the tunnel around it",
    "zeek/Traces/tunnels/gre-over-udp-4754.pcap": "GRE in UDP (RFC 8086) is not opened: a flow of its own",
    "zeek/Traces/tunnels/gtp/gtp1_gn_normal_incl_fragmentation.pcap": "a tunnel in a fragment is not opened: a flow of its own",
    "vxlan-fragments.pcapng": "a tunnel in fragments: spantap puts it together, and finds the packet inside beside them",
}

COUNTS = ("packets", "bytes", "icmp_errors")
OLD = ("retrans", "hole_filled", "out_of_order")
MARKS = OLD + ("zero_window", "dup_ack", "keepalive")
HOLES_KEPT = 3  # SP_HOLES_MAX


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


def only_icmp(ours, theirs, stats):
    """Nothing differs but whether some ICMP messages count as errors, and messages that spantap refused."""
    missing = 0
    ours, theirs = sums(ours, True), sums(theirs, True)
    for key in set(ours) | set(theirs):
        a, b = ours[key], theirs[key]
        if a != b and key[0] not in ("icmp", "icmp6"):
            return False
        missing += b[0] + b[2] - a[0] - a[2]
    return 0 <= missing <= stats["malformed"]


def same_packets(ours, theirs):
    ours, theirs = sums(ours, True), sums(theirs, True)
    return all(ours[key][0] == theirs[key][0] for key in set(ours) | set(theirs))


# What all differences of a capture are due to: name -> condition.
COUNT_CAUSES = {
    "lengths on the wire shorter than what was captured: spantap takes the longer ones":
        lambda ours, theirs, stats: stats["bytes"] != stats["frame_bytes"] and same_packets(ours, theirs),
    "an ICMP error that quotes an ICMP message: spantap knows it by its identifier, which tshark's row does not hold":
        lambda ours, theirs, stats: only_icmp(ours, theirs, stats),
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
    "a duplicate ACK behind bytes that are missing here: tshark wants those":
        lambda ours, theirs, s: ours ^ theirs == {"dup_ack"} and "dup_ack" in ours and s.jumped,
    "a keep-alive, or the answer to one, of which tshark has not seen what is before it":
        lambda ours, theirs, s: (ours ^ theirs == {"keepalive", "dup_ack"} and s.delta == -1) or
        (ours ^ theirs == {"dup_ack"} and "dup_ack" in theirs and s.answers),
    "an ACK older than another: tshark compares with the newest one, RFC 5681 with the highest":
        lambda ours, theirs, s: ours ^ theirs == {"dup_ack"} and (s.stale if "dup_ack" in theirs else not s.repeats),
    "after a RST, whose numbers and window tshark takes for the stream's":
        lambda ours, theirs, s: not ours and s.after_reset,
    "the first ACK of its side: tshark begins with one of byte 0":
        lambda ours, theirs, s: ours ^ theirs == {"dup_ack"} and s.first_ack and s.ack == 0,
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
    if any(fragment(row) for _, row in packets):
        causes["fragmented segments: spantap puts them together, tshark was told not to"] += 1
        return []
    totals = {name: [0, 0] for name in MARKS + ("late_here",)}
    lines, most = [], 0
    places = {row["place"] for _, row in packets}
    for where in places:
        segments, holes = model.marks([(place, row) for place, row in packets if row["place"] == where])
        most = max(most, holes)
        for place, s, marks in segments:
            for mark in marks & set(totals):
                totals[mark][place] += 1
            theirs = looked_at(s)
            if {same(m) for m in marks} == theirs:
                continue
            cause = "seen in several places: tshark takes them for one" if len(places) > 1 else None
            cause = cause or next((name for name, holds in CAUSES.items() if holds(marks, theirs, s)), None)
            causes[cause] += 1
            if not cause:
                lines.append(f"packet {s.number}: spantap {sorted(marks)}, tshark {sorted(s.marks)}")
    if most > HOLES_KEPT and holes_merged(ours, totals):
        causes["more holes at a time than spantap keeps: some are taken together"] += 1
        totals.update({name: ours.of[name] for name in OLD})
    return lines + [f"{name}: spantap {ours.of[name]}, model {totals[name]}" for name in MARKS if ours.of[name] != totals[name]]


def holes_merged(ours, totals):
    """The same segments are old, though not all of them for the same reason."""
    return all(0 <= sum(totals[name][i] for name in OLD) + totals["late_here"][i] - sum(ours.of[name][i] for name in OLD) <=
               totals["late_here"][i] for i in (0, 1))


def compare(path):
    """What differs in a capture, as lines, and the causes of what may."""
    causes = Counter()
    try:
        ours, stats = conversations.by_spantap(path)
    except conversations.Failed as e:
        return [str(e)], causes
    theirs, packets = conversations.by_tshark(path)
    stats["frame_bytes"] = sum(int(row["frame.len"]) for row in conversations.tshark.rows(path))
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
    folder, names = suite.asked(sys.argv[1:])
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

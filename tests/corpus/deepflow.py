#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Captures with which DeepFlow tests its agent: our close reason, delays and counts are what its tests expect, or stand in
EXPLAINED with ours, and why. Its expectations are read from the .result files beside the captures (the last state that one
gives for a capture); what its tests hold in their code stands in ASSERTED. Prints TAP."""

import glob
import os
import re
import sys

import conversations
import suite

FOLDER = "deepflow/agent/resources/test/flow_generator"

# Its agent recognises no copies of a mirror.
CONF = "flow: {dedup: {enabled: no}}\n"
SLICED = CONF + "decode: {sliced: yes}\n"

CLOSE = {1: "fin", 2: "server_rst", 3: "timeout", 7: "syn_no_answer", 8: "client_fin_only", 9: "client_rst",
         10: "synack_no_ack", 11: "server_fin_only", 13: "port_reuse", 15: "syn_rejected", 17: "accept_queue_overflow",
         18: "client_rst_in_handshake", 19: "server_rst_in_handshake", 20: "client_rst_after_response"}

# capture -> what its tests say in code: close types by its numbers, delays in microseconds.
ASSERTED = {
    "tcp-one-syn": {"close": 7}, "tcp-n-syn-ack": {"close": 10}, "syn-1": {"close": 13}, "l4-source-port-reuse": {"close": 13},
    "server-reset": {"close": 15}, "server-queue-lack": {"close": 17}, "server-no-response": {"close": 18},
    "client-no-response": {"close": 19}, "client-syn-try-lack": {"close": 20},
    "http": {"rtt_client": 114, "rtt_server": 44, "srt": (1, 12)},
    "handshake-retrans": {"syn_count": 2, "synack_count": 2, "rtt": 2510, "rtt_client": 1567, "rtt_server": 1886},
    "tcp-syn-ack-zerowin": {"zero_window_s2c": 1},
    "udp_normal": {"art": (1, 24416)}, "udp_continuous_packet": {"art": (1, 24409)},
}

ANSWERED = ("a SYN-ACK answers the SYN before it, and an ACK the SYN-ACK before it: theirs are timed from the first ones, whatever "
            "was lost since")
EACH = "theirs has a sample for each SYN-ACK, timed from the first SYN, and this is their sum; a handshake has one"

# (capture, what) -> (ours, why ours is right)
EXPLAINED = {
    ("client-keep-alive", "art"): ((1, 2307), "the answer to the request before it, though a part of both is missing here"),
    ("client-keep-alive", "cit"): ((1, 1271614), "the client waited since the handshake: a keep-alive probe asks for nothing"),
    ("client-syn-try-lack", "close"): ("client_rst_in_handshake", "four SYN-ACKs without an ACK are no health check that went well"),
    ("handshake-error", "cit"): ((1, 1), "the client's data follow its ACK, which theirs takes for an error as it comes before the SYN-ACK"),
    ("handshake-retrans", "rtt"): (1255, ANSWERED),
    ("handshake-retrans", "rtt_client"): (312, ANSWERED),
    ("handshake-retrans", "rtt_server"): (943, EACH),
    ("syn-ack-ack-retrans-and-client-payload", "art"): ((1, 998), "the request was sent again: the answer is timed from the copy that "
                                                        "was answered; theirs is not timed at all"),
    ("syn-retrans", "rtt"): (225400, ANSWERED),
    ("syn-retrans", "rtt_server"): (216300, ANSWERED),
    ("syn-syn-ack-retrans", "rtt"): (225400, ANSWERED),
    ("syn-syn-ack-retrans", "rtt_client"): (9100, ANSWERED),
    ("syn-syn-ack-retrans", "rtt_server"): (216300, EACH),
    ("syn-syn-ack-retrans-2", "rtt"): (225400, ANSWERED),
    ("syn-syn-ack-retrans-2", "rtt_client"): (9100, ANSWERED),
    ("syn-syn-ack-retrans-2", "rtt_server"): (216300, EACH),
    ("tcp-syn-ack-zerowin", "zero_window_s2c"): (0, "a receiver that has stalled is meant, not one that has not begun; tshark agrees"),
    ("udp_continuous_packet", "art"): ((1, 24442), "theirs is timed from the last question; the first answer is the first one's"),
    ("xiangdao-retrans", "sent_again"): (6, "packets 5, 6, 9 and 12 are sent again, 11 and 13 come late; theirs loses count where the "
                                         "sequence numbers wrap"),
}


def micros(text):
    """A Rust duration in microseconds."""
    number, unit = re.fullmatch(r"([0-9.]+)(ns|µs|ms|s)", text).groups()
    return int(float(number) * {"ns": 1e-3, "µs": 1, "ms": 1e3, "s": 1e6}[unit] + 0.001)


def results(folder):
    """capture -> its last state: field -> number, or (count, sum) of a delay."""
    states = {}
    for path in glob.glob(os.path.join(folder, "*.result")):
        with open(path, encoding="utf-8") as f:
            parts = re.split(r'perf data from "([^"]+)":\n', f.read())
        for name, text in zip(parts[1::2], parts[2::2]):
            state = {k: int(v) for k, v in re.findall(r"^    (\w+): (\d+),$", text, re.M)}
            for k, count, total in re.findall(r"^    (\w+): TimeStats \{\s+count: (\d+),\s+sum: ([^,]+),", text, re.M):
                state[k] = int(count), micros(total)
            state["rtt_full"] = micros(re.search(r"rtt_full: ([^,]+),", text)[1])
            states[os.path.basename(name).rsplit(".", 1)[0]] = state
    return states


def expected(name, states):
    """What DeepFlow expects, in our names."""
    want = {}
    s = states.get(name)
    if s:
        for ours, theirs in (("rtt_client", "rtt_0"), ("rtt_server", "rtt_1")):
            if s[theirs][0]:
                want[ours] = s[theirs][1]
        if s["rtt_full"]:
            want["rtt"] = s["rtt_full"]
        want.update({"srt": s["srt_1"], "art": s["art_1"], "cit": s["cit"], "syn_count": s["syn"], "synack_count": s["synack"],
                     "fin_count": s["fin_count"], "zero_window_c2s": s["zero_win_count_0"],
                     "zero_window_s2c": s["zero_win_count_1"]})
        # SYNs and SYN-ACKs sent again are in theirs.
        want["sent_again"] = s["retrans_sum"] - s["retrans_syn"] - s["retrans_synack"] + s["ooo_0"] + s["ooo_1"]
    want.update(ASSERTED.get(name, {}))
    if "close" in want:
        want["close"] = CLOSE[want["close"]]
    return want


def found(record, what):
    """Ours."""
    if what == "close":
        return record["close_reason"]
    if what in ("rtt", "rtt_client", "rtt_server"):
        return record.get(what + "_us")
    if what in ("srt", "art", "cit"):
        delay = record.get(what + "_us", {"count": 0, "sum": 0})
        return delay["count"], delay["sum"]
    if what == "sent_again":
        return sum(record[kind + way] for kind in ("retrans", "hole_filled", "out_of_order") for way in ("_c2s", "_s2c"))
    return record[what]


def compare(path, name, want):
    """What differs, as lines."""
    records, _ = conversations.spantap(path, SLICED if name == "xiangdao-retrans" else CONF)
    if len(records) != 1:
        return [f"{len(records)} records instead of one"]
    lines = []
    for what, theirs in want.items():
        ours, explained = found(records[0], what), EXPLAINED.get((name, what))
        if explained and explained[0] == theirs:
            lines.append(f"{what}: explained, though theirs is the same")
        if ours != (explained[0] if explained else theirs):
            lines.append(f"{what}: spantap {ours}, DeepFlow {theirs}" + (f", explained {explained[0]}" if explained else ""))
    return lines


def main():
    folder = os.path.join(suite.corpus(), FOLDER)
    states, tap = results(folder), suite.Tap()
    for name in sorted(set(states) | set(ASSERTED)):
        path = os.path.join(folder, name + ".pcap")
        if os.path.exists(path):
            tap.test(name, compare(path, name, expected(name, states)))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())

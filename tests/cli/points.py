#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several points from outside: traces, deaths, edges, losses, clocks. As cli.py, with the captures of the lab."""

import json
import os
import re
import struct
import sys

from cli import Dir, main, run

CAPTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "captures")


def split_pcapng(data):
    """A pcapng of several interfaces as one for each: [bytes]. Little-endian, as dumpcap writes here."""
    head, interfaces, packets, at = b"", [], {}, 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        block = data[at:at + size]
        at += size
        if kind == 0x0A0D0D0A:
            head = block
        elif kind == 1:
            interfaces.append(block)
        elif kind == 6:
            i = struct.unpack_from("<I", block, 8)[0]
            packets.setdefault(i, []).append(block[:8] + bytes(4) + block[12:])
    return [head + interface + b"".join(packets.get(i, [])) for i, interface in enumerate(interfaces)]


def test_points_in_files_of_their_own():
    """One pcapng of three interfaces, and a file for each, in any order: the same traces and paths, with the same ids. That
    the files are of one box has to be said; their clocks are compared where it is not."""
    lab = os.path.join(CAPTURES, "lab.pcapng")
    with Dir() as d, open(lab, "rb") as f:
        parts = split_pcapng(f.read())
        names = ("c0", "p0", "s0")
        args = [f"lab/{name}=" + d.write(name + ".pcapng", part) for name, part in zip(names, parts)]
        conf = d.write("one.yaml", ("points:\n" + "".join(f"  - {{name: lab/{n}, clock: box}}\n" for n in names)).encode())
        told = []
        for points in ([lab], ["-c", conf, "-p", args[0], "-p", args[1], "-p", args[2]],
                       ["-c", conf, "-p", args[2], "-p", args[0], "-p", args[1]]):
            run("read", "-o", d("out"), *points)
            for kind in ("traces", "paths"):
                with open(d("out", kind + ".jsonl"), encoding="utf-8") as f:
                    told.append(sorted(re.sub(r'"(flow|request)_id":"[0-9]+",', "", line) for line in f))
        assert len(told[0]) == 21 and len(told[1]) == 30
        assert told[2:4] == told[:2] and told[4:] == told[:2]
        assert not os.path.getsize(d("out", "clocks.jsonl"))
        run("read", "-o", d("out"), "-p", args[1], "-p", args[0], "-p", args[2])
        with open(d("out", "clocks.jsonl"), encoding="utf-8") as f:
            clocks = [json.loads(line) for line in f]
        assert {(c["reference"], c["point"]) for c in clocks} == {("lab/p0", "lab/c0"), ("lab/p0", "lab/s0")}, clocks
        for c in clocks:  # which are one
            assert abs(c["offset_us"]) <= c["uncertainty_us"] < 20 and c["samples"] >= 15 and not c["steps"], c


def test_edges():
    """Where the time went over all calls: the same in the summary and from files, and however many files are joined."""
    with Dir() as d:
        run("read", "-o", d("out"), os.path.join(CAPTURES, "lab-delay.pcapng"))
        table = run("trace", "--edges", d("out")).out
        rows = table.splitlines()[3:]
        assert "client > c0" in rows[0] and "106 ms http GET /numbers.txt" in rows[0], table
        assert " s0 > d1 " in rows[1] and rows[1].split()[2:4] == ["4.61", "ms"], table
        assert "\n".join(rows) in run("read", os.path.join(CAPTURES, "lab-delay.pcapng")).out
        with open(d("out", "edges.jsonl"), encoding="utf-8") as f:
            lines = f.readlines()
        for e in map(json.loads, lines):
            counts = e["histogram"]["counts"]
            assert sum(n for _, n in counts) == e["calls"] == 7 and e["histogram"]["scheme"] == "octave8_us"
            low = [b if b < 8 else (8 + b % 8) << (b // 8 - 1) for b, _ in counts]
            high = [b if b < 8 else ((9 + b % 8) << (b // 8 - 1)) - 1 for b, _ in counts]
            assert low[-1] <= e["max_us"] <= high[-1] and low[0] <= e["p50_us"] <= e["p95_us"] <= e["p99_us"] <= e["max_us"]
            assert sum(l * n for l, (_, n) in zip(low, counts)) <= e["sum_us"] <= sum(h * n for h, (_, n) in zip(high, counts))
        with open(d("out", "edges.jsonl"), "a", encoding="utf-8") as f:
            f.writelines(lines)
        twice = run("trace", "--edges", d("out")).out.splitlines()[3:]
        assert twice[0].replace("    14  ", "     7  ") == rows[0] and twice[1].split()[2:4] == ["4.61", "ms"], twice
        assert "Nothing was seen at two points that matches" in run("trace", "--edges", "--where", "endpoint=/x", d("out")).out
        assert "not about one trace" in run("trace", "--edges", d("out"), "abc", expect=2).err
        run("read", "-o", d("loss"), os.path.join(CAPTURES, "loss-download.pcapng"))
        losses = run("trace", "--edges", d("loss")).out
        assert re.search(r"^ +13 +1 +2026-11-24 01:58:43.800 +100 ms +lost to client +s0 > c0$", losses, re.M), losses
        with open(d("loss", "losses.jsonl"), "a", encoding="utf-8") as f:
            f.write("{no")
        run("trace", "--edges", d("loss"), expect=3)


def test_guessed_order():
    """A hop whose points may stand the other way round has no time, and the page says what decides it."""
    with Dir() as d:
        run("read", "-o", d("out"), os.path.join(CAPTURES, "lab.pcapng"))
        with open(d("out", "traces.jsonl"), encoding="utf-8") as f:
            t = next(t for t in map(json.loads, f) if len(t["hops"]) > 1)
        assert "is a guess" not in run("trace", d("out"), t["trace_id"]).out
        del t["hops"][0]["self_us"], t["slowest_hop"]
        t["hops"][0]["order_uncertain"] = True
        d.write("out/traces.jsonl", json.dumps(t))
        page = run("trace", d("out"), t["trace_id"]).out
        assert re.search(rf"^ +{re.escape(t['spans'][1]['point'])} .* \? ", page, re.M), page
        assert "Where '?' stands" in page and "Most of the time" not in page, page


if __name__ == "__main__":
    sys.exit(main(globals()))

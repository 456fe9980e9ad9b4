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


def test_trace():
    lab = os.path.join(CAPTURES, "lab.pcapng")
    with Dir() as d:
        run("read", "-o", d("out"), lab)
        with open(d("out", "traces.jsonl"), encoding="utf-8") as f:
            traces = [json.loads(line) for line in f]
        slow = max(traces, key=lambda t: t["duration_us"])
        table = run("trace", d("out")).out
        assert "The slowest 20 of 21 traces" in table and table.splitlines()[3].startswith("  " + slow["trace_id"][:8]), table
        assert len(run("trace", "--slowest", "3", d("out")).out.splitlines()) == 6
        one = run("trace", d("out"), slow["trace_id"][:10]).out
        assert one.count("lab/p0  ") == 2 and "between lab/s0 and server" in one, one
        errors = run("trace", "--errors", d("out")).out
        assert "slowest 3 of 3 traces that match" in errors and errors.count("client_error") == 3, errors
        dns = run("trace", "--where", "app_proto=dns,point=lab/s0", "--where", "spans!=x,duration_us>1", d("out")).out
        assert "slowest 3 of 3" in dns, dns
        assert "No traces that match" in run("trace", "--where", "slowest_hop.self_us>=999999999", d("out")).out
        assert "no trace begins with 'zz'" in run("trace", d("out"), "zz", expect=1).err
        assert "traces.jsonl: No such file" in run("trace", d("nowhere"), expect=1).err
        assert "no condition" in run("trace", "--where", "x", d("out"), expect=2).err
        assert "a number from 1" in run("trace", "--slowest", "0", d("out"), expect=2).err
        assert "directories only" in run("trace", "http://127.0.0.1/", expect=2).err
        with open(d("out", "traces.jsonl"), "a", encoding="utf-8") as f:
            f.write('{"trace_id":"half')
        assert "1 lines are no traces" in run("trace", d("out"), expect=3).err


def test_trace_deaths():
    shop = os.path.join(CAPTURES, "demo-shop.pcapng")
    with Dir() as d:
        run("read", "-o", d("out"), shop)
        table = run("trace", "--slowest", "3", d("out")).out
        assert "Where connections died" in table and "SYN lost    demo-shop/lb-in > demo-shop/lb-out" in table, table
        assert table.count("reset made") == 2, table
        assert "died" not in run("trace", "--where", "app_proto=http", d("out")).out
        with open(d("out", "traces.jsonl"), encoding="utf-8") as f:
            partial = next(t for t in map(json.loads, f) if t.get("missing"))
        assert partial["partial"] and partial["missing"] == ["demo-shop/span"] and partial["resource"] == "/orders/8", partial
        one = run("trace", d("out"), partial["trace_id"][:10]).out
        assert "calls like it mostly are, at: demo-shop/span" in one, one
        os.unlink(d("out", "paths.jsonl"))
        assert "died" not in run("trace", d("out")).out


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
        assert "client > lab-delay/c0" in rows[0] and "106 ms http GET /num" in rows[0], table
        assert "lab-delay/s0 > lab-delay/d1" in rows[1] and rows[1].split()[2:4] == ["4.61", "ms"], table
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
        assert re.search(r"^ +13 +1 +2026-11-24 01:58:43.800 +100 ms +lost to client +loss-download/s0 > ", losses, re.M), losses
        with open(d("loss", "losses.jsonl"), "a", encoding="utf-8") as f:
            f.write("{no")
        run("trace", "--edges", d("loss"), expect=3)


if __name__ == "__main__":
    sys.exit(main(globals()))

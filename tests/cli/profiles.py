#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Network Profiles from outside: which flows have one, what is in it, and that it changes nothing else. As cli.py."""

import json
import os
import shutil
import struct
import subprocess
import sys

from cli import ACK, PSH, SYN, T0, Dir, addr, ether, flows, main, pcap, pcapng, reject_twice, run, stats, tcp


def records(directory, name):
    with open(os.path.join(directory, name), encoding="utf-8") as f:
        return [json.loads(line, object_pairs_hook=reject_twice) for line in f]


DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "captures", "demo.pcap")


def profiled(d, *args):
    """Profiles of the demo, by flow."""
    run("read", "-o", d("out"), *args, DEMO)
    flow = {}
    for r in records(d("out"), "profiles.jsonl"):
        flow.setdefault(r["flow_id"], []).append(r)
    return flow


def test_profiles_of_all_flows():
    with Dir() as d:
        run("read", "-o", d("plain"), DEMO)
        assert not records(d("plain"), "profiles.jsonl")
        parts = profiled(d, "--profile")
        for name in ("flows.jsonl", "requests.jsonl"):
            assert records(d("plain"), name) == records(d("out"), name), name
        calls = {r["request_id"]: r for r in records(d("out"), "requests.jsonl")}
        for f in flows(d("out")):
            (r,) = parts[f["flow_id"]]
            assert r["last"] and r["part"] == 1 and r["reason"] == "all" and not r["packets_dropped"]
            assert r["packets_recorded"] == len(r["packets"]) == f["packets_c2s"] + f["packets_s2c"]
            assert sum(p[5] for p in r["packets"] if p[1] == "c2s") == f["payload_bytes_c2s"]
            for key in ("client_ip", "client_port", "point", "app_proto", "isn_client", "isn_server", "start_ns", "end_ns"):
                assert r.get(key) == f.get(key), key
            again = [p for p in r["packets"] if {"fast", "timeout", "tail"} & set(p[7].split())]
            sums = r.get("retransmissions", {"fast": 0, "timeout": 0, "tail": 0, "spurious": 0})
            assert len(again) == sums["fast"] + sums["timeout"] + sums["tail"]
            data = sum(f.get(f"{what}_{way}", 0) for what in ("retrans", "hole_filled") for way in ("c2s", "s2c"))
            assert sum(p[5] > 0 for p in again) == data, f  # a flow's record counts those with data
            for x in r["phases"]["exchanges"]:
                call = calls.get(x.get("request_id"))
                if call is None:
                    assert "request_id" not in x and f["app_proto"] == "tls", (x, f)
                    continue
                assert call["flow_id"] == f["flow_id"] and r["start_ns"] + round(x["t_us"] * 1000) == call["start_ns"]
                assert x["request_bytes"] == call["request_bytes"] and x.get("response_bytes") == call.get("response_bytes")
                if "rrt_us" in call:
                    assert abs(x["request_us"] + x["server_us"] - call["rrt_us"]) <= 1, (x, call)
        s = stats(d("out"))["flows"]
        assert s["profiles"] == s["profile_records"] == len(parts) and s["profile_packets"] == 3430, s
        assert not s["profiles_refused"] + s["profile_packets_passed"] + s["profile_packets_refused"], s
        assert [x["record"] for x in run("read", "--profile", "-o", "-", DEMO).lines()].count("profile") == len(parts)


def test_profiles_of_some_flows():
    with Dir() as d:
        parts = profiled(d, "--profile=port 3306")
        assert len(parts) == 12 and all(r["server_port"] == 3306 and r["reason"] == "filter" for (r,) in parts.values())
        parts = profiled(d, "--profile=failures")
        failed = {r["flow_id"] for r in records(d("out"), "requests.jsonl") if r["status"].endswith("error")}
        failed |= {f["flow_id"] for f in flows(d("out")) if f["failure"] != "none"}
        assert set(parts) == failed and all(r["reason"] == "failure" for p in parts.values() for r in p), failed
        parts = profiled(d, "--profile=retransmissions")
        again = {f["flow_id"] for f in flows(d("out")) if f.get("retrans_c2s", 0) + f.get("hole_filled_s2c", 0) or f.get("syn_count", 0) > 1}
        assert again <= set(parts) and all(r["reason"] == "retransmission" for p in parts.values() for r in p)
        assert all(p[-1]["retransmissions"]["fast"] + p[-1]["retransmissions"]["timeout"] + p[-1]["retransmissions"]["tail"]
                   for p in parts.values())
        conf = d.write("c.yaml", "profile: {slow: 500ms, before: 3, after: 0}\n")
        parts = profiled(d, "-c", conf, "--profile=slow")
        assert set(parts) == {r["flow_id"] for r in records(d("out"), "requests.jsonl") if r.get("rrt_us", 0) >= 500_000}
        for p in parts.values():  # the answer and three packets before it; the last three
            assert [len(r["packets"]) for r in p] == [4, 3] and [r.get("last") for r in p] == [None, True], p
            assert p[0]["packets"][3][7] == "response response_end" and p[0]["packets"][0][7].startswith("gap"), p
        err = run("check", "-c", d.write("bad.yaml", "profile: {filter: host nowhere}\n"), expect=2).err
        assert "profile.filter: 'nowhere': expected an address" in err, err


def test_profiles_of_many_calls_in_a_packet():
    n = 9000
    c, s = addr(1), addr(2)

    def frame(up, flags, seq, ack, data=b""):
        a = (c, s, 40000, 6379) if up else (s, c, 6379, 40000)
        return ether(tcp(*a, seq, ack, flags, data, seq % 65536))
    ask, answer = b"PING\r\n" * n, b"+PONG\r\n" * n
    packets = [frame(True, SYN, 0, 0), frame(False, SYN | ACK, 0, 1), frame(True, ACK, 1, 1)]
    for i in range(3):
        packets.append(frame(True, ACK | PSH, 1 + i * len(ask), 1 + i * len(answer), ask))
        packets += [frame(False, ACK | PSH, 1 + i * len(answer) + j, 1 + (i + 1) * len(ask), answer[j:j + 21000])
                    for j in range(0, len(answer), 21000)]
    with Dir() as d:
        capture = d.write("a.pcap", pcap([(T0 + 100 * i, p) for i, p in enumerate(packets)]))
        run("read", "-o", d("out"), "--profile", capture)
        lines = records(d("out"), "profiles.jsonl")
        ids = [x["request_id"] for r in lines for x in r["phases"]["exchanges"]]
        assert sorted(ids) == sorted(r["request_id"] for r in records(d("out"), "requests.jsonl")) and len(ids) >= 3 * n
        assert sum(len(r["packets"]) for r in lines) == len(packets) and len(lines) > 3
        conf = d.write("c.yaml", "profile: {before: 0, slow: 1h}\n")
        run("read", "-c", conf, "-o", d("out"), "--profile=slow", capture)
        assert not records(d("out"), "profiles.jsonl")
        assert stats(d("out"))["flows"]["profile_packets_passed"] == len(packets)


def test_profiles_by_several_workers():
    with Dir() as d:
        def of(count):
            conf = d.write("c.yaml", f"workers: {{count: {count}}}\nprofile: {{record: all}}\n")
            lines = [r for parts in profiled(d, "-c", conf).values() for r in parts]
            for r in lines:
                del r["flow_id"], r["recorded_bytes"]
                for x in r["phases"]["exchanges"]:
                    x.pop("request_id", None)
            return sorted(json.dumps(r, sort_keys=True) for r in lines)
        assert of(1) == of(3)


def frames_of_pcap(path):
    """[(ns, frame)] of a little-endian pcap with microseconds, whole packets."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:4] == b"\xd4\xc3\xb2\xa1"
    at, out = 24, []
    while at < len(data):
        s, us, n, wire = struct.unpack_from("<IIII", data, at)
        assert n == wire
        out.append(((s * 1000000 + us) * 1000, data[at + 16:at + 16 + n]))
        at += 16 + n
    return out


def options(data):
    at, out = 0, {}
    while at < len(data):
        code, n = struct.unpack_from("<HH", data, at)
        if not code:
            break
        out[code] = data[at + 4:at + 4 + n]
        at += 4 + (n + 3 & ~3)
    return out


def blocks(path):
    """Sections, interfaces [(name, link type)] and packets [(interface, ns, wire length, bytes, comment)] of a pcapng."""
    sections, names, packets, at = 0, [], [], 0
    with open(path, "rb") as f:
        data = f.read()
    while at < len(data):
        kind, n = struct.unpack_from("<II", data, at)
        body, at = data[at + 8:at + n - 4], at + n
        if kind == 0x0a0d0d0a:
            sections, names = sections + 1, []
        elif kind == 1:
            o = options(body[8:])
            assert o[9] == b"\x09"
            names.append((o[2].decode(), struct.unpack_from("<H", body)[0]))
        else:
            i, high, low, n, wire = struct.unpack_from("<IIIII", body)
            comment = options(body[20 + (n + 3 & ~3):])[1].decode()
            packets.append((names[i], high << 32 | low, wire, body[20:20 + n], comment))
    return sections, names, packets


def export(d, flow):
    said = run("profile", "--pcapng", d("flow.pcapng"), d("out"), flow).out
    sections, names, packets = blocks(d("flow.pcapng"))
    assert sections == 1 and f"{len(packets)} packets are in" in said, said
    assert {p[4] for p in packets} == {"flow_id=" + flow}
    return names, packets


KEEP = "profile: {record: all, keep_packets: 31KiB}\n"


def test_packets_are_kept():
    """Those of a flow, byte for byte as they are in the capture, with nanoseconds, in their order."""
    with Dir() as d:
        capture = os.path.join(os.path.dirname(DEMO), "http.pcap")
        run("read", "-c", d.write("c.yaml", KEEP), "-o", d("out"), capture)
        want, have = frames_of_pcap(capture), []
        for r in records(d("out"), "profiles.jsonl"):
            names, packets = export(d, r["flow_id"])
            assert names == [("http", 1)] and len(packets) == r["packets_recorded"]
            assert [p[1] - r["start_ns"] for p in packets] == [round(p[0] * 1000) for p in r["packets"]]
            have += [(p[1], p[3]) for p in packets]
            if shutil.which("tshark"):
                out = subprocess.run(["tshark", "-r", d("flow.pcapng"), "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len",
                                      "-e", "frame.comment"], capture_output=True, text=True, check=True).stdout
                assert out == "".join("%d.%09d\t%d\t%s\n" % (*divmod(p[1], 10**9), p[2], p[4]) for p in packets), out
        assert sorted(have) == sorted(want)
        s = stats(d("out"))["flows"]
        assert (s["profile_packets_kept"], s["profile_packets_unkept"]) == (len(want), 0), s
        run("read", "-o", d("out"), "--profile", capture)  # nothing is kept
        assert not os.path.exists(d("out", "packets.pcapng"))
        assert "profile.keep_packets" in run("profile", "--pcapng", d("x"), d("out"), "1", expect=1).err
        lines = run("read", "-c", d("c.yaml"), "-o", "-", capture).lines()
        assert {x["record"] for x in lines} >= {"flow", "profile"} and not os.path.exists(d("packets.pcapng"))


def test_packets_of_two_points():
    """Each point is an interface; a conversation that both see is a flow of each."""
    with Dir() as d:
        up, down = addr(1), addr(2)
        packets = []
        for i in range(40):
            frame = ether(tcp(up, down, 1000, 80, 1 + 100 * i, 1, ACK | PSH, bytes([i]) * 100, i))
            packets += [(T0 + 1000 * i, 1, frame), (T0 + 1000 * i + 300, 0, frame)]
        run("read", "-c", d.write("c.yaml", KEEP), "-o", d("out"), d.write("two.pcapng", pcapng(packets, ["eth0", "eth1"])))
        by_point = {r["point"]: r["flow_id"] for r in records(d("out"), "profiles.jsonl")}
        assert len(by_point) == 2
        for i, (point, flow) in enumerate(sorted(by_point.items())):
            names, kept = export(d, flow)
            assert names == [(point, 1)] and point.endswith(f"eth{i}")
            assert [(p[1], p[2], p[3]) for p in kept] == [(t * 1000, len(f), f) for t, n, f in packets if n == i]


def test_packets_around_a_trigger():
    with Dir() as d:
        conf = d.write("c.yaml", "profile: {before: 3, after: 4, keep_packets: 80}\n")
        some = 0
        for flow, parts in profiled(d, "-c", conf, "--profile=failures").items():
            _, kept = export(d, flow)
            told = [(r["start_ns"] + round(p[0] * 1000)) for r in parts for p in r["packets"]]
            assert [p[1] for p in kept] == told
            assert all(len(p[3]) == min(80, p[2]) for p in kept)
            some += len(kept)
        s = stats(d("out"))["flows"]
        assert 0 < some == s["profile_packets_kept"] == s["profile_packets"] < 3430 and not s["profile_packets_unkept"], s


def test_packets_by_several_workers():
    with Dir() as d:
        def of(count):
            conf = d.write("c.yaml", f"workers: {{count: {count}}}\n" + KEEP)
            profiled(d, "-c", conf)
            return sorted(p[:4] for p in blocks(d("out", "packets.pcapng"))[2])
        one = of(1)
        assert one == of(3) and len(one) == 3430
        assert sorted(p[3] for p in one) == sorted(f for _, f in frames_of_pcap(DEMO))


if __name__ == "__main__":
    sys.exit(main(globals()))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`spantap profile` and `top`: what they show of records that are made here, and of what a run writes. Pages are in
tests/cli/expected; `SPANTAP=build/spantap tests/cli/views.py --update` writes them anew: read the difference. Prints TAP; an
argument runs only the tests whose name contains it."""

import difflib
import glob
import json
import os
import pty
import random
import re
import signal
import struct
import subprocess
import sys
import time
import xml.etree.ElementTree

from cli import ACK, FIN, PSH, RST, SPANTAP, SYN, Dir, main, run

HERE = os.path.dirname(os.path.abspath(__file__))
CAPTURES = os.path.join(HERE, "..", "captures")
UPDATE = "--update" in sys.argv
WIDE = {"COLUMNS": "110", "LC_ALL": "C"}
T0 = 1_700_000_000_000_000_000  # ns


def expect(name, text):
    path = os.path.join(HERE, "expected", name)
    if UPDATE:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return
    with open(path, encoding="utf-8") as f:
        want = f.read()
    assert text == want, "\n" + "\n".join(difflib.unified_diff(want.splitlines(), text.splitlines(), path, "now", "", "", 1))


# Profiles

def profile(flow, packets, **more):
    p = {"flow_id": str(flow), "point": "lab/c0", "kind": "node", "client_ip": "10.1.0.2", "client_port": 40000 + flow,
         "server_ip": "10.2.0.2", "server_port": 80, "proto": "tcp", "app_proto": "http", "reason": "all", "start_ns": T0,
         "end_ns": T0 + int(packets[-1][0] * 1000), "part": 1, "last": True, "packets_recorded": len(packets),
         "packets_dropped": 0, "recorded_bytes": 5 * len(packets), "mss_client": 1460, "mss_server": 1400,
         "in_flight_max_c2s": 100, "in_flight_max_s2c": 2800,
         "phases": {"connect_us": {"client": 20, "server": 300}, "exchanges": []},
         "rtt": {"server": {"count": 2, "min_us": 280, "mean_us": 300, "max_us": 320}},
         "retransmissions": {"fast": 0, "timeout": 0, "tail": 0, "spurious": 0}}
    p.update(more)
    p["packets"] = packets
    return p


def short():
    """A request that is sent again, and waited for."""
    return profile(3, [
        [0, "c2s", SYN, 0, 0, 0, 64240, ""],
        [300, "s2c", SYN | ACK, 0, 1, 0, 65160, ""],
        [320.5, "c2s", ACK, 1, 1, 0, 64256, ""],
        [400, "c2s", PSH | ACK, 1, 1, 100, 64256, "request request_end"],
        [204400, "c2s", PSH | ACK, 1, 1, 100, 64256, "timeout"],
        [204700, "s2c", ACK, 1, 101, 0, 65152, ""],
        [1704700, "s2c", ACK, 1, 101, 1400, 65152, "response"],
        [1704710, "s2c", PSH | ACK, 1401, 101, 900, 65152, "response_end"],
        [1704800, "c2s", ACK, 101, 2301, 0, 0, "zero_window"],
        [1754800, "c2s", ACK, 101, 2301, 0, 64256, "window_update"],
        [1754900, "c2s", FIN | ACK, 101, 2301, 0, 64256, ""],
        [1755200, "s2c", RST, 2301, 0, 0, 0, "rst"],
    ], reason="retransmission", retransmissions={"fast": 0, "timeout": 1, "tail": 0, "spurious": 0},
        phases={"connect_us": {"client": 20, "server": 300}, "teardown_us": 300, "exchanges": [
            {"t_us": 400, "request_id": "17", "client_wait_us": 80, "request_us": 0, "ack_delay_us": 204300,
             "server_us": 1704300, "response_us": 10, "request_bytes": 100, "response_bytes": 2300, "retransmissions": 1}]})


def bulk(flow, segments, **more):
    """A download with a hole that is filled late, and a keep-alive at the end."""
    packets, t = [[0, "c2s", SYN, 0, 0, 0, 64240, ""], [300, "s2c", SYN | ACK, 0, 1, 0, 65160, ""],
                  [320, "c2s", PSH | ACK, 1, 1, 50, 64256, "request request_end"]], 1000
    for i in range(segments):
        note = {0: "response", segments // 2: "hole_filled", segments - 1: "response_end"}.get(i, "")
        packets.append([t, "s2c", ACK, 1 + 1400 * i & 0xffffffff, 51, 1400, 65152, note])
        if i % 2:
            packets.append([t + 5.25, "c2s", ACK, 51, 1 + 1400 * (i + 1) & 0xffffffff, 0, 65536, ""])
        t += 12
    packets.append([t + 30_000_000, "c2s", ACK, 50, packets[-1][4], 0, 65536, "keepalive"])
    return profile(flow, packets, **more)


def parts():
    """A flow in two lines, whose counts go on."""
    one, two = bulk(9, 20), bulk(9, 20)
    one["packets"], two["packets"] = one["packets"][:15], one["packets"][15:]
    one["packets_recorded"], two["packets_recorded"] = 15, len(two["packets"])
    del one["last"]
    one["end_ns"] = T0 + 1_100_000
    two["part"] = 2
    two["retransmissions"] = {"fast": 2, "timeout": 0, "tail": 1, "spurious": 1}
    return [one, two]


def datagrams():
    p = profile(12, [[0, "c2s", 0, 0, 0, 33, 0, "request request_end"], [2100.125, "s2c", 0, 0, 0, 49, 0, "response response_end"]],
                client_ip="2001:db8::5", server_ip="2001:db8::53", server_port=53, proto="udp", app_proto="dns", point="lab/s0",
                phases={"exchanges": [{"t_us": 0, "request_id": "5", "request_us": 0, "server_us": 2100, "response_us": 0,
                                       "request_bytes": 33, "response_bytes": 49, "retransmissions": 0}]})
    for key in ("mss_client", "mss_server", "rtt", "retransmissions", "in_flight_max_c2s", "in_flight_max_s2c"):
        del p[key]
    return p


def lines(records):
    return "".join(json.dumps(r, separators=(",", ":")) + "\n" for r in records)


def usual():
    return lines([short(), *parts(), datagrams(), bulk(21, 300)])


def svg_of(path):
    """A picture's texts; that it is well-formed, and needs nothing else."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    assert not re.search(r"href|<script|url\(|@import|NaN|nan|inf", text), "not self-contained, or no number"
    root = xml.etree.ElementTree.fromstring(text)
    return text, [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]


def test_profile_pages():
    with Dir() as d:
        d.write("profiles.jsonl", usual())
        expect("profile-table.txt", run("profile", d(), env=WIDE).out)
        expect("profile-ladder.txt", run("profile", "--ladder", d(), "3", env=WIDE).out)
        expect("profile-packets.txt", run("profile", d(), "3", env=WIDE).out)
        expect("profile-parts.txt", run("profile", "--ladder", "--ascii", d(), "9", env=dict(WIDE, LC_ALL="C.UTF-8")).out)
        expect("profile-utf8.txt", run("profile", "--ladder", d(), "12", env=dict(WIDE, LC_ALL="C.UTF-8", COLUMNS="80")).out)
        expect("profile-folded.txt", run("profile", "--ladder", d(), "21", env=WIDE).out)
        whole = run("profile", "--ladder", "--all", d(), "21", env=WIDE).out
        assert whole.count("1,400 B at") == 300 and whole.count("silence") == 0
        phases = run("profile", "--phases", d(), "3", env=WIDE).out
        assert "Where its time went" in phases and "SYN" not in phases


def test_profile_choice():
    with Dir() as d:
        d.write("profiles.jsonl", usual())

        def flows(*args):
            return re.findall(r"^ +(\d+)  ", run("profile", *args, d(), env=WIDE).out, re.M)

        assert flows() == ["3", "12", "9", "21"] or flows()[0] == "3", flows()
        assert flows("--slowest", "1") == ["3"]
        assert flows("--sort", "packets") == ["21", "9", "3", "12"]
        assert flows("--sort", "retransmissions")[:2] == ["9", "3"]
        assert flows("--sort", "duration")[0] in ("9", "21")
        assert flows("--where", "app_proto=dns") == ["12"] and flows("--point", "lab/s0") == ["12"]
        assert flows("--where", "reason!=all") == ["3"]
        assert "No profiles that match" in run("profile", "--where", "app_proto=ftp", d()).out
        for args, words in ((["--sort", "slo", d()], "did you mean slow?"), (["--slowest", "0", d()], "a number from 1 to 1000"),
                            (["--where", "x", d()], "no condition"), ([], "wants a directory"), ([d(), "x"], "is no flow's id"),
                            (["--svg", "x", d()], "wants a flow's id"), (["s3://10.0.0.1/"], "not supported"),
                            ([d(), "1", "2"], "at most one flow's id"), ([d(), "-1"], "unknown option -1")):
            err = run("profile", *args, expect=2).err
            assert words in err, (args, err)
        assert "no flow 77 is in there" in run("profile", d(), "77", expect=1).err
        assert "that matches" in run("profile", "--point", "x", d(), "3", expect=1).err


def test_same_id_twice():
    """A second run into the same directory begins with flow 1 again."""
    with Dir() as d:
        d.write("profiles.jsonl", lines([short(), profile(3, [[0, "c2s", SYN, 0, 0, 0, 1, ""]], client_port=1, point="b")]))
        ran = run("profile", d(), "3", env=WIDE)
        assert "1 lines are of other flows" in ran.err and "12 \n" not in ran.out
        assert "10.1.0.2:1 >" in run("profile", "--point", "b", d(), "3").out
        assert "The slowest 2 of 2" in run("profile", d()).out


def test_profile_damage():
    with Dir() as d:
        assert "profiles.jsonl: No such file" in run("profile", d("nowhere"), expect=1).err
        d.write("profiles.jsonl", "")
        assert run("profile", d()).out == "No profiles.\n"
        assert run("profile", d(), "3", expect=1).err
        whole = lines([short(), datagrams()])
        for damage in ('{"flow_id":"4","start_ns":1', "[]\n", "\0\xff\n", '{"flow_id":"4"}\n', "\n", "{}\n", '{"a":1}x\n'):
            for text in (whole + damage, damage.rstrip("\n") + "\n" + whole):
                d.write("profiles.jsonl", text.encode("latin-1"))
                ran = run("profile", d(), expect=3)
                assert "1 lines are no profiles" in ran.err and "of 2 profiled" in ran.out, (damage, ran.err)
                assert run("profile", "--ladder", d(), "3", expect=3).out
            d.write("profiles.jsonl", damage.encode("latin-1"))
            assert run("profile", d(), expect=1).err
        long = '{"flow_id":"4","point":"' + "x" * (17 << 20) + '"}\n'
        d.write("profiles.jsonl", long + whole + long[:-1])
        assert "2 lines are no profiles" in run("profile", d(), expect=3).err


def test_more_flows_than_there_is_room_for():
    with Dir() as d:
        one = profile(1, [[0, "c2s", SYN, 0, 0, 0, 1, ""], [300, "s2c", SYN | ACK, 0, 1, 0, 1, ""]])
        slow = {**one, "phases": {"connect_us": {"client": 5, "server": 9_000_000}, "exchanges": []}}
        with open(d("profiles.jsonl"), "w", encoding="utf-8") as f:
            for i in range(60_000):
                f.write(lines([{**(slow if i in (7, 30_000) else one), "flow_id": str(i)}]))
        out = run("profile", "--slowest", "2", d()).out
        assert sorted(re.findall(r"^ +(\d+)  .*connect 9.00 s", out, re.M)) == ["30000", "7"], out
        assert "of more than 16,384" in out and "too many flows to be exact" in out


def test_packets_are_bounded():
    one = bulk(5, 9000)
    one["packets"] = one["packets"][:10000]
    with Dir() as d:
        with open(d("profiles.jsonl"), "w", encoding="utf-8") as f:
            for _ in range(101):
                f.write(lines([one]))
        assert "only the first 1,000,000 packets" in run("profile", "--phases", d(), "5").out
        run("profile", "--svg", d("x.svg"), d(), "5")
        assert os.path.getsize(d("x.svg")) < 1_000_000


def test_profile_svg():
    with Dir() as d:
        d.write("profiles.jsonl", usual() + lines([bulk(30, 9000), profile(31, [[0, "c2s", SYN, 0, 0, 0, 0, ""]])]))
        run("profile", "--svg", d("short.svg"), d(), "3")
        text, said = svg_of(d("short.svg"))
        assert "10.1.0.2:40003 → 10.2.0.2:80" in said and "1.50 s" in said and "1.50 s of waiting for the server" in said
        assert "50.0 ms of waiting for the client to read" not in said  # too short for a word, beside 1.5 s
        assert "204 ms of waiting for an ACK of the server" in said and "timeout" in said
        assert "prefers-color-scheme:dark" in text
        assert "packet 5 at 204 ms, to the server: 100 B at 1 PSH, timeout" in text
        run("profile", "--svg", d("long.svg"), d(), "30")
        text, said = svg_of(d("long.svg"))
        assert len(text) < 1_000_000 and "Bytes to the client" in said and "In flight to the client" in said
        windows = 'class="window" d="M'
        assert "end of the receiver's window" not in said and windows not in text  # no SYN said what they stand for
        d.write("profiles.jsonl", usual() + lines([{**bulk(30, 9000), "window_min_c2s": 1000}]))
        run("profile", "--svg", d("x.svg"), d(), "30")
        text, told = svg_of(d("x.svg"))
        assert text.count(windows) == 3 and set(told) - set(said) == {"end of the receiver's window"}
        d.write("profiles.jsonl", usual() + lines([bulk(30, 9000), profile(31, [[0, "c2s", SYN, 0, 0, 0, 0, ""]])]))
        for flow in ("9", "12", "21", "31"):
            run("profile", "--svg", d("x.svg"), d(), flow)
            assert svg_of(d("x.svg"))[1]
        assert "/x.svg: No such file" in run("profile", "--svg", d("no", "x.svg"), d(), "3", expect=1).err
        evil = short()
        evil["client_ip"], evil["point"] = '<b>&"\u001b', "]]>XX"
        d.write("profiles.jsonl", lines([evil]).encode().replace(b"XX", b"\xff\xed\xa0\x80"))
        run("profile", "--svg", d("x.svg"), d(), "3")
        assert svg_of(d("x.svg"))[1][0].startswith('<b>&"?:40003')
        assert "\x1b" not in run("profile", "--ladder", d(), "3").out


def test_on_a_terminal():
    with Dir() as d:
        d.write("profiles.jsonl", usual())
        master, slave = pty.openpty()
        p = subprocess.Popen([SPANTAP, "profile", d(), "3"], stdout=slave, env=dict(os.environ, LC_ALL="C.UTF-8", COLUMNS="100"))
        os.close(slave)
        out = b""
        try:
            while part := os.read(master, 65536):
                out += part
        except OSError:
            pass
        os.close(master)
        assert p.wait(30) == 0
        rows = out.decode().splitlines()
        (again,) = [r for r in rows if "timeout" in r and "│" in r]
        assert "\033[31m" in again and "▶" in again
        assert any("\033[33m" in r and "zero window" in r for r in rows)
        plain = [re.sub(r"\033\[[0-9]*m", "", r) for r in rows]
        assert max(map(len, plain)) <= 100, max(plain, key=len)


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def option(code, data):
    return struct.pack("<HH", code, len(data)) + data + b"\0" * (-len(data) % 4)


def kept(flow, data, comment=None):
    comment = b"flow_id=%d" % flow if comment is None else comment
    return block(6, struct.pack("<IIIII", 0, 0, 1000, len(data), len(data)) + data + b"\0" * (-len(data) % 4) +
                 option(1, comment) + option(0, b""))


def test_pcapng():
    head = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 65535))
    wanted = kept(3, b"a" * 61) + kept(3, b"bb")
    others = kept(33, b"c" * 80) + kept(0, b"d", b"flow_id=") + block(5, b"\0" * 20) + kept(0, b"e", b"x flow_id=3")
    with Dir() as d:
        d.write("profiles.jsonl", usual())
        assert "profile.keep_packets" in run("profile", "--pcapng", d("x"), d(), "3", expect=1).err
        d.write("packets.pcapng", head + others)
        assert "no packets of flow 3 were kept" in run("profile", "--pcapng", d("x"), d(), "3", expect=1).err
        assert not os.path.exists(d("x"))
        d.write("packets.pcapng", head + others + wanted + others)
        assert "2 packets are in" in run("profile", "--pcapng", d("x"), d(), "3").out
        with open(d("x"), "rb") as f:
            assert f.read() == head + wanted
        for cut in (1, 13, len(others) + 1):
            d.write("packets.pcapng", (head + others + wanted + others)[:-cut])
            run("profile", "--pcapng", d("x"), d(), "3", expect=3)
        d.write("packets.pcapng", b"\0" * 100)
        run("profile", "--pcapng", d("x"), d(), "3", expect=1)
        d.write("packets.pcapng", head + others + wanted)
        assert "/x: " in run("profile", "--pcapng", d("no", "x"), d(), "3", expect=1).err


def damaged(text, rng):
    """Bytes changed, left out, doubled; numbers out of bounds."""
    data = bytearray(text.encode())
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data))
        what = rng.randrange(5)
        if what == 0:
            data[at] = rng.randrange(256)
        elif what == 1:
            del data[at:at + rng.randint(1, 40)]
        elif what == 2:
            data[at:at] = data[at:at + rng.randint(1, 60)]
        elif what == 3:
            number = rng.choice([b"-1", b"18446744073709551615", b"1e999", b"99999999999999999999", b"4294967295", b"-9e18", b"0.0001"])
            found = list(re.finditer(rb"\d+", data))
            hit = rng.choice(found) if found else None
            if hit:
                data[hit.start():hit.end()] = number
        else:
            data[at:at + 1] = rng.choice([b'"', b"\\", b"[", b"]", b"{", b"}", b",", b"null", b"true"])
        if not data:
            break
    return bytes(data).replace(b"\n", b" ")


def test_damaged_lines():
    """Whatever lines there are: an exit code of ours, and no message of a sanitizer's."""
    rng = random.Random(11)
    whole = [json.dumps(r) for r in (short(), *parts(), datagrams())]
    flow, request = [lines(r).splitlines() for r in (flows(), requests())]
    with Dir() as d:
        for _ in range(25):
            d.write("profiles.jsonl", b"\n".join(damaged(rng.choice(whole), rng) for _ in range(12)))
            d.write("flows.jsonl", b"\n".join(damaged(rng.choice(flow), rng) for _ in range(12)))
            d.write("requests.jsonl", b"\n".join(damaged(rng.choice(request), rng) for _ in range(12)))
            commands = [["profile", d()], ["top", d()], ["top", "--by", "flow", "--json", d()]]
            commands += [["profile", view, "--svg", d("x.svg"), d(), i] for view, i in (("--ladder", "3"), ("--table", "9"), ("--all", "12"))]
            for args in commands:
                p = subprocess.run([SPANTAP, *args], capture_output=True, timeout=60, check=False)
                err = p.stderr.decode(errors="replace")
                assert p.returncode in (0, 1, 3), (args, p.returncode, err)
                assert all(line.startswith("spantap: ") for line in err.splitlines()), (args, err)
            if os.path.exists(d("x.svg")):
                svg_of(d("x.svg"))
                os.remove(d("x.svg"))


def test_what_runs_write():
    """Every flow of every capture that has profiles."""
    for capture in sorted(glob.glob(os.path.join(CAPTURES, "*.pcap*"))):
        with Dir() as d:
            subprocess.run([SPANTAP, "read", "--profile", "-o", d("out"), capture], capture_output=True, timeout=120, check=False)
            with open(d("out", "profiles.jsonl"), encoding="utf-8") as f:
                records = [json.loads(line) for line in f]
            run("profile", d("out"))
            for r in records[:5]:
                ran = run("profile", "--ladder", "--all", "--svg", d("x.svg"), d("out"), r["flow_id"], env=WIDE)
                assert len(re.findall(r"^ +[\d.-]+ .*\|[-<]", ran.out, re.M)) >= len(r["packets"]), (capture, r["flow_id"])
                svg_of(d("x.svg"))


# Top

def flows():
    """Three clients, two services; one flow that goes on."""
    out = []
    for i in range(12):
        out.append({"flow_id": str(i + 1), "point": "a" if i % 4 else "b", "start_ns": T0 + i * 10**9, "end_ns": T0 + i * 10**9 + 5 * 10**8,
                    "client_ip": f"10.0.0.{1 + i % 3}", "client_port": 1000 + i, "server_ip": "10.0.1.1" if i % 2 else "2001:db8::1",
                    "server_port": 80 if i % 2 else 5432, "proto": "tcp", "app_proto": "http" if i % 2 else "postgresql",
                    "packets_c2s": 10 + i, "packets_s2c": 20, "bytes_c2s": 1000 * (i + 1), "bytes_s2c": 50000, "retrans_c2s": i // 6,
                    "retrans_s2c": 1, "zero_window_c2s": int(i == 7), "zero_window_s2c": 0,
                    "close_reason": "active" if i == 5 else "server_rst" if i == 3 else "fin", "failure": "server" if i == 3 else "none"})
    return out


def requests():
    out = []
    for i in range(60):
        f = flows()[i % 12]
        r = {"request_id": str(i + 1), **{k: f[k] for k in ("flow_id", "point", "client_ip", "client_port", "server_ip", "server_port",
                                                            "proto", "app_proto")}, "type": "call", "start_ns": f["start_ns"],
             "end_ns": f["start_ns"] + 10**6, "rrt_us": 100 * (i + 1)}
        if i % 2:
            r |= {"method": "GET", "endpoint": "/item/{id}" if i % 4 == 1 else "/cart", "status": "server_error" if i % 10 == 3 else "ok"}
        else:
            r |= {"method": "SELECT", "endpoint": "SELECT * FROM item WHERE id = ?", "status": "client_error" if i == 8 else "ok"}
        out.append({**r, "request_bytes": 80, "response_bytes": 1000})
    del out[59]["rrt_us"]
    out[59]["status"] = "timeout"
    return out


def test_top_pages():
    with Dir() as d:
        d.write("flows.jsonl", lines(flows()))
        d.write("requests.jsonl", lines(requests()))
        expect("top.txt", run("top", d(), env=WIDE).out.replace(d(), "DIR"))
        for by in ("client", "server", "service", "endpoint", "point", "flow"):
            expect(f"top-{by}.txt", run("top", "--by", by, d(), env=WIDE).out.replace(d(), "DIR"))
        os.remove(d("requests.jsonl"))
        assert "calls" not in run("top", d()).out.splitlines()[2]
        assert "No endpoints with calls" in run("top", "--by", "endpoint", d()).out
        assert "flows.jsonl: No such file" in run("top", d("nowhere"), expect=1).err


def test_top_json():
    """Every number again, the plain way."""
    with Dir() as d:
        d.write("flows.jsonl", lines(flows()))
        d.write("requests.jsonl", lines(requests()))
        for by, name in (("client", lambda r: r["client_ip"]), ("server", lambda r: r["server_ip"]), ("point", lambda r: r["point"])):
            rows = {r["name"]: r for r in run("top", "--by", by, "--json", d()).lines()}
            assert set(rows) == {name(f) for f in flows()}
            for who, row in rows.items():
                mine, calls = [f for f in flows() if name(f) == who], [r for r in requests() if name(r) == who]
                times = sorted(r["rrt_us"] for r in calls if "rrt_us" in r)
                assert row["flows"] == sum(f["close_reason"] != "active" for f in mine)
                assert row["failures"] == sum(f["failure"] != "none" for f in mine)
                for key in ("packets", "bytes", "retrans", "zero_window"):
                    assert row[key] == sum(f[key + "_c2s"] + f[key + "_s2c"] for f in mine), (key, row)
                assert row["calls"] == len(calls) and row["timeouts"] == sum(r["status"] == "timeout" for r in calls)
                for key, status in (("client_errors", "client_error"), ("server_errors", "server_error")):
                    assert row[key] == sum(r["status"] == status for r in calls)
                assert row["rrt_max_us"] == times[-1] and row["exact"]
                for key, part in (("rrt_p50_us", 50), ("rrt_p95_us", 95)):
                    true = times[(len(times) * part + 99) // 100 - 1]
                    assert true <= row[key] <= true * 1.13, (row, key, true)
        for sort in ("bytes", "packets", "flows", "calls", "errors", "latency", "retrans", "failures", "zero_window"):
            rows = run("top", "--by", "service", "--sort", sort, "--json", d()).lines()
            key = {"latency": "rrt_p95_us", "errors": None}.get(sort, sort)
            values = [r[key] if key else r["client_errors"] + r["server_errors"] + r["timeouts"] for r in rows]
            assert values == sorted(values, reverse=True) and all(values), (sort, values)
        assert len(run("top", "--by", "flow", "-n", "3", "--json", d()).lines()) == 3
        (row,) = run("top", "--by", "client", "--where", "client_ip=10.0.0.2,point=a", "--json", d()).lines()
        assert row["calls"] == sum(r["client_ip"] == "10.0.0.2" and r["point"] == "a" for r in requests())


def test_top_usage_and_damage():
    with Dir() as d:
        for args, words in ((["--by", "servise", d()], "did you mean service?"), (["--sort", "bytes", d()], "wants --by"),
                            (["--json", d()], "wants --by"), (["--by", "flow", "--sort", "x", d()], "unknown 'x'"), ([], "wants a directory"),
                            (["-n", "0", d()], "from 1 to 1000"), (["--follow=0", d()], "from 1 to 3600"), ([d(), "x"], "wants a directory"),
                            (["s3://x/"], "not supported"), (["--where", "=", d()], "no condition")):
            err = run("top", *args, expect=2).err
            assert words in err, (args, err)
        d.write("flows.jsonl", "")
        assert "0 flows" in run("top", d()).out
        d.write("flows.jsonl", lines(flows()) + '{"flow_id":"half')
        d.write("requests.jsonl", '{"no":"request"}\n' + lines(requests()))
        ran = run("top", d(), expect=3)
        assert "1 lines are no flows" in ran.err and "1 lines are no requests" in ran.err and "11 flows" in ran.out
        d.write("flows.jsonl", "nothing\n")
        os.remove(d("requests.jsonl"))
        assert "1 lines are no flows" in run("top", d(), expect=1).err


def test_top_without_room():
    """More names than there is room for: the heavy ones are there, and the page says so."""
    with Dir() as d:
        base = flows()[0]
        with open(d("flows.jsonl"), "w", encoding="utf-8") as f:
            for i in range(270_000):
                base["client_ip"] = f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"
                f.write(json.dumps(base) + "\n")
                if i % 90_000 == 5:
                    f.write(json.dumps({**base, "client_ip": f"192.0.2.{i // 90_000}", "bytes_s2c": 10**9}) + "\n")
        ran = run("top", "--by", "client", "-n", "3", "--json", d())
        assert {r["name"] for r in ran.lines()} == {"192.0.2.0", "192.0.2.1", "192.0.2.2"} and not ran.lines()[0]["exact"]
        assert "There are more than 262,144 clients" in run("top", "--by", "client", d()).out


def test_top_follow():
    """A directory that grows, half a line at a time; then its files are moved away."""
    with Dir() as d:
        p = subprocess.Popen([SPANTAP, "top", "--by", "client", "--json", "--follow=1", d()], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)

        def calls_of(want):
            for line in iter(p.stdout.readline, b""):
                row = json.loads(line)
                if row["name"] == "10.0.0.1" and (row["flows"], row["calls"]) == want:
                    return True
            return False

        line = lines(flows()[:1])
        with open(d("flows.jsonl"), "w", encoding="utf-8") as f:
            f.write(line + line[:50])
            f.flush()
            assert calls_of((1, 0))
            f.write(line[50:])
        d.write("requests.jsonl", lines(requests()[:1]))
        assert calls_of((2, 1))
        os.rename(d("flows.jsonl"), d("flows.jsonl.1"))
        d.write("flows.jsonl", line * 3)
        assert calls_of((5, 1))
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=30)
        assert p.returncode == 0 and not err, (out, err)


def test_top_on_a_terminal_once_more():
    with Dir() as d:
        d.write("flows.jsonl", lines(flows()))
        master, slave = pty.openpty()
        p = subprocess.Popen([SPANTAP, "top", "--follow=1", d()], stdout=slave, stderr=subprocess.PIPE)
        os.close(slave)
        out, until = b"", time.monotonic() + 30
        while out.count(b"\033[H\033[2J") < 2 and time.monotonic() < until:
            out += os.read(master, 65536)
        p.send_signal(signal.SIGTERM)
        assert p.wait(30) == 0
        os.close(master)
        assert b"Ctrl-C ends" in out and out.count(b"\033[H\033[2J") >= 2


if __name__ == "__main__":
    if UPDATE:
        os.makedirs(os.path.join(HERE, "expected"), exist_ok=True)
        sys.argv.remove("--update")
    sys.exit(main(globals()))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands from outside: exit codes, messages, files, accounting. Captures are made here, byte by byte. SPANTAP names
the program; it runs as any user. Prints TAP; an argument runs only the tests whose name contains it."""

import glob
import gzip
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback

SPANTAP = os.environ.get("SPANTAP", "build/spantap")
FILES = ["clocks.jsonl", "edges.jsonl", "flows.jsonl", "losses.jsonl", "paths.jsonl", "profiles.jsonl", "requests.jsonl", "stats.json",
         "traces.jsonl"]
T0 = 1_700_000_000_000_000  # us
LINK_ETHERNET, LINK_RAW, LINK_80211 = 1, 101, 105
SYN, ACK, FIN, PSH, RST = 0x02, 0x10, 0x01, 0x08, 0x04


# Packets and captures

def mac(n):
    return bytes([2, 0, 0, 0, 0, n])


def ether(payload, kind=0x0800, src=1, dst=2):
    return mac(dst) + mac(src) + struct.pack(">H", kind) + payload


def ipv4(src, dst, proto, payload, ident=0):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, 0, 64, proto, 0, src, dst) + payload


def tcp(src, dst, sport, dport, seq, ack, flags, data=b"", ident=0):
    head = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff, 0x50, flags, 65535, 0, 0)
    return ipv4(src, dst, 6, head + data, ident)


def udp(src, dst, sport, dport, data=b""):
    return ipv4(src, dst, 17, struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data)


def addr(n):
    return bytes([10, 0, n >> 8 & 255, n & 255])


def conversation(port, start, client=1, server=2, request=100, response=3000):
    """A whole connection: [(time in us, frame)], 10 packets for a response of up to 4380 bytes."""
    c, s = addr(client), addr(server)
    out, t, ident = [], start, 1

    def send(up, flags, seq, ack, data=b""):
        nonlocal t, ident
        a = (c, s, port, 80) if up else (s, c, 80, port)
        out.append((t, ether(tcp(*a, seq, ack, flags, data, ident), src=1 if up else 2, dst=2 if up else 1)))
        t, ident = t + 100, ident + 1

    send(True, SYN, 1000, 0)
    send(False, SYN | ACK, 5000, 1001)
    send(True, ACK, 1001, 5001)
    send(True, ACK | PSH, 1001, 5001, b"q" * request)
    seq = 5001
    while response:
        n = min(response, 1460)
        send(False, ACK | PSH, seq, 1001 + request, b"r" * n)
        seq, response = seq + n, response - n
    send(True, ACK, 1001 + request, seq)
    send(True, ACK | FIN, 1001 + request, seq)
    send(False, ACK | FIN, seq, 1002 + request)
    send(True, ACK, 1002 + request, seq + 1)
    return out


def pcap(packets, link=LINK_ETHERNET, order="<"):
    out = [struct.pack(order + "IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, link)]
    for t, frame in packets:
        out.append(struct.pack(order + "IIII", t // 1000000, t % 1000000, len(frame), len(frame)) + frame)
    return b"".join(out)


def pcapng(packets, interfaces):
    """packets: [(time, interface, frame)]"""
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))

    out = [block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))]
    for name in interfaces:
        name = name.encode()
        option = struct.pack("<HH", 2, len(name)) + name + b"\0" * (-len(name) % 4) + struct.pack("<HH", 0, 0)
        out.append(block(1, struct.pack("<HHI", LINK_ETHERNET, 0, 262144) + option))
    for t, interface, frame in packets:
        out.append(block(6, struct.pack("<IIIII", interface, t >> 32, t & 0xffffffff, len(frame), len(frame)) + frame))
    return b"".join(out)


# Running

class Dir:
    """A directory of its own for each test."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="spantap-cli-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def __call__(self, *names):
        return os.path.join(self.path, *names)

    def write(self, name, data):
        with open(self(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return self(name)


class Ran:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out.decode(errors="replace"), err.decode(errors="replace")

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


class Skip(Exception):
    """What this machine has not got."""


def run(*args, stdin=b"", expect=0, env=None):
    p = subprocess.run([SPANTAP, *args], input=stdin, capture_output=True, timeout=60, check=False,
                       env=dict(os.environ, **(env or {})))
    ran = Ran(p.returncode, p.stdout, p.stderr)
    assert ran.code == expect, f"exit code {ran.code}, expected {expect}: {args}\n{ran.err}"
    for line in ran.err.splitlines():
        assert line.startswith("spantap: "), f"message without its name: {line!r}"
    return ran


def run_plain(*args):
    return subprocess.run([SPANTAP, *args], capture_output=True, timeout=60, check=False)


def flows(directory):
    with open(os.path.join(directory, "flows.jsonl"), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def reject_twice(pairs):
    keys = [k for k, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key stands twice: {keys}"
    return dict(pairs)


VERDICTS = ("analysed", "filtered", "duplicate", "malformed", "dropped")


def stats(directory):
    """stats.json, its sums checked: whatever the test is about, they hold."""
    with open(os.path.join(directory, "stats.json"), encoding="utf-8") as f:
        s = json.load(f, object_pairs_hook=reject_twice)
    assert s["packets"] == sum(s[v] for v in VERDICTS), s
    for key in ("packets", "bytes") + VERDICTS:
        assert s[key] == sum(p[key] for p in s["points"]), key
    assert s["packets"] == sum(f["packets"] for f in s["files"])
    assert s["malformed"] == sum(s["decode"]["malformed"].values())
    assert s["dropped"] == sum(sum(stage.values()) for stage in s["drops"].values())
    assert s["decode"]["decoded"] + sum(s["decode"]["skipped"].values()) + s["malformed"] + s["filtered"] == s["packets"]
    assert s["analysed"] + s["duplicate"] + s["dropped"] == s["decode"]["decoded"] + sum(s["decode"]["skipped"].values())
    return s


# Tests



def test_no_command():
    p = run_plain()
    assert p.returncode == 2 and not p.stdout and p.stderr.decode() == run("--help").out


def test_usage_errors():
    for args, words in (
            (["reed"], "did you mean 'spantap read'"),
            (["read", "--ouptut", "x", "y"], "did you mean --output"),
            (["read", "-z"], "unknown option -z"),
            (["read", "-o"], "wants an argument"),
            (["read"], "wants a capture"),
            (["read", "-p", "nonsense", "x"], "NAME[:KIND]=CAPTURE"),
            (["read", "-p", "a:switsh=x"], "did you mean switch"),
            (["read", "-p", "a" * 64 + "=x"], "1 to 63"),
            (["read", "-", "-"], "only once"),
            (["read", "--profile", "x"], "wants -o"),
            (["read", "--profile=tpc", "-o", "x", "y"], "'tpc': expected host"),
            (["read", "--profile=", "-o", "x", "y"], "1 to 255"),
            (["read", "-F", "tcp porrt 80", "x"], "tcp porrt 80"),
            (["check"], "-c CONF"),
            (["run"], "wants -c CONF"),
            (["run", "-c", "x.yaml", "eth0"], "takes no operands"),
            (["version", "x"], "no operands"),
            (["help", "nothing"], "unknown command")):
        err = run(*args, expect=2).err
        assert words in err, (args, err)


def test_help_of_every_command():
    commands = re.findall(r"^  ([a-z]+) {2,}\S", run("--help").out, re.M)
    assert {"read", "run", "check", "version"} <= set(commands), commands
    for c in commands:
        text = run(c, "--help").out
        assert text.startswith(f"Usage: spantap {c}"), text
        assert "Exit codes:" in text
        assert max(map(len, text.splitlines())) <= 100
        assert run("help", c).out == text


def test_man_pages_are_current():
    for c in ("", "read", "run", "trace", "profile", "top", "check", "version"):
        page = f"docs/man/spantap{'-' if c else ''}{c}.1"
        with open(page, encoding="utf-8") as f:
            want = f.read()
        got = run("help", "--man", *([c] if c else [])).out
        assert got == want, f"{page} is old: print it with 'spantap help --man {c}'"
        for option in re.findall(r"^  (-.*)$", run(*([c] if c else []), "--help").out, re.M):
            assert option.replace("-", "\\-") in got, option


def test_version():
    out = run("version").out
    assert re.match(r"spantap \d+\.\d+\.\d+\n", out)
    for library in ("libfyaml", "zlib", "libzstd", "liblz4", "nettle", "libpcap", "libdpdk", "libbpf", "libxdp"):
        assert re.search(rf"^  {library} +\S", out, re.M), library
    assert run("--version").out == out and run("-V").out == out


def test_one_file():
    with Dir() as d:
        run("read", "-o", d("out"), d.write("one.pcap", pcap(conversation(4000, T0))))
        assert sorted(os.listdir(d("out"))) == FILES
        (f,) = flows(d("out"))
        assert f["point"] == "one" and f["client_port"] == 4000 and f["server_port"] == 80 and f["proto"] == "tcp"
        assert f["packets_c2s"] == 6 and f["packets_s2c"] == 5, f
        assert f["payload_bytes_c2s"] == 100 and f["payload_bytes_s2c"] == 3000
        assert f["close_reason"] == "fin" and f["start_ns"] == T0 * 1000
        s = stats(d("out"))
        assert s["packets"] == s["analysed"] == 11 and s["bytes"] == f["bytes_c2s"] + f["bytes_s2c"]
        assert s["flows"]["flows_created"] == s["records"]["written"] == 1
        assert s["first_packet_ns"] == T0 * 1000 and s["last_packet_ns"] == (T0 + 1000) * 1000
        assert s["wall_us"] > 0
        if os.path.exists("/proc/self/status"):
            assert s["memory_bytes"]["resident_peak"] > 0


def test_standard_output():
    with Dir() as d:
        lines = run("read", "-o", "-", d.write("one.pcap", pcap(conversation(4000, T0)))).lines()
        assert [x["record"] for x in lines] == ["flow"]
        assert not os.path.exists("-")


def test_standard_input():
    data = pcap(conversation(4000, T0))
    for form in (data, gzip.compress(data), pcap(conversation(4000, T0), order=">")):
        (f,) = run("read", "-o", "-", "-", stdin=form).lines()
        assert f["packets_c2s"] == 6
    assert run("read", "-o", "-", "-p", "tap=-", stdin=data).lines()[0]["point"] == "tap"


def test_reader_leaves():
    """A reader that closes the pipe ends the run without a message."""
    with Dir() as d:
        packets = [p for i in range(20000) for p in conversation(1024 + i % 60000, T0 + i * 10, client=i)[:1]]
        capture = d.write("many.pcap", pcap(packets))
        p = subprocess.Popen([SPANTAP, "read", "-o", "-", capture], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdout.read(1)
        p.stdout.close()
        err = p.stderr.read().decode()
        p.stderr.close()
        assert p.wait(30) == 1 and not err, (p.returncode, err)


def test_several_points():
    with Dir() as d:
        a = conversation(4000, T0)
        b = [(t + 50, f) for t, f in conversation(4001, T0)]
        run("read", "-o", d("out"), "-p", "lb:gateway=" + d.write("a.pcap", pcap(a)), d.write("b.pcap", pcap(b)))
        s = stats(d("out"))
        assert {p["point"]: (p["kind"], p["packets"]) for p in s["points"]} == {"lb": ("gateway", 11), "b": ("unknown", 11)}
        assert {(f["point"], f["client_port"]) for f in flows(d("out"))} == {("lb", 4000), ("b", 4001)}


def test_interfaces_are_points():
    with Dir() as d:
        packets = [(t, 0, f) for t, f in conversation(4000, T0)] + [(t + 5, 1, f) for t, f in conversation(4000, T0)]
        run("read", "-o", d("out"), d.write("two.pcapng", pcapng(sorted(packets), ["eth0", "eth1"])))
        s = stats(d("out"))
        assert [p["packets"] for p in s["points"]] == [11, 11]
        assert len(flows(d("out"))) == 2 and all(f["close_reason"] == "fin" for f in flows(d("out")))


def test_points_of_one_group():
    """The halves of a tap, as two captures: one flow, nothing sent again."""
    with Dir() as d:
        packets = conversation(4000, T0)
        up = [p for p in packets if p[1][6:12] == mac(1)]
        down = [p for p in packets if p[1][6:12] == mac(2)]
        conf = d.write("c.yaml", "points:\n  - name: up\n    group: tap\n  - name: down\n    group: tap\n    kind: switch\n")
        run("read", "-c", conf, "-o", d("out"), d.write("up.pcap", pcap(up)), d.write("down.pcap", pcap(down)))
        (f,) = flows(d("out"))
        assert f["packets_c2s"] == 6 and f["packets_s2c"] == 5 and "one_way" not in f
        assert [p["kind"] for p in stats(d("out"))["points"]] == ["unknown", "switch"]


def test_disorder_is_no_retransmission():
    with Dir() as d:
        packets = conversation(4000, T0, response=200000)
        ordered = run("read", "-o", "-", d.write("a.pcap", pcap(packets))).lines()
        mixed = packets[:]
        for i in range(4, len(mixed) - 12, 8):
            mixed[i:i + 8] = mixed[i + 4:i + 8] + mixed[i:i + 4]
        run("read", "-o", d("out"), d.write("a.pcap", pcap(mixed)))
        assert flows(d("out")) == [{k: v for k, v in f.items() if k != "record"} for f in ordered]
        assert stats(d("out"))["reorder"]["sorted"] > 50
        conf = d.write("c.yaml", "reorder:\n  window: 0s\n")
        run("read", "-c", conf, "-o", d("raw"), d("a.pcap"))
        assert stats(d("raw"))["reorder"]["held"] == 0
        assert flows(d("raw"))[0] != flows(d("out"))[0]


def test_filter():
    with Dir() as d:
        packets = conversation(4000, T0) + [(T0 + 5000 + i, ether(udp(addr(1), addr(3), 53000 + i, 53, b"x" * 20)))
                                            for i in range(7)]
        capture = d.write("mixed.pcap", pcap(packets))
        run("read", "-F", "udp port 53", "-o", d("out"), capture)
        s = stats(d("out"))
        assert s["analysed"] == 7 and s["filtered"] == 11 and s["flows"]["flows_created"] == 7
        run("read", "-F", "host 192.0.2.1", "-o", d("out"), capture)
        s = stats(d("out"))
        assert s["filtered"] == 18 and s["analysed"] == 0 and flows(d("out")) == []
        raw = d.write("raw.pcap", pcap([(t, f[14:]) for t, f in packets], link=LINK_RAW))
        run("read", "-F", "tcp", "-o", d("out"), raw, capture)
        s = stats(d("out"))
        assert s["analysed"] == 22 and s["filtered"] == 14


def test_libpcap_is_loaded_when_there_is_a_filter():
    with Dir() as d:
        capture = d.write("x.pcap", pcap(conversation(4000, T0)))
        for name in ("libpcap.so.0.8", "libpcap.so.1"):
            d.write(name, b"")
        without = {"LD_LIBRARY_PATH": d()}
        run("read", capture, env=without)
        err = run("read", "-F", "tcp", capture, env=without, expect=2).err
        assert err.startswith("spantap: filters need libpcap: libpcap.so.0.8 cannot be loaded ("), err
        assert "); install the package libpcap0.8\n" in err, err


def test_every_packet_has_one_verdict():
    with Dir() as d:
        good = conversation(4000, T0)
        copy = [good[0], (good[0][0] + 1, good[0][1])] + good[1:]
        odd = [(T0 + 9000, ether(b"\0" * 46, kind=0x0806)),              # ARP, empty
               (T0 + 9001, ether(b"\x45\0")),                            # IPv4, cut
               (T0 + 9002, ether(b"\x65" + b"\0" * 40)),                 # no IP version
               (T0 + 9003, b"\1\2\3"),                                   # not even Ethernet
               (T0 + 9004, ether(b"\0" * 50, kind=0x88cc)),              # LLDP
               (T0 + 9005, ether(ipv4(addr(1), addr(2), 6, b"\0" * 2)))]  # TCP without ports
        run("read", "-o", d("out"), d.write("odd.pcap", pcap(copy + odd)))
        s = stats(d("out"))
        assert s["packets"] == 18 and s["duplicate"] == 1 and s["malformed"] == 4, s
        assert s["analysed"] == 13
        assert s["decode"]["skipped"]["lldp"] == 1


def test_refused_link_type():
    with Dir() as d:
        wifi = d.write("wifi.pcap", pcap([(T0, b"\x80" + b"\0" * 40)], link=LINK_80211))
        p = run_plain("read", "-o", d("out"), wifi)
        assert p.returncode in (0, 1)
        if p.returncode == 0:
            s = stats(d("out"))
            assert s["malformed"] == s["decode"]["malformed"]["refused_link_type"] == 1
        else:
            assert b"wifi.pcap" in p.stderr


def test_truncated():
    with Dir() as d:
        data = pcap(conversation(4000, T0) + conversation(4001, T0 + 5000))
        capture = d.write("cut.pcap", data[:-30])
        ran = run("read", "-o", d("out"), capture, expect=3)
        assert "cut.pcap" in ran.err and "byte" in ran.err, ran.err
        assert {f["client_port"]: f["packets_c2s"] + f["packets_s2c"] for f in flows(d("out"))} == {4000: 11, 4001: 10}
        s = stats(d("out"))
        assert s["packets"] == 21 and s["files"][0]["damage"]
        assert "damaged" in run("read", capture, expect=3).out
        run("read", "-o", d("out"), "-", stdin=data[:-30], expect=3)
        assert stats(d("out"))["packets"] == 21


def test_damaged():
    with Dir() as d:
        data = bytearray(pcap(conversation(4000, T0)))
        second = 24 + 16 + 54
        data[second + 8:second + 12] = b"\xff\xff\xff\x7f"  # a length that cannot be
        run("read", "-o", d("out"), d.write("bad.pcap", bytes(data)), expect=3)
        assert stats(d("out"))["packets"] == 1


def test_cannot_be_read():
    with Dir() as d:
        assert "nowhere.pcap" in run("read", "-o", d("out"), d("nowhere.pcap"), expect=1).err
        assert not os.path.exists(d("out"))
        assert "text.pcap" in run("read", d.write("text.pcap", "this is no capture at all, just text\n" * 9), expect=1).err
        run("read", d.write("empty", b""), expect=1)
        run("read", d.path, expect=1)
        run("read", "-", stdin=b"", expect=1)
        # what is left is analysed
        good = d.write("good.pcap", pcap(conversation(4000, T0)))
        assert "nowhere" in run("read", "-o", d("out"), d("nowhere.pcap"), good, expect=3).err
        assert stats(d("out"))["packets"] == 11


def test_empty_capture():
    with Dir() as d:
        capture = d.write("empty.pcap", pcap([]))
        run("read", "-o", d("out"), capture)
        assert flows(d("out")) == [] and stats(d("out"))["packets"] == 0
        assert "first_packet_ns" not in stats(d("out"))
        run("read", capture)


def test_output_is_replaced_whole():
    with Dir() as d:
        a, b = d.write("a.pcap", pcap(conversation(4000, T0))), d.write("b.pcap", pcap([]))
        run("read", "-o", d("out"), a)
        before = {n: open(d("out", n), "rb").read() for n in os.listdir(d("out"))}
        inode = os.stat(d("out", "flows.jsonl")).st_ino
        run("read", "-o", d("out"), d("nowhere"), expect=1)  # a run that failed changes nothing
        assert {n: open(d("out", n), "rb").read() for n in os.listdir(d("out"))} == before
        run("read", "-o", d("out"), b)
        assert flows(d("out")) == [] and os.stat(d("out", "flows.jsonl")).st_ino != inode
        assert sorted(os.listdir(d("out"))) == FILES


def test_output_while_running():
    """Until a run is done the files of the one before stay; after SIGINT they are whole and there."""
    with Dir() as d:
        run("read", "-o", d("out"), d.write("a.pcap", pcap(conversation(4000, T0))))
        before = open(d("out", "flows.jsonl"), "rb").read()
        p = subprocess.Popen([SPANTAP, "read", "-o", d("out"), "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdin.write(pcap(conversation(4001, T0) * 40))
        p.stdin.flush()
        time.sleep(0.5)
        assert open(d("out", "flows.jsonl"), "rb").read() == before
        p.send_signal(signal.SIGINT)
        time.sleep(0.3)
        p.stdin.close()
        err = p.stderr.read().decode()
        p.stderr.close()
        assert p.wait(30) == 3 and "SIGINT" in err, (p.returncode, err)
        assert {f["client_port"] for f in flows(d("out"))} == {4001}
        stats(d("out"))


def test_output_fails():
    with Dir() as d:
        capture = d.write("a.pcap", pcap(conversation(4000, T0)))
        assert "a.pcap" in run("read", "-o", d("a.pcap", "out"), capture, expect=1).err
        if os.path.exists("/dev/full"):
            with open("/dev/full", "wb") as full:
                p = subprocess.run([SPANTAP, "read", "-o", "-", capture], stdout=full, stderr=subprocess.PIPE, check=False)
                assert p.returncode == 1 and p.stderr, p
                p = subprocess.run([SPANTAP, "read", capture], stdout=full, stderr=subprocess.PIPE, check=False)
                assert p.returncode == 1 and p.stderr, p


def test_bad_configuration():
    with Dir() as d:
        capture = d.write("a.pcap", pcap([]))
        conf = d.write("c.yaml", "flow:\n  max_flowz: 5\n  timeout:\n    udp: soon\nnothing: 1\n")
        for args in (["check", "-c", conf], ["read", "-c", conf, capture]):
            err = run(*args, expect=2).err
            assert f"{conf}:2:" in err and "max_flows" in err, err
            assert f"{conf}:4:" in err and f"{conf}:5:" in err, err
        assert "nowhere" in run("check", "-c", d("nowhere.yaml"), expect=2).err
        run("check", "-c", d.write("broken.yaml", "flow: [\n"), expect=2)
        assert run("check", "-c", d.write("good.yaml", "flow:\n  timeout:\n    udp: 5s\n")).err == ""


def test_default_configuration():
    with Dir() as d:
        out = run("check", "--print-default").out
        with open("conf/spantap.yaml", encoding="utf-8") as f:
            assert f.read() == out, "conf/spantap.yaml is old: print it with 'spantap check --print-default'"
        run("check", "-c", d.write("default.yaml", out))
        for section in ("ports", "points", "workers", "decode", "reorder", "flow", "output"):
            assert re.search(rf"^#? ?{section}:", out, re.M), section
        capture = d.write("a.pcap", pcap(conversation(4000, T0)))
        assert run("read", "-o", "-", capture).out == run("read", "-c", d("default.yaml"), "-o", "-", capture).out


def test_configuration_is_used():
    with Dir() as d:
        tunnelled = [(t, ether(udp(addr(8), addr(9), 5, 9999, b"\x08\0\0\0\0\0\x07\0" + f), src=8, dst=9))
                     for t, f in conversation(4000, T0)]
        capture = d.write("a.pcap", pcap(tunnelled))
        assert {f["proto"] for f in run("read", "-o", "-", capture).lines()} == {"udp"}
        conf = d.write("c.yaml", "decode:\n  vxlan_ports: [9999]\n")
        (f,) = run("read", "-c", conf, "-o", "-", capture).lines()
        assert f["proto"] == "tcp" and f["tunnels"][0]["type"] == "vxlan" and f["tunnels"][0]["id"] == 7


def test_full_table():
    with Dir() as d:
        packets = [(T0 + 10 * i, ether(tcp(addr(i // 250 + 1), addr(2), 1024 + i, 81, 1, 0, SYN))) for i in range(3000)]
        capture, conf = d.write("a.pcap", pcap(packets)), d.write("c.yaml", "flow:\n  max_flows: 1024\n")
        r = run("read", "-c", conf, "-o", d("out"), capture)
        s = stats(d("out"))
        shed, refused = s["flows"]["flows_shed"], s["dropped"]
        assert shed + refused == 3000 - 1024 and shed > refused, s["flows"]
        assert f"{shed} flows ended early" in r.err and "flow.max_flows" in r.err, r.err
        assert len(flows(d("out"))) == 3000 - refused
        assert "ended early to make room" in run("read", "-c", conf, capture).out
        assert run("read", "-o", d("out"), capture).err == ""


def test_summary():
    with Dir() as d:
        packets = []
        for i in range(50):
            packets += conversation(4000 + i, T0 + i * 20000, client=10 + i % 7)
        for i in range(3):  # nobody answers
            packets.append((T0 + 2_000_000 + i, ether(tcp(addr(99), addr(2), 6000 + i, 81, 1, 0, SYN))))
        capture = d.write("sum.pcap", pcap(packets))
        out = run("read", capture).out
        assert max(map(len, out.splitlines())) <= 100
        assert not any(line != line.rstrip() for line in out.splitlines())
        assert "\033" not in out
        for words in ("sum.pcap", "553 ", "10.0.0.2", "syn_no_answer", "10.0.0.99:6000 > 10.0.0.2:81", "Top talkers",
                      "553 of 553 packets"):
            assert words in out, (words, out)
        assert re.search(r"^ +fin +50 ", out, re.M) and re.search(r"^ +syn_no_answer +3 ", out, re.M), out


def test_names_are_tamed():
    """Names from a capture neither reach the terminal as control characters nor break the JSON."""
    with Dir() as d:
        packets = [(t, i, f) for i in (0, 1) for t, f in conversation(4000 + i, T0)]
        capture = d.write("n.pcapng", pcapng(packets, ["a\033]0;x\a\u009b2J", "\"b\\\t"]))
        out = run("read", capture).out
        assert not any(ord(c) < 32 and c != "\n" or 0x7f <= ord(c) < 0xa0 for c in out), repr(out)
        run("read", "-o", d("out"), capture)
        assert [p["packets"] for p in stats(d("out"))["points"]] == [11, 11]
        odd = os.path.join(os.fsencode(d.path), b"\xff\xfe.pcap")
        os.rename(capture, odd)
        run("read", "-o", d("out"), odd)
        stats(d("out"))


def test_colour_only_on_a_terminal():
    with Dir() as d:
        capture = d.write("a.pcap", pcap(conversation(4000, T0)))
        for env, colour in (({}, True), ({"NO_COLOR": "1"}, False)):
            try:
                master, slave = pty.openpty()
            except OSError as e:
                raise Skip(str(e)) from e  # /dev/pts is not mounted
            clean = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
            subprocess.run([SPANTAP, "read", capture], stdout=slave, check=True, env=dict(clean, **env))
            os.close(slave)
            out = b""
            try:
                while chunk := os.read(master, 65536):
                    out += chunk
            except OSError:
                pass
            os.close(master)
            assert (b"\033[" in out) == colour, env


def test_repeats_exactly():
    with Dir() as d:
        packets = sorted(p for i in range(200) for p in conversation(4000 + i, T0 + i * 500, client=i))
        capture = d.write("a.pcap", pcap(packets))
        first = run("read", "-o", "-", capture).out
        assert len(first.splitlines()) == 200
        assert run("read", "-o", "-", capture).out == first
        assert run("read", "-o", "-", "-p", "a=-", stdin=gzip.compress(open(capture, "rb").read())).out == first


def flows_of(capture, conf):
    """Flow records in an order of their own, without the numbers that workers give them; exit status; counters."""
    with Dir() as d:
        p = subprocess.run([SPANTAP, "read", "-c", conf, "-o", d("out"), capture], capture_output=True, timeout=60, check=False)
        with open(d("out", "flows.jsonl")) as f:
            flows = [json.loads(line) for line in f]
        with open(d("out", "stats.json")) as f:
            stats = json.load(f)
    for f in flows:
        del f["flow_id"]
    keys = ("packets", "bytes", "analysed", "filtered", "duplicate", "malformed", "dropped", "decode", "points")
    return sorted(json.dumps(f) for f in flows), p.returncode, {k: stats[k] for k in keys}


def calls_of(capture, conf):
    """Request records without what depends on the order of flows."""
    with Dir() as d:
        subprocess.run([SPANTAP, "read", "-c", conf, "-o", d("out"), capture], capture_output=True, timeout=60, check=False)
        with open(d("out", "requests.jsonl"), encoding="utf-8") as f:
            calls = [json.loads(line) for line in f]
    for r in calls:
        del r["request_id"], r["flow_id"]
        r.pop("response_flow_id", None)
    return sorted(json.dumps(r, sort_keys=True) for r in calls)


def test_workers_share_a_capture():
    captures = sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "captures", "*.pcap*")))
    with Dir() as d:
        one, some = d.write("one.yaml", "workers: {count: 1}\n"), d.write("some.yaml", "workers: {count: 3}\n")
        cut = d.write("cut.pcap", open(captures[0], "rb").read()[:-7])
        assert any("fragments" in c for c in captures) and any("vxlan" in c for c in captures)
        for capture in captures + [cut]:
            if "vxlan-fragments" not in capture:  # the flow inside is where the datagrams around it are
                assert flows_of(capture, some) == flows_of(capture, one), capture
                assert calls_of(capture, some) == calls_of(capture, one), capture


def main(names):
    """Runs what is called test_… among names."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    tests = [(n, f) for n, f in names.items() if n.startswith("test_") and wanted in n]
    failed = 0
    for i, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {i} - {name[5:]}", flush=True)
        except Skip as why:
            print(f"ok {i} - {name[5:]} # SKIP {why}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print("#", line)
            print(f"not ok {i} - {name[5:]}", flush=True)
    print(f"1..{len(tests)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(globals()))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls as spantap and as tshark pair them, over the captures of tests/captures and, with --corpus, the public ones: each response of
which tshark names the request has to be a call of ours, between the same ends, with the same name and code. Prints TAP;
`calls.py FILE...` compares those files.

A capture whose calls differ stands in EXPLAINED with the reason, and fails there once it does not differ any more. Over all
captures at least 97 % of the calls of each protocol that has enough of them are the same, those explained included."""

import glob
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict

import conversations
import suite
import tshark

# What tshark has to say of a frame; a field may have several values, one for each message in it.
FIELDS = ["frame.number", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "udp.srcport",
          "udp.dstport",
          "http.request.method", "http.request.uri", "http.response.code", "http.request_in",
          "dns.id", "dns.flags.response", "dns.qry.name", "dns.response_to", "dns.flags.rcode",
          "icmp.type", "icmp.ident", "icmp.seq", "icmp.resp_to", "icmpv6.type", "icmpv6.echo.identifier", "icmpv6.echo.sequence_number",
          "icmpv6.resp_to",
          "kafka.correlation_id", "kafka.request_frame",
          "ldap.messageID", "ldap.response_to",
          "sip.CSeq.seq", "sip.CSeq.method", "sip.Status-Code", "sip.response-request"]
ENOUGH = 50  # calls, for a share to mean something
SHARE = 0.97
# Several messages of one frame: tshark names the request's frame, not which of its requests.
RCODE = dict(enumerate(["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
                        "NOTZONE"]))

# capture -> why its calls differ
EXPLAINED = {
    "dns-types.pcap": "BADVERS: EDNS extends the code, tshark names the four bits of the header",
}


def ask(capture):
    """A dictionary a frame: field -> list of values."""
    args = ["tshark", "-n", "-r", capture, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=/s"]
    for field in FIELDS:
        args += ["-e", field]
    for line in tshark.kept(capture, args).splitlines():
        yield {field: value.split(" ") if value else [] for field, value in zip(FIELDS, line.split("\t"))}


def ends(frame):
    """(source, destination) as address:port, of the innermost headers."""
    kind = "ip" if [p for p in frame["frame.protocols"][0].split(":") if p in ("ip", "ipv6")][-1:] == ["ip"] else "ipv6"
    pair = []
    for way, port in (("src", "srcport"), ("dst", "dstport")):
        address = frame[f"{kind}.{way}"]
        ports = frame["tcp." + port] or frame["udp." + port]
        pair.append((address[-1] if address else "", ports[-1] if ports else ""))
    return pair


def http(frames, frame):
    """Calls whose responses are in this frame: (name, code)."""
    for code, asked in zip(frame["http.response.code"], frame["http.request_in"]):
        request = frames.get(asked)
        if code[0] != "1" and request and request["http.request.method"]:
            yield request, "http", request["http.request.method"][0], code


def dns(frames, frame):
    for asked in frame["dns.response_to"]:
        request = frames.get(asked)
        if request and len(frame["dns.id"]) == 1:
            rcode = frame["dns.flags.rcode"][0]
            yield request, "dns", str(int(frame["dns.id"][0], 16)), RCODE.get(int(rcode), rcode)


def icmp(frames, frame):
    for protocol, number in (("icmp", "icmp.seq"), ("icmpv6", "icmpv6.echo.sequence_number")):
        for asked in frame[protocol + ".resp_to"]:
            request = frames.get(asked)
            if request and frame[number]:
                yield request, "icmp", str(int(frame[number][0], 0)), None


def by_number(protocol, number, asked_in):
    def calls(frames, frame):
        for value, asked in zip(frame[number], frame[asked_in]):
            request = frames.get(asked)
            if request:
                yield request, protocol, str(int(value, 0)), None
    return calls


def sip(frames, frame):
    for asked in frame["sip.response-request"]:
        request = frames.get(asked)
        code = frame["sip.Status-Code"]
        if request and code and code[0][0] != "1" and frame["sip.CSeq.method"]:
            yield request, "sip", frame["sip.CSeq.method"][0], code[0]


PROTOCOLS = [http, dns, icmp, sip, by_number("kafka", "kafka.correlation_id", "kafka.request_frame"),
             by_number("ldap", "ldap.messageID", "ldap.response_to")]


def by_tshark(capture):
    """Calls to how many: (protocol, client, server, name, code)."""
    frames, calls = {}, Counter()
    for frame in ask(capture):
        frames[frame["frame.number"][0]] = frame
        for protocol in PROTOCOLS:
            for request, *what in protocol(frames, frame):
                client, server = ends(request)
                if ends(frame) == [server, client] and client[0]:
                    calls[(what[0], client, server, *what[1:])] += 1
    return calls


def name_of(r):
    """What a call of ours is compared by."""
    if r["app_proto"] in ("http", "sip"):
        return r["app_proto"], r.get("method"), r.get("code")
    if r["app_proto"] in ("dns", "mdns", "llmnr"):
        code = r.get("code")
        return "dns", r.get("correlation"), code
    return r["app_proto"], r.get("correlation"), None


def by_spantap(capture):
    with tempfile.TemporaryDirectory() as out:
        run = subprocess.run([conversations.SPANTAP, "read", "-o", out, capture], capture_output=True, text=True, errors="replace",
                             check=False, timeout=300)
        if run.returncode not in (0, 3):
            raise conversations.Failed(f"exit status {run.returncode}: {run.stderr.strip()}")
        calls = Counter()
        with open(os.path.join(out, "requests.jsonl"), encoding="utf-8") as f:
            for line in f:
                r = json.loads(line)
                if r["type"] != "call":
                    continue
                protocol, name, code = name_of(r)
                client = r["client_ip"], str(r.get("client_port", ""))
                server = r["server_ip"], str(r.get("server_port", ""))
                if r.get("from_server"):
                    client, server = server, client
                calls[(protocol, client, server, name, code)] += 1 + r.get("retries", 0)
    return calls


def compare(capture):
    """Lines that say what is missing; how many calls of each protocol there are, and how many are the same."""
    theirs = by_tshark(capture)
    if not theirs:
        return [], {}
    try:
        ours = by_spantap(capture)
    except conversations.Failed as e:
        return [str(e)], {}
    lines, counts = [], defaultdict(lambda: [0, 0])
    for call, n in theirs.items():
        same = min(n, ours[call])
        counts[call[0]][0] += n
        counts[call[0]][1] += same
        if same < n:
            protocol, client, server, name, code = call
            lines.append(f"{protocol} {':'.join(client)} > {':'.join(server)} {name} {code or ''}: {n - same} of {n} missing")
    return lines, dict(counts)


def main():
    if not suite.has("tshark"):
        print("1..0 # SKIP tshark is not installed")
        return 0
    folder = os.path.join(suite.ROOT, "tests", "captures")
    names = sys.argv[1:] or [os.path.basename(c) for c in glob.glob(os.path.join(folder, "*.pcap*"))]
    if sys.argv[1:] == ["--corpus"]:
        folder = suite.corpus()
        names = suite.captures(folder)
    tap, total = suite.Tap(), defaultdict(lambda: [0, 0])
    for path, (lines, counts) in suite.each(compare, [os.path.join(folder, name) for name in sorted(names)]):
        name = os.path.relpath(path, folder)
        for protocol, (n, same) in counts.items():
            total[protocol][0] += n
            total[protocol][1] += same
        if not counts and not lines:
            continue
        if name in EXPLAINED:
            lines = [] if lines else [f"explained, though nothing differs: {EXPLAINED[name]}"]
        tap.test(name, lines)
    for protocol, (n, same) in sorted(total.items()):
        print(f"# {protocol}: {same} of {n} calls are the same")
        if n >= ENOUGH:
            tap.test(protocol, [] if same >= SHARE * n else [f"{same} of {n}"])
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())

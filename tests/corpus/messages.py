#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tshark dissects but does not pair by itself, over the public captures: HTTP/2 calls by stream, MongoDB's by their ids, TLS
handshakes by the fingerprints of both sides, MySQL's commands and errors, MQTT's requests; each has to be among our records, between
the same ends. Prints TAP; `messages.py FILE...` compares those files.

A capture that differs stands in EXPLAINED with the reason, and fails there once it does not differ any more. Over all captures at
least 97 % of each protocol's are the same, those explained included."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict

import calls
import conversations
import suite
import tshark

FIELDS = ["frame.number", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "udp.srcport",
          "udp.dstport",
          "http2.streamid", "http2.type", "http2.headers.method", "http2.headers.status",
          "mongo.request_id", "mongo.response_to", "mysql.command", "mysql.error_code", "mqtt.msgtype",
          "tls.handshake.type", "tls.handshake.ja3", "tls.handshake.ja3s"]
AS = ["-d", "tcp.port==27017,mongo"]  # which it takes for TLS
SPOKEN = {"http2", "mongo", "tls", "mysql", "mqtt"}

# capture -> why it differs
EXPLAINED = {name: why for why, names in {
    "TLS begins within a protocol that is nobody's, not at the beginning of a segment, or late": [
        "ndpi/pcap/ftp-start-tls.pcap", "ndpi/pcap/tls_heur__shadowsocks-tcp.pcapng", "ndpi/pcap/tls_heur__vmess-tcp.pcapng",
        "zeek/Traces/ftp/ftp-auth-tls.pcap"],
    "two hellos of the client are one handshake, with the fingerprint of the first": [
        "suricata-verify/tls-duplicate-hello/input.pcap"],
    "tshark sees the HelloRetryRequest, and not the hello after it": ["zeek/Traces/tls/hrr.pcap"],
    "a hello alone, changed or cut short: nobody's": [
        "mercury/afl_data/corner-cases.pcap", "mercury/afl_data/encrypted_handshake_cert_false_positive.pcap",
        "ndpi/pcap/tls_cipher_lens.pcap"],
    "a hello after five errors of an SMTP server, within SMTP": ["suricata-verify/smtp-errors/smtperr.pcap"],
    "tshark opens 802.11 within Ethernet": ["wireshark-wiki/dns-remoteshell.pcap"],
}.items() for name in names}


def ask(capture):
    """A dictionary a frame, as calls.ask, of captures that have one of these protocols."""
    base = {p for frame in calls.ask(capture) for p in ":".join(frame["frame.protocols"]).split(":")}
    if not base & SPOKEN:
        return
    args = ["tshark", "-n", "-r", capture, *AS, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=/s"]
    for field in FIELDS:
        args += ["-e", field]
    for line in tshark.kept(capture, args).splitlines():
        yield {field: value.split(" ") if value else [] for field, value in zip(FIELDS, line.split("\t"))}


class Theirs:
    """What tshark says of a capture, as (protocol, client, server, what) to how many."""

    def __init__(self):
        self.found = Counter()
        self.asked = {}  # of a stream or an id: the method

    def http2(self, frame, src, dst):
        blocks = [s for s, kind in zip(frame["http2.streamid"], frame["http2.type"]) if kind == "1"]
        for stream, method in zip(blocks, frame["http2.headers.method"]):
            self.asked[src, dst, stream] = method
        for stream, status in zip(blocks, frame["http2.headers.status"]):
            method = self.asked.pop((dst, src, stream), None)
            if method and status[0] != "1":
                self.found["http2", dst, src, f"{stream} {method} {status}"] += 1

    def mongo(self, frame, src, dst):
        for number, to in zip(frame["mongo.request_id"], frame["mongo.response_to"]):
            if not int(to, 0):
                self.asked[src, dst, int(number, 0)] = True
            elif self.asked.pop((dst, src, int(to, 0)), None):
                self.found["mongodb", dst, src, str(int(to, 0))] += 1

    def tls(self, frame, src, dst):
        for print_ in frame["tls.handshake.ja3"]:
            self.found["tls", src, dst, f"ja3 {print_}"] = 1
        for print_ in frame["tls.handshake.ja3s"]:  # a HelloRetryRequest looks like one, too: the last counts
            self.found.pop(("tls", dst, src, self.asked.get(("ja3s", dst, src))), None)
            self.asked["ja3s", dst, src] = f"ja3s {print_}"
            self.found["tls", dst, src, f"ja3s {print_}"] = 1

    def mysql(self, frame, src, dst):
        for command in frame["mysql.command"]:
            if int(command) <= 31 and command not in ("1", "24", "25"):  # larger ones are parts of a login
                self.found["mysql", src, dst, "command"] += 1
        for code in frame["mysql.error_code"]:
            self.found["mysql", dst, src, f"error {code}"] += 1

    def mqtt(self, frame, src, dst):
        names = {"1": "CONNECT", "3": "PUBLISH", "8": "SUBSCRIBE", "10": "UNSUBSCRIBE", "12": "PINGREQ"}
        for kind in frame["mqtt.msgtype"]:
            if kind in names:
                self.found["mqtt", src, dst, names[kind]] += 1


def by_tshark(capture):
    theirs = Theirs()
    for frame in ask(capture):
        if not frame["tcp.srcport"]:
            continue
        src, dst = calls.ends(frame)
        inside = calls.above(frame)[1]
        for protocol in SPOKEN & set(inside):
            if "openvpn" not in inside and (protocol == "tls" or "tls" not in inside):
                getattr(theirs, protocol)(frame, src, dst)
    return theirs.found


def what_of(r):
    """Of a record of ours: what it is compared by."""
    kind, method, code = r["app_proto"], r.get("method", ""), r.get("code", "")
    if kind in ("http2", "grpc") and r["type"] == "call":
        yield "http2", f"{r.get('correlation')} {method} {code if len(code) == 3 else '200'}"
    elif kind == "mongodb" and r["type"] == "call":
        yield kind, r.get("correlation")
    elif kind == "tls":
        for field, name in (("ja3", "tls.client.ja3"), ("ja3s", "tls.server.ja3s")):
            if name in r.get("attributes", {}):
                yield kind, f"{field} {r['attributes'][name]}"
    elif kind == "mysql":
        if r["type"] != "response" and method not in ("LOGIN", "QUIT", "STMT_CLOSE", "STMT_SEND_LONG_DATA"):
            yield kind, "command"
        if r["status"] in ("client_error", "server_error"):
            yield kind, f"error {code}"
    elif kind == "mqtt" and r["type"] != "response":
        yield kind, method


def by_spantap(capture):
    found = Counter()
    with tempfile.TemporaryDirectory() as out:
        run = subprocess.run([conversations.SPANTAP, "read", "-o", out, capture], capture_output=True, text=True, errors="replace",
                             check=False, timeout=300)
        if run.returncode not in (0, 3):
            raise conversations.Failed(f"exit status {run.returncode}: {run.stderr.strip()}")
        with open(os.path.join(out, "requests.jsonl"), encoding="utf-8") as f:
            for r in map(json.loads, f):
                client, server = [(r[end + "_ip"], str(r.get(end + "_port", ""))) for end in ("client", "server")]
                if r.get("from_server") and r["app_proto"] != "mysql":
                    client, server = server, client
                for protocol, what in what_of(r):
                    found[protocol, client, server, what] += 1
    return found


def compare(capture):
    """Lines that say what is missing; how many there are of each protocol, and how many are the same."""
    theirs = by_tshark(capture)
    try:
        ours = by_spantap(capture) if theirs else None
    except conversations.Failed as e:
        return [str(e)], {}
    lines, counts = [], defaultdict(lambda: [0, 0])
    for key, n in theirs.items():
        protocol, client, server, what = key
        same = min(n, ours[key])
        counts[protocol] = [a + b for a, b in zip(counts[protocol], (n, same))]
        if same < n:
            lines.append(f"{protocol} {':'.join(client)} > {':'.join(server)} {what}: {n - same} of {n} missing")
    return lines, dict(counts)


def main():
    if not suite.has("tshark"):
        print("1..0 # SKIP tshark is not installed")
        return 0
    folder = suite.corpus()
    tap, total = suite.Tap(), defaultdict(lambda: [0, 0])
    names = sys.argv[1:] or suite.captures(folder)
    for path, (lines, counts) in suite.each(compare, [os.path.join(folder, name) for name in names]):
        name = os.path.relpath(path, folder)
        for protocol, numbers in counts.items():
            total[protocol] = [a + b for a, b in zip(total[protocol], numbers)]
        if not counts and not lines:
            continue
        if name in EXPLAINED:
            lines = [] if lines else [f"explained, though nothing differs: {EXPLAINED[name]}"]
        tap.test(name, lines)
    for protocol, (n, same) in sorted(total.items()):
        print(f"# {protocol}: {same} of {n} are the same")
        if n >= calls.ENOUGH:
            tap.test(protocol, [] if same >= calls.SHARE * n else [f"{same} of {n}"])
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())

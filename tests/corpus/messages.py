#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tshark dissects but does not pair by itself, over the captures of tests/captures and, with --corpus, the public ones: single
messages as told.py tells them, calls as pairs.py pairs them. Each has to be among our records, between the same ends. Prints TAP;
`messages.py FILE...` compares those files.

A capture that differs stands in EXPLAINED with the reason, and fails there once it does not differ any more. Over all captures at
least 97 % of each protocol's are the same, those explained included."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict

import calls
import conversations
import pairs
import suite
import told
import tshark

BETWEEN = "\x1f"  # the values of a field, which may have spaces in them
# Ports that it does not know, or takes for another's.
AS = ["-d", "tcp.port==27017,mongo", "-d", "tcp.port==50051,http2", "-d", "tcp.port==8001,http2", "-d", "tcp.port==82,http2",
      "-d", "tcp.port==7001,resp", "-d", "tcp.port==7002,resp"]

# capture -> why it differs
EXPLAINED = {name: why for why, names in {
    "RESP 3 and CLIENT REPLY, which tshark does not know": ["redis-session.pcap"],
    "an answer to a message that asks for none": ["mongodb.pcap"],
    "how far MariaDB is with a file is an error to tshark": ["mariadb-compressed-large.pcap"],
    "the client's hello was cut: there is no handshake to add the server's to": ["tcpdump/quic_handshake_truncated.pcap"],
    "lists that are longer than a packet of SSH may be": ["zeek/Traces/ssh/kex-quadratic-1000.pcap"],
    "a link that is not read: IP over InfiniBand": ["tcpdump/ipoib.pcap"],
    "TLS in RDP's own transport over UDP": ["zeek/Traces/rdp/rdpeudp2-handshake-success.pcap"],
    "RTP at an odd port; packets that others would take, too, are not enough to recognise it": ["ndpi/pcap/skinny.pcap"],
    "request and answer in different tunnels are two flows": [
        "deepflow/agent/resources/test/common/vmware-gre-teb.pcap", "deepflow/server/libs/datatype/vmware-gre-teb.pcap"],
    "EHLO is never answered": ["suricata-verify/smtp-bug-6053/input.pcap"],
    "no greeting, and EHLO without its argument": ["suricata-verify/smtp-rset-starttls/input.pcap"],
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
    """A dictionary a frame, as calls.ask, of captures that have one of these protocols; the layers of pairs.py in each."""
    base, ports = set(), set()
    for frame in calls.ask(capture):
        base.update(":".join(frame["frame.protocols"]).split(":"))
        ports.update(frame["tcp.srcport"])
    base.update(option.split(",")[1] for option in AS[1::2] if re.search(r"\d+", option).group() in ports)
    if not base & (told.SPOKEN | set(pairs.PARTIES)):
        return
    args = ["tshark", "-n", "-r", capture, *AS, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", f"aggregator={BETWEEN}"]
    for field in told.FIELDS:
        args += ["-e", field]
    layers = pairs.dissected(capture, AS) if base & set(pairs.PARTIES) else {}
    for line in tshark.kept(capture, args).splitlines():
        frame = {field: value.split(BETWEEN) if value else [] for field, value in zip(told.FIELDS, line.split("\t"))}
        yield frame, layers.get(frame["frame.number"][0], [])


def by_tshark(capture):
    theirs, parties = told.Theirs(), pairs.Parties()
    for frame, layers in ask(capture):
        if not frame["tcp.srcport"] and not frame["udp.srcport"]:
            continue
        src, dst = calls.ends(frame)
        inside = calls.above(frame)[1]
        for protocol in told.SPOKEN & set(inside):
            sealed = told.SEALED[:told.SEALED.index(protocol)] if protocol in told.SEALED else told.SEALED
            if not set(sealed + told.OTHERS) & set(inside):
                getattr(theirs, protocol)(frame, src, dst)
        for client, server, protocol, what in parties.hear(layers, src, dst, frame["tcp.stream"]):
            theirs.found[protocol, client, server, what] += 1
    return theirs.settled()


def by_spantap(capture):
    found = Counter()
    with tempfile.TemporaryDirectory() as out:
        run = subprocess.run([conversations.SPANTAP, "read", "-o", out, capture], capture_output=True, text=True, errors="replace",
                             check=False, timeout=300)
        if run.returncode not in (0, 3):
            raise conversations.Failed(f"exit status {run.returncode}: {run.stderr.strip()}")
        with open(os.path.join(out, "requests.jsonl"), encoding="utf-8") as f:
            for r in map(json.loads, f):
                for what, n in told.ours(r):
                    found[what] += n
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
    folder, names = suite.asked(sys.argv[1:])
    tap, total = suite.Tap(), defaultdict(lambda: [0, 0])
    for path, (lines, counts) in suite.each(compare, [os.path.join(folder, name) for name in sorted(names)]):
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

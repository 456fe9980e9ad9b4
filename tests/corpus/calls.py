#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls as spantap and as tshark pair them, over the captures of tests/captures and, with --corpus, the public ones: each response of
which tshark names the request has to be a call of ours, between the same ends, with the same name and code. Prints TAP;
`calls.py FILE...` compares those files.

DHCP's messages and LLMNR's, which tshark does not pair, are paired here by their numbers, questions and ports: they have to be calls
between who asked and who answered, whomever that was asked of.

Where request and answer came through different VLANs or tunnels, they are two flows: both halves have to be there then. Any other
capture whose calls differ stands in EXPLAINED with the reason, and fails there once it does not differ any more. Over all captures at
least 97 % of the calls of each protocol that has enough of them are the same, those explained included."""

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
          "dhcp.option.dhcp", "dhcp.id", "dhcpv6.msgtype", "dhcpv6.xid",
          "sip.CSeq.seq", "sip.CSeq.method", "sip.Status-Code", "sip.response-request"]
ENOUGH = 50  # calls, for a share to mean something
SHARE = 0.97
BY_ORDER = ("http", "sip")  # an answer does not say what it was asked
# Several messages of one frame: tshark names the request's frame, not which of its requests.
RCODE = dict(enumerate(["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
                        "NOTZONE"]))

# What a call may be in without being one that can be seen: tshark has been given keys with the capture, or looks into the bodies of
# another call.
INSIDE = {"tls", "dtls", "quic", "http2", "sctp"}

# capture -> why its calls differ
EXPLAINED = {name: why for why, names in {
    "EDNS extends the code, tshark names the four bits of the header": [
        "dns-types.pcap", "tcpdump/dns-badcookie.pcap", "tcpdump/dns-badvers.pcap", "zeek/Traces/dns/dns_extended_rcode.pcap"],
    "the answer is to another question than was asked": [
        "ndpi/pcap/dns-invalid-chars.pcap", "suricata-verify/dns/dns-incomplete/input.pcap"],
    "bytes were changed: names no longer are the same, a length cannot be": [
        "ndpi/pcap/fuzz-2006-06-26-2594.pcap", "tcpreplay/test.rewrite_1ttl", "tcpreplay/test.rewrite_vlan802.1ad"],
    "the query is none: opcode 12, a name that points forward, junk": [
        "suricata-verify/dns/dns-invalid-opcode/input.pcap", "suricata-verify/dns/dns-forward-pointer/input.pcap",
        "suricata-verify/dns-udp-junkrequest-first/input.pcap"],
    "the status line is none: its code is no number of three digits, or the version is none": [
        "suricata-verify/http-evader/http-evader-393/input.pcap", "suricata-verify/http-evader/http-evader-468/input.pcap",
        "suricata-verify/http-evader/http-evader-474/input.pcap", "suricata-verify/http1-noint-status/input.pcap",
        "wireshark-wiki/c05-http-reply-r1.slice-a.pcap"],
    "after requests and answers that the capture lost, the order alone does not tell": [
        "zeek/Traces/http/zero-length-bodies-with-drops.pcap"],
    "after its SASL bind the connection is wrapped": ["zeek/Traces/ldap/missing_krbtgt_ldap_request.pcapng",
                                                      "zeek/Traces/ldap/modify-request.pcapng"],
    "the request's block has no time: it is decades older than its answer": [
        "gopacket/pcapgo/tests/be/test011.pcapng", "gopacket/pcapgo/tests/be/test100.pcapng"],
    "Content-Length is no number": ["zeek/Traces/sip/invalid-content-length.pcap"],
    "the same pings a second time, copies to whoever recognises those of a mirror": ["zeek/Traces/tcp/timeout-with-pings.pcap"],
    "tshark opens a tunnel that spantap leaves closed: IPComp, AYIYA, GRE behind another UDP port or with a route, 802.11": [
        "libpcap/filter/AH-IPcomp-IPv4.pcap", "libpcap/filter/AH-IPcomp-IPv6.pcap", "zeek/Traces/tunnels/ayiya3.pcap",
        "zeek/Traces/tunnels/gre-over-udp-4754.pcap", "tcpdump/various_gre.pcap", "wireshark-wiki/dns-remoteshell.pcap"],
}.items() for name in names}


def ask(capture):
    """A dictionary a frame: field -> list of values."""
    args = ["tshark", "-n", "-r", capture, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=/s"]
    for field in FIELDS:
        args += ["-e", field]
    for line in tshark.kept(capture, args).splitlines():
        yield {field: value.split(" ") if value else [] for field, value in zip(FIELDS, line.split("\t"))}


def above(frame):
    """What stands on the innermost IP header: the transport and what it carries."""
    protocols = ":".join(frame["frame.protocols"]).split(":")
    last = max((i for i, p in enumerate(protocols) if p in ("ip", "ipv6")), default=-1)
    return (protocols[last] if last >= 0 else "ip"), protocols[last + 1:]


def ends(frame):
    """(source, destination) as address and port, of the innermost headers."""
    kind, protocols = above(frame)
    transport = next((p for p in protocols if p in ("tcp", "udp")), None)
    pair = []
    for way, port in (("src", "srcport"), ("dst", "dstport")):
        address = frame[f"{kind}.{way}"]
        ports = frame[f"{transport}.{port}"] if transport else []
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


def in_two_flows(frames, frame, what, step, answers):
    """Of messages that are answered at, or from, another address: the last request with these names, until it is answered."""
    family, ports = above(frame)[0], [port for _, port in ends(frame)]
    if answers:
        return frames.pop((*what, step, family, *reversed(ports)), None)
    frames[(*what, step, family, *ports)] = frame
    return None


# kind -> step of which it is, its name where it is an answer
DHCP = {"1": (1, None), "2": (1, "OFFER"), "3": (3, None), "5": (3, "ACK"), "6": (3, "NAK"), "8": (3, None)}
DHCPV6 = {"1": (1, None), "2": (1, True), "3": (3, None), "4": (3, None), "5": (3, None), "6": (3, None), "7": (3, True),
          "8": (3, None), "9": (3, None), "11": (3, None)}


def dhcp(frames, frame):
    for kinds, field, number in ((DHCP, "dhcp.option.dhcp", "dhcp.id"), (DHCPV6, "dhcpv6.msgtype", "dhcpv6.xid")):
        for kind, xid in zip(frame[field], frame[number]):
            step, answer = kinds.get(kind, (None, None))
            request = step and in_two_flows(frames, frame, (field, xid), step, answer)
            if request:
                yield request, "dhcp", str(int(xid, 0)), answer if kinds is DHCP else None


def llmnr(frames, frame):
    if not {"5353", "5355"} & {port for _, port in ends(frame)}:
        return
    if len(frame["dns.id"]) != 1 or not int(frame["dns.id"][0], 16) or not frame["dns.qry.name"]:
        return
    number, name = frame["dns.id"][0], frame["dns.qry.name"][0].lower()
    rcode = frame["dns.flags.rcode"]
    request = in_two_flows(frames, frame, ("llmnr", number, name), 1, rcode)
    if request:
        yield request, "dns", str(int(number, 16)), RCODE.get(int(rcode[0]), rcode[0])


ELSEWHERE = [dhcp, llmnr]
PROTOCOLS = ELSEWHERE + [http, dns, icmp, sip, by_number("kafka", "kafka.correlation_id", "kafka.request_frame"),
             by_number("ldap", "ldap.messageID", "ldap.response_to")]


def by_tshark(capture):
    """Calls to how many: (protocol, client, server, name, code). Several answers to one request are one call."""
    frames, calls, seen = {}, Counter(), set()
    for frame in ask(capture):
        frames[frame["frame.number"][0]] = frame
        if INSIDE & set(above(frame)[1]):
            continue
        for protocol in PROTOCOLS:
            for request, *what in protocol(frames, frame):
                client, server = ends(request)
                if protocol in ELSEWHERE:
                    server = ends(frame)[0]
                call = (what[0], client, server, *what[1:])
                again = (request["frame.number"][0], *what[:2])
                if (ends(frame) != [server, client] and protocol not in ELSEWHERE) or not client[0] or (again in seen and what[0] != "http"):
                    continue
                seen.add(again)
                calls[call] += 1
    return calls


def name_of(r):
    """What a call of ours is compared by."""
    if r["app_proto"] in ("http", "sip"):
        return r["app_proto"], r.get("method"), r.get("code")
    if r["app_proto"] == "grpc" and r.get("app_version") != "2":
        return "http", r.get("method"), "200"  # gRPC-Web, with gRPC's code
    if r["app_proto"] in ("dns", "mdns", "llmnr"):
        code = r.get("code")
        return "dns", r.get("correlation"), code
    if r["app_proto"] == "dhcp" and "app_version" not in r:
        return "dhcp", r.get("correlation"), r.get("code")
    return r["app_proto"], r.get("correlation"), None


def by_spantap(capture):
    """Calls to how many, as above; requests without an answer and answers alone to the flows that they are in; whether most packets
    are refused, be it for their link type or for their lengths: differential.py sees to those."""
    with tempfile.TemporaryDirectory() as out:
        run = subprocess.run([conversations.SPANTAP, "read", "-o", out, capture], capture_output=True, text=True, errors="replace",
                             check=False, timeout=300)
        if run.returncode not in (0, 3):
            raise conversations.Failed(f"exit status {run.returncode}: {run.stderr.strip()}")
        with open(os.path.join(out, "stats.json"), encoding="utf-8") as f:
            stats = json.load(f)
        calls, requests, responses = Counter(), defaultdict(list), defaultdict(list)
        with open(os.path.join(out, "requests.jsonl"), encoding="utf-8") as f:
            for line in f:
                r = json.loads(line)
                protocol, name, code = name_of(r)
                client = r["client_ip"], str(r.get("client_port", ""))
                server = r["server_ip"], str(r.get("server_port", ""))
                if r.get("from_server"):
                    client, server = server, client
                if r["type"] == "call":
                    calls[(protocol, client, server, name, code)] += 1 + r.get("retries", 0)
                elif r["type"] == "request":
                    requests[(protocol, client, server, name)].append(r["flow_id"])
                elif r["type"] == "response":
                    responses[(protocol, client, server, name if protocol not in BY_ORDER else None, code)].append(r["flow_id"])
    return calls, requests, responses, 2 * stats["malformed"] > stats["packets"]


def halves(call, requests, responses):
    """Takes a request and an answer of a call, from two flows. True: they are there."""
    protocol, client, server, name, code = call
    asked = requests[(protocol, client, server, name)]
    answered = responses[(protocol, client, server, name if protocol not in BY_ORDER else None, code)]
    for one in asked:
        for other in answered:
            if one != other:
                asked.remove(one)
                answered.remove(other)
                return True
    return False


def compare(capture):
    """Lines that say what is missing; how many calls of each protocol there are, how many are the same, how many are there in halves."""
    theirs = by_tshark(capture)
    if not theirs:
        return [], {}
    try:
        ours, requests, responses, refused = by_spantap(capture)
    except conversations.Failed as e:
        return [str(e)], {}
    if refused:
        return [], {}
    lines, counts = [], defaultdict(lambda: [0, 0, 0])
    for call, n in theirs.items():
        same = min(n, ours[call])
        half = 0
        while same + half < n and halves(call, requests, responses):
            half += 1
        for i, add in enumerate((n, same, half)):
            counts[call[0]][i] += add
        if same + half < n:
            protocol, client, server, name, code = call
            lines.append(f"{protocol} {':'.join(client)} > {':'.join(server)} {name} {code or ''}: {n - same - half} of {n} missing")
    return lines, dict(counts)


def main():
    if not suite.has("tshark"):
        print("1..0 # SKIP tshark is not installed")
        return 0
    folder, names = suite.asked(sys.argv[1:])
    tap, total = suite.Tap(), defaultdict(lambda: [0, 0, 0])
    for path, (lines, counts) in suite.each(compare, [os.path.join(folder, name) for name in sorted(names)]):
        name = os.path.relpath(path, folder)
        for protocol, numbers in counts.items():
            total[protocol] = [a + b for a, b in zip(total[protocol], numbers)]
        if not counts and not lines:
            continue
        if name in EXPLAINED:
            lines = [] if lines else [f"explained, though nothing differs: {EXPLAINED[name]}"]
        tap.test(name, lines)
    for protocol, (n, same, half) in sorted(total.items()):
        print(f"# {protocol}: {same} of {n} calls are the same, {half} are told in halves")
        if n >= ENOUGH:
            tap.test(protocol, [] if same + half >= SHARE * n else [f"{same + half} of {n}"])
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What DeepFlow's and Packetbeat's own tests expect of their captures, against our calls. DeepFlow: a .result file beside a capture has
a line a message: as many requests of each name, and answers of each code, have to be in our records. Packetbeat: how many transactions
there are, and the method, resource and outcome of those that its tests look at, in the order of their requests. Whatever differs stands
in EXPLAINED with why ours is right. Prints TAP."""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter

import calls
import conversations
import suite

DEEPFLOW = "deepflow/agent/resources/test/flow_generator"

# (capture, "asked" or "answered" or an assertion) -> why ours differs
EXPLAINED = {
    ("http/grpc-server-stream.pcap", "answered"): "DeepFlow makes a session of each part of a streamed answer",
    ("http/grpc-unknown.pcap", "answered"): "a session to DeepFlow",
    ("mysql/mysql-exec.pcap", "asked"): "an execution is named after its statement, DeepFlow's after its parameters",
    ("mysql/mysql-statement.pcap", "asked"): "an execution is named after its statement, DeepFlow's after its parameters",
    ("mysql/mysql-statement.pcap", "answered"): "several connections, which DeepFlow's test reads as one: two answers are lost to it",
    ("mqtt/mqtt_error.pcap", "answered"): "it is DNS, over TCP",
    ("amqp/amqp-error.pcap", "asked"): "messages that are published or returned, and the server's connection.close: no requests to DeepFlow",
    ("packetbeat/memcache_bin_tcp_multi_store_load.pcap", "noop['memcache.request.command'] == 'noop'"):
        "quiet gets and the noop that ends them are one call",
    ("packetbeat/mysql_connection.pcap", "len(objs) == 1"): "five statements and a change of the database, as tshark sees them, too",
    ("packetbeat/pgsql_extended_query.pcap", "len(objs) == 1"): "two statements are executed, as tshark sees them, too",
    ("packetbeat/pgsql_extended_query.pcap", "o['method'] == 'SELECT'"): "the first of them is SET",
    ("packetbeat/pgsql_extended_query.pcap", "o['query'] == 'SELECT * from test where id = $1'"): "the first of them is SET",
    **{("packetbeat/wsgi_drum.pcap", what): "packets of connections that are over come again later: answers to nobody" for what in [
        "len(objs) == 16", "objs[13]['status'] == 'Error'", "objs[13]['http.response.status_code'] == 500"]},
    **{("packetbeat/dhcp.pcap", what): "a call's ends are who asked and who answered, not where each message was sent" for what in [
        "objs[0]['server.ip'] == '255.255.255.255'", "objs[1]['client.ip'] == '192.168.0.10'",
        "objs[2]['server.ip'] == '255.255.255.255'", "objs[3]['client.ip'] == '192.168.0.10'"]},
}

# What DeepFlow's parsers tell as sessions, or not at all.
PASSED_OVER = {"QUIT", "STMT_CLOSE", "quit"}


def records(capture):
    """Our request records in the order of their beginnings."""
    with tempfile.TemporaryDirectory() as out:
        run = subprocess.run([conversations.SPANTAP, "read", "-o", out, capture], capture_output=True, text=True, errors="replace",
                             check=False, timeout=300)
        if run.returncode not in (0, 3):
            raise conversations.Failed(f"exit status {run.returncode}: {run.stderr.strip()}")
        with open(os.path.join(out, "requests.jsonl"), encoding="utf-8") as f:
            return sorted(map(json.loads, f), key=lambda r: r["start_ns"])


# --- DeepFlow: a line of a .result file -> ("asked", name), ("answered", outcome), or None

def value(line, name):
    """Of a field of a structure as Rust prints it."""
    found = re.search(r'\b' + name + r': (?:Some\()?(?:"((?:[^"\\]|\\.)*)"|([\w.]+))', line)
    return next((text for text in found.groups() if text is not None), None) if found else None


def dns(line):
    m = json.loads(line[:line.index("} ") + 1])
    if m["msg_type"] == "Request":
        return "asked", (m["request_type"], m["request_resource"])
    return "answered", calls.RCODE.get(m["response_code"])


def http(line):
    kind, path = value(line, "msg_type"), value(line, "path")
    if value(line, "proto") not in ("Http1", "Http2", "Grpc"):
        return None
    if kind == "Request":
        return "asked", path or None
    code = value(line, "status_code")
    return ("answered", code) if code not in (None, "None") and kind == "Response" else None


def mysql(line):
    m = json.loads(line[:line.index("} is_") + 1])
    if m["msg_type"] != "Request":
        return ("answered", m["response_status"]) if m["msg_type"] == "Response" else None
    command = {0: "LOGIN", 1: "QUIT", 2: "INIT_DB", 4: "FIELD_LIST", 22: "STMT_PREPARE", 25: "STMT_CLOSE"}.get(m["request_type"])
    return "asked", command or m.get("request_resource", "").split(" ")[0].upper()


def redis(line):
    if value(line, "request"):
        return "asked", value(line, "request_type").upper()
    kind = value(line, "response_result")
    return ("answered", "error" if kind == "Error" else "ok") if kind != "Unknown" else None


def mongodb(line):
    if value(line, "msg_type") == "Request":
        return "asked", re.match(r'\{ \\?"(\w+)', value(line, "request")).group(1)
    return "answered", "ok" if value(line, "status") == "Ok" else "error"


def kafka(line):
    if value(line, "msg_type") == "Request":
        return "asked", value(line, "command")
    code = value(line, "status_code")
    return "answered", "0" if code in (None, "None") else code


def mqtt(line):
    kind = value(line, "pkt_type").upper()
    return ("answered", kind) if kind.endswith("ACK") else ("asked", kind)


def amqp(line):
    kind, name = value(line, "msg_type"), f"{value(line, 'class_id')}.{value(line, 'method_id')}".lower()
    if kind == "Request":
        return "asked", name
    return ("answered", "ok" if value(line, "resp_status") == "Ok" else "error") if kind == "Response" else None


def memcached(line):
    if "msg_type: Request" in line:
        return "asked", re.search(r"request: (\w+)", line).group(1)
    if "msg_type: Response" in line:
        return "answered", "error" if re.search(r"err_msg: \S", line) and "err_msg:  " not in line else "ok"
    return None


def outcome(r):
    return "error" if r["status"] in ("client_error", "server_error") else "ok"


# folder -> (how to read a line, our name of a request, our word for an answer)
KINDS = {
    "dns": (dns, lambda r: (r["method"], r["resource"]), lambda r: r["code"]),
    "http": (http, lambda r: r.get("resource"), lambda r: "200" if r["app_proto"] == "grpc" and r.get("code") == "0" else r.get("code")),
    "mysql": (mysql, lambda r: r.get("method", "").upper(), lambda r: r["status"]),
    "redis": (redis, lambda r: r["method"].upper(), outcome),
    "mongo": (mongodb, lambda r: r["method"], outcome),
    "kafka": (kafka, lambda r: r["method"], lambda r: r.get("code", "0")),
    "mqtt": (mqtt, lambda r: r["method"].upper(), lambda r: None),
    "amqp": (amqp, lambda r: r["method"], outcome),
    "memcached": (memcached, lambda r: r["method"].lower(), outcome),
}


def deepflow(item):
    """What differs: {"asked" or "answered": text}."""
    capture, result = item
    read, name_of, answer_of = KINDS[os.path.basename(os.path.dirname(capture))]
    theirs = {"asked": Counter(), "answered": Counter()}
    with open(result, encoding="utf-8", errors="replace") as f:
        for line in f:
            found = read(line) if "msg_type" in line or "RedisInfo" in line else None
            if found:
                theirs[found[0]][found[1]] += 1
    ours = {"asked": Counter(), "answered": Counter()}
    for r in records(capture):
        if r["type"] != "response" and name_of(r) not in PASSED_OVER:
            ours["asked"][name_of(r)] += 1 + r.get("retries", 0)
        if r["type"] in ("call", "response"):
            ours["answered"][answer_of(r)] += 1
    if read is mqtt:
        theirs["answered"], ours["answered"] = theirs["answered"].total(), ours["answered"].total()
    return {what: f"theirs {theirs[what]}, ours {ours[what]}" for what in theirs if theirs[what] != ours[what]}


# --- Packetbeat

# Its protocols, by the setting that names their ports -> ours, and our methods that are no transactions to it.
PROTOCOLS = {
    "amqp": ("amqp", r"connection\.|channel\.|basic\.qos"), "dhcpv4": ("dhcp", None), "dns": ("dns", None), "http": ("http", None),
    "icmp": ("icmp", None), "memcache": ("memcached", None), "mongodb": ("mongodb", None), "mysql": ("mysql", "LOGIN|QUIT|PING"),
    "pgsql": ("postgresql", "login|startup|LOGIN|STARTUP|TERMINATE"), "redis": ("redis", None), "tls": ("tls", None),
}


def objects_of(config, ours):
    """Our records that its test would see; None: of a protocol that we do not read."""
    asked = [name[:-6] for name in config if name.endswith("_ports")]
    if any(name not in PROTOCOLS for name in asked):
        return None
    kinds = dict(PROTOCOLS[name] for name in asked)
    seen = [r for r in ours if not kinds or (r["app_proto"] in kinds and not (
        kinds[r["app_proto"]] and re.match(kinds[r["app_proto"]], r.get("method", ""))))]
    # Of DHCP every message is a transaction to it: of ours the request, and the answer.
    return [r for r in seen for _ in range(1 + (r["app_proto"] == "dhcp" and r["type"] == "call"))]


def is_same(field, want, r):
    """None: we have nothing like it."""
    if field in ("type", "network.protocol", "event.dataset"):
        return PROTOCOLS[want][0] == r["app_proto"] if want in PROTOCOLS else None
    if field in ("method", "http.request.method", "dns.question.type") and want != "QUERY":
        return r.get("method", "").lower() == want.lower()
    if field == "status":
        return outcome(r) == ("ok" if want == "OK" else "error")
    if field in ("http.response.status_code", "dns.response_code"):
        return r.get("code") == str(want)
    if field in ("client.ip", "server.ip", "client.port", "server.port"):
        return r[field.replace(".", "_")] == want
    if field in ("dns.question.name", "amqp.exchange"):
        return r.get("resource", "").startswith(want.rstrip("."))
    if field == "query" and r["app_proto"] == "http":
        return f"{r.get('method')} {r.get('resource')}" == want
    if field == "query" and r["app_proto"] != "dns":
        return r.get("resource", r.get("method", "")).split(" ")[0].lower() == want.split(" ")[0].lower()
    return None


def holds(assertion, objects):
    """Does an assertion hold? None: it is about what we do not say."""
    if assertion.get("op") != "==" or "value" not in assertion:
        return None
    if assertion.get("count_of") == "objs":
        return len(objects) == assertion["value"]
    at = assertion.get("object")
    if not isinstance(at, int) or not assertion.get("field"):
        return None
    return at < len(objects) and is_same(assertion["field"], assertion["value"], objects[at])


def packetbeat(item):
    """What differs: {expression: ours}; and how many assertions were looked at."""
    capture, expected = item
    with open(expected, encoding="utf-8") as f:
        tests = json.load(f)
    ours, wrong, n = records(capture), {}, 0
    for t in tests:
        objects = objects_of(t["config"], ours)
        for a in t["assertions"] if objects is not None else []:
            found = holds(a, objects)
            n += found is not None
            if found is False:
                at = a.get("object")
                r = objects[at] if isinstance(at, int) and at < len(objects) else {}
                wrong[a["expr"]] = f"ours {[(o.get('method'), o.get('resource'), o['status']) for o in ([r] if r else objects)]}"
    return wrong, n


# The captures of what its Go tests have in golden files.
GOLDEN = {"sip": "sip", "established_tls": "tls-sample2", "non_established_tls": "tls-sample1", "tls_1_3": "tls-version-13",
          "tls_all_options": "tls-sample2", "tls_no_certs": "tls-sample2", "tls_not_detailed": "tls-sample2"}


def golden(item):
    """What differs: {"sip" or "tls": text}."""
    capture, expected = item
    theirs, ours = Counter(), Counter()
    with open(expected, encoding="utf-8") as f:
        for o in json.load(f):
            if o["type"] == "tls":
                theirs["tls", o["client.port"], o["tls.client.server_name"], o["tls.version"], o["tls.client.ja3"]] += 1
            elif o.get("sip.code", 200) >= 200:
                theirs["sip", o.get("sip.method"), str(o["sip.code"]) if "sip.code" in o else None] += 1
    for r in records(capture):
        if r["app_proto"] == "tls":
            ours["tls", r["client_port"], r["host"], r["app_version"], r["attributes"]["tls.client.ja3"]] += 1
        else:
            ours["sip", r["method"], None] += 1
            ours["sip", None, r.get("code")] += r["type"] == "call"
    ours = +ours
    return {} if theirs == ours else {next(iter(theirs))[0]: f"theirs {theirs}, ours {ours}"}


def tell(tap, name, differs):
    lines = [f"{what}: {text}" for what, text in differs.items() if (name, what) not in EXPLAINED]
    lines += [f"explained, though it does not differ: {what}" for capture, what in EXPLAINED if capture == name and what not in differs]
    tap.test(name, lines)


def main():
    folder = suite.corpus()
    tap = suite.Tap()
    results = [r for kind in KINDS for r in sorted(glob.glob(os.path.join(folder, DEEPFLOW, kind, "*.result")))]
    items = [(r[:-6] + "pcap", r) for r in results if os.path.exists(r[:-6] + "pcap")]
    for (capture, _), differs in suite.each(deepflow, items):
        tell(tap, os.path.relpath(capture, os.path.join(folder, DEEPFLOW)), differs)
    below = os.path.join(folder, "packetbeat")
    expected = sorted(glob.glob(os.path.join(below, "expected", "**", "*.json"), recursive=True))
    items = [(e.replace("/expected/", "/pcaps/")[:-5], e) for e in expected]
    for (capture, _), (differs, n) in suite.each(packetbeat, items):
        if n:
            tell(tap, "packetbeat/" + os.path.basename(capture), differs)
    items = [(os.path.join(below, "pcaps", of + ".pcap"), os.path.join(below, "golden", name + "-expected.json"))
             for name, of in GOLDEN.items()]
    for (_, expected), differs in suite.each(golden, items):
        tell(tap, "packetbeat/golden/" + os.path.basename(expected), differs)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())

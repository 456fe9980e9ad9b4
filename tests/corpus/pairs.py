# SPDX-License-Identifier: Apache-2.0
"""Calls of protocols that tshark dissects without pairing them, paired from its dissection in the plainest way: PostgreSQL by what
stands between two syncs, Redis and SMTP in order, AMQP by channel, memcached in order or by its opaque. None of it knows lost
segments, retransmissions or bounds."""

import re
import xml.etree.ElementTree as xml
from collections import deque

import tshark

LAYERS = ("pgsql", "resp", "amqp", "memcache", "smtp")


class Node:
    """A field of a dissection: `name`, `text` as tshark shows it, `data`: its bytes, `inside`: the fields in it."""

    def __init__(self, element):
        self.name = element.get("name") or ""
        self.text = element.get("show") or ""
        self.label = element.get("showname") or self.text
        value = element.get("value") or ""
        self.data = bytes.fromhex(value) if re.fullmatch(r"([0-9a-f]{2})+", value) else b""
        self.inside = [Node(e) for e in element]

    def all(self, name):
        """Every field of that name, at any depth."""
        for node in self.inside:
            if node.name == name:
                yield node
            yield from node.all(name)

    def first(self, name, default=""):
        """The text of the first field of that name."""
        return next((node.text for node in self.all(name)), default)


def dissected(capture, options):
    """frame number -> [Node], the layers of these protocols in it."""
    args = ["tshark", "-n", "-r", capture, *options, "-T", "pdml", "-J", " ".join(LAYERS), "-Y", " or ".join(LAYERS)]
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "?", tshark.kept(capture, args))
    frames = {}
    for packet in xml.fromstring(text.encode()).iter("packet") if text else []:
        number = packet.find("proto[@name='geninfo']/field[@name='num']").get("show")
        frames[number] = [Node(p) for p in packet.iter("proto") if p.get("name") in LAYERS]
    return frames


class Postgresql:
    """A unit is what one ReadyForQuery ends: a login, a simple query or function call, or a batch that a sync ends."""

    def __init__(self):
        self.statements, self.portals = {}, {}
        self.units = deque()  # of [methods, is a batch]
        self.batch, self.parsed = [], None
        self.codes, self.done, self.begun = [], 0, False

    def from_client(self, m):
        kind = m.first("pgsql.type")
        if kind == "Startup message":
            self.units.append((["LOGIN"], False))
        elif kind in ("Simple query", "Function call"):
            self.units.append(([verb(m.first("pgsql.query")) or "CALL"], False))
        elif kind == "Parse":
            self.parsed = verb(m.first("pgsql.query"))
            self.statements[m.first("pgsql.statement")] = self.parsed
        elif kind == "Bind":
            self.portals[m.first("pgsql.portal")] = self.statements.get(m.first("pgsql.statement"), "")
        elif kind == "Execute":
            self.batch.append(self.portals.get(m.first("pgsql.portal"), ""))
        elif kind == "Sync":
            self.units.append((self.batch or ["PREPARE" if self.parsed is not None else "SYNC"], True))
            self.batch, self.parsed = [], None

    def from_server(self, m):
        """Yields (method, code)."""
        kind = m.first("pgsql.type")
        if kind == "Error":
            self.codes.append(m.first("pgsql.code"))
            if self.units and self.units[0][0] == ["LOGIN"]:
                yield self.units.popleft()[0][0], self.codes[0]
                self.codes = []
        elif kind in ("Command completion", "Empty query", "Portal suspended"):
            self.done += not self.codes
        elif kind == "Ready for query" and self.units:
            methods, batch = self.units.popleft()
            for i, method in enumerate(methods):
                failed = self.codes and (not batch or i == min(self.done, len(methods) - 1))
                yield method, self.codes[0] if failed else ""
            self.codes, self.done = [], 0


def verb(statement):
    """The first word of a statement, past comments and parentheses."""
    bare = re.sub(r"/\*.*?\*/|--[^\n]*(\n|$)", " ", statement, flags=re.S)
    found = re.match(r"[\s(;]*(\w+)", bare)
    return found.group(1).upper() if found else ""


class Redis:
    PUSHES = {"message", "pmessage", "smessage"}
    CONFIRMS = {"subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe"}

    def __init__(self):
        self.asked = deque()  # of [method, confirmations that are still to come]
        self.channels = 0
        self.follows = False

    def from_client(self, m):
        for command in (n for n in m.inside if n.name in ("resp.array", "resp.string")):
            words = [n.data.decode("latin-1") for n in command.all("resp.bulk_string.value")]
            if words and [w.upper() for w in words[:2]] != ["REPLCONF", "ACK"]:
                method = words[0].upper()
                named = len(words) - 1 or (self.channels if method.endswith("UNSUBSCRIBE") else 1) or 1
                self.asked.append([method, named if method.lower() in self.CONFIRMS else 1])

    def from_server(self, m):
        for reply in m.inside:
            if not reply.name.startswith("resp."):
                continue
            words = [n.data.decode("latin-1") for n in reply.all("resp.bulk_string.value")] if reply.name == "resp.array" else []
            if words and words[0] in self.PUSHES or not self.asked or self.follows:
                continue
            self.follows = self.asked[0][0] in ("SYNC", "PSYNC")  # commands from here on
            if words and words[0] in self.CONFIRMS:
                self.channels = int(reply.first("resp.integer", "0"))
            self.asked[0][1] -= 1
            if self.asked[0][1] > 0:
                continue
            code = reply.text.split(" ")[0] if reply.name == "resp.error" else ""
            yield self.asked.popleft()[0], code


class Amqp:
    """By channel: a method is answered by the next that may answer it; publications by the tags of confirmations."""

    # class -> its methods: number -> (name, number of what answers it)
    METHODS = {
        10: ("connection", {10: ("start", 11), 20: ("secure", 21), 30: ("tune", 31), 40: ("open", 41), 50: ("close", 51)}),
        20: ("channel", {10: ("open", 11), 20: ("flow", 21), 40: ("close", 41)}),
        40: ("exchange", {10: ("declare", 11), 20: ("delete", 21), 30: ("bind", 31), 40: ("unbind", 51)}),
        50: ("queue", {10: ("declare", 11), 20: ("bind", 21), 30: ("purge", 31), 40: ("delete", 41), 50: ("unbind", 51)}),
        60: ("basic", {10: ("qos", 11), 20: ("consume", 21), 30: ("cancel", 31), 70: ("get", 71), 110: ("recover", 111)}),
        85: ("confirm", {10: ("select", 11)}),
        90: ("tx", {10: ("select", 11), 20: ("commit", 21), 30: ("rollback", 31)}),
    }
    PUBLISH, ACK, NACK, GET_EMPTY = (60, 40), (60, 80), (60, 120), (60, 72)

    def __init__(self):
        self.asked = {}  # (channel, side) -> deque of (name, class, the method that answers, code)
        self.confirmed = {}  # channel -> publications since confirm.select
        self.open = {}  # (channel, tag) of publications that are not confirmed

    def method(self, m, side):
        """Yields (name, code, who asked): `side` is who sent this."""
        channel = m.first("amqp.channel")
        if not m.first("amqp.method.class"):
            return
        of, number = int(m.first("amqp.method.class")), int(m.first("amqp.method.method"))
        code = m.first("amqp.method.arguments.reply_code")
        name, methods = self.METHODS.get(of, ("", {}))
        mine, other = (self.asked.setdefault((channel, who), deque()) for who in (side, 1 - side))
        if (of, number) == self.PUBLISH and channel in self.confirmed:
            self.confirmed[channel] += 1
            self.open[channel, self.confirmed[channel]] = True
        elif (of, number) in (self.ACK, self.NACK) and side == 1 and channel in self.confirmed:
            yield from self.confirm(m, channel)
        elif number in methods:
            if name == "channel" and methods[number][0] == "close" and other:
                yield other.popleft()[0], code, 1 - side
            if m.first("amqp.method.arguments.nowait") not in ("1", "True"):
                mine.append((f"{name}.{methods[number][0]}", of, methods[number][1], code))
        elif other:
            answered = next((a for a in other if a[1] == of and (a[2] == number or (of, number) == self.GET_EMPTY)), None)
            if answered:
                other.remove(answered)
                if answered[0] == "confirm.select":
                    self.confirmed[channel] = 0
                yield answered[0], answered[3], 1 - side

    def confirm(self, m, channel):
        tag, several = int(m.first("amqp.method.arguments.delivery_tag")), m.first("amqp.method.arguments.multiple") in ("1", "True")
        for key in [k for k in self.open if k[0] == channel and (k[1] == tag or several and k[1] < tag)]:
            del self.open[key]
            yield "basic.publish", "", 0

    def from_client(self, m):
        return self.method(m, 0)

    def from_server(self, m):
        return self.method(m, 1)


class Memcached:
    """Text in order, binary by its opaque; quiet commands are answered or not."""

    TEXT = {"set", "add", "replace", "append", "prepend", "cas", "get", "gets", "gat", "gats", "delete", "incr", "decr", "touch",
            "stats", "flush_all", "version", "verbosity"}
    ENDS = {"STORED", "NOT_STORED", "EXISTS", "NOT_FOUND", "DELETED", "TOUCHED", "OK", "ERROR", "CLIENT_ERROR", "SERVER_ERROR"}

    BINARY = dict(enumerate(["get", "set", "add", "replace", "delete", "increment", "decrement", "quit", "flush", "getq", "noop",
                             "version", "getk", "getkq", "append", "prepend", "stat"])) | {28: "touch", 29: "gat", 30: "gatq"}
    QUIET = {"getq", "getkq", "gatq"}

    def __init__(self):
        self.asked, self.by_opaque = deque(), {}
        self.quiet = None  # the first of a batch that another command ends

    def from_client(self, m):
        for n in m.inside:
            if n.name == "memcache.command" and n.text in self.TEXT and not m.first("memcache.noreply"):
                self.asked.append(n.text)
        for opcode in list(m.all("memcache.opcode"))[:1]:
            name = self.BINARY.get(int(opcode.text), opcode.text)
            if name in self.QUIET:
                self.quiet = self.quiet or name
                continue
            self.by_opaque.setdefault((m.first("memcache.opaque"), opcode.text), deque()).append(self.quiet or name)
            self.quiet = None

    def from_server(self, m):
        if m.first("memcache.opcode"):
            asked = self.by_opaque.get((m.first("memcache.opaque"), m.first("memcache.opcode")))
            if asked:
                yield asked.popleft(), str(int(m.first("memcache.status", "0"), 0))
        elif self.asked:
            code = m.first("memcache.response")
            yield self.asked.popleft(), code if code in self.ENDS else ""


class Smtp:
    """In order, after the greeting; what a server says between DATA and the mail, or in AUTH, is no answer yet. Of an answer of
    several lines tshark tells the first alone, or each when they come one by one: it is over when something else follows."""

    def __init__(self):
        self.asked, self.greeted, self.goes_on = deque(), False, ""

    def over(self, code):
        greeting, self.greeted, self.goes_on = code == "220" and not self.greeted, True, ""
        if self.asked and not greeting:
            yield self.asked.popleft(), code

    def from_client(self, m):
        if self.goes_on:
            yield from self.over(self.goes_on)
        self.asked.extend(n.text.upper()[:4] for n in m.all("smtp.req.command"))

    def from_server(self, m):
        for reply in m.all("smtp.response"):
            code = reply.first("smtp.response.code")
            if self.goes_on and code != self.goes_on:
                yield from self.over(self.goes_on)
            if reply.text[3:4] == "-":
                self.goes_on = code
            elif code[:1] != "3":
                yield from self.over(code)


PARTIES = {"pgsql": ("postgresql", Postgresql), "resp": ("redis", Redis), "amqp": ("amqp", Amqp),
           "memcache": ("memcached", Memcached), "smtp": ("smtp", Smtp)}
PORTS = {"5432", "6379", "7001", "7002", "5672", "11211", "25", "587", "2525"}


class Parties:
    """The connections of a capture."""

    def __init__(self):
        self.of = {}  # (layer, stream, ends) -> (client, party)

    def hear(self, layers, src, dst, stream):
        """Yields (client, server, protocol, method and code) of the calls that the messages of a frame end."""
        for m in layers:
            protocol, party = PARTIES[m.name]
            key = (m.name, *stream, *sorted((src, dst)))
            if key not in self.of:
                self.of[key] = dst if src[1] in PORTS else src, party()
            client, party = self.of[key]
            if src == client:
                found = party.from_client(m)
            else:
                found = party.from_server(m)
            for method, code, *by_server in found or []:
                ends = (client, dst if src == client else src)
                yield *(reversed(ends) if any(by_server) else ends), protocol, f"{method} {code}"

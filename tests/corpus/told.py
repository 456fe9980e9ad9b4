# SPDX-License-Identifier: Apache-2.0
"""What tshark tells of messages that it does not pair, and what our records tell of the same, both as (protocol, client, server, what)
to how many: HTTP/2 and gRPC by stream, MongoDB by id, fingerprints of TLS and QUIC, names and key exchanges of SSH, MySQL's commands and
errors, MQTT's and NTP's requests, DHCP's messages, frames of WebSocket and packets of RTP. pairs.py has what needs
more than the fields of a frame."""

import re
from collections import Counter

FIELDS = ["frame.number", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "udp.srcport",
          "udp.dstport", "tcp.stream",
          "http2.streamid", "http2.type", "http2.headers.method", "http2.headers.path", "http2.headers.status",
          "http2.header.name", "http2.header.value",
          "mongo.request_id", "mongo.response_to", "mysql.command", "mysql.error_code", "mqtt.msgtype",
          "tls.handshake.type", "tls.handshake.ja3", "tls.handshake.ja3s",
          "ntp.flags.mode", "ntp.xmt", "ntp.org", "dhcp.option.dhcp", "dhcp.id", "dhcpv6.msgtype", "dhcpv6.xid",
          "ssh.kex.hassh", "ssh.kex.hasshserver", "quic.version", "websocket.opcode", "rtp.ssrc"]
SPOKEN = {"http2", "mongo", "tls", "mysql", "mqtt", "ntp", "dhcp", "dhcpv6", "ssh", "quic", "websocket", "rtp"}
OTHERS = ["openvpn"]  # which carry what looks like these
SEALED = ["quic", "dtls", "tls"]  # whose content tshark has been given the keys of, outermost first

DHCP = {"1": "DISCOVER", "2": "OFFER", "3": "REQUEST", "4": "DECLINE", "5": "ACK", "6": "NAK", "7": "RELEASE", "8": "INFORM"}
DHCPV6 = {"1": "SOLICIT", "2": "ADVERTISE", "3": "REQUEST", "4": "CONFIRM", "5": "RENEW", "6": "REBIND", "7": "REPLY", "8": "RELEASE",
          "9": "DECLINE", "11": "INFORMATION-REQUEST"}
MQTT = {"1": "CONNECT", "3": "PUBLISH", "8": "SUBSCRIBE", "10": "UNSUBSCRIBE", "12": "PINGREQ"}
QUIC = r"0x(00000001|6b3343cf|709a50c4|ff0000\w\w)"  # 1, 2 and its drafts, drafts of 1
WEBSOCKET = {"1": "messages", "2": "messages", "9": "pings", "10": "pongs"}
NOBODY = ("", "")
RECOGNISED = 6  # packets take it to recognise a stream of RTP


class Theirs:
    """Of one capture; a method for each protocol is given every frame of it."""

    def __init__(self):
        self.found = Counter()
        self.asked = {}  # of a stream, an id or a connection: what is open

    def http2(self, frame, src, dst):
        blocks = [s for s, kind in zip(frame["http2.streamid"], frame["http2.type"]) if kind == "1"]
        for stream, method in zip(blocks, frame["http2.headers.method"]):
            self.asked[src, dst, stream] = method
        for stream, path in zip(blocks, frame["http2.headers.path"]):
            self.asked["path", src, dst, stream] = path
        header = dict(zip(frame["http2.header.name"], frame["http2.header.value"]))
        if "grpc-status" in header and len(set(blocks)) == 1:
            path = self.asked.pop(("path", dst, src, blocks[0]), None)
            if path:
                self.found["grpc", dst, src, f"{blocks[0]} {path} {header['grpc-status']}"] += 1
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

    def tls(self, frame, src, dst, protocol="tls"):
        for print_ in frame["tls.handshake.ja3"]:
            self.found[protocol, src, dst, f"ja3 {print_}"] = 1
        for print_ in frame["tls.handshake.ja3s"]:  # a HelloRetryRequest looks like one, too: the last counts
            self.found.pop((protocol, dst, src, self.asked.get(("ja3s", dst, src))), None)
            self.asked["ja3s", dst, src] = f"ja3s {print_}"
            self.found[protocol, dst, src, f"ja3s {print_}"] = 1

    def quic(self, frame, src, dst):
        """Of versions that are none, or a vendor's own, tshark tries the keys of another."""
        if all(re.fullmatch(QUIC, version) for version in frame["quic.version"]):
            self.tls(frame, src, dst, "quic")

    def mysql(self, frame, src, dst):
        for command in frame["mysql.command"]:
            if int(command) <= 31 and command not in ("1", "24", "25"):  # larger ones are parts of a login
                self.found["mysql", src, dst, "command"] += 1
        for code in frame["mysql.error_code"]:
            self.found["mysql", dst, src, f"error {code}"] += 1

    def mqtt(self, frame, src, dst):
        for kind in frame["mqtt.msgtype"]:
            if kind in MQTT:
                self.found["mqtt", src, dst, MQTT[kind]] += 1

    def ntp(self, frame, src, dst):
        if frame["ntp.flags.mode"] == ["3"]:
            self.asked[src, dst, frame["ntp.xmt"][0]] = True
        elif frame["ntp.flags.mode"] == ["4"] and self.asked.pop((dst, src, frame["ntp.org"][0]), None):
            self.found["ntp", dst, src, "call"] += 1

    def dhcp(self, frame, src, dst):
        for kind, number in zip(frame["dhcp.option.dhcp"], frame["dhcp.id"]):
            if kind in DHCP:
                self.found["dhcp", NOBODY, NOBODY, f"{int(number, 0)} {DHCP[kind]}"] += 1

    def dhcpv6(self, frame, src, dst):
        for kind, number in zip(frame["dhcpv6.msgtype"], frame["dhcpv6.xid"]):
            if kind in DHCPV6:
                self.found["dhcp", NOBODY, NOBODY, f"{int(number, 0)} {DHCPV6[kind]}"] += 1

    def ssh(self, frame, src, dst):
        for print_ in frame["ssh.kex.hassh"]:
            self.found["ssh", src, dst, f"hassh {print_}"] = 1
        for print_ in frame["ssh.kex.hasshserver"]:
            self.found["ssh", dst, src, f"hasshserver {print_}"] = 1

    def websocket(self, frame, src, dst):
        for opcode in frame["websocket.opcode"]:
            if opcode in WEBSOCKET:
                self.found["websocket", src, dst, WEBSOCKET[opcode]] += 1

    def rtp(self, frame, src, dst):
        for source in frame["rtp.ssrc"]:
            self.found["rtp", src, dst, str(int(source, 0))] += 1

    def settled(self):
        """What is found, without the packets by which a stream of RTP is recognised."""
        for key in [key for key in self.found if key[0] == "rtp"]:
            self.found[key] -= RECOGNISED
        return +self.found


def ours(r):
    """Of a record of ours: (protocol, client, server, what, how many)."""
    kind, method, code, said = r["app_proto"], r.get("method", ""), r.get("code", ""), r.get("attributes", {})
    client, server = [(r[end + "_ip"], str(r.get(end + "_port", ""))) for end in ("client", "server")]
    if r.get("from_server") and kind != "mysql":
        client, server = server, client
    for protocol, what, *n in what_of(kind, r, method, code, said):
        yield (protocol, NOBODY, NOBODY, what) if protocol == "dhcp" else (protocol, client, server, what), (n or [1])[0]


def what_of(kind, r, method, code, said):
    call = r["type"] == "call"
    if kind == "grpc" and call:
        yield kind, f"{r.get('correlation')} {r.get('resource')} {code}"
    if kind in ("http2", "grpc") and call:
        yield "http2", f"{r.get('correlation')} {method} {code if len(code) == 3 else '200'}"
    elif kind == "mongodb" and call:
        yield kind, r.get("correlation")
    elif kind in ("tls", "quic"):
        for field, name in (("ja3", "tls.client.ja3"), ("ja3s", "tls.server.ja3s")):
            if name in said:
                yield kind, f"{field} {said[name]}"
    elif kind == "mysql":
        if r["type"] != "response" and method not in ("LOGIN", "QUIT", "STMT_CLOSE", "STMT_SEND_LONG_DATA"):
            yield kind, "command"
        if r["status"] in ("client_error", "server_error"):
            yield kind, f"error {code}"
    elif kind == "mqtt" and r["type"] != "response":
        yield kind, method
    elif kind == "ntp" and call:
        yield kind, "call", 1 + r.get("retries", 0)
    elif kind == "dhcp":
        if method:
            yield kind, f"{r['correlation']} {method}", 1 + r.get("retries", 0)
        if code:
            yield kind, f"{r['correlation']} {code}"
    elif kind == "ssh":
        for field, name in (("hassh", "ssh.hassh"), ("hasshserver", "ssh.hassh_server")):
            if name in said:
                yield kind, f"{field} {said[name]}"
    elif kind == "smtp" and call:
        yield kind, f"{method[:4]} {code}"
    elif kind == "websocket":
        for what in ("messages", "pings", "pongs"):
            yield kind, what, int(said.get("websocket." + what, 0))
    elif kind == "rtp" and method == "stream":
        yield kind, r["correlation"], int(said["rtp.packets"])
    elif kind == "postgresql" and call:
        yield kind, f"{method} {code}"
    elif kind == "redis" and call:
        yield kind, f"{method.split(' ')[0]} {code}"
    elif kind == "amqp" and call:
        yield kind, f"{method} {code}"
    elif kind == "memcached" and call:
        yield kind, f"{method} {code}"

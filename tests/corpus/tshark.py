# SPDX-License-Identifier: Apache-2.0
"""What tshark says of a capture, packet by packet. It takes half a second to start, so what it said is kept in the build
directory (BUILD)."""

import gzip
import hashlib
import os
import subprocess

FIELDS = ["frame.time_epoch", "frame.len", "frame.cap_len", "frame.protocols", "frame.interface_id", "vlan.id", "ip.src", "ip.dst",
          "ipv6.src", "ipv6.dst", "ip.proto", "ip.id", "ip.frag_offset", "ipv6.fraghdr.ident", "ipv6.fraghdr.offset",
          "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "sctp.srcport", "sctp.dstport", "dccp.srcport", "dccp.dstport",
          "ipv6.nxt", "ipv6.hopopts.nxt", "ipv6.routing.nxt", "ipv6.fraghdr.nxt", "ipv6.dstopts.nxt", "icmp.type", "icmpv6.type",
          "_ws.malformed", "_ws.short", "_ws.expert.severity",
          "tcp.stream", "tcp.seq_raw", "tcp.ack_raw", "tcp.len", "tcp.flags", "tcp.window_size_value", "tcp.options.sack_le", "tcp.options.sack_re"]
MARKS = ["retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "zero_window", "zero_window_probe",
         "zero_window_probe_ack", "keep_alive", "keep_alive_ack", "duplicate_ack", "lost_segment", "ack_lost_segment",
         "reused_ports"]
OPTIONS = ["ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE",
           "tcp.relative_sequence_numbers:FALSE"]


def command(capture):
    args = ["tshark", "-n", "-r", capture, "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]
    for option in OPTIONS:
        args += ["-o", option]
    for field in FIELDS + ["tcp.analysis." + m for m in MARKS]:
        args += ["-e", field]
    return args


def cache_of(capture, args):
    """Where the answer is kept, or None. `args`: the question."""
    build = os.environ.get("BUILD")
    if not build:
        return None
    with open(capture, "rb") as f:
        key = hashlib.sha256(f.read())
    key.update(" ".join(arg for arg in args if arg != capture).encode())
    return os.path.join(build, "tshark", key.hexdigest() + ".gz")


def kept(capture, args):
    """What a tshark command says of a capture, as text."""
    cache = cache_of(capture, args)
    if cache and os.path.exists(cache):
        with gzip.open(cache, "rt", encoding="utf-8") as f:
            return f.read()
    run = subprocess.run(args, capture_output=True, check=False, timeout=600)
    out = run.stdout.decode("utf-8", "replace")
    if cache and run.returncode >= 0:  # what a signal ended is not its whole answer
        os.makedirs(os.path.dirname(cache), exist_ok=True)
        with gzip.open(f"{cache}.{os.getpid()}", "wt", encoding="utf-8", compresslevel=1) as f:
            f.write(out)
        os.replace(f"{cache}.{os.getpid()}", cache)
    return out


def ask(capture):
    """tshark's answer as text."""
    return kept(capture, command(capture))


def rows(capture):
    """A dictionary a packet: field -> text; `marks`: the set of what tcp.analysis says; `number`."""
    for number, line in enumerate(ask(capture).splitlines(), 1):
        values = line.split("|")
        row = dict(zip(FIELDS, values))
        row["number"] = number
        row["marks"] = {m for m, v in zip(MARKS, values[len(FIELDS):]) if v}
        yield row

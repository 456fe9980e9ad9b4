#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a mirror yields equals what the mirrored port saw: the flows of every tests/captures/mirror-KIND.pcap are those of
mirror-port.pcap, recorded at the same time, in all that does not depend on the clock or on the mirror's own headers. What
goes wrong on the mirror's own way (mirror-link-KIND.pcap against mirror-link.pcap) is the capture's, and never makes a
network look worse than it was. Prints TAP."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SPANTAP = os.environ.get("SPANTAP", os.path.join(HERE, "..", "build", "spantap"))
IDENTITY = ("client_ip", "client_port", "server_ip", "server_port", "proto")
SAME = ("packets_c2s", "packets_s2c", "payload_bytes_c2s", "payload_bytes_s2c", "tcp_flags_c2s", "tcp_flags_s2c", "syn_count",
        "synack_count", "fin_count", "rst_count", "isn_client", "isn_server", "retrans_c2s", "retrans_s2c", "hole_filled_c2s",
        "hole_filled_s2c", "out_of_order_c2s", "out_of_order_s2c", "zero_window_c2s", "zero_window_s2c", "dup_ack_c2s",
        "dup_ack_s2c", "keepalive_c2s", "keepalive_s2c", "close_reason", "failure", "capture_gap", "community_id", "duplicates")
# What copies that are missing or late cannot change.
FIRM = ("close_reason", "failure", "community_id", "duplicates")
LOST = ("retrans", "hole_filled")


def flows(capture):
    """Of the conversations between the mirrored hosts: identity -> record."""
    out = subprocess.run([SPANTAP, "read", "-o", "-", os.path.join(HERE, "captures", capture)], capture_output=True, text=True,
                         check=True, timeout=60).stdout
    records = [json.loads(line) for line in out.splitlines()]
    return {tuple(r.get(k) for k in IDENTITY): r
            for r in records if r.get("record") == "flow" and r["client_ip"].startswith("10.3.0.")}


def differing(keys):
    """A comparison of what must be the same."""
    return lambda port, mirror: [f"{k}: {mirror.get(k)}, at the port {port.get(k)}" for k in keys if mirror.get(k) != port.get(k)]


def losing(port, mirror):
    """Copies are missing, which the record says; no other loss is made of it."""
    wrong = differing(FIRM)(port, mirror)
    for way in ("c2s", "s2c"):
        losses = [sum(f.get(f"{k}_{way}", 0) for k in LOST) for f in (port, mirror)]
        if losses[1] > losses[0]:
            wrong.append(f"{losses[1]} losses {way}, at the port {losses[0]}")
        missing = mirror[f"payload_bytes_{way}"] < port[f"payload_bytes_{way}"]
        if missing and port["proto"] == "tcp" and not mirror.get("capture_gap"):
            wrong.append(f"bytes {way} are missing, and capture_gap is not set")
    return wrong


def reordering(port, mirror):
    """All is there, in another order: nothing is sent again because of that, and where the network kept its order it still
    does."""
    kept = tuple(k for k in ("out_of_order_c2s", "out_of_order_s2c") if not port.get(k))
    return differing(kept + FIRM + ("packets_c2s", "packets_s2c", "payload_bytes_c2s", "payload_bytes_s2c", "retrans_c2s", "retrans_s2c",
                             "hole_filled_c2s", "hole_filled_s2c", "capture_gap"))(port, mirror)


CASES = [("mirror-port.pcap", f"mirror-{kind}.pcap", differing(SAME))
         for kind in ("erspan2", "erspan3", "geneve", "gre", "rspan", "vxlan")]
CASES += [("mirror-link.pcap", f"mirror-link-{kind}.pcap", compare)
          for kind, compare in (("delay", differing(SAME)), ("loss", losing), ("reorder", reordering))]


def main():
    bad = 0
    for n, (at_port, capture, compare) in enumerate(CASES, 1):
        want, got = flows(at_port), flows(capture)
        lines = [f"{key}: flow only at the {'port' if key in want else 'mirror'}" for key in set(want) ^ set(got)]
        for key in set(want) & set(got):
            lines += [f"{key}: {wrong}" for wrong in compare(want[key], got[key])]
        for line in lines:
            print("#", line)
        print("not ok" if lines or not want else "ok", n, "-", capture)
        bad += bool(lines or not want)
    print(f"1..{len(CASES)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

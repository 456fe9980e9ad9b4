#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a mirror yields equals what the mirrored port saw: the flows of every tests/captures/mirror-KIND.pcap are those of
mirror-port.pcap, recorded at the same time, in all that does not depend on the clock or on the mirror's own headers.
Prints TAP."""

import glob
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


def flows(capture):
    """Of the conversations between the mirrored hosts: identity -> what must be the same."""
    out = subprocess.run([SPANTAP, "read", "-o", "-", capture], capture_output=True, text=True, check=True, timeout=60).stdout
    records = [json.loads(line) for line in out.splitlines()]
    return {tuple(r.get(k) for k in IDENTITY): {k: r.get(k) for k in SAME}
            for r in records if r.get("record") == "flow" and r["client_ip"].startswith("10.3.0.")}


def main():
    want = flows(os.path.join(HERE, "captures", "mirror-port.pcap"))
    captures = [c for c in sorted(glob.glob(os.path.join(HERE, "captures", "mirror-*.pcap"))) if not c.endswith("-port.pcap")]
    bad = 0
    for n, capture in enumerate(captures, 1):
        got = flows(capture)
        lines = [f"{key}: flow only at the {'port' if key in want else 'mirror'}" for key in set(want) ^ set(got)]
        for key in set(want) & set(got):
            lines += [f"{key}: {k}: {got[key][k]}, at the port {want[key][k]}" for k in SAME if got[key][k] != want[key][k]]
        for line in lines:
            print("#", line)
        print("not ok" if lines or not want else "ok", n, "-", os.path.basename(capture))
        bad += bool(lines or not want)
    print(f"1..{len(captures)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

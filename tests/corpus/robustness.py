#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every file of the public captures, captures or not, through `spantap read -o DIR`: it ends with one of the exit codes that it may
end with and a message where it has to, its JSON is JSON, every packet has a verdict. Meant for a build with sanitizers, whose reports
are failures. Damaged variants of the same files: damage.c. Prints TAP, a line a folder."""

import json
import os
import subprocess
import sys
import tempfile

import conversations
import suite

SECONDS_MAX = 600  # far above what any needs: it ends what would not end
VERDICTS = ("analysed", "filtered", "duplicate", "malformed", "dropped")


def look_at(out):
    """What is wrong with the files of a run, as lines."""
    with open(os.path.join(out, "stats.json"), encoding="utf-8") as f:
        stats = json.load(f)
    lines = []
    if sum(stats[v] for v in VERDICTS) != stats["packets"]:
        lines.append("stats.json does not add up")
    packets = 0
    with open(os.path.join(out, "flows.jsonl"), encoding="utf-8") as f:
        for line in f:
            record = json.loads(line)
            packets += record["packets_c2s"] + record["packets_s2c"]
            lines += [f"flows.jsonl: {k} is null" for k, v in record.items() if v is None]
    skipped = sum(stats["decode"]["skipped"].values()) + stats["flows"]["icmp_quoted"]
    inner = stats["flows"]["inner_packets"] - stats["flows"]["inner_refused"]  # tracked beside the fragments around them
    if packets != stats["analysed"] - skipped + inner:
        lines.append(f"{packets} packets in flows, {stats['analysed']} analysed, {skipped} of them without a flow")
    return lines


def run(path):
    """What is wrong, as lines."""
    with tempfile.TemporaryDirectory() as out:
        try:
            done = subprocess.run([conversations.SPANTAP, "read", "-o", out, path], capture_output=True, check=False,
                                  timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return ["does not end"]
        said = done.stderr.decode("utf-8", "replace").splitlines()
        if done.returncode not in (0, 1, 3) or any("runtime error" in line or "Sanitizer" in line for line in said):
            return [f"exit status {done.returncode}"] + said
        if bool(done.returncode) != bool(said):
            return [f"exit status {done.returncode}, and {len(said)} messages"] + said
        return look_at(out) if done.returncode != 1 else []


def main():
    folder = suite.corpus()
    paths = sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names)
    problems, counts = {}, {}
    for path, lines in suite.each(run, paths):
        below = os.path.relpath(path, folder)
        collection = below.split(os.sep)[0]
        counts[collection] = counts.get(collection, 0) + 1
        problems.setdefault(collection, []).extend(f"{below}: {line}" for line in lines)
    tap = suite.Tap()
    for collection, lines in problems.items():
        tap.test(f"{collection}: {counts[collection]} files", lines)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is made of several points does not depend on the number of threads that stitch: every capture in tests/captures gives
the same files, byte for byte, with 1, 2 and 4 shards; those of several points also when all is told at the end, and when
memory is short. Prints TAP."""

import glob
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SPANTAP = os.environ.get("SPANTAP", os.path.join(HERE, "..", "build", "spantap"))
KINDS = ("traces", "paths", "edges", "losses", "clocks")
SHARDS = (1, 2, 4)


def read(work, captures, shards, conf=""):
    """Reads them into a directory in `work`, which is returned. `conf`: sections, and the last lines of that of stitching."""
    name, out = os.path.join(work, "conf.yaml"), os.path.join(work, f"out{shards}")
    with open(name, "w", encoding="utf-8") as f:
        f.write(f"requests: {{encrypted: yes}}\nstitch:\n  shards: {shards}\n{conf}")
    subprocess.run([SPANTAP, "read", "-c", name, "-o", out, *captures], check=True, capture_output=True, timeout=120)
    return out


def differences(one, other):
    """Kinds of files that are not the same in two directories."""
    return [kind for kind in KINDS if content(one, kind) != content(other, kind)]


def content(path, kind):
    with open(os.path.join(path, kind + ".jsonl"), "rb") as f:
        return f.read()


CONFS = {
    "": "  one_point: yes\n  window: 20ms\n  path_window: 20ms\n  interval: 1s\n",
    ", told at the end": "",
    ", in little memory": "  max_memory: 1MiB\n",
}
SEVERAL = ("demo-shop", "lab", "lab-delay", "loss-download", "span-both", "vxlan", "vxlan-fragments")


def main():
    bad = n = 0
    cases = [(os.path.basename(c), how, [c]) for c in sorted(glob.glob(os.path.join(HERE, "captures", "*.pcap*"))) for how in CONFS
             if not how or os.path.basename(c).split(".")[0] in SEVERAL]
    shop = os.path.join(HERE, "captures", "demo-shop.pcapng")
    cases += [("one capture at three points", how, [f"-p{name}={shop}" for name in "abc"]) for how in CONFS]
    for what, how, args in cases:
        n += 1
        with tempfile.TemporaryDirectory() as work:
            outs = [read(work, args, shards, CONFS[how]) for shards in SHARDS]
            wrong = sorted({kind for out in outs[1:] for kind in differences(outs[0], out)})
        print("not ok" if wrong else "ok", n, "-", what + how, *wrong)
        bad += bool(wrong)
    print(f"1..{n}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""What the programs of this suite share: where the public captures are, TAP, and two processors' worth of work at a time."""

import glob
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SAID_MAX = 20  # lines of explanation a test is given


def corpus():
    """The folder of the public captures; ends the program, skipped by name, where there is none."""
    folder = os.environ.get("SPANTAP_CORPUS") or os.path.join(ROOT, "..", "shared", "corpus")
    if not os.path.isdir(folder):
        print("1..0 # SKIP public captures: SPANTAP_CORPUS does not name their folder")
        sys.exit(0)
    return os.path.realpath(folder)


def has(program):
    return bool(shutil.which(program))


def captures(folder):
    """Paths below the folder of every capture in its indexes: those that an index counts packets of."""
    paths = []
    for below in ("", "deepflow/"):
        with open(os.path.join(folder, below, "INDEX.tsv"), encoding="utf-8", errors="replace") as f:
            rows = [line.split("\t") for line in f]
        paths += [below + row[0] for row in rows if len(row) > 2 and row[2].isdigit()]
    return sorted(paths)


def asked(arguments):
    """The folder, and the captures below it that a program's arguments ask for: all of ours, those named, or --corpus."""
    if arguments == ["--corpus"]:
        folder = corpus()
        return folder, captures(folder)
    folder = os.path.join(ROOT, "tests", "captures")
    return folder, arguments or [os.path.basename(c) for c in glob.glob(os.path.join(folder, "*.pcap*"))]


def each(work, items):
    """(item, work(item)) in the order of the items; `work` is a function of a module."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        yield from zip(items, pool.map(work, items, chunksize=4))


class Tap:
    """Prints a line a test; `problems` are the lines that say what is wrong, none: nothing."""

    def __init__(self):
        self.n = self.bad = 0

    def test(self, name, problems):
        self.n += 1
        self.bad += bool(problems)
        for line in problems[:SAID_MAX]:
            print("#", line)
        if len(problems) > SAID_MAX:
            print(f"# and {len(problems) - SAID_MAX} more")
        print("not ok" if problems else "ok", self.n, "-", name, flush=True)

    def end(self):
        """The plan; the program's exit status."""
        print(f"1..{self.n}")
        return 1 if self.bad else 0

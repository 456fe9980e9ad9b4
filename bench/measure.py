# SPDX-License-Identifier: Apache-2.0
"""Runs a program pinned to processors and says what it cost: CPU seconds of the whole process, wall seconds, peak memory."""

import ctypes
import os
import select
import subprocess
import time
from statistics import median

POLL_S = 0.01
PR_SET_CHILD_SUBREAPER = 36

# Programs that fork and do not wait leave their children to us, so that these are counted too.
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Cost:
    def __init__(self, cpu, wall, peak, rss, rc):
        self.cpu, self.wall = cpu, wall  # seconds
        self.peak = peak  # bytes that are the process's own: anonymous and shared, not the mapped file
        self.rss = rss  # peak resident bytes, mapped file included
        self.rc = rc


def sample(pid):
    """(own bytes now, peak resident bytes) of a running process and its children; zeros when it is gone."""
    own = peak = 0
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            for child in f.read().split():
                more = sample(child)
                own, peak = own + more[0], peak + more[1]
    except OSError:
        return 0, 0
    try:
        with open(f"/proc/{pid}/status") as f:
            for line in f:
                if line.startswith(("RssAnon:", "RssShmem:")):
                    own += int(line.split()[1]) * 1024
                elif line.startswith("VmHWM:"):
                    peak += int(line.split()[1]) * 1024
    except OSError:
        pass
    return own, peak


def start(argv, cpus):
    return subprocess.Popen(["taskset", "-c", ",".join(map(str, cpus))] + argv, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait(procs, limit, poll=POLL_S):
    """Waits for all; returns a Cost each. A process past the limit is killed and has rc None. Its memory is looked at every
    `poll` seconds, which takes time of a processor: seldom, where all processors are measured."""
    begun = time.monotonic()
    state = {p.pid: [p, 0, 0] for p in procs}
    done, ends = {}, {p.pid: os.pidfd_open(p.pid) for p in procs}
    while state:
        for pid in list(state):
            entry = state[pid]
            own, peak = sample(pid)
            entry[1], entry[2] = max(entry[1], own), max(entry[2], peak)
            late = time.monotonic() - begun > limit
            if late:
                entry[0].kill()
            got, status, usage = os.wait4(pid, 0 if late else os.WNOHANG)
            if got:
                entry[0].returncode = os.waitstatus_to_exitcode(status)
                done[pid] = Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - begun, entry[1], entry[2],
                                 None if late else entry[0].returncode)
                del state[pid]
                os.close(ends.pop(pid))
        if state:
            select.select(list(ends.values()), [], [], poll)  # until one ends, so that times are exact
    return [done[p.pid] for p in procs]


def cores(build, pair):
    """How much more both processors do at once than one: 2 where each is a core of its own that nobody else uses."""
    program = os.path.join(build, "bench", "cores")
    return float(subprocess.run([program, *map(str, pair)], capture_output=True, text=True, check=True).stdout)


def orphans(limit):
    """CPU seconds of what a program that ended left running, once that has ended too."""
    begun, cpu = time.monotonic(), 0.0
    while True:
        late = time.monotonic() - begun > limit
        try:
            got, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return cpu
        if got:
            cpu += usage.ru_utime + usage.ru_stime
            continue
        if late:
            with open(f"/proc/self/task/{os.getpid()}/children") as f:
                for child in f.read().split():
                    os.kill(int(child), 9)
        time.sleep(POLL_S)


def run(argv, cpus, limit):
    cost = wait([start(argv, cpus)], limit)[0]
    cost.cpu += orphans(limit)
    return cost


class Series:
    """Repeated costs of one thing; medians."""

    def __init__(self):
        self.costs = []
        self.note = ""

    def add(self, cost):
        self.costs.append(cost)

    def median(self, what):
        return median(getattr(c, what) for c in self.costs)

    cpu = property(lambda self: self.median("cpu"))
    wall = property(lambda self: self.median("wall"))
    peak = property(lambda self: max(c.peak for c in self.costs))
    rss = property(lambda self: max(c.rss for c in self.costs))


def warm(path):
    """Brings a file into the page cache."""
    with open(path, "rb", buffering=0) as f:
        while f.read(4 << 20):
            pass


def settle(path):
    """Has a file come into the page cache as reading it from its disk does, in whatever way it was written: in large
    folios instead of single pages, which cost every program that reads it up to 12 ns more a small packet."""
    with open(path, "rb", buffering=0) as f:
        os.fsync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    warm(path)

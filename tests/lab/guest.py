# SPDX-License-Identifier: Apache-2.0
"""The larger form: the lab's node and pod are a virtual machine behind the TAP device, and a second machine's Open vSwitch
mirrors by ERSPAN. SPANTAP_GUEST names the tool that boots a kernel (as in tests/net/kernels.sh) with QEMU, over this
machine's file system: seconds after -t, modules after -M, what is /out there after -o, a command after --."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

from faults import DELAY, ROWS, Row
from ovs import MIRRORS, ONE_PORT
from rpc import Caller
from seen import Said, judge_slowest, lines, losses, points
from topology import CABLES, HERE, POINTS, Lab

TOOL = os.environ.get("SPANTAP_GUEST", os.path.join(HERE, "..", "..", "..", "shared", "guest", "guest"))
SECONDS = os.environ.get("SPANTAP_GUEST_SECONDS", "600")
# QEMU as the tool starts it, with a network device whose other end is the lab's TAP device. What comes out of it are frames.
QEMU = """#!/bin/sh
PATH={path} exec nsenter --net=/run/netns/{ns} qemu-system-x86_64 "$@" -netdev tap,id=tap0,ifname=tap0,script=no,downscript=no \
    -device virtio-net-pci,netdev=tap0,guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off
"""


def boot(out, script, path=None):
    """A virtual machine that runs a script of this folder and ends with it."""
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "log"), "wb") as log:
        return subprocess.Popen([TOOL, "-t", SECONDS, "-M", "sch_prio", "-o", out, "--", "/usr/bin/python3", os.path.join(HERE, script), "/out"],
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                env=os.environ | ({"PATH": path} if path else {}))


def end(process, seconds):
    """In its time, or at once."""
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


class Kept:
    """A connection of the pod that stays open."""

    def __init__(self, node, number):
        self.node, self.number = node, number

    def close(self):
        self.node.close(self.number)


class RemotePod:
    """traffic.Pod, in the virtual machine."""

    def __init__(self, node):
        self.node = node

    def connect(self, port=80):
        return Kept(self.node, self.node.connect(port))

    def get(self, path, kept=None, **how):
        return self.node.get(path, kept=kept and kept.number, **how)


class GuestLab(Lab):
    """The lab from its TAP device on; what is before that is in the virtual machine, clock and captures too."""

    places, cables, points = Lab.places[2:], CABLES[2:], POINTS[3:]
    machine = node = None

    def client_side_up(self):
        self.ip("host", "tuntap add dev tap0 mode tap; link set tap0 up")
        self.cables_up()

    def boot(self):
        tools = os.path.join(self.scratch, "bin")
        self.out = os.path.join(self.scratch, "node")
        os.mkdir(tools)
        with open(os.path.join(tools, "qemu-system-x86_64"), "w", encoding="utf-8") as f:
            f.write(QEMU.format(path=os.environ["PATH"], ns=self.ns_of["host"]))
        os.chmod(f.name, 0o755)
        self.machine = boot(self.out, "node.py", tools + ":" + os.environ["PATH"])
        self.node = Caller(self.out, lambda: self.machine.poll() is None)
        self.ahead_ns = self.clock_ahead()
        return RemotePod(self.node)

    def clock_ahead(self):
        """How far the machine's clock is ahead of this one's: by the quickest of some calls."""
        asked = []
        for _ in range(10):
            before, there, after = time.time_ns(), self.node.now(), time.time_ns()
            asked.append((after - before, there - (before + after) // 2))
        return min(asked)[1]

    def capture(self, directory):
        self.directory = directory
        here = super().capture(directory)
        return {name: os.path.join(directory, name + ".pcapng") for name in self.node.capture("/out/captures")} | here

    def capture_end(self):
        lost = self.node.capture_end() + super().capture_end()
        for name, _ in POINTS[:3]:
            shutil.copy(os.path.join(self.out, "captures", name + ".pcapng"), self.directory)
        return lost

    def clear(self):
        if self.machine and self.machine.poll() is None:
            if self.node:
                self.node.end()
            end(self.machine, 60 if self.node else 0)
        super().clear()


# --- rows of the TAP device

SAME = ("healthy", "haproxy", "delay-uplink", "delay-lb", "delay-gw", "delay-svc", "delay-back", "server", "loss-uplink", "syn-gw", "reset-gw")


@contextlib.contextmanager
def netem(node, settings):
    node.netem(settings)
    try:
        yield
    finally:
        node.netem("")


def delayed_in_vm(bench):
    """Before its virtio device, where the node's packets leave. An emulated kernel wakes late: the place is judged."""
    bench.pod.get("/warm/0")
    with netem(bench.lab.node, "delay 50ms"):
        for i in range(6):
            bench.pod.get(f"/delay-vm/{i}?redis=a")
    return {}


TAP_ROWS = [row for row in ROWS if row.name in SAME] + [
    Row("delay-vm", "delay 50 ms, requests, by netem in the virtual machine", "bridge → underlay", "slowest hop", delayed_in_vm,
        lambda seen, truth: judge_slowest(seen.calls("delay-vm"), ("bridge", "underlay"), DELAY, False))]


# --- rows of Open vSwitch

OVS_NAME = "ovs"
ORDER = ["client", "mirror", "server"]


def whole(seen, truth):
    """Each request at the three points, in order, joined by what every point saw: the same sequence numbers."""
    calls = [t for t in seen.calls("healthy") if points(t) == ORDER and all(s["joined_by"] == "tcp_seq" for s in t["spans"])]
    n = truth["healthy"]["n"]
    return Said(len(calls) if len(calls) >= 0.99 * n else 0, n, f"{len(calls)} of {n}")


def numbers(seen, truth):
    """What each point says of its calls: connections, sequence numbers of requests and of responses."""
    said = {p: {tuple(r.get(k) for k in ("client_port", "resource", "req_tcp_seq", "resp_tcp_seq")) for r in seen.requests if r["point"] == p}
            for p in ORDER}
    same = said["client"] & said["mirror"] & said["server"]
    every = said["client"] | said["mirror"] | said["server"]
    return Said(len(same) if same == every else 0, len(every), f"{len(same)} of {len(every)}")


def lost(seen, truth):
    found, count = losses(seen.paths), truth["mirror-client-loss"]["dropped"]
    here = found.get(("mirror", "client", "s2c"), 0)
    return Said(count > 0 and found == {("mirror", "client", "s2c"): count}, 1,
                f"{here} of {count} lost there" + (f", {sum(found.values()) - here} elsewhere" if sum(found.values()) > here else ""))


def slow(name, *hop):
    return lambda seen, truth: judge_slowest(seen.calls(name), hop, DELAY, False)


OVS = (
    ("none", "–", "each request whole over three points, in order, by sequence numbers", whole),
    ("none", "–", "the same calls and sequence numbers at each point", numbers),
    ("delay 50 ms, requests, by netem", "mirror → server", "slowest hop", slow("mirror-server", "mirror", "server")),
    ("delay 50 ms, responses, by netem", "client → mirror", "slowest hop", slow("client-mirror", "client", "mirror")),
    ("5 % of full segments of responses lost by netem", "mirror → client", "loss_between: this hop, how many, nowhere else", lost),
)


def ovs(read, directory):
    """Rows, and what was said of them. A mirror at a time is read beside the captures of both ends."""
    machine = boot(directory, "ovs.py")
    try:
        machine.wait(timeout=int(SECONDS) + 30)
    finally:
        end(machine, 0)
    if machine.returncode:
        with open(os.path.join(directory, "log"), encoding="utf-8", errors="replace") as f:
            raise RuntimeError(f"ovs.py ends with {machine.returncode}: {f.read()[-2000:]}")
    with open(os.path.join(directory, "truth.json"), encoding="utf-8") as f:
        truth = json.load(f)
    rows, said = [], {}
    for name, _, options, select in MIRRORS:
        files = {point: os.path.join(directory, f"{name if point == 'mirror' else point}.pcapng") for point in ORDER}
        seen = read(files, os.path.join(directory, "out-" + name))
        seen.requests = lines(os.path.join(directory, "out-" + name), "requests.jsonl")
        kind = "ERSPAN " + ("III" if "erspan_ver=2" in options else "II") + (", one port both ways" if select == ONE_PORT else "")
        for n, (fault, hop, must, judge) in enumerate(OVS):
            rows.append(Row(f"ovs-{name}-{n}", f"Open vSwitch, {kind}: {fault}", hop, must, None, judge))
            said[rows[-1].name] = judge(seen, truth)
    return rows, said

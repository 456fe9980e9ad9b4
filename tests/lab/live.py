# SPDX-License-Identifier: Apache-2.0
"""The same traffic twice at once: captured into files, and by a live spantap with an AF_XDP port at every point."""

import json
import os
import signal
import subprocess
import time

from faults import DELAY, gets
from seen import Said, Seen, slowest
from topology import POINTS
from variants import Variant, essence

FAULT = "live, an AF_XDP port at each point"


class Run:
    """A spantap of the lab's points."""

    def __init__(self, lab, spantap, directory, kind):
        os.makedirs(directory, exist_ok=True)
        self.out = os.path.join(directory, "out")
        ports = [{"type": kind, "interface": device.split("/")[1], "netns": lab.ns_of[device.split("/")[0]], "point": name, "queues": 1}
                 for name, device in POINTS]
        conf = {"ports": ports, "workers": {"count": 1, "busy_poll": False}, "output": {"directory": self.out},
                "flow": {"max_flows": 20000}, "stitch": {"window": "2s", "path_window": "2s", "shards": 2}}
        path = os.path.join(directory, "spantap.yaml")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(conf, f)
        self.errors = os.path.join(directory, "errors")
        with open(self.errors, "w", encoding="utf-8") as f:
            self.process = subprocess.Popen([spantap, "run", "-c", path], stderr=f)
        lab.started.append(self.process)
        end = time.monotonic() + 20
        while self.said().count("spantap: port ") < len(ports):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"spantap run: {self.said()}")
            time.sleep(0.05)

    def said(self):
        with open(self.errors, encoding="utf-8") as f:
            return f.read()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(timeout=60):
            raise RuntimeError(f"spantap run: {self.said()}")
        return Seen(self.out)


def without_times(seen):
    """Traces of requests, with the slowest hop where one was made."""
    return {t["resource"]: (essence(t, times=False), slowest(t) if "/slow" in t["resource"] else ())
            for t in seen.traces if t.get("resource", "").startswith("/live")}


def live(bench, spantap, read, directory, kind="af_xdp"):
    run = Run(bench.lab, spantap, directory, kind)
    files = bench.lab.capture(os.path.join(directory, "captures"))
    gets(bench, "live", 20, "redis=a")
    gets(bench, "live-fresh", 20, port=81)
    with bench.fault(f"gw > delay={DELAY}"):
        gets(bench, "live/slow", 5)
    time.sleep(0.3)
    bench.lab.capture_end()
    now = run.end()
    with open(os.path.join(run.out, "stats.json"), encoding="utf-8") as f:
        dropped = json.load(f)["dropped"]
    before, now = without_times(read(files, os.path.join(directory, "read"))), without_times(now)
    same = sum(now.get(r) == t for r, t in before.items())
    words = f"{same} of {len(before)} traces" + (f", {dropped} packets lost by the capture" if dropped else "")
    return Said(same if same == len(now) else 0, len(before), words)


LIVE = Variant("live", FAULT, "–", "the same traces as of the captures made beside it", None, None)

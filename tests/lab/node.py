#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""node.py DIRECTORY: the lab's node and its pod, in a virtual machine whose network device is the far end of the lab's TAP
device. Does what it is told by files of DIRECTORY (rpc.py), and captures its points into it."""

import glob
import os
import sys
import tempfile
import time

from rpc import serve
from topology import POINTS, Lab, sh
from traffic import Pod


class Node(Lab):
    places, cables, points = ("pod", "node"), (), POINTS[:3]

    def up(self):
        self.places_up()
        device = os.path.basename(os.path.dirname(glob.glob("/sys/class/net/*/device")[0]))
        sh(f"ip link set {device} down netns {self.ns_of['node']} name eth0")
        self.ip("node", "link set eth0 up")
        self.veth(self.ns_of["pod"], "eth0", self.ns_of["node"], "pod0")
        self.node_up()
        self.no_offloads()
        self.inside("pod", "ping -c 2 -W 5 10.1.0.1")


class Told:
    """What the node does for the lab: names of methods are names of commands."""

    def __init__(self, node):
        self.node, self.pod, self.kept = node, Pod(node.ns_of["pod"]), {}

    def connect(self, port):
        s = self.pod.connect(port)
        self.kept[s.fileno()] = s
        return s.fileno()

    def get(self, path, kept=None, **how):
        return self.pod.get(path, kept=self.kept.get(kept), **how)

    def close(self, kept):
        self.kept.pop(kept).close()

    def now(self):
        return time.time_ns()

    def netem(self, settings):
        self.node.inside("node", f"tc qdisc {'add' if settings else 'del'} dev eth0 root netem {settings}")

    def capture(self, directory):
        return sorted(self.node.capture(directory))

    def capture_end(self):
        return self.node.capture_end()


def main():
    with tempfile.TemporaryDirectory(prefix="spantap-node-") as scratch, Node(scratch) as node:
        serve(sys.argv[1], Told(node))


if __name__ == "__main__":
    main()

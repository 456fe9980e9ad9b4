#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ports that come and go with their devices."""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from netlib import BUILD, Net, Tap, need, sh


class Watch:
    def __init__(self, *entries):
        args = [a for i, e in enumerate(entries) for a in (["--"] if i else []) + e]
        self.process = subprocess.Popen([os.path.join(BUILD, "tests", "port_watch"), *args], stdout=subprocess.PIPE)
        atexit.register(self.process.kill)  # also when a test ends before its time
        self.buffer = b""

    def events(self, expected=1, longer=0.3):
        """What happens until so many events came and some time longer, as short lists, sorted."""
        end, out = time.monotonic() + 15, []
        while (left := end - time.monotonic()) > 0:
            if len(out) >= expected:
                end, expected = time.monotonic() + longer, 1 << 30
                continue
            if select.select([self.process.stdout], [], [], left)[0]:
                self.buffer += os.read(self.process.stdout.fileno(), 65536)
                *lines, self.buffer = self.buffer.split(b"\n")
                out += [json.loads(line) for line in lines]
        return sorted([e["event"], e.get("point") or e.get("error")] for e in out)

    def end(self):
        time.sleep(0.1)
        self.process.send_signal(signal.SIGTERM)
        out = self.process.communicate(timeout=20)[0]
        if self.process.returncode:
            raise RuntimeError(f"harness ended with {self.process.returncode}")
        return json.loads(out.splitlines()[-1])


def patterns_follow_devices(t):
    with Net() as net:
        host, guest = net.ns("h"), net.ns("g")
        net.veth(host, "vnet0", guest, "e0")
        net.veth(host, "other", guest, "e9")
        w = Watch([f"netns={host}", "interface=vnet*,tap*", "point=kvm1/*", "kind=kvm"])
        t.equal("at the start", w.events(), [["opened", "kvm1/vnet0"]])
        net.veth(host, "vnet1", guest, "e1")
        sh(f"ip -n {host} tuntap add tap7 mode tap")
        t.equal("devices that come", w.events(2), [["opened", "kvm1/tap7"], ["opened", "kvm1/vnet1"]])
        sh(f"ip -n {host} addr add 10.1.0.1/24 dev vnet1; ip -n {guest} addr add 10.1.0.2/24 dev e1")
        sh(f"ip netns exec {guest} ping -c 3 -i 0.05 10.1.0.1")
        time.sleep(0.1)
        sh(f"ip -n {host} link del vnet1")
        t.equal("a device that goes", w.events(), [["gone", "kvm1/vnet1"]])
        net.veth(host, "vnet1", guest, "e1")
        t.equal("and comes again", w.events(), [["opened", "kvm1/vnet1"]])
        sh(f"ip -n {host} link set vnet0 down; ip -n {host} link set vnet0 name gone0")
        t.equal("a device renamed away", w.events(), [["gone", "kvm1/vnet0"]])
        sh(f"ip -n {host} link set gone0 name vnet5")
        t.equal("and back", w.events(), [["opened", "kvm1/vnet5"]])
        counts = w.end()
        t.true(f"packets were counted at their point ({counts})", counts["kvm1/vnet1"] >= 6)


def a_named_device_is_waited_for(t):
    with Net() as net:
        host, guest = net.ns("h"), net.ns("g")
        w = Watch([f"netns={host}", "interface=eth7"])
        t.equal("told once", w.events(1, 2.5), [["failed", f"port eth7: no such device in network namespace {host}"]])
        net.veth(host, "eth7", guest, "e0")
        t.equal("opened as soon as it is there", w.events(), [["opened", "eth7"]])
        sh(f"ip -n {host} link del eth7")
        happened = w.events(2)
        t.equal("gone", happened[-1:], [["gone", "eth7"]])
        t.equal("and why it does not open", happened[0][0], "failed")
        net.veth(host, "eth7", guest, "e0")
        t.equal("opened again", w.events(), [["opened", "eth7"]])
        w.end()


def many_at_once(t):
    with Net() as net:
        host = net.ns("h")
        w = Watch([f"netns={host}", "interface=d*", "af_packet.blocks=2", "af_packet.block_size=64KiB"])
        commands = "\n".join(f"link add d{i} type veth peer name p{i}" for i in range(100))
        subprocess.run(["ip", "-n", host, "-batch", "-"], input=commands, text=True, check=True)
        t.equal("opened", len([e for e in w.events(100) if e[0] == "opened"]), 100)
        commands = "\n".join(f"link del d{i}" for i in range(100))
        subprocess.run(["ip", "-n", host, "-batch", "-"], input=commands, text=True, check=True)
        t.equal("gone", len([e for e in w.events(100) if e[0] == "gone"]), 100)
        w.end()


def namespaces_come_and_go(t):
    with Net() as net:
        w = Watch([f"netns=spt{os.getpid()}p", "interface=pod*"])
        happened = w.events(1, 1.5)
        t.equal("told once", [e[0] for e in happened], ["failed"])
        pod, host = net.ns("p"), net.ns("h")
        net.veth(pod, "pod0", host, "cali0")
        t.equal("found", w.events(), [["opened", "pod0"]])
        sh(f"ip netns del {pod}")
        net.names.remove(pod)
        happened = w.events(2)
        t.true(f"let go of ({happened})", ["gone", "pod0"] in happened)
        t.true("its devices went with it", "cali0" not in sh(f"ip -n {host} link"))
        w.end()


def several_entries_share_a_point(t):
    with Net() as net:
        a, b = net.pair()
        w = Watch([f"netns={a}", "interface=va", "point=tap", "direction=in"], [f"netns={b}", "interface=vb", "point=tap", "direction=in"])
        t.equal("both", w.events(2), [["opened", "tap"], ["opened", "tap"]])
        sh(f"ip netns exec {a} ping -c 1 10.9.0.2")
        time.sleep(0.1)
        counts = w.end()
        t.true(f"one point ({counts})", counts["tap"] >= 2 and len(counts) == 2)


def main():
    need("ip", "ping")
    t = Tap()
    for test in (
        patterns_follow_devices,
        a_named_device_is_waited_for,
        many_at_once,
        namespaces_come_and_go,
        several_entries_share_a_point,
    ):
        if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
            t.run(test)
    t.done()


if __name__ == "__main__":
    main()

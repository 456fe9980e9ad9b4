#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ovs.py DIRECTORY: a client, Open vSwitch, a server; what passes is mirrored to collectors, by ERSPAN II and III.
Runs where the kernel has openvswitch and netem, as root. Captures of every point and truth.json come to DIRECTORY."""

import contextlib
import json
import os
import sys
import tempfile
import time

from servers import PYTHON
from topology import HERE, Lab
from traffic import Pod

SERVER = "10.3.0.2"
# Mirrors: the collector, its address, the tunnel's options, what is mirrored. Copies of what comes in are made before it goes
# on, copies of what goes out after it went.
IN_BY_BOTH, ONE_PORT = "select-src-port=@p1,@p2", "select-src-port=@p1 select-dst-port=@p1"
MIRRORS = (
    ("erspan2", "10.5.2.2", "options:key=2 options:erspan_ver=1 options:erspan_idx=7", IN_BY_BOTH),
    ("erspan3", "10.5.3.2", "options:key=3 options:erspan_ver=2 options:erspan_dir=1 options:erspan_hwid=4", IN_BY_BOTH),
    ("port", "10.5.4.2", "options:key=4 options:erspan_ver=1 options:erspan_idx=8", ONE_PORT),
)
# Faults: netem, behind the mirror on the way to one end.
NETEM = {"mirror-server": ("p2", "delay 50ms"), "client-mirror": ("p1", "delay 50ms"), "mirror-client-loss": ("p1", "loss 5%")}


class Switch(Lab):
    places, cables = ("client", "switch", "server", *(name for name, *_ in MIRRORS)), ()
    points = tuple((name, f"{name}/eth0") for name in places if name != "switch")

    def up(self):
        self.places_up()
        for where, port in (("client", "p1"), ("server", "p2"), *((name, "k-" + name) for name, *_ in MIRRORS)):
            self.veth(self.ns_of[where], "eth0", self.ns_of["switch"], port)
            self.inside("switch", f"ethtool -K {port} tso off gso off gro off tx off rx off sg off")
        self.no_offloads()
        self.ip("client", "addr add 10.3.0.1/24 dev eth0")
        self.ip("server", f"addr add {SERVER}/24 dev eth0")
        self.daemons_up()
        self.vsctl("add-br ovs0 -- add-port ovs0 p1 -- add-port ovs0 p2")
        for name, address, options, select in MIRRORS:
            self.mirror(name, address, options, select)
        self.inside("client", f"ping -c 2 -W 5 {SERVER}")

    def daemons_up(self):
        at = os.path.join(self.scratch, "ovs")
        os.mkdir(at)
        os.environ |= {"OVS_RUNDIR": at, "OVS_LOGDIR": at, "OVS_DBDIR": at}
        self.socket = os.path.join(at, "db.sock")
        self.inside("switch", f"ovsdb-tool create {at}/conf.db /usr/share/openvswitch/vswitch.ovsschema")
        self.start("switch", "ovsdb-server", f"{at}/conf.db", f"--remote=punix:{self.socket}", "--pidfile")
        end = time.monotonic() + 60
        while not os.path.exists(self.socket):
            if time.monotonic() > end:
                raise RuntimeError("ovsdb-server does not start")
            time.sleep(0.1)
        self.vsctl("--no-wait init")
        self.start("switch", "ovs-vswitchd", f"unix:{self.socket}", "--pidfile")

    def vsctl(self, command):
        self.inside("switch", f"ovs-vsctl --db=unix:{self.socket} --timeout=50 {command}")

    def mirror(self, name, address, options, select):
        """Into a tunnel to the collector, over a cable that takes larger frames."""
        for where, device in ((name, "eth0"), ("switch", f"k-{name}")):
            self.ip(where, f"link set {device} mtu 9000")
        self.ip(name, f"addr add {address}/24 dev eth0")
        self.ip("switch", f"addr add {address[:-1]}1/24 dev k-{name}")
        self.inside("switch", f"ping -c 1 -W 5 {address}")
        self.vsctl(f"add-port ovs0 t-{name} -- set interface t-{name} type=erspan options:remote_ip={address} {options} "
                   f"-- --id=@p1 get port p1 -- --id=@p2 get port p2 -- --id=@out get port t-{name} "
                   f"-- --id=@m create mirror name=m-{name} {select} output-port=@out -- add bridge ovs0 mirrors @m")

    @contextlib.contextmanager
    def netem(self, device, settings):
        """While it is there, for all packets, or of losses, for those of 1024 bytes or more; a list with how many it dropped,
        afterwards."""
        where = "root"
        if "loss" in settings:
            where = "parent 1:3"
            self.inside("switch", f"tc qdisc add dev {device} root handle 1: prio priomap{' 0' * 16}")
            self.inside("switch", f"tc filter add dev {device} parent 1: protocol ip u32 match u16 0x400 0x400 at 2 flowid 1:3")
        self.inside("switch", f"tc qdisc add dev {device} {where} netem {settings}")
        dropped = []
        try:
            yield dropped
            there = json.loads(self.inside("switch", f"tc -j -s qdisc show dev {device}"))
            dropped.append(next(q["drops"] for q in there if q["kind"] == "netem"))
        finally:
            self.inside("switch", f"tc qdisc del dev {device} root")


def make_all(switch):
    """Requests on paths of the row's name; what is true of them."""
    pod, truth = Pod(switch.ns_of["client"], SERVER), {}
    os.sched_setaffinity(0, {1})

    def gets(name, n, query="", **how):
        return sum(pod.get(f"/{name}/{i}?{query}", port=9000, **how) is not None for i in range(n))

    kept = pod.connect(9000)
    truth["healthy"] = {"n": gets("healthy", 20, kept=kept) + gets("healthy", 20)}
    kept.close()
    for name, (device, settings) in NETEM.items():
        with switch.netem(device, settings) as dropped:
            lossy = "loss" in settings
            n = gets(name, 3 if lossy else 6, "n=150000" if lossy else "")
        truth[name] = {"n": n, "dropped": dropped[0]}
    return truth


def main():
    directory = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="spantap-ovs-") as scratch, Switch(scratch) as switch:
        # The client and the server on a processor each: who is woken by a copy's original must not keep the copy waiting.
        switch.start("server", "taskset", "-c", "0", PYTHON, os.path.join(HERE, "service.py"), f"{SERVER}:9000")
        switch.wait_port("server", 9000, 60)
        switch.capture(directory)
        truth = make_all(switch)
        time.sleep(1)
        truth["lost"] = switch.capture_end()
        with open(os.path.join(directory, "truth.json"), "w", encoding="utf-8") as f:
            json.dump(truth, f)


if __name__ == "__main__":
    main()

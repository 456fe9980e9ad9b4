# SPDX-License-Identifier: Apache-2.0
"""Where users stand: a request's way from a pod to a database, in namespaces, with a capture at every point of it.

    pod ─┐ veth      node            host          switch          lb                gw             svc            db
         └─ br0 ─ vx0 ─ eth0 ══ tap0 ─ br0 ─ up0 ══ p1 ─ p2 ══ eth0 ─ vx0 ─ eth1 ══ eth0 ─ eth1 ══ eth0 ─ eth1 ══ eth0
            VXLAN over the underlay, through a TAP device of the KVM host,  DNAT, SNAT   L7 proxy

`═` and the pod's cable go through `forward`, which makes the faults. What a switch's SPAN port gets is made by tc's mirred.
"""

import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "net"))
from netlib import BUILD, Net, sh  # noqa: E402

# Cables: name, the device on the client's side, the one on the server's.
CABLES = (
    ("pod", "node/cni0", "node/pod0"),
    ("kvm", "node/eth0", "host/tap0"),
    ("uplink", "host/up0", "switch/p1"),
    ("lb", "switch/p2", "lb/eth0"),
    ("gw", "lb/eth1", "gw/eth0"),
    ("svc", "gw/eth1", "svc/eth0"),
    ("db", "svc/eth1", "db/eth0"),
)
# Points on the way of a request, in its order: name, where it is captured.
POINTS = (
    ("pod", "pod/eth0"),
    ("bridge", "node/pod0"),  # its port: the bridge's own device sees frames when they were passed on
    ("underlay", "node/eth0"),
    ("tap", "host/tap0"),
    ("span", "switch/span1"),
    ("lb-in", "lb/vx0"),
    ("lb-out", "lb/eth1"),
    ("gw-in", "gw/eth0"),
    ("gw-out", "gw/eth1"),
    ("svc", "svc/eth0"),
    ("svc-out", "svc/eth1"),
    ("db", "db/eth0"),
)
# The points on both sides of a cable.
BESIDE = {
    "pod": ("pod", "bridge"),
    "kvm": ("underlay", "tap"),
    "uplink": ("tap", "span"),
    "lb": ("span", "lb-in"),
    "gw": ("lb-out", "gw-in"),
    "svc": ("gw-out", "svc"),
    "db": ("svc-out", "db"),
}
VIP = "10.9.9.9"
NAT = """
table ip nat {
  chain pre { type nat hook prerouting priority -100;
    ip daddr 10.9.9.9 tcp dport { 80, 83 } dnat to 10.2.0.2:8080
    ip daddr 10.9.9.9 tcp dport 81 dnat to 10.2.0.2:8081
    ip daddr 10.9.9.9 tcp dport 82 dnat to 10.2.0.2:8082
    ip daddr 10.9.9.9 tcp dport 84 dnat to 10.2.0.2:8084
    ip daddr 10.9.9.9 tcp dport 85 dnat to 10.2.0.2:8085
    ip daddr 10.9.9.9 tcp dport 91 dnat to 10.2.0.2:91
    ip daddr 10.9.9.9 tcp dport 90 dnat to 10.2.0.2:90
    ip daddr 10.9.9.9 udp dport 53 dnat to 10.2.0.2:53
  }
  chain post { type nat hook postrouting priority 100;
    oifname eth1 tcp dport 8082 snat to 10.2.0.1:40000-40003
    oifname eth1 snat to 10.2.0.1
  }
}
table inet loss {
  counter dropped { }
  chain f { type filter hook forward priority 0; }
}
"""


class Lab(Net):
    """The lab, up: `ns[short]` are its namespaces, `tell` speaks to the cables."""

    places, cables, points = ("pod", "node", "host", "switch", "lb", "gw", "svc", "db"), CABLES, POINTS

    def __init__(self, scratch):
        super().__init__()
        self.scratch = scratch
        self.ns_of = {}
        self.started = []
        self.captures = []

    def __enter__(self):
        super().__enter__()
        try:
            self.up()
        except BaseException:
            self.clear()
            raise
        return self

    def clear(self):
        for process in self.captures + self.started[::-1]:
            if process.poll() is None:
                process.terminate()
        for process in self.captures + self.started[::-1]:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.started = self.captures = []
        super().clear()

    def ip(self, where, command):
        """`ip` in a namespace; several commands with `;`."""
        for one in command.split(";"):
            sh(f"ip -n {self.ns_of[where]} {one.strip()}")

    def inside(self, where, command):
        return sh(f"ip netns exec {self.ns_of[where]} {command}")

    def start(self, where, *command, **more):
        """A program that goes on until the lab is cleared."""
        log = open(os.path.join(self.scratch, "log"), "ab")
        more = {"stdout": log, "stderr": log, "stdin": subprocess.DEVNULL, **more}
        process = subprocess.Popen(["ip", "netns", "exec", self.ns_of[where], *command], **more)
        log.close()
        self.started.append(process)
        return process

    def wait_port(self, where, port, seconds=20):
        end = time.monotonic() + seconds
        while not self.inside(where, f"ss -Hltun 'sport = :{port}'").strip():
            if time.monotonic() > end:
                with open(os.path.join(self.scratch, "log"), encoding="utf-8", errors="replace") as f:
                    raise RuntimeError(f"nothing listens on port {port} of {where}: {f.read()[-2000:]}")
            time.sleep(0.05)

    # --- devices

    def up(self):
        self.places_up()
        self.veth(self.ns_of["switch"], "span0", self.ns_of["switch"], "span1")
        self.client_side_up()
        for where, ports in (("host", "tap0 up0"), ("switch", "p1 p2")):
            self.bridge(where, ports.split())
        for port in ("p1", "p2"):
            self.inside("switch", f"tc qdisc add dev {port} clsact")
            self.inside("switch", f"tc filter add dev {port} ingress protocol all u32 match u32 0 0 "
                                  "action mirred egress mirror dev span0")
        self.routers_up()
        self.no_offloads()
        for where, far in (("pod", VIP), ("gw", "10.3.0.2"), ("svc", "10.4.0.2")):  # neighbours are known
            if where in self.ns_of:
                self.inside(where, f"ping -c 1 -W 2 {far}")

    def places_up(self):
        for short in self.places:
            self.ns_of[short] = self.ns(short)

    def client_side_up(self):
        self.veth(self.ns_of["pod"], "eth0", self.ns_of["node"], "cni0")
        self.cables_up()
        self.node_up()

    def cables_up(self):
        args = [f"{name}=" + ",".join(self.ns_of[where] + "/" + dev for where, dev in (end.split("/") for end in (a, b)))
                for name, a, b in self.cables]
        self.forward = subprocess.Popen([os.path.join(BUILD, "tests", "forward"), "-c", *args], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.started.append(self.forward)
        if self.forward.stdout.readline() != "ready\n":
            raise RuntimeError("the cables do not come up")
        for _, a, b in self.cables:
            for end in (a, b):
                where, dev = end.split("/")
                self.ip(where, f"link set {dev} up")

    def bridge(self, where, ports):
        self.ip(where, "link add br0 type bridge; link set br0 up")
        for port in ports:
            self.ip(where, f"link set {port} master br0 up")

    def node_up(self):
        self.ip("node", "addr add 172.16.0.1/24 dev eth0")
        self.vxlan("node", "172.16.0.1", "172.16.0.2")
        self.bridge("node", ["pod0", "vx0"])
        self.ip("pod", "link set eth0 mtu 1450; addr add 10.1.0.2/24 dev eth0; route add default via 10.1.0.1")

    def vxlan(self, where, local, remote):
        self.ip(where, f"link add vx0 mtu 1450 type vxlan id 42 local {local} remote {remote} dstport 4789 dev eth0; link set vx0 up")

    def routers_up(self):
        self.ip("lb", "addr add 172.16.0.2/24 dev eth0")
        self.vxlan("lb", "172.16.0.2", "172.16.0.1")
        for where, dev, address in (("lb", "vx0", "10.1.0.1"), ("lb", "eth1", "10.2.0.1"), ("gw", "eth0", "10.2.0.2"),
                                    ("gw", "eth0", "10.2.0.3"), ("gw", "eth1", "10.3.0.1"), ("svc", "eth0", "10.3.0.2"),
                                    ("svc", "eth1", "10.4.0.1"), ("db", "eth0", "10.4.0.2")):
            self.ip(where, f"addr add {address}/24 dev {dev}")
        self.ip("lb", f"addr add {VIP}/32 dev lo")
        self.inside("lb", "sysctl -qw net.ipv4.ip_forward=1")
        subprocess.run(["ip", "netns", "exec", self.ns_of["lb"], "nft", "-f", "-"], input=NAT, text=True, check=True)

    def no_offloads(self):
        """Frames are what goes over the wire."""
        devices = {end for _, a, b in self.cables for end in (a, b)} | {where for _, where in self.points} | {"lb/vx0", "node/vx0"}
        for device in sorted(devices):
            where, dev = device.split("/")
            if where not in self.ns_of:
                continue
            self.inside(where, f"ethtool -K {dev} tso off gso off gro off tx off rx off sg off")

    # --- faults and counts

    def tell(self, line):
        self.forward.stdin.write(line + "\n")
        self.forward.stdin.flush()
        answer = self.forward.stdout.readline()
        if line != "count" and answer != "ok\n":
            raise RuntimeError(f"{line}: {answer}")
        return answer

    def clear_faults(self):
        for name, _, _ in self.cables:
            self.tell(f"{name} = clear")

    def count(self, cable, way):
        return next(c for c in json.loads(self.tell("count")) if c["cable"] == cable and c["way"] == way)

    # --- captures

    def capture(self, directory):
        """A file at every point."""
        os.makedirs(directory, exist_ok=True)
        files = {}
        for name, device in self.points:
            where, dev = device.split("/")
            files[name] = os.path.join(directory, name + ".pcapng")
            self.captures.append(subprocess.Popen(
                ["ip", "netns", "exec", self.ns_of[where], "dumpcap", "-q", "-i", dev, "--ifname", name, "-f", "ip", "-B", "8",
                 "-w", files[name]], stderr=subprocess.PIPE, text=True))
        for process in self.captures:
            while "File: " not in (line := process.stderr.readline()):
                if not line:
                    raise RuntimeError("dumpcap does not start")
        time.sleep(0.5)
        return files

    def capture_end(self):
        time.sleep(0.3)
        for process in self.captures:
            process.send_signal(2)
        lost = []
        for process in self.captures:
            said = process.communicate(timeout=20)[1]
            lost += [line for line in said.splitlines() if "received/dropped" in line and "/0 (pcap:0/" not in line]
        self.captures = []
        return lost



#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The AF_PACKET port on real devices, with packets of real TCP stacks and of tcpreplay: what was sent is what was received
plus what was counted as lost, to the packet."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from netlib import TUNNELS, Net, Port, Tap, device_packets, need, scratch, sh, tcp, tcpreplay, tunnelled, udp_frame, write_pcap

FLOOD = int(os.environ.get("SPANTAP_FLOOD", "400000"))  # packets; an emulated machine takes minutes for a million


def adds_up(t, counts, sent):
    t.equal("received + dropped", counts["packets"] + counts["dropped"], sent)
    t.equal("the port's own count", counts["stats_packets"], counts["packets"])
    t.equal("the port's own bytes", counts["stats_bytes"], counts["bytes"])
    t.equal("malformed", counts["verdicts"].get("malformed", 0), 0)


def can_make(ns, device):
    """Whether the kernel has devices of that kind: makes one and takes it away."""
    name = device.split("name ")[-1].split()[0]
    if "Error" in sh(f"ip -n {ns} link add {device}", check=False):
        return False
    sh(f"ip -n {ns} link del {name}")
    return True


def veth_with_tcp(t):
    with Net() as net:
        a, b = net.pair()
        before = device_packets(b, "vb")
        port = Port(f"netns={b}", "interface=vb", options=("-c",))
        tcp(b, "10.9.0.2", a, connections=10, size=1000000)
        c = port.end()
        packets, bytes_ = (x - y for x, y in zip(device_packets(b, "vb"), before))
        adds_up(t, c, packets)
        t.equal("dropped", c["dropped"], 0)
        t.equal("bytes", c["bytes"], bytes_)
        t.equal("flows", c["tcp_flows"], 10)
        t.true("segments merged by the kernel come whole", c["longest"] > 9000 and c["cut"] == 0)
        t.true("checksums left to the NIC are marked, and not held against the packet", c["csum_pending"] > 0)


def vlan_tags_are_put_back(t):
    with Net() as net:
        a, b = net.pair()
        if not can_make(a, "link va name v7 type vlan id 7"):
            return "this kernel has no VLAN devices"
        for ns, dev, host in ((a, "va", 1), (b, "vb", 2)):
            sh(f"ip -n {ns} link add link {dev} name v7 type vlan id 7; ip -n {ns} link set v7 up")
            sh(f"ip -n {ns} link add link {dev} name s9 type vlan id 9 protocol 802.1ad; ip -n {ns} link set s9 up")
            sh(f"ip -n {ns} link add link s9 name c8 type vlan id 8; ip -n {ns} link set c8 up")
            sh(f"ip -n {ns} addr add 10.7.0.{host}/24 dev v7; ip -n {ns} addr add 10.8.0.{host}/24 dev c8")
        before = device_packets(b, "v7"), device_packets(b, "c8"), device_packets(b, "vb")
        port, inner = Port(f"netns={b}", "interface=vb", "queues=2"), Port(f"netns={b}", "interface=v7")
        tcp(b, "10.7.0.2", a, connections=4)
        tcp(b, "10.8.0.2", a, connections=3)
        c, i = port.end(), inner.end()
        after = device_packets(b, "v7"), device_packets(b, "c8"), device_packets(b, "vb")
        on7, on8, both = (x[0] - y[0] for x, y in zip(after, before))
        adds_up(t, c, both)
        adds_up(t, i, on7)
        # Tags are kept of what has a flow.
        arp7, arp8 = i["reasons"].get("arp", 0), c["reasons"].get("arp", 0) - i["reasons"].get("arp", 0)
        t.equal("tag 7", c["vlans"].get("7"), on7 - arp7)
        t.equal("outer tag 9", c["vlans"].get("9"), on8 - arp8)
        t.equal("inner tag 8", c["vlans"].get("8"), on8 - arp8)
        t.equal("no tag inside the sub-interface", i["vlans"], {})
        t.equal("flows", c["tcp_flows"], 4 + 3)
        t.equal("flows of both queues", c["split_flows"], 0)


def vlan_frames_from_outside(t):
    with Net() as net:
        a, b = net.pair(addresses=False)
        pcap = os.path.join(scratch(), "tagged.pcap")
        frames = [udp_frame(n, 200, vlan=100 + n % 3) for n in range(3000)]
        write_pcap(pcap, frames)
        port = Port(f"netns={b}", "interface=vb")
        sent = tcpreplay(a, "va", pcap)
        c = port.end()
        adds_up(t, c, sent)
        t.equal("bytes with tags", c["bytes"], sum(map(len, frames)))
        t.equal("tags", c["vlans"], {"100": 1000, "101": 1000, "102": 1000})


def bridge(t):
    with Net() as net:
        a, mid, b = net.ns("a"), net.ns("m"), net.ns("b")
        net.veth(a, "va", mid, "p1")
        net.veth(b, "vb", mid, "p2")
        sh(f"ip -n {mid} link add br0 type bridge mcast_snooping 0; ip -n {mid} link set br0 up")
        sh(f"ip -n {mid} link set p1 master br0; ip -n {mid} link set p2 master br0")
        sh(f"ip -n {mid} addr add 10.9.0.3/24 dev br0")
        sh(f"ip -n {a} addr add 10.9.0.1/24 dev va; ip -n {b} addr add 10.9.0.2/24 dev vb")
        before = device_packets(mid, "p1")[0]
        on_port = Port(f"netns={mid}", "interface=p1")
        on_bridge = Port(f"netns={mid}", "interface=br0")
        tcp(b, "10.9.0.2", a, connections=3)
        tcp(mid, "10.9.0.3", a, connections=2)
        p, c = on_port.end(), on_bridge.end()
        adds_up(t, p, device_packets(mid, "p1")[0] - before)
        t.equal("flows at the bridge's port", p["tcp_flows"], 5)
        t.true("the bridge sees its own", c["tcp_flows"] >= 2)
        t.equal("malformed", c["verdicts"].get("malformed", 0), 0)


def vxlan(t):
    with Net() as net:
        a, b = net.pair()
        for ns, dev, here, there in ((a, "va", 1, 2), (b, "vb", 2, 1)):
            sh(f"ip -n {ns} link add x5 type vxlan id 5 dstport 4789 remote 10.9.0.{there} dev {dev}")
            sh(f"ip -n {ns} link set x5 up; ip -n {ns} addr add 10.5.0.{here}/24 dev x5")
        before = device_packets(b, "x5")[0], device_packets(b, "vb")[0]
        inside = Port(f"netns={b}", "interface=x5")
        outside = Port(f"netns={b}", "interface=vb", "queues=4")
        kernel = Port(f"netns={b}", "interface=vb", "queues=4", "af_packet.fanout=kernel")
        tcp(b, "10.5.0.2", a, connections=40, size=20000)
        i, o, k = inside.end(), outside.end(), kernel.end()
        adds_up(t, i, device_packets(b, "x5")[0] - before[0])
        adds_up(t, o, device_packets(b, "vb")[0] - before[1])
        t.equal("flows inside", i["tcp_flows"], 40)
        t.equal("flows outside", o["tcp_flows"], 40)
        t.true("several queues are used", len(o["queues"]) > 2)
        t.equal("flows whose directions were parted", o["split_flows"], 0)
        print(f"# with the kernel's hash: {k['split_flows']} of {k['flows']} flows parted")


def other_tunnels_keep_directions_together(t):
    with Net() as net:
        a, b = net.pair()
        kinds = {
            "geneve id 6": 61,
            "gretap": 62,
            "erspan seq key 30 erspan_ver 1 erspan 30": 63,
            "erspan seq key 31 erspan_ver 2 erspan_dir ingress erspan_hwid 3": 64,
            "gre": 65,
            "ipip": 66,
        }
        for ns, here, there in ((a, 1, 2), (b, 2, 1)):
            for kind, net_number in list(kinds.items()):
                name = f"t{net_number}"
                local = "" if kind.startswith("geneve") else f"local 10.9.0.{here}"
                if ns == a and not can_make(ns, f"{name} type {kind} {local} remote 10.9.0.{there}"):
                    print(f"# this kernel has no {kind.split()[0]} devices")
                    del kinds[kind]
                    continue
                sh(f"ip -n {ns} link add {name} type {kind} {local} remote 10.9.0.{there}")
                sh(f"ip -n {ns} link set {name} up; ip -n {ns} addr add 10.{net_number}.0.{here}/24 dev {name}")
        time.sleep(1)  # whatever new devices have to say
        before = device_packets(b, "vb")[0]
        raw = [Port(f"netns={b}", f"interface=t{n}") for n in (65, 66) if n in kinds.values()]
        port = Port(f"netns={b}", "interface=vb", "queues=4")
        for net_number in kinds.values():
            tcp(b, f"10.{net_number}.0.2", a, connections=8, size=3000)
        c = port.end()
        adds_up(t, c, device_packets(b, "vb")[0] - before)
        t.equal("flows", c["tcp_flows"], 8 * len(kinds))
        t.equal("flows whose directions were parted", c["split_flows"], 0)
        for p in raw:
            r = p.end()
            t.equal("flows on a device without link header", r["tcp_flows"], 8)
            t.equal("malformed", r["verdicts"].get("malformed", 0), 0)


def mirrored_tunnels(t):
    with Net() as net:
        a, b = net.pair(addresses=False)
        pcap = os.path.join(scratch(), "tunnels.pcap")
        frames = [f for kind in TUNNELS for n in range(50) for f in tunnelled(kind, n)]
        write_pcap(pcap, frames)
        port = Port(f"netns={b}", "interface=vb", "queues=4")
        sent = tcpreplay(a, "va", pcap)
        c = port.end()
        adds_up(t, c, sent)
        t.equal("flows", c["flows"], 50 * len(TUNNELS))
        t.equal("flows whose directions were parted", c["split_flows"], 0)
        t.true("queues share the work", min(c["queues"].get(q, 0) for q in "0123") > sent / 10)


def ipv6_and_fragments(t):
    with Net() as net:
        a, b = net.pair(ipv6=True)
        sh(f"ip -n {a} addr add fd09::1/64 dev va nodad; ip -n {b} addr add fd09::2/64 dev vb nodad")
        port = Port(f"netns={b}", "interface=vb", "queues=4")
        addresses = Port(f"netns={b}", "interface=vb", "queues=4", "af_packet.fanout=addresses")
        tcp(b, "fd09::2", a, connections=30, size=5000)
        sh(f"ip netns exec {a} ping -c 5 -i 0.05 -s 4000 10.9.0.2; ip netns exec {a} ping -c 5 -i 0.05 -s 4000 fd09::2")
        c, d = port.end(), addresses.end()
        t.true("flows", c["flows"] >= 31)
        t.true("several queues are used", len(c["queues"]) > 1)
        t.equal("flows whose directions were parted", d["split_flows"], 0)
        t.equal("malformed", c["verdicts"].get("malformed", 0), 0)


def loopback_once(t):
    with Net() as net:
        a = net.ns("a")
        one = Port(f"netns={a}", "interface=lo")
        group = Port(f"netns={a}", "interface=lo", "queues=2")
        sh(f"ip netns exec {a} ping -c 5 -i 0.05 127.0.0.1")
        for port in (one, group):
            t.equal("echo requests and replies", port.end()["packets"], 10)


def only_what_comes_in(t):
    with Net() as net:
        a, b = net.pair()
        sh(f"ip netns exec {a} ping -c 1 10.9.0.2")
        port = Port(f"netns={b}", "interface=vb", "direction=in")
        sh(f"ip netns exec {a} ping -c 5 -i 0.05 10.9.0.2")
        t.equal("echo requests", port.end()["protos"].get("1"), 5)


def snaplen(t):
    with Net() as net:
        a, b = net.pair(addresses=False)
        pcap = os.path.join(scratch(), "long.pcap")
        write_pcap(pcap, [udp_frame(n, 1000) for n in range(1000)])
        port = Port(f"netns={b}", "interface=vb", "snaplen=100")
        sent = tcpreplay(a, "va", pcap)
        c = port.end()
        adds_up(t, c, sent)
        t.equal("cut", c["cut"], sent)
        t.equal("wire bytes", c["bytes"], 1000 * sent)
        t.equal("captured bytes", c["captured_bytes"], 100 * sent)


def every_loss_is_counted(t):
    with Net() as net:
        a, b = net.pair(addresses=False)
        pcap = os.path.join(scratch(), "burst.pcap")
        write_pcap(pcap, [udp_frame(n, 300) for n in range(50000)])
        port = Port(f"netns={b}", "interface=vb", "queues=2", "af_packet.block_size=65536", "af_packet.blocks=4")
        port.pause()
        sent = tcpreplay(a, "va", pcap)
        port.go_on()
        sent += tcpreplay(a, "va", pcap, "--pps 20000 --limit 5000")
        c = port.end(0.5)
        adds_up(t, c, sent)
        t.true("something was lost", c["dropped"] > 10000)
        t.true("reception went on afterwards", c["packets"] > 5000)


def full_speed(t):
    with Net() as net:
        a, b = net.pair(addresses=False)
        pcap = os.path.join(scratch(), "fast.pcap")
        write_pcap(pcap, [udp_frame(n, 64) for n in range(20000)])
        port = Port(f"netns={b}", "interface=vb", options=("-b",))
        sent = tcpreplay(a, "va", pcap, f"--topspeed --preload-pcap --loop {FLOOD // 20000}")
        c = port.end(0.3)
        adds_up(t, c, sent)
        print(f"# {sent} packets sent, {c['dropped']} dropped")


def device_goes_away(t):
    with Net() as net:
        a, b = net.pair()
        port = Port(f"netns={b}", "interface=vb")
        sh(f"ip -n {b} link set vb down; ip -n {b} link set vb up")
        time.sleep(0.1)
        sh(f"ip netns exec {a} ping -c 3 -i 0.05 10.9.0.2")
        time.sleep(0.1)
        sh(f"ip -n {b} link del vb")
        c = port.wait()
        t.equal("echoes after down and up", c["protos"].get("1"), 6)
        t.equal("ended by", c["ended"], -19)


def refusals_say_why(t):
    with Net() as net:
        a = net.ns("a")
        for settings, words in (
            ([f"netns={a}", "interface=nosuch"], "port nosuch: no such device"),
            (["netns=no-such-namespace", "interface=lo"], "network namespace /run/netns/no-such-namespace"),
        ):
            port = Port(*settings)
            t.true(f"{settings} fails", port.failed)
            t.true(f"{port.messages!r} says {words!r}", words in port.messages)


def main():
    need("ip", "tcpreplay", "ping")
    t = Tap()
    for test in (
        veth_with_tcp,
        vlan_tags_are_put_back,
        vlan_frames_from_outside,
        bridge,
        vxlan,
        mirrored_tunnels,
        other_tunnels_keep_directions_together,
        ipv6_and_fragments,
        loopback_once,
        only_what_comes_in,
        snaplen,
        every_loss_is_counted,
        full_speed,
        device_goes_away,
        refusals_say_why,
    ):
        if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
            t.run(test)
    t.done()


if __name__ == "__main__":
    main()

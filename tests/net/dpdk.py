#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The DPDK port on virtual devices over veth, with and without hugepages: what was sent is what was received plus what was
counted as lost, to the packet."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from netlib import Net, Port, Tap, device_packets, need, scratch, sh, tcpreplay, udp_frame, write_pcap

HUGEPAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"


# DPDK 22.11's AF_PACKET driver does not say what its ring dropped, so the tests give it a ring and a pace that a busy machine
# can follow.
PACE = "--pps 8000"

# Its AF_XDP driver keeps the handle of its UMEM; that leak is not ours.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"


def adds_up(t, counts, sent):
    t.equal("received + dropped", counts["packets"] + counts["dropped"] + counts["invalid"], sent)
    t.equal("the port's own count", counts["stats_packets"], counts["packets"])
    t.equal("the port's own bytes", counts["stats_bytes"], counts["bytes"])
    t.equal("malformed", counts["verdicts"].get("malformed", 0), 0)


def dpdk(device, *settings, ns=None, **more):
    where = [f"netns={ns}"] if ns else []
    return Port("type=dpdk", f"dpdk.device={device}", "dpdk.memory=128MiB", *where, *settings, **more)


def a_file(t):
    pcap = os.path.join(scratch(), "file.pcap")
    frames = [udp_frame(n, 60 + n % 1400) for n in range(20000)]
    write_pcap(pcap, frames)
    c = dpdk(f"net_pcap0,rx_pcap={pcap}", "clock=hardware", options=("-i", "300")).wait()
    adds_up(t, c, len(frames))
    t.equal("bytes", c["bytes"], sum(map(len, frames)))
    t.equal("times", (c["first_ns"], c["last_ns"]), (1700000000_000000000, 1700000000_000000000 + 19999 * 1000))
    small = dpdk(f"net_pcap0,rx_pcap={pcap}", "dpdk.buffer_size=512", options=("-i", "300")).wait()
    adds_up(t, small, len(frames))
    t.equal("captured", small["captured_bytes"], sum(map(len, frames)))
    t.true("put together from several buffers", small["copied"] > 10000)


def pcap_of_a_device(t):
    with Net() as net:
        a, b = net.pair(addresses=False)
        pcap = os.path.join(scratch(), "x.pcap")
        write_pcap(pcap, [udp_frame(n, 200) for n in range(20000)])
        port = dpdk("net_pcap0,rx_iface=vb", ns=b)
        sent = tcpreplay(a, "va", pcap, PACE)
        adds_up(t, port.end(0.4), sent)


def af_packet(t):
    with Net() as net:
        a, b = net.pair()
        before = device_packets(b, "vb")[0]
        port = dpdk("net_af_packet0,iface=vb,framesz=4096,blocksz=65536,framecnt=16384", "dpdk.buffer_size=4KiB", ns=b)
        sh(f"ip netns exec {a} ping -c 20 -i 0.01 10.9.0.2")
        pcap = os.path.join(scratch(), "x.pcap")
        write_pcap(pcap, [udp_frame(n, 300) for n in range(20000)])
        tcpreplay(a, "va", pcap, PACE)
        c = port.end(0.4)
        # The driver hands out what the host sends, too.
        t.equal("echo requests and replies", c["protos"].get("1"), 40)
        adds_up(t, c, device_packets(b, "vb")[0] - before)


def af_packet_queues(t):
    with Net() as net:
        a, b = net.pair(addresses=False)
        port = dpdk("net_af_packet0,iface=vb,qpairs=2,framecnt=16384", "queues=2", ns=b)
        pcap = os.path.join(scratch(), "x.pcap")
        write_pcap(pcap, [udp_frame(n, 300) for n in range(20000)])
        sent = tcpreplay(a, "va", pcap, PACE)
        c = port.end(0.4)
        adds_up(t, c, sent)
        t.equal("symmetric", c["symmetric"], False)
        t.true("both queues are used", len(c["queues"]) == 2)


def af_xdp(t):
    with Net() as net:
        a, b = net.pair(addresses=False)
        # libxdp 1.3 forgets a structure of the driver's; under LeakSanitizer that is not ours to answer for.
        suppressions = os.path.join(scratch(), "leaks")
        with open(suppressions, "w") as f:
            f.write("leak:xsk_umem__create\n")
        os.environ["LSAN_OPTIONS"] = f"suppressions={suppressions}:print_suppressions=0"
        port = dpdk("net_af_xdp0,iface=vb", ns=b)
        if port.failed:
            print("# " + port.messages.strip().splitlines()[-1])
            return "net_af_xdp does not start here"
        pcap = os.path.join(scratch(), "x.pcap")
        write_pcap(pcap, [udp_frame(n, 300) for n in range(20000)])
        sent = tcpreplay(a, "va", pcap, PACE)
        adds_up(t, port.end(0.4), sent)


def with_hugepages(t):
    if not os.path.exists(HUGEPAGES):
        return "this kernel has no hugepages"
    with open(HUGEPAGES) as f:
        before = f.read()
    try:
        with open(HUGEPAGES, "w") as f:
            f.write(str(int(before) + 80))
        with open(HUGEPAGES) as f:
            if int(f.read()) < int(before) + 80:
                return "memory is too fragmented for hugepages"
        pcap = os.path.join(scratch(), "file.pcap")
        write_pcap(pcap, [udp_frame(n, 60 + n % 1400) for n in range(20000)])
        c = dpdk(f"net_pcap0,rx_pcap={pcap}", "dpdk.hugepages=yes", options=("-i", "300")).wait()
        adds_up(t, c, 20000)
        t.true("they are used", "no hugepages" not in c["why"])
        with Net() as net:
            a, b = net.pair(addresses=False)
            port = dpdk("net_af_packet0,iface=vb,framecnt=16384", ns=b)
            sent = tcpreplay(a, "va", pcap, PACE)
            c = port.end(0.4)
            adds_up(t, c, sent)
            t.true("taken by themselves when they are there", "no hugepages" not in c["why"])
    finally:
        with open(HUGEPAGES, "w") as f:
            f.write(before)


def refusals_say_why(t):
    for settings, words in (
        (["dpdk.device=net_pcap0,rx_pcap=/no/such.pcap"], "port net_pcap0"),
        (["dpdk.device=0000:00:1e.7"], "dpdk-devbind.py"),
        (["dpdk.device=net_null0", "dpdk.hugepages=yes", "dpdk.memory=1099511627776"], "vm.nr_hugepages"),
        (["dpdk.device=net_null0", "dpdk.hugepages=no", "dpdk.memory=1099511627776"], "lower dpdk.memory"),
        (["dpdk.device=net_null0", "dpdk.args=--no-such-thing"], "environment layer"),
    ):
        port = Port("type=dpdk", *settings)
        t.true(f"{settings} fails", port.failed)
        t.true(f"{port.messages[-300:]!r} says {words!r}", words in port.messages)


def main():
    need("ip", "tcpreplay", "ping")
    if "not in this build" in Port("type=dpdk", "dpdk.device=x").messages:
        print("1..0 # SKIP built without DPDK")
        return
    t = Tap()
    for test in (a_file, pcap_of_a_device, af_packet, af_packet_queues, af_xdp, with_hugepages, refusals_say_why):
        if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
            t.run(test)
    t.done()


if __name__ == "__main__":
    main()

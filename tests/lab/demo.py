# SPDX-License-Identifier: Apache-2.0
"""What `make demo` reads: some seconds of a shop, with a capture at each of twelve points, and what went wrong there."""

import os
import time

import pcapng


def shop(bench):
    """Customers look at things; nothing is wrong."""
    for n in (1, 2):
        bench.pod.ask_name(number=n)
    for n in (4, 23):
        bench.pod.get(f"/products/{n}?redis=stock:{n}")
    kept = bench.pod.connect()
    for n in (17, 4):
        bench.pod.get(f"/products/{n}?redis=stock:{n}", kept=kept)
    bench.pod.get("/cart/7?redis=cart:7&mysql=0", kept=kept)
    return kept


def trouble(bench):
    kept = shop(bench)
    with bench.fault("gw > delay=80000"):  # load balancer to gateway
        bench.pod.get("/checkout/7?mysql=0&pg=0", kept=kept)
    bench.pod.get("/report/2024?mysql=0.15", kept=kept)
    with bench.fault("kvm < nth=3 only=data"):
        bench.pod.get("/pictures/17?n=5000", kept=kept)
    kept.close()
    with bench.nft("lb", "add rule inet loss f tcp dport 8084 tcp flags syn counter name dropped drop"):
        bench.pod.get("/orders/7", port=84, timeout=1.5)
    with bench.fault("uplink > reset=1 only=data"):
        bench.pod.get("/orders/8", timeout=1)
    time.sleep(0.3)


def record(bench, keep, target):
    files = bench.lab.capture(os.path.join(keep, "captures"))
    trouble(bench)
    lost = bench.lab.capture_end()
    if lost:
        raise RuntimeError("the recorder itself lost packets, record again: " + "; ".join(lost))
    pcapng.merged(files, target)

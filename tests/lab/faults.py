# SPDX-License-Identifier: Apache-2.0
"""The lab's rows: a fault, where it is made, what spantap must say of it. Each makes its requests on paths of its name."""

import socket
import time
from dataclasses import dataclass
from typing import Callable

from seen import Said, judge_end, judge_loss, judge_slowest, judge_where, points
from topology import BESIDE, CABLES, POINTS, VIP

NAMES = [name for name, _ in POINTS]
HTTP = NAMES[:10]  # as far as an HTTP request goes
DELAY = 20000  # us: above what a busy machine adds
LOSSY = 250000  # bytes of an answer that loses some


@dataclass
class Row:
    name: str
    fault: str
    hop: str  # where it is made
    must: str  # what spantap must say
    act: Callable  # makes it; returns what is true
    judge: Callable  # (Seen, truth) -> Said
    small: bool = False
    sql: bool = False


ROWS = []


def row(name, fault, hop, must, act, judge, **more):
    ROWS.append(Row(name, fault, hop if isinstance(hop, str) else " → ".join(hop), must, act, judge, **more))


def gets(bench, name, n=5, query="", **how):
    """Requests one after the other; how many were answered."""
    return sum(bench.pod.get(f"/{name}/{i}?{query}", **how) is not None for i in range(n))


# --- nothing wrong


def healthy(name, port):
    def act(bench):
        kept = bench.pod.connect(port)
        n = sum(bench.pod.get(f"/{name}/kept{i}?redis=a", kept=kept, port=port) is not None for i in range(bench.healthy))
        kept.close()
        return {"n": n + gets(bench, name, bench.healthy, "redis=a", port=port)}

    def judge(seen, truth):
        whole = [points(t) == HTTP for t in seen.calls(name)]
        said = Said(sum(whole), truth["n"], f"{sum(whole)} of {truth['n']}")
        said.right = said.right if said.right >= 0.99 * said.cases else 0
        return said

    return act, judge


row("healthy", "none, nginx as gateway", "–", "each request whole over ten points, in order", *healthy("healthy", 80), small=True)
row("haproxy", "none, HAProxy as gateway", "–", "each request whole over ten points, in order", *healthy("haproxy", 81), small=True)


# --- delays


def delayed(name, cable, way=">", settings=f"delay={DELAY}", exact=True, **how):
    """Connections are there before."""

    def act(bench):
        gets(bench, "warm", 2, "redis=a", **how)
        with bench.fault(f"{cable} {way} {settings}"):
            gets(bench, name, 6, "redis=a", **how)
            return {"us": held(bench, cable)}

    return act, lambda seen, truth: judge_slowest(seen.calls(name), BESIDE[cable], truth["us"] if exact else None)


def held(bench, cable):
    """What a round trip was held there, as the cable counted it."""
    return sum(bench.lab.count(cable, way)["held_us"] for way in "><")


for cable, _, _ in CABLES[:-1]:
    row(f"delay-{cable}", "delay 20 ms, requests", BESIDE[cable], "slowest hop; self_us", *delayed(f"delay-{cable}", cable),
        small=cable == "gw")
row("delay-back", "delay 20 ms, responses", BESIDE["lb"], "slowest hop; self_us", *delayed("delay-back", "lb", "<"))
row("jitter", "delay 20 ms to 40 ms, in order", BESIDE["kvm"], "slowest hop",
    *delayed("jitter", "kvm", ">", "delay=20000 jitter=20000", exact=False))
row("connect", "delay 20 ms, to a connection that HAProxy makes for it", BESIDE["svc"], "slowest hop",
    *delayed("connect", "svc", exact=False, port=81))


def delayed_database(app):
    def act(bench):
        with bench.fault(f"db > delay={DELAY}"):
            gets(bench, f"db-{app}", 5, {"redis": "redis=a", "mysql": "mysql=0", "postgresql": "pg=0"}[app])
            return {"us": held(bench, "db")}

    return act, lambda seen, truth: judge_slowest(seen.calls_within(truth["window"], app), BESIDE["db"], truth["us"])


row("db-redis", "delay 20 ms, Redis", BESIDE["db"], "slowest hop; self_us", *delayed_database("redis"), small=True)
row("db-mysql", "delay 20 ms, MariaDB", BESIDE["db"], "slowest hop; self_us", *delayed_database("mysql"), sql=True)
row("db-postgresql", "delay 20 ms, PostgreSQL", BESIDE["db"], "slowest hop; self_us", *delayed_database("postgresql"), sql=True)


def delayed_names(cable):
    def act(bench):
        with bench.fault(f"{cable} > delay={DELAY}"):
            for i in range(5):
                bench.pod.ask_name(number=100 + i)
            return {"us": held(bench, cable)}

    def judge(seen, truth):
        calls = [t for t in seen.calls_within(truth["window"], "dns") if BESIDE[cable][0] in points(t)]
        return judge_slowest(calls, BESIDE[cable], truth["us"])

    return act, judge


row("dns-gw", "delay 20 ms, DNS", BESIDE["gw"], "slowest hop; self_us", *delayed_names("gw"))
row("dns-svc", "delay 20 ms, DNS behind a forwarder", BESIDE["svc"], "slowest hop; self_us", *delayed_names("svc"))


# --- the ends


def slow(name, query, app=None, us=100000):
    def act(bench):
        gets(bench, name, 4, query)
        return {}

    return act, lambda seen, truth: judge_end(seen.calls_within(truth["window"], app) if app else seen.calls(name), "server", us)


row("server", "server takes 100 ms", "svc → server", "slowest hop; server_us", *slow("server", "ms=100"), small=True)
row("server-mysql", "MariaDB takes 100 ms", "db → server", "slowest hop; server_us", *slow("server-mysql", "mysql=0.1", "mysql"), sql=True)
row("server-pg", "PostgreSQL takes 100 ms", "db → server", "slowest hop; server_us", *slow("server-pg", "pg=0.1", "postgresql"), sql=True)
row("client", "client sends half of its request, the rest 50 ms later", "client → pod", "slowest hop; client_us",
    lambda bench: {"n": gets(bench, "client", 4, pause=0.05)},
    lambda seen, truth: judge_end(seen.calls("client"), "client", 50000), small=True)


# --- losses


def lossy(name, cable, way, nth):
    def act(bench):
        with bench.fault(f"{cable} {way} nth={nth} only=data"):
            if way == "<":
                gets(bench, name, 3, f"n={LOSSY}", port=84)
            else:
                for i in range(3):
                    bench.pod.post(f"/{name}/{i}", LOSSY, port=84)
            time.sleep(0.5)
            lost = bench.lab.count(cable, way)["lost"]
        return {"lost": lost}

    return act, lambda seen, truth: judge_loss(seen.paths_within(truth["window"]), BESIDE[cable], way, truth["lost"])


for cable, _, _ in CABLES[:-1]:
    row(f"loss-{cable}", "1 of 60 data segments of responses lost", BESIDE[cable], "loss_between: this hop, how many, nowhere else",
        *lossy(f"loss-{cable}", cable, "<", 60), small=cable == "kvm")
row("loss-up", "1 of 60 data segments of requests lost", BESIDE["lb"], "loss_between: this hop, how many, nowhere else",
    *lossy("loss-up", "lb", ">", 60))


def dropped(bench, rule):
    """A rule of nftables in the load balancer that counts what it drops, while it is there."""
    return bench.nft("lb", f"add rule inet loss f {rule} counter name dropped drop")


def lossy_lb():
    def act(bench):
        with dropped(bench, "ip saddr 10.2.0.2 ct direction reply meta length > 1000 numgen inc mod 60 == 7"):
            gets(bench, "loss-nft", 3, f"n={LOSSY}", port=84)
            time.sleep(0.5)
        return {"lost": bench.dropped()}

    return act, lambda seen, truth: judge_loss(seen.paths_within(truth["window"]), ("lb-in", "lb-out"), "<", truth["lost"])


row("loss-nft", "nftables drops 1 of 60 data segments", "lb-out → lb-in", "loss_between: this hop, how many, nowhere else", *lossy_lb())


def reordered(name, late_by):
    def act(bench):
        with bench.fault(f"gw < late=20 late_by={late_by} only=data"):
            gets(bench, name, 3, f"n={LOSSY}", port=84)
            time.sleep(0.2)
        return {}

    def judge(seen, truth):
        lost = sum(l["segments"] for p in seen.paths_within(truth["window"]) for l in p["loss_between"])
        flows = seen.flows_within(truth["window"])
        late = {f["point"] for f in flows if f.get("out_of_order_s2c") or f.get("hole_filled_s2c")}
        return Said(not lost and late == set(NAMES[:7]), 1, f"{lost} lost; late segments at {len(late)} points, of which the nearest is "
                    + max(late, key=NAMES.index, default="none"))

    return act, judge


row("reorder", "1 of 20 segments of responses 0.2 ms late", BESIDE["gw"][::-1], "late segments from this hop on, no loss",
    *reordered("reorder", 200))
row("late", "…2 ms late, when they were sent again", BESIDE["gw"][::-1], "late segments from this hop on, no loss",
    *reordered("late", 2000))


# --- connections that die


def syn_lost(name, make, hop, what="syn", way="c2s"):
    """The client gives up after two seconds and a half, and two SYNs or more."""

    def act(bench):
        with make(bench):
            bench.pod.get(f"/{name}/0", port=84, timeout=1.5)
        return {}

    want = {"what": what, "direction": way, "from": hop[0], "to": hop[1]}
    return act, lambda seen, truth: judge_where(seen.paths_within(truth["window"]), "lost_at", want)


for cable, _, _ in CABLES[:-2]:
    row(f"syn-{cable}", "SYN dropped", BESIDE[cable], "lost_at: SYN, this hop",
        *syn_lost(f"syn-{cable}", lambda bench, c=cable: bench.fault(f"{c} > nth=1 only=syn"), BESIDE[cable]), small=cable == "gw")
row("syn-nft", "SYN dropped by nftables", "lb-in → lb-out", "lost_at: SYN, this hop",
    *syn_lost("syn-nft", lambda bench: dropped(bench, "tcp dport 8084 tcp flags syn"), ("lb-in", "lb-out")))
row("synack", "SYN-ACK dropped", BESIDE["gw"][::-1], "lost_at: SYN-ACK, this hop",
    *syn_lost("synack", lambda bench: bench.fault("gw < nth=1 only=syn"), BESIDE["gw"][::-1], "syn_ack", "s2c"))
row("ports", "SNAT: no port is left", "lb-in → lb-out", "lost_at: SYN, this hop", None, None, small=True)


def ports_used_up():
    """Four ports for one server, and five connections."""

    def act(bench):
        kept = [bench.pod.connect(82) for _ in range(4)]
        since = time.time_ns()
        bench.pod.get("/ports/4", port=82, timeout=1.5)
        for s in kept:
            s.close()
        return {"since": since}

    want = {"what": "syn", "direction": "c2s", "from": "lb-in", "to": "lb-out"}
    return act, lambda seen, truth: judge_where(seen.paths_within((truth["since"], truth["window"][1])), "lost_at", want)


ROWS[-1].act, ROWS[-1].judge = ports_used_up()


def reset(name, cable):
    def act(bench):
        with bench.fault(f"{cable} > reset=1 only=data"):
            bench.pod.get(f"/{name}/0", port=84, timeout=2)
            time.sleep(0.3)
        return {}

    a, b = BESIDE[cable]

    def judge(seen, truth):
        """Both ends got one, from a place between."""
        paths = [p for p in seen.paths_within(truth["window"]) if {a, b} <= {leg["point"] for leg in p["points"]}]
        said = [(e["direction"], e["from"], e["to"]) for p in paths for e in p.get("rst_from", [])]
        right = sorted(said) == sorted([("c2s", a, b), ("s2c", b, a)])
        return Said(right, 1, "; ".join(" ".join(s) for s in said) or "nothing")

    return act, judge


for cable, _, _ in CABLES[:-1]:
    row(f"reset-{cable}", "a reset for both ends, made on the way", BESIDE[cable], "rst_from: this hop, both directions",
        *reset(f"reset-{cable}", cable), small=cable == "gw")


def refused():
    def act(bench):
        bench.pod.get("/refused/0", port=91, timeout=2)
        return {}

    def judge(seen, truth):
        return judge_where(seen.paths_within(truth["window"]), "rst_from", {"direction": "s2c", "from": "server", "to": "gw-in"})

    return act, judge


row("refused", "no server listens", "gw-in → server", "rst_from: the server", *refused())


def migrated():
    """The load balancer forgets a connection, and sends what comes of it to another server, which knows nothing of it."""

    def act(bench):
        seconds = "net.netfilter.nf_conntrack_tcp_timeout_established"
        before = bench.lab.inside("lb", f"sysctl -n {seconds}").strip()
        bench.lab.inside("lb", f"sysctl -qw {seconds}=1")
        kept = bench.pod.connect(83)
        bench.pod.get("/migrated/0", kept=kept)
        time.sleep(2.2)
        with bench.nft("lb", "insert rule ip nat pre ip daddr 10.9.9.9 tcp dport 83 dnat to 10.2.0.3:8080"):
            bench.pod.get("/migrated/1", kept=kept)
        kept.close()
        bench.lab.inside("lb", f"sysctl -qw {seconds}={before}")
        return {}

    def judge(seen, truth):
        paths = [p for p in seen.paths_within(truth["window"]) if p["points"][0]["point"] == "pod"]
        return judge_where(paths, "rst_from", {"direction": "s2c", "from": "lb-out", "to": "lb-in"})

    return act, judge


row("migrated", "load balancer moves a connection to another server", "lb-out → lb-in", "rst_from: this hop", *migrated())


# --- windows


def closed_window(end):
    def act(bench):
        if end == "client":
            s = bench.pod.connect(84, receive=4096)
            s.sendall(f"GET /window/0?n={LOSSY} HTTP/1.0\r\n\r\n".encode())
            time.sleep(0.7)
        else:
            s = bench.pod.connect(90)
            s.settimeout(0.4)
            try:
                s.sendall(b"x" * 4000000)
            except socket.timeout:
                pass
        s.close()
        time.sleep(0.3)
        return {}

    def judge(seen, truth):
        way, other = ("c2s", "s2c") if end == "client" else ("s2c", "c2s")
        flows = [f for f in seen.flows_within(truth["window"]) if f["point"] in NAMES[:8] and f.get(f"zero_window_{way}")]
        wrong = [f for f in seen.flows_within(truth["window"]) if f.get(f"zero_window_{other}")]
        return Said(len({f["point"] for f in flows}) if not wrong else 0, 8,
                    f"zero_window_{way} at {len({f['point'] for f in flows})} points" + (", and the other way" if wrong else ""))

    return act, judge


row("window-client", "client does not read", "client", "zero_window_c2s at each point", *closed_window("client"), small=True)
row("window-server", "server does not read", "server", "zero_window_s2c at each point", *closed_window("server"))


# --- other sequence numbers


def shifted():
    def act(bench):
        with bench.fault("lb = shift=1"):
            gets(bench, "shift", 5, port=85)
        return {}

    return act, lambda seen, truth: Said(sum(points(t) == HTTP for t in seen.calls("shift")), 5,
                                         common_points(seen.calls("shift")))


def common_points(traces):
    return f"{max((len(t['spans']) for t in traces), default=0)} of {len(HTTP)} points in one trace"


row("shift", "a middlebox rewrites sequence numbers", BESIDE["lb"], "each request whole over ten points, in order", *shifted())

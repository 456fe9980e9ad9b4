# SPDX-License-Identifier: Apache-2.0
"""The same captures once more, in another form: what must not make a difference makes none, and what is missing is not made
up for by claims that are wrong."""

import os
import subprocess
from collections import Counter
from dataclasses import dataclass
from typing import Callable

from faults import ROWS
from pcapng import retimed, times_of
from seen import Said, losses, points, slowest
from topology import POINTS

NAMES = [name for name, _ in POINTS]


@dataclass
class Variant:
    name: str
    fault: str
    hop: str
    must: str
    make: Callable  # (files, directory, truths) -> files, or one file
    judge: Callable  # (what was seen at first, what is seen now, truths) -> Said
    of: str = ""  # the row that it is about


def changed(files, directory, change):
    os.makedirs(directory, exist_ok=True)
    return {name: retimed(path, os.path.join(directory, name + ".pcapng"), change(name)) for name, path in files.items()}


# --- what must be the same


def point_of(name):
    return name.rsplit("/", 1)[-1]


def essence(trace, times=True):
    """What a trace says, clocks aside."""
    spans = trace["spans"]
    index = {s["span_id"]: i for i, s in enumerate(spans)}
    tree = tuple((point_of(s["point"]), index.get(s.get("parent_id"), -1), s["joined_by"], s.get("rrt_us") if times else 0)
                 for s in spans)
    hops = tuple((point_of(h["from"]), point_of(h["to"]), h.get("self_us") if times else 0, h["lost"]) for h in trace["hops"])
    slow = tuple(point_of(p or "") for p in slowest(trace)) if times else ()
    return trace["app_proto"], trace.get("resource"), trace["status"], tree, hops, slow


def same_traces(before, now, times=True):
    a, b = (Counter(essence(t, times) for t in seen.traces) for seen in (before, now))
    same = sum((a & b).values())
    return Said(same, max(sum(a.values()), sum(b.values())), f"{same} of {sum(a.values())} traces, and {sum(b.values()) - same} others")


def exactly(said):
    said.right = said.right if said.right == said.cases else 0
    return said


# --- clocks

OFFSETS = {name: (i * 7 % 12 - 5) * 370_000_000 for i, name in enumerate(NAMES)}  # up to 2.2 s apart
DRIFTS = {name: (i * 5 % 7 - 3) * 10e-6 for i, name in enumerate(NAMES)}  # up to 30 us a second


def offset_clocks(files, directory, truths):
    return changed(files, directory, lambda name: lambda ns: ns + OFFSETS[name])


def drifting_clocks(files, directory, truths):
    start = min(times_of(path)[0] for path in files.values())
    return changed(files, directory, lambda name: lambda ns: ns + OFFSETS[name] + int((ns - start) * DRIFTS[name]))


def same_hops(before, now, truths):
    """The clock's drift is in every time that it measures: 30 us a second, some hundred microseconds of a slow call at most."""
    a, b = ({t["resource"]: t for t in seen.traces if t.get("resource", "").startswith("/") and not t["resource"].startswith("/shift/")}
            for seen in (before, now))
    good = sum(r in b and points(t) == points(b[r]) and (slowest(t) == slowest(b[r]) or close(t)) for r, t in a.items())
    delays = [row.judge(now, truths[row.name]).holds for row in ROWS if row.name in truths and row.name.startswith("delay-")]
    words = f"{good} of {len(a)} traces with the same points and slowest hop; {sum(delays)} of {len(delays)} delays as exact as above"
    return Said(good if good >= 0.99 * len(a) and all(delays) else 0, len(a), words)


def same_shifted(before, now, truths):
    whole = sum(points(t) == NAMES[:10] for t in now.calls("shift"))
    return Said(whole, len(before.calls("shift")), f"{max((len(t['spans']) for t in now.calls('shift')), default=0)} of 10 points in one trace")


def close(trace):
    """Two hops of it took the same time but for some microseconds."""
    spent = sorted([h.get("self_us", 0) for h in trace["hops"]] + [trace.get("slowest_hop", {}).get(k, 0) for k in ("client_us", "server_us")])
    return len(spent) > 1 and spent[-1] - spent[-2] <= 5


# --- a point that vanishes


def vanished(point):
    def make(files, directory, truths):
        middle = sum(truths["healthy"]["window"]) // 2
        return changed(files, directory, lambda name: lambda ns: None if name == point and ns > middle else ns)

    return make


def claims(seen):
    """All places that are named, with how much was lost."""
    said = Counter()
    for path in seen.paths:
        who = path["isn_client"]
        for key in ("lost_at", "rst_from"):
            for e in path[key] if isinstance(path.get(key), list) else [path[key]] if key in path else []:
                said[who, e["what"], e["direction"], e.get("from"), e.get("to")] += 1
        for (a, b, way), n in losses([path]).items():
            said[who, "loss", way, a, b] += n
    return said


def known(seen, trace):
    """A call to that server was seen whole before."""
    server = [trace["spans"][0][k] for k in ("server_ip", "server_port")]
    whole = [t for t in seen.traces if points(t) == NAMES[:10] and t["start_ns"] < trace["start_ns"]]
    return sum([t["spans"][0][k] for k in ("server_ip", "server_port")] == server for t in whole) > 2


def nothing_wrong(point):
    a, b = NAMES[NAMES.index(point) - 1], NAMES[NAMES.index(point) + 1]

    def wider(claim):
        """The hop on either side of the point becomes the one around it, or what lies behind is not known."""
        who, what, way, start, end = claim
        return {claim, (who, what, way, a if start == point else start, b if end == point else end),
                (who, what, way, b if start == point else start, a if end == point else end),
                (who, what, way, None if start == point else start, None if end == point else end),
                (who, what, way, None, end), (who, what, way, start, None)}

    def judge(before, now, truths):
        allowed = set().union(*(wider(c) for c in claims(before)), {()})
        wrong = [c for c in claims(now) if c not in allowed]
        lacking = [t for t in now.traces if points(t) == [n for n in NAMES[:10] if n != point] and known(now, t)]
        marked = [t for t in lacking if t.get("missing") == [point] and t.get("partial")]
        words = f"{len(marked)} of {len(lacking)} partial traces marked, {len(wrong)} wrong claims"
        return Said(len(marked) if not wrong and len(marked) >= 0.99 * len(lacking) else 0, len(lacking), words)

    return judge


# --- one file


def merged(files, directory, truths):
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, "merged.pcapng")
    subprocess.run(["mergecap", "-w", path, *files.values()], check=True, stderr=subprocess.DEVNULL)
    return path


VARIANTS = [
    Variant("merged", "the captures as one merged pcapng", "–", "the same traces, to the microsecond", merged,
            lambda before, now, truths: exactly(same_traces(before, now))),
    Variant("clocks", "clocks up to 4 s apart", "each point", "the same points, slowest hops and self_us", offset_clocks, same_hops),
    Variant("drift", "…and drifting, up to 60 us a second apart", "each point", "the same points, slowest hops and self_us", drifting_clocks,
            same_hops),
    Variant("shift-clocks", "a middlebox rewrites sequence numbers, and clocks are up to 4 s apart", "span → lb-in",
            "each request whole over ten points, in order", offset_clocks, same_shifted, "shift"),
    Variant("vanished", "a capture ends while all is well, before every fault", "lb-out", "partial traces are marked, no place is named wrongly", vanished("lb-out"),
            nothing_wrong("lb-out")),
]

# SPDX-License-Identifier: Apache-2.0
"""What spantap says of a run of the lab, and how what must be said is looked for in it."""

import json
import os
import statistics


def lines(directory, name):
    with open(os.path.join(directory, name), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


class Seen:
    def __init__(self, directory):
        self.traces, self.paths, self.flows = (lines(directory, f"{n}.jsonl") for n in ("traces", "paths", "flows"))

    def calls(self, name):
        """Traces of the requests that a row made."""
        return [t for t in self.traces if t.get("resource", "").startswith(f"/{name}/")]

    def calls_within(self, window, app):
        return [t for t in self.traces if t["app_proto"] == app and window[0] <= t["start_ns"] <= window[1]]

    def paths_within(self, window):
        return [p for p in self.paths if window[0] <= p["start_ns"] <= window[1]]

    def flows_within(self, window):
        return [f for f in self.flows if window[0] <= f["start_ns"] <= window[1]]


def points(trace):
    return [s["point"] for s in trace["spans"]]


def slowest(trace):
    hop = trace.get("slowest_hop", {})
    return hop.get("from"), hop.get("to")


def self_us(trace, hop):
    return next((h["self_us"] for h in trace["hops"] if (h["from"], h["to"]) == hop and "self_us" in h), None)


class Said:
    """What came out of a row: how many of its cases were named right, and by how much what was measured was off."""

    def __init__(self, right, cases, words="", error_us=None, of_us=None):
        self.right, self.cases, self.words = right, cases, words
        self.error_us, self.of_us = error_us, of_us

    @property
    def accurate(self):
        """Within 5 % or 50 us of what was injected."""
        return self.error_us is None or self.error_us <= max(50, 0.05 * self.of_us)

    @property
    def named(self):
        """One case in five may be another's fault: a machine of two processors has delays of its own."""
        return self.cases > 0 and self.right >= 0.8 * self.cases

    @property
    def holds(self):
        return self.named and self.accurate


def common(words):
    """What was said mostly."""
    words = [" → ".join(str(part) for part in w) if isinstance(w, tuple) else w for w in words]
    return max(set(words), key=words.count) if words else "nothing"


def judge_slowest(traces, hop, of_us=None):
    """The slowest hop is this one; what was spent there is what was injected."""
    said = [slowest(t) for t in traces]
    spent = [us for us in (self_us(t, hop) for t in traces) if us is not None]
    if of_us is None:
        return Said(sum(s == hop for s in said), len(said), common(said))
    error = abs(statistics.median(spent) - of_us) if spent else float("inf")
    return Said(sum(s == hop for s in said), len(said), common(said), error, of_us)


def judge_end(traces, end, of_us):
    """The client's or the server's own share is the largest, and as large as it was made."""
    last = {"client": lambda s: s[0] == "client", "server": lambda s: s[1] == "server"}[end]
    spent = [t["slowest_hop"][f"{end}_us"] for t in traces if f"{end}_us" in t.get("slowest_hop", {})]
    said = [slowest(t) for t in traces]
    error = abs(statistics.median(spent) - of_us) if spent else float("inf")
    return Said(sum(bool(last(s)) for s in said), len(said), common(said), error, of_us)


def losses(paths):
    """(from, to, direction) -> segments, of all paths."""
    total = {}
    for path in paths:
        for loss in path["loss_between"]:
            key = loss["from"], loss["to"], loss["direction"]
            total[key] = total.get(key, 0) + loss["segments"]
    return total


def judge_loss(paths, hop, way, count):
    """So many segments were lost there, and none elsewhere."""
    found = losses(paths)
    key = (*hop, "c2s") if way == ">" else (*hop[::-1], "s2c")
    here = found.get(key, 0)
    elsewhere = sum(found.values()) - here
    words = f"{here} of {count} lost there" + (f", {elsewhere} elsewhere" if elsewhere else "")
    return Said(count > 0 and here == count and not elsewhere, 1, words)


def judge_where(paths, key, want):
    """The path says where: `want` holds of one entry of `key`, and no other place is named."""
    said = []
    for path in paths:
        found = path.get(key, [])
        said += [tuple(e.get(k) for k in want) for e in (found if isinstance(found, list) else [found])]
    wanted = tuple(want.values())
    return Said(sum(s == wanted for s in said), max(len(said), 1), common([tuple(w for w in s if w) for s in said]))

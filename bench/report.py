# SPDX-License-Identifier: Apache-2.0
"""Tables of bench/run as Markdown: machine, costs a packet, stages, targets."""

import datetime
import os
import platform
import subprocess

from peers import PEERS

MIB = 1 << 20


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = " ".join(line.split(":", 1)[1].split())
                break
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) / MIB
    return f"{model}, {os.cpu_count()} processors, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}"


def commit():
    here = os.path.dirname(os.path.abspath(__file__))
    out = subprocess.run(["git", "-C", here, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return out.stdout.strip() or "unknown"


def ns(table, name):
    s = table["series"].get(name) if table else None
    return s.cpu * 1e9 / table["truth"]["packets"] if s else None


def bytes_a_flow(table, name):
    """The peak less that of a run over an empty capture."""
    s = table["series"].get(name)
    base = table["base"].get(name)
    return (s.peak - (base.peak if base else 0)) / table["truth"]["flows"] if s else None


def cost_table(table):
    t, series = table["truth"], table["series"]
    does = {p.name: p.does for p in PEERS}
    out = [f"### {table['name']}: {t['packets']:,} packets, mean frame {t['bytes'] / t['packets']:.0f} B, {t['flows']:,} flows", "",
           "| program | does | ns a packet | CPU s | runs | peak MiB | with file | B a flow | × spantap |",
           "|---|---|---|---|---|---|---|---|---|"]
    us = series.get("spantap")
    for name, s in sorted(series.items(), key=lambda kv: kv[1].cpu):
        ratio = f"{s.cpu / us.cpu:.1f}" if us else ""
        per_flow = f"{bytes_a_flow(table, name):.0f}" if t["flows"] > 100000 else ""
        what = s.note or does.get(name, "flows and TCP metrics" + (", JSON to files" if name == "spantap" else ""))
        out.append(f"| {name} | {what} | {ns(table, name):.0f} | {s.cpu:.3f} | {len(s.costs)} | {s.peak / MIB:.0f} "
                   f"| {s.rss / MIB:.0f} | {per_flow} | {ratio} |")
    return out + [""]


def stage_table(stages):
    if not stages:
        return []
    keys = list(next(iter(stages.values()))["ns"])
    out = ["### ns a packet by stage", "", "| capture | " + " | ".join(keys) + " |", "|---" * (len(keys) + 1) + "|"]
    for name, s in stages.items():
        out.append(f"| {name} | " + " | ".join(f"{s['ns'][k]:.1f}" for k in keys) + " |")
    out += ["", "### Bytes a flow by part", ""]
    for name, s in stages.items():
        out.append(f"- {name}: " + ", ".join(f"{k} {v:.0f}" for k, v in s["bytes_a_flow"].items()))
    return out + [""]


class Targets:
    def __init__(self):
        self.rows = []

    def add(self, what, sign, limit, value, unit):
        if value is None:
            self.rows.append(f"| {what} | {sign} {limit:g}{unit} | not measured | |")
            return
        holds = value <= limit if sign == "≤" else value >= limit
        self.rows.append(f"| {what} | {sign} {limit:g}{unit} | {value:.3g}{unit} | {'holds' if holds else '**fails**'} |")


def over(a, b):
    return a / b if a and b else None


def target_table(tables, near, scaling):
    by_name = {t["name"]: t for t in tables}
    small, mix, calls, flows = (by_name.get(n) for n in ("small", "mix", "calls", "flows"))
    t = Targets()
    if small:
        t.add("small packets, flow log", "≤", 45, ns(small, "spantap"), " ns")
        t.add("small packets, ndpiReader's CPU over ours", "≥", 5, over(ns(small, "ndpiReader"), ns(small, "spantap")), "×")
        t.add("small packets, Suricata's CPU over ours", "≥", 40, over(ns(small, "suricata"), ns(small, "spantap")), "×")
    if mix:
        t.add("full-size mix, flow log, over tcpdump -w /dev/null", "≤", 0.65, over(ns(mix, "spantap"), ns(mix, "tcpdump")), "×")
    if calls:
        t.add("small calls, flow log", "≤", 60, ns(calls, "spantap"), " ns")
    if flows:
        exporters = [ns(flows, p.name) for p in PEERS
                     if p.exporter and p.name in flows["series"] and not flows["series"][p.name].note]
        far, log = ns(flows, "spantap, summary only"), ns(flows, "spantap")
        t.add("2.1 M flows, tracked", "≤", 180, far, " ns")
        t.add("2.1 M flows, flow log", "≤", 450, log, " ns")
        t.add("2.1 M flows, best flow exporter's CPU over ours", "≥", 10, over(min(exporters, default=None), log), "×")
        t.add("2.1 M flows, memory a flow", "≤", 256, bytes_a_flow(flows, "spantap"), " B")
        t.add("tracked at 2.1 M flows over at 2,100", "≤", 5, over(far, ns(near, "spantap, summary only")), "×")
    if small:
        t.add("two workers, a share each", "≥", 1.9, scaling and scaling["shares"], "×")
        t.add("two workers, one file", "≥", 1.6, scaling and scaling["file"], "×")
    return ["### Targets", "", "| target | limit | measured | |", "|---|---|---|---|"] + t.rows + [""]


def render(tables, near, scaling, stages, runs):
    found = [p.describe() for p in PEERS if p.program()]
    absent = [p.name for p in PEERS if not p.program()]
    out = [f"## {datetime.date.today().isoformat()}, commit {commit()}", "",
           f"{machine()}. Medians of {runs} (programs slower than 15 s: once).",
           f"Peers: {', '.join(found)}." + (f" Not installed: {', '.join(absent)}." if absent else ""), ""]
    for table in tables + ([near] if near else []):
        out += cost_table(table)
    return "\n".join(out + stage_table(stages) + target_table(tables, near, scaling))

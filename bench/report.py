# SPDX-License-Identifier: Apache-2.0
"""Tables of bench/run as Markdown: machine, costs a packet, stages, targets."""

import datetime
import os
import platform
import subprocess

from peers import PEERS

MIB = 1 << 20


OURS = {
    "spantap": "flows, TCP metrics and every call, JSON to files",
    "spantap, calls counted": "flows and TCP metrics with counts of calls, JSON to files",
    "spantap, flows only": "flows and TCP metrics, JSON to files",
    "spantap, summary only": "flows and TCP metrics",
}

# What the reference agent takes for these captures, ns a packet: its library, which writes nothing, and its whole process;
# measured on another machine of this kind.
REFERENCE = {"small": (1397, 11960), "mix": (861, 6320), "calls": (2866, None)}
# What tcpdump -w /dev/null took there: the one program that was measured on both machines.
TCPDUMP_THERE = {"small": 86, "mix": 198, "calls": 96}


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


def calls(table):
    return sum(table["truth"]["requests"].values())


def a_second(table, name):
    """Calls a CPU second of the whole process."""
    s = table["series"].get(name) if table else None
    return calls(table) / s.cpu if s and s.cpu else None


def gbit(table, name):
    s = table["series"].get(name) if table else None
    return table["truth"]["bytes"] * 8 / s.cpu / 1e9 if s and s.cpu else None


def call_table(tables):
    """What calls cost: whole processes, and without what the flow log alone costs."""
    out = ["### calls", "",
           "| capture | protocols | calls | ns a call, written | counted | of it beyond flows, written | counted "
           "| million calls/s, written | counted | Gbit/s, written |", "|---" * 10 + "|"]
    for t in tables:
        written, counted, flows = (t["series"].get(n) for n in ("spantap", "spantap, calls counted", "spantap, flows only"))
        if not written or not counted or not flows:
            continue
        n = calls(t)
        out.append(f"| {t['name']} | {', '.join(t['truth']['requests'])} | {n:,} | {written.cpu / n * 1e9:.0f} "
                   f"| {counted.cpu / n * 1e9:.0f} | {(written.cpu - flows.cpu) / n * 1e9:.0f} "
                   f"| {(counted.cpu - flows.cpu) / n * 1e9:.0f} | {n / written.cpu / 1e6:.2f} | {n / counted.cpu / 1e6:.2f} "
                   f"| {gbit(t, 'spantap'):.1f} |")
    return out + [""] if len(out) > 4 else []


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
        what = s.note or does.get(name) or OURS[name]
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


def stitch_table(stitch):
    if not stitch:
        return []
    return ["### Stitching", "", "With several shards: of the busiest thread's time.", "",
            "| spans | points a call | calls waiting | shards | ns a span | million spans/s |", "|---|---|---|---|---|---|",
            *(f"| {s['spans']:,} | {s['points']} | {s['open']:,} | {s['shards']} | {s['ns_a_span']} "
              f"| {s['million_spans_a_second']} |" for s in stitch), ""]


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


def flow_targets(t, small, mix, small_calls):
    ours = "spantap, flows only"
    if small:
        t.add("small packets, flow log", "≤", 45, ns(small, ours), " ns")
        t.add("small packets, ndpiReader's CPU over ours", "≥", 5, over(ns(small, "ndpiReader"), ns(small, ours)), "×")
        t.add("small packets, Suricata's CPU over ours", "≥", 40, over(ns(small, "suricata"), ns(small, ours)), "×")
    if mix:
        t.add("full-size mix, flow log, over tcpdump -w /dev/null", "≤", 0.65, over(ns(mix, ours), ns(mix, "tcpdump")), "×")
    if small_calls:
        t.add("small calls, flow log", "≤", 60, ns(small_calls, ours), " ns")


def reference_table(by_name):
    """The reference agent beside us. As its machine took more or less time for tcpdump than this one, so would it."""
    rows = []
    for name, (library, agent) in REFERENCE.items():
        table = by_name.get(name)
        tcpdump = ns(table, "tcpdump") if table else None
        for what, scale in (("as measured there", 1), ("for this machine", tcpdump and tcpdump / TCPDUMP_THERE[name])):
            if not table or not scale:
                continue
            counted, written = ns(table, "spantap, calls counted"), ns(table, "spantap")
            times = [over(library * scale, counted), over(library * scale, written), agent and over(agent * scale, written)]
            process = f"{agent * scale:.0f}" if agent else ""
            rows.append(f"| {name} | {what} | {library * scale:.0f} | {process} | " +
                        " | ".join(f"{x:.1f}×" if x else "" for x in times) + " |")
    return ["### The reference agent's cost over ours", "",
            "ns a packet; its library writes nothing, its process every call. For this machine: by what tcpdump takes here and there.", "",
            "| capture | | its library | its process | library over calls counted | library over every call written | process over that |",
            "|---|---|---|---|---|---|---|", *rows, ""] if rows else []


def call_targets(t, by_name):
    """With every call written, unless it says otherwise."""
    counted, flows = "spantap, calls counted", "spantap, flows only"
    small = by_name.get("small")
    for name, (library, agent) in REFERENCE.items():
        if name in by_name:
            ours = ns(by_name[name], "spantap")
            t.add(f"{name}, every call, reference's library over ours", "≥", 6, over(library, ours), "×")
            if agent:
                t.add(f"{name}, every call, reference's agent over ours", "≥", 30, over(agent, ours), "×")
    if small:
        t.add("small packets, a call with its record", "≤", 435, over(1e9, a_second(small, "spantap")), " ns")
    if "mix" in by_name:
        mix = by_name["mix"]
        t.add("full-size mix, every call, Suricata's CPU over ours", "≥", 5, over(ns(mix, "suricata"), ns(mix, "spantap")), "×")
    for name in ("small", "calls"):
        table = by_name.get(name)
        if table:
            t.add(f"{name}, calls counted, over flows only", "≤", 2.5, over(ns(table, counted), ns(table, flows)), "×")
            t.add(f"{name}, calls counted, ndpiReader's CPU over ours", "≥", 1,
                  over(ns(table, "ndpiReader"), ns(table, counted)), "×")
    if "http" in by_name:
        t.add("HTTP with 10 kB bodies", "≥", 20, gbit(by_name["http"], "spantap"), " Gbit/s")
    for name, what, limit in (("pipeline", "pipelined Redis", 3), ("selects", "MySQL point selects", 1), ("names", "DNS", 3)):
        if name in by_name:
            for how in ("spantap", counted):
                rate = a_second(by_name[name], how)
                t.add(f"{what}, calls {'counted' if how == counted else 'written'}", "≥", limit, rate and rate / 1e6, " million/s")
    if "idle" in by_name:
        t.add("idle HTTP connection, memory", "≤", 600, bytes_a_flow(by_name["idle"], "spantap"), " B")


def on_cores(scaling):
    """What the processors were worth while that was measured."""
    return f" (two cores gave {scaling['cores']:.2f}×)" if scaling and scaling["cores"] else ""


def target_table(tables, near, scaling, stitch):
    by_name = {t["name"]: t for t in tables}
    small, mix, small_calls, flows = (by_name.get(n) for n in ("small", "mix", "calls", "flows"))
    t = Targets()
    flow_targets(t, small, mix, small_calls)
    if flows:
        exporters = [ns(flows, p.name) for p in PEERS
                     if p.exporter and p.name in flows["series"] and not flows["series"][p.name].note]
        far, log = ns(flows, "spantap, summary only"), ns(flows, "spantap, flows only")
        t.add("2.1 M flows, tracked", "≤", 180, far, " ns")
        t.add("2.1 M flows, flow log", "≤", 450, log, " ns")
        t.add("2.1 M flows, best flow exporter's CPU over ours", "≥", 10, over(min(exporters, default=None), log), "×")
        t.add("2.1 M flows, memory a flow", "≤", 256, bytes_a_flow(flows, "spantap, flows only"), " B")
        t.add("2.1 M flows with their calls, memory a flow", "≤", 450, bytes_a_flow(flows, "spantap"), " B")
        t.add("tracked at 2.1 M flows over at 2,100", "≤", 5, over(far, ns(near, "spantap, summary only")), "×")
    if small:
        t.add("two workers, a share each", "≥", 1.9, scaling and scaling["shares"], "×")
        t.add(f"two workers, one file{on_cores(scaling)}", "≥", 1.6, scaling and scaling["file"], "×")
    call_targets(t, by_name)
    if stitch:
        t.add("stitching, 100,000 calls waiting", "≥", 1, stitch[0]["million_spans_a_second"], " million spans/s")
    return ["### Targets", "", "| target | limit | measured | |", "|---|---|---|---|"] + t.rows + [""]


def render(tables, near, scaling, stages, stitch, runs):
    found = [p.describe() for p in PEERS if p.program()]
    absent = [p.name for p in PEERS if not p.program()]
    out = [f"## {datetime.date.today().isoformat()}, commit {commit()}", "",
           f"{machine()}. Medians of {runs} (programs slower than 15 s: once).",
           f"Peers: {', '.join(found)}." + (f" Not installed: {', '.join(absent)}." if absent else ""), ""]
    for table in tables + ([near] if near else []):
        out += cost_table(table)
    out += call_table(tables)
    out += reference_table({t["name"]: t for t in tables})
    return "\n".join(out + stage_table(stages) + stitch_table(stitch) + target_table(tables, near, scaling, stitch))

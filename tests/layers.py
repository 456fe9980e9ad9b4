#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Includes point down: the table of rooms, checked. `layers.py [ROOT]` prints TAP; it also plants one violation of every
rule in an empty tree and expects each to be found."""

import os
import re
import sys
import tempfile

# A room includes from itself and from rooms with a lower number.
ROOMS = {
    "base": 0,
    "parsers": 1,
    "conf": 1,
    "flowtable": 2,
    "enrich": 3,
    "stitch": 3,
    "exporters": 4,
    "dataplane": 5,
    "xdp": 5,
    "sensor": 6,
    "cli": 6,
    "bench": 7,
    "tests": 7,
}

# Doors between rooms of the same number: room -> headers that it may use besides.
BESIDE = {
    "dataplane": {"xdp/xdp_conf.h"},
    "xdp": {"dataplane/port.h", "dataplane/port_conf.h", "dataplane/port_module.h", "dataplane/netns.h"},
}

# A parser turns bytes into messages: no heap, clock, socket, file or log.
PARSERS_MAY_NOT = re.compile(
    r"(stdlib|malloc|alloca|time|unistd|fcntl|poll|pthread|threads|stdio|syslog|netdb)\.h$"
    r"|(sys|netinet|arpa|net|linux)/.*"
    r"|base/(mem|time|log|ring)\.h$"
)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]', re.M)
GENERATED = re.compile(r"\.skel\.h$|(^|/)vmlinux\.h$|_gen\.h$|^cli/build_info\.h$|^parsers/(apps|table)\.def$")


def sources(root):
    for room in sorted(ROOMS):
        for folder, folders, names in os.walk(os.path.join(root, room)):
            folders.sort()
            for name in sorted(names):
                if name.endswith((".c", ".h", ".def")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def violations(root):
    """Yields "file:line: what is wrong"."""
    for path in sources(root):
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
            text = f.read()
        room = path.split("/")[0]
        kernel = path.endswith(".bpf.c")
        for m in INCLUDE.finditer(text):
            own, header = m.group(1) == '"', m.group(2)
            where = f"{path}:{text.count(chr(10), 0, m.start(2)) + 1}"
            target = header.split("/")[0]
            if re.match(r"rte_|dpdk/", header) and room not in ("dataplane", "tests", "bench"):
                yield f"{where}: {header}: DPDK headers stop at dataplane/"
            if room == "parsers" and PARSERS_MAY_NOT.match(header):
                yield f"{where}: {header}: parsers know no heap, clock, socket or file"
            if not own or kernel or GENERATED.search(header):
                continue
            if "/" not in header or target not in ROOMS:
                yield f"{where}: {header}: own headers are included from the root, with their room"
                continue
            if not os.path.exists(os.path.join(root, header)):
                yield f"{where}: {header}: no such file"
            if target == room:
                continue
            if header.endswith("_priv.h") and room != "tests":
                yield f"{where}: {header}: private headers stay in their room"
            if ROOMS[target] >= ROOMS[room] and header not in BESIDE.get(room, ()):
                yield f"{where}: {header}: {room}/ may not include from {target}/"


PLANTED = [
    ("base/a.c", '#include "flowtable/flowtable.h"\n', "base/ may not include from flowtable/"),
    ("flowtable/a.c", '  #  include "dataplane/port.h"\n', "flowtable/ may not include from dataplane/"),
    ("parsers/a.c", '#include "conf/conf.h"\n', "parsers/ may not include from conf/"),
    ("dataplane/a.c", '#include "xdp/loader.h"\n', "dataplane/ may not include from xdp/"),
    ("flowtable/b.c", "#include <rte_ring.h>\n", "DPDK headers stop"),
    ("cli/b.c", '#include "flowtable/table_priv.h"\n', "private headers stay"),
    ("parsers/b.c", "#include <stdlib.h>\n", "parsers know no heap"),
    ("parsers/http/c.c", "#include <sys/socket.h>\n", "parsers know no heap"),
    ("parsers/d.c", '#include "base/time.h"\n', "parsers know no heap"),
    ("exporters/sink/a.c", '#include "exporter.h"\n', "from the root"),
    ("exporters/b.c", '#include "exporters/nowhere.h"\n', "no such file"),
]
FINE = [
    ("xdp/fine.c", '#include "dataplane/port.h"\n#include "base/base.h"\n#include <bpf/libbpf.h>\n'),
    ("dataplane/fine.c", "#include <rte_ethdev.h>\n#include <stdlib.h>\n"),
    ("parsers/fine.c", "#include <string.h>\n#include \"base/base.h\"\n"),
    ("base/base.h", ""), ("base/time.h", ""), ("conf/conf.h", ""), ("dataplane/port.h", ""), ("xdp/loader.h", ""),
    ("flowtable/flowtable.h", ""), ("flowtable/table_priv.h", ""),
]


def self_test():
    """Every planted violation is found, and nothing else."""
    missed = []
    with tempfile.TemporaryDirectory() as root:
        for path, text in [(p, t) for p, t, _ in PLANTED] + FINE:
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                f.write(text)
        found = list(violations(root))
    for path, _, what in PLANTED:
        hits = [v for v in found if v.startswith(path + ":1:") and what in v]
        if not hits:
            missed.append(f"planted in {path} and not found: {what}")
        found = [v for v in found if v not in hits]
    return missed + [f"found where nothing was planted: {v}" for v in found]


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    bad = 0
    for n, (name, wrong) in enumerate((("planted violations are found", self_test()),
                                       ("includes point down", list(violations(root)))), 1):
        for line in wrong:
            print("#", line)
        print("not ok" if wrong else "ok", n, "-", name)
        bad += bool(wrong)
    print("1..2")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

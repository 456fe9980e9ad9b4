# SPDX-License-Identifier: Apache-2.0
"""The programs measured beside spantap, with the command lines that are fair to them: tables large enough for the capture,
output where it costs least, no rules, no name look-ups."""

import os
import shutil
import subprocess


class Peer:
    def __init__(self, name, does, argv, exporter=False, version=None, heavy=0, lines=None):
        self.name = name
        self.does = does
        self.argv = argv  # function(capture, scratch directory, truth) -> list
        self.exporter = exporter  # writes flow records: counts for the "best flow exporter" target
        self.version = version
        self.heavy = heavy  # bytes of memory a flow: left out where that is not free
        self.lines = lines  # a text file in the scratch directory with at least a line a flow: else it lost some

    def program(self):
        path = shutil.which(self.name)
        if not path and os.access("/usr/sbin/" + self.name, os.X_OK):
            path = "/usr/sbin/" + self.name
        return path

    def lost(self, scratch, truth):
        """What is wrong with the output of a run, or an empty string."""
        if not self.lines:
            return ""
        try:
            with open(os.path.join(scratch, self.lines), "rb") as f:
                n = sum(chunk.count(b"\n") for chunk in iter(lambda: f.read(1 << 20), b""))
        except OSError:
            n = 0
        return f"incomplete: wrote {n:,} lines" if n < truth["flows"] else ""

    def describe(self):
        """Name and version, for the results."""
        if not self.version:
            return self.name
        try:
            out = subprocess.run([self.program(), self.version], capture_output=True, text=True, timeout=10,
                                 stdin=subprocess.DEVNULL, errors="replace")
        except (OSError, subprocess.TimeoutExpired):
            return self.name
        for word in (out.stdout + out.stderr).replace(",", " ").split():
            if word.lstrip("v")[:1].isdigit() and "." in word:
                return f"{self.name} {word.lstrip('v').rstrip('.')}"
        return self.name


def suricata(capture, scratch, truth):
    argv = ["-c", "/etc/suricata/suricata.yaml", "-l", scratch, "--runmode", "single", "-r", capture, "-S", "/dev/null"]
    if truth["flows"] > 1000000:
        for setting in ("flow.memcap=12gb", "flow.hash-size=2097152", "flow.prealloc=100000", "stream.memcap=12gb",
                        "stream.reassembly.memcap=12gb", "app-layer.protocols.http.memcap=12gb"):
            argv += ["--set", setting]
    return argv


def pmacctd(capture, scratch, truth):
    conf = os.path.join(scratch, "pmacctd.conf")
    entries = max(65537, truth["tuples"] * 3) | 1
    with open(conf, "w") as f:
        f.write(f"pcap_savefile: {capture}\npcap_savefile_wait: false\ndaemonize: false\nplugins: print\n"
                "aggregate: src_host, dst_host, src_port, dst_port, proto\nprint_refresh_time: 86400\n"
                f"print_output: csv\nprint_output_file: {scratch}/out.csv\nprint_cache_entries: {entries}\n"
                "plugin_pipe_size: 2000000000\nplugin_buffer_size: 2000000\n")
    return ["-f", conf]


def ipfixprobe(capture, scratch, truth):
    slots = 22 if truth["flows"] > 200000 else 18
    return ["-i", f"pcap;file={capture}", "-s", f"cache;s={slots}", "-o", f"text;file={scratch}/out"]


PEERS = [
    Peer("tcpdump", "reads and copies", lambda c, d, t: ["-r", c, "-w", "/dev/null"], version="--version"),
    Peer("softflowd", "flows, IPFIX to a port", exporter=True, version="-h", heavy=320,
         argv=lambda c, d, t: ["-r", c, "-n", "127.0.0.1:9995", "-v", "10", "-m", "4000000", "-d"]),
    Peer("nfpcapd", "flows one way each, to a file", lambda c, d, t: ["-r", c, "-l", d], exporter=True, version="-V", heavy=600),
    Peer("ipfixprobe", "flows, text to a file", ipfixprobe, exporter=True, version="-V", heavy=150),
    Peer("pmacctd", "flows, CSV to a file", pmacctd, exporter=True, version="-V", heavy=12000, lines="out.csv"),
    Peer("argus", "flows and TCP metrics, to a file", lambda c, d, t: ["-r", c, "-w", d + "/out"], exporter=True, version="-h",
         heavy=1800),
    Peer("ndpiReader", "names of protocols", lambda c, d, t: ["-i", c, "-q"], version="-h", heavy=4600),
    Peer("tcptrace", "TCP metrics", lambda c, d, t: ["-n", c], version="-v", heavy=7000),
    Peer("suricata", "flow, HTTP, DNS, TLS log", suricata, version="-V", heavy=4800),
]

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Backends that are modules, from outside: where they are found, what is said when they are not, and that nobody else loads
their libraries. As cli.py; BUILD names the build directory."""

import glob
import os
import re
import shutil
import subprocess
import sys

from cli import SPANTAP, T0, Dir, Skip, conversation, main, pcap

BUILD = os.environ.get("BUILD", "build")

# A port that its backend refuses as soon as it is there, on any machine, and what it says.
PORTS = {
    "dpdk": ("{type: dpdk, dpdk: {device: net_null0, hugepages: no, memory: 1TiB}}", "lower dpdk.memory"),
    "af_xdp": ("{type: af_xdp, interface: lo}", "port lo: its MTU is "),
}
LATE = r"(librte_|libbpf|libxdp|libelf|libmnl|libpcap|libcurl)"  # the names of libraries that reading a capture does without


def modules():
    """The names of port types that this build has as modules."""
    names = [name for name in PORTS if os.path.exists(os.path.join(BUILD, f"spantap-{name}.so"))]
    if not names:
        raise Skip("built without modules")
    return names


def module(name):
    with open(os.path.join(BUILD, f"spantap-{name}.so"), "rb") as f:
        return f.read()


def open_port(d, program, name, **env):
    """Has a port opened that fails: (exit code, messages)."""
    conf = d.write(name + ".yaml", f"workers: {{count: 1}}\nports: [{PORTS[name][0]}]\n")
    p = subprocess.run([program, "run", "-c", conf], cwd=d(), env=dict(os.environ, **env), stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=60, check=False)
    return p.returncode, p.stderr.decode()


def refused(d, program, name, *words, **env):
    """The port is, for want of its module, and nothing else."""
    code, said = open_port(d, program, name, **env)
    assert code == 1, (code, said)
    (line,) = [line for line in said.splitlines() if "needs its module" in line]
    assert line.startswith(f"spantap: port type {name} needs its module: "), line
    assert all(word in line for word in words), (words, line)
    assert "no port can be opened" in said, said
    for args in (["check", "-c", d(name + ".yaml")], ["read", d.write("x.pcap", pcap(conversation(4000, T0)))]):
        p = subprocess.run([program, *args], env=dict(os.environ, **env), capture_output=True, timeout=60, check=False)
        assert p.returncode == 0, (args, p.stderr)


def alone(d):
    """The program without its modules."""
    os.mkdir(d("bin"))
    return shutil.copy(SPANTAP, d("bin", "spantap"))


def test_a_capture_is_read_without_them():
    with Dir() as d:
        subprocess.run([SPANTAP, "read", d.write("x.pcap", pcap(conversation(4000, T0)))], check=True, timeout=60,
                       stdout=subprocess.DEVNULL, env=dict(os.environ, LD_DEBUG="libs", LD_DEBUG_OUTPUT=d("libs")))
        (log,) = [name for name in os.listdir(d()) if name.startswith("libs.")]
        with open(d(log), encoding="utf-8") as f:
            loaded = re.findall(r"calling init: .*/(\S+)", f.read())
        assert any(name.startswith("libc.so") for name in loaded), loaded
        assert not [name for name in loaded if re.match(LATE, name)], loaded


def test_beside_the_program():
    for name in modules():
        with Dir() as d:
            code, said = open_port(d, os.path.abspath(SPANTAP), name)
            assert code == 1 and PORTS[name][1] in said, said


def test_installed():
    with Dir() as d:
        names = modules()
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", d("root")], check=True,
                       capture_output=True, timeout=120)
        (program,) = [os.path.join(folder, "spantap") for folder, _, files in os.walk(d("root"))
                      if "spantap" in files and os.path.basename(folder) == "bin"]
        if not glob.glob(os.path.join(os.path.dirname(program), "..", "**", "spantap-*.so"), recursive=True):
            raise Skip("libraries are installed elsewhere than programs")
        for name in names:
            code, said = open_port(d, program, name)
            assert code == 1 and PORTS[name][1] in said, said


def test_missing():
    for name in modules():
        with Dir() as d:
            refused(d, alone(d), name, f"spantap-{name}.so is neither in {d('bin')}/ nor in ")


def test_of_another_build():
    """…and of another version."""
    for name in modules():
        data = module(name)
        (build,) = set(re.findall(rb"\d+\.\d+\.\d+ [0-9a-f]{16}(?=\0)", data))
        for other in (build[:-1] + (b"0" if build[-1:] != b"0" else b"1"), b"9" + build[1:]):
            with Dir() as d:
                program = alone(d)
                d.write(f"bin/spantap-{name}.so", data.replace(build, other))
                refused(d, program, name, f"is of another build ({other.decode()}) than this program ({build.decode()})")


def test_without_their_libraries():
    for name in modules():
        with Dir() as d:
            library = re.search(rb"\0(lib(?:rte_ethdev|xdp)\.so\.\d+)\0", module(name)).group(1).decode()
            os.mkdir(d("lib"))
            d.write(f"lib/{library}", b"")
            refused(d, os.path.abspath(SPANTAP), name, f"spantap-{name}.so cannot be loaded (", library,
                    LD_LIBRARY_PATH=d("lib"))


if __name__ == "__main__":
    sys.exit(main(globals()))

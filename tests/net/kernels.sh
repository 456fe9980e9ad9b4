#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The kernel programs and live ports on Debian's own kernels, each booted in a virtual machine over this machine's file system:
# the suites of this directory run there. Slow (minutes a kernel): part of the larger suite. SPANTAP_GUEST names the tool that
# boots (KERNEL after -k, seconds after -t, modules after -M, a command after --); SPANTAP_KERNELS which; BUILD the build directory.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$(realpath "${BUILD:-build}")
guest=${SPANTAP_GUEST:-../shared/guest/guest}
kernels=${SPANTAP_KERNELS:-5.10 6.1 6.12}
if [ ! -x "$guest" ]; then
	echo "1..0 # SKIP kernels: no tool to boot them (SPANTAP_GUEST)"
	exit 0
fi
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP kernels: needs root"
	exit 0
fi

n=0 failed=0
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# suite KERNEL NAME COMMAND…: a test of its own for each line that the suite prints
suite()
{
	kernel=$1 name=$2
	shift 2
	"$guest" -k "$kernel" -M cls_bpf -t "${SPANTAP_GUEST_SECONDS:-900}" -o "$out" -- env BUILD="$build" SPANTAP_FLOOD=100000 "$@" >"$out/log" 2>&1
	rc=$?
	grep -E '^(ok|not ok) ' "$out/log" >"$out/lines"
	while read -r line; do
		n=$((n + 1))
		case $line in not*) failed=$((failed + 1)) ;; esac
		echo "$line" | sed -E "s/^(ok|not ok) [0-9]+ - /\1 $n - $kernel $name: /"
	done <"$out/lines"
	if [ $rc != 0 ] || [ ! -s "$out/lines" ]; then
		grep -v '^ok ' "$out/log" | tail -n 40 | sed 's/^/# /'
		n=$((n + 1)) failed=$((failed + 1))
		echo "not ok $n - $kernel $name: ends with $rc"
	fi
}

for k in $kernels; do
	suite "$k" filter "$build/tests/test_bpf_filter"
	suite "$k" af_xdp tests/net/xdp.py
	if [ -x "$build/tests/port_count" ]; then
		suite "$k" af_packet tests/net/af_packet.py
	fi
done
echo "1..$n"
[ $failed = 0 ]

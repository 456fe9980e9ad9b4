# SPDX-License-Identifier: Apache-2.0
# Leases, over both versions.

r_dhcp()
{
	net_up
	in_c ip link set eth0 addrgenmode eui64
	in_c ip -6 addr add fe80::2/64 dev eth0 nodad
	in_m ip -6 addr add fe80::1/64 dev c0 nodad
	background in_m dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=c0 --bind-interfaces --user=root --pid-file= \
		--dhcp-leasefile="$work/leases" --dhcp-range=10.1.0.100,10.1.0.120,1h --dhcp-range=fd00:1::100,fd00:1::120,64,1h \
		--dhcp-option=option:dns-server,10.2.0.2 --domain=example.test --dhcp-authoritative
	wait_port "$M" 67
	wait_port "$M" 547
	record_start "$M" c0 'udp portrange 67-68 or udp portrange 546-547'
	udhcp() { in_c busybox udhcpc -i eth0 -s /bin/true -n -q -f "$@" >/dev/null 2>&1 || true; }
	udhcp -x hostname:alice -V MSF
	udhcp -r 10.9.9.9
	# One that it had elsewhere: refused.
	printf 'lease {\n interface "eth0";\n fixed-address 10.9.9.9;\n option dhcp-server-identifier 10.1.0.1;\n renew 3 2040/01/01 00:00:00;\n rebind 3 2040/01/01 00:00:00;\n expire 3 2040/01/01 00:00:00;\n}\n' >"$work/dhclient.leases"
	background in_c timeout -s KILL 20 dhclient -1 -d -sf /bin/true -lf "$work/dhclient.leases" -pf "$work/dhclient.pid" -cf /dev/null eth0
	sleep 6
	in_c timeout -s KILL 20 dhclient -6 -d -1 -sf /bin/true -lf "$work/dhclient6.leases" -pf "$work/dhclient6.pid" -cf /dev/null eth0 >/dev/null 2>&1 || true
	in_c timeout -s KILL 20 dhclient -6 -d -r -sf /bin/true -lf "$work/dhclient6.leases" -pf "$work/dhclient6.pid" -cf /dev/null eth0 >/dev/null 2>&1 || true
	record_stop
	note "$(version_of dnsmasq) at the router: udhcpc ($(version_of udhcpc)) asks for a lease as alice, then for an address that it does not get; dhclient ($(version_of isc-dhcp-client)) for one that it had elsewhere (NAK), then another; and over IPv6, and releases that."
}

# By way of a relay, seen on both of its sides.
r_dhcp_relay()
{
	net_up
	background in_s dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=eth0 --bind-interfaces --user=root --pid-file= \
		--dhcp-leasefile="$work/leases" --dhcp-range=10.1.0.100,10.1.0.120,255.255.255.0,1h --dhcp-authoritative --no-ping
	background in_m dnsmasq --no-daemon --conf-file=/dev/null --port=0 --user=root --pid-file= --dhcp-relay=10.1.0.1,10.2.0.2
	wait_port "$S" 67
	wait_port "$M" 67
	out=${out%.pcap}.pcapng
	record_points_start "$M" 'udp portrange 67-68' 65535 c0 s0
	in_c busybox udhcpc -i eth0 -s /bin/true -n -q -f -x hostname:alice >/dev/null 2>&1 || true
	record_stop
	note "$(version_of dnsmasq-base) as a server, and as a relay at the router, recorded on both sides of that: udhcpc ($(version_of udhcpc)) asks for a lease."
}

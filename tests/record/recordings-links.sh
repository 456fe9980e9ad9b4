# SPDX-License-Identifier: Apache-2.0
# What stands around and between: mirrors, VLANs, tunnels, other link types.

# A switch: a bridge in the router's place, the client and the server in one network 10.3.0.0/24, and a mirror port `span`.
switch_up()
{
	net_up
	link "$C" sw0 02:00:00:00:03:01 "$M" p1 02:00:00:00:03:11
	link "$S" sw0 02:00:00:00:03:02 "$M" p2 02:00:00:00:03:12
	address "$C" sw0 10.3.0.1/24
	address "$S" sw0 10.3.0.2/24
	link "$M" span 02:00:00:00:03:21 "$M" tap 02:00:00:00:03:22
	in_m sh -c "ip link add br0 address 02:00:00:00:03:10 type bridge ${1-} && ip link set p1 master br0 && ip link set p2 master br0 && ip link set br0 up" || return 1
	in_c ping -c 1 -W 2 10.3.0.2 >/dev/null
}

r_span_both()
{
	switch_up
	peer_up echo 7000
	for port in p1 p2; do
		in_m tc qdisc add dev $port clsact
		for way in ingress egress; do
			in_m tc filter add dev $port $way protocol all prio 1 u32 match u32 0 0 action mirred egress mirror dev span
		done
	done
	record_start "$M" tap 'tcp port 7000'
	peer "$C" ask 10.3.0.2 7000 40001
	record_stop
	note "a bridge whose both ports are mirrored in both directions (tc mirred): every frame of one connection comes twice, at once. Half of the packets are duplicates."
}

r_vlan_trunk()
{
	switch_up 'vlan_filtering 1' || return 1
	peer_up echo 7000
	# Two switches, p1 on the one, p2 on the other, a trunk between: VLAN 10 tagged.
	link "$M" trunk1 02:00:00:00:03:31 "$M" trunk2 02:00:00:00:03:32
	in_m sh -ec "ip link add br1 address 02:00:00:00:03:40 type bridge vlan_filtering 1; ip link set br1 up
		ip link set p2 master br1; ip link set trunk1 master br0; ip link set trunk2 master br1
		for p in p1 p2; do bridge vlan add dev \$p vid 10 pvid untagged; bridge vlan del dev \$p vid 1; done
		for p in trunk1 trunk2; do bridge vlan add dev \$p vid 10; bridge vlan del dev \$p vid 1; done"
	in_c ping -c 1 -W 2 10.3.0.2 >/dev/null
	record_start "$M" trunk2 'vlan'
	peer "$C" ask 10.3.0.2 7000 40001
	record_stop
	note "a trunk between two switches (Linux bridges): one connection in VLAN 10."
}

r_qinq()
{
	switch_up 'vlan_filtering 1' || return 1
	peer_up echo 7000
	# A provider's bridges (802.1ad, VLAN 100) between two customer's (802.1Q, VLAN 10).
	link "$M" u1 02:00:00:00:03:31 "$M" n1 02:00:00:00:03:32
	link "$M" n2 02:00:00:00:03:33 "$M" n3 02:00:00:00:03:34
	link "$M" n4 02:00:00:00:03:35 "$M" u2 02:00:00:00:03:36
	in_m sh -ec "for b in br1 pb1 pb2; do ip link add \$b type bridge vlan_filtering 1; ip link set \$b up; done
		ip link set pb1 type bridge vlan_protocol 802.1ad; ip link set pb2 type bridge vlan_protocol 802.1ad
		ip link set p2 master br1; ip link set u1 master br0; ip link set u2 master br1
		ip link set n1 master pb1; ip link set n2 master pb1; ip link set n3 master pb2; ip link set n4 master pb2
		for p in p1 p2; do bridge vlan add dev \$p vid 10 pvid untagged; bridge vlan del dev \$p vid 1; done
		for p in u1 u2; do bridge vlan add dev \$p vid 10; bridge vlan del dev \$p vid 1; done
		for p in n1 n4; do bridge vlan add dev \$p vid 100 pvid untagged; bridge vlan del dev \$p vid 1; done
		for p in n2 n3; do bridge vlan add dev \$p vid 100; bridge vlan del dev \$p vid 1; done" || return 1
	in_c ping -c 1 -W 2 10.3.0.2 >/dev/null || return 1
	record_start "$M" n3 ''
	peer "$C" ask 10.3.0.2 7000 40001
	record_stop
	note "between two provider bridges: 802.1ad VLAN 100 around 802.1Q VLAN 10, one connection."
}

# tunnel TYPE OPTIONS: a device tun0 in the client and the server, 10.4.0.1 and .2 inside.
tunnel()
{
	type=$1
	shift
	in_c ip link add tun0 type "$type" local 10.1.0.2 remote 10.2.0.2 "$@" || return 1
	in_s ip link add tun0 type "$type" local 10.2.0.2 remote 10.1.0.2 "$@" || return 1
	for ns in $C $S; do
		ip netns exec "$ns" sh -c "ip link set tun0 addrgenmode none 2>/dev/null; ip link set tun0 mtu 1400 up"
	done
	address "$C" tun0 10.4.0.1/24
	address "$S" tun0 10.4.0.2/24
	in_c ping -c 1 -W 2 10.4.0.2 >/dev/null
}

r_vxlan()
{
	out=${out%.pcap}.pcapng
	net_up
	nginx_up
	tunnel vxlan id 42 dstport 4789 || return 1
	# Inside at the client, outside on its Ethernet: the same connection at two points.
	record_points_start "$C" 'tcp or udp port 4789' 0 tun0 eth0
	in_c curl -s --local-port 40001 http://10.4.0.2/numbers.txt >/dev/null
	record_stop 1
	note "VXLAN 42: curl against $(version_of nginx) seen at the client inside (tun0, where the kernel hands over one segment larger than the MTU) and outside (eth0) the tunnel."
}

r_gre()
{
	net_up
	peer_up echo 7000
	tunnel gre key 7 || return 1
	record_start "$M" c0 'ip proto 47'
	peer "$C" ask 10.4.0.2 7000 40001
	record_stop
	note "kernel GRE with key 7: one connection inside."
}

r_erspan()
{
	net_up
	peer_up echo 7000
	tunnel erspan seq key 9 erspan_ver 1 erspan 123 || return 1
	record_start "$M" c0 'ip proto 47'
	peer "$C" ask 10.4.0.2 7000 40001
	record_stop
	note "kernel ERSPAN II, session 9: one connection over it, ARP before it."
}

r_geneve()
{
	net_up
	peer_up echo 7000
	in_c ip link add tun0 type geneve id 42 remote 10.2.0.2 || return 1
	in_s ip link add tun0 type geneve id 42 remote 10.1.0.2
	in_c sh -c 'ip link set tun0 addrgenmode none; ip link set tun0 mtu 1400 up; ip addr add 10.4.0.1/24 dev tun0'
	in_s sh -c 'ip link set tun0 addrgenmode none; ip link set tun0 mtu 1400 up; ip addr add 10.4.0.2/24 dev tun0'
	in_c ping -c 1 -W 2 10.4.0.2 >/dev/null
	record_start "$M" c0 'udp port 6081'
	peer "$C" ask 10.4.0.2 7000 40001
	record_stop
	note "kernel GENEVE 42: one connection inside."
}

r_cooked()
{
	net_up
	peer_up echo 7000
	record_start "$M" any 'tcp port 7000' -y LINUX_SLL2
	peer "$C" ask 10.2.0.2 7000 40001
	record_stop
	note "tcpdump -i any on the router (Linux cooked v2): every packet of one connection twice, coming in and going out, routed between: two hops, not a mirror's copies."
}

r_arp()
{
	net_up
	in_c ip neigh flush all
	in_m ip neigh flush all
	record_start "$M" c0 'arp or icmp'
	in_c ping -q -c 2 -i 0.2 10.2.0.2 >/dev/null
	in_c ping -q -c 1 -W 1 10.1.0.77 >/dev/null || true
	record_stop
	note "ARP answered, two pings answered, ARP for somebody who is not there."
}

r_vxlan_fragments()
{
	out=${out%.pcap}.pcapng
	net_up
	nginx_up
	tunnel vxlan id 42 dstport 4789 || return 1
	# As large inside as outside: what is full inside does not fit outside.
	for ns in $C $S; do ip netns exec "$ns" ip link set tun0 mtu 1500; done
	record_points_start "$C" 'tcp or udp port 4789 or ip[6:2] & 0x1fff != 0' 160 tun0 eth0
	in_c curl -s --local-port 40001 http://10.4.0.2/numbers.txt >/dev/null
	record_stop 1
	note "VXLAN 42 with an MTU of 1500 inside and outside, so that full segments are fragmented outside: curl against $(version_of nginx) seen at the client inside (tun0) and outside (eth0) the tunnel. Cut at 160 bytes."
}

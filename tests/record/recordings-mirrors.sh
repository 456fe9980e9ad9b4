# SPDX-License-Identifier: Apache-2.0
# Real mirrors: Open vSwitch copies one port into every kind of tunnel at once, so that each capture holds the same traffic.

# ovs_up: a bridge of Open vSwitch with the ports p1 (client) and p2 (server), of daemons that run in the router.
ovs_up()
{
	command -v ovs-vswitchd >/dev/null && modprobe openvswitch 2>/dev/null || [ -d /sys/module/openvswitch ] || return 1
	export OVS_RUNDIR=$work/ovs OVS_LOGDIR=$work/ovs OVS_DBDIR=$work/ovs
	mkdir -p "$OVS_RUNDIR"
	ovsdb-tool create "$work/ovs/conf.db" /usr/share/openvswitch/vswitch.ovsschema || return 1
	background in_m ovsdb-server "$work/ovs/conf.db" --remote="punix:$work/ovs/db.sock" --pidfile
	for _ in $(seq 100); do
		[ -S "$work/ovs/db.sock" ] && break
		sleep 0.1
	done
	vsctl --no-wait init
	background in_m ovs-vswitchd "unix:$work/ovs/db.sock" --pidfile
	# Access ports: what is mirrored into a VLAN must not come back by them.
	vsctl add-br ovs0 -- add-port ovs0 p1 tag=1 -- add-port ovs0 p2 tag=1
}

vsctl() { in_m ovs-vsctl --db="unix:$work/ovs/db.sock" --timeout=60 "$@"; }

# mirror_to NAME [OPTIONS]: port p1, both ways, into a tunnel port to an address of the collector, or into a VLAN.
mirror_to()
{
	name=$1
	shift
	vsctl add-port ovs0 "t-$name" -- set interface "t-$name" "$@" -- --id=@in get port p1 -- --id=@out get port "t-$name" \
		-- --id=@m create mirror name="m-$name" select-src-port=@in select-dst-port=@in output-port=@out \
		-- add bridge ovs0 mirrors @m
}

# also_record NS DEVICE FILE FILTER [SNAPLEN]
also_record()
{
	background ip netns exec "$1" tcpdump -Z root -i "$2" -U --immediate-mode -s "${5-192}" -w "$work/more/$3.pcap" "$4"
}

r_mirror_port()
{
	net_up
	nginx_up 60000
	peer_up echo 7000
	link "$C" sw0 02:00:00:00:03:01 "$M" p1 02:00:00:00:03:11
	link "$S" sw0 02:00:00:00:03:02 "$M" p2 02:00:00:00:03:12
	address "$C" sw0 10.3.0.1/24
	address "$S" sw0 10.3.0.2/24
	# The collector, behind a cable that takes jumbo frames.
	K=spr-k-$$
	ip netns add "$K"
	link "$K" eth0 02:00:00:00:05:02 "$M" k0 02:00:00:00:05:01
	for end in "$K eth0" "$M k0"; do
		set -- $end
		ip netns exec "$1" ip link set "$2" mtu 9000
	done
	address "$M" k0 10.5.0.1/24
	for n in 2 3 4 5 6; do address "$K" eth0 10.5.0.$n/24; done
	link "$M" span 02:00:00:00:03:21 "$M" tap 02:00:00:00:03:22
	ovs_up || return 1
	mirror_to gre type=gre options:remote_ip=10.5.0.2 options:key=1 || return 1
	mirror_to erspan2 type=erspan options:remote_ip=10.5.0.3 options:key=2 options:erspan_ver=1 options:erspan_idx=7
	mirror_to erspan3 type=erspan options:remote_ip=10.5.0.4 options:key=3 options:erspan_ver=2 options:erspan_dir=1 options:erspan_hwid=4
	mirror_to geneve type=geneve options:remote_ip=10.5.0.5 options:key=4
	mirror_to vxlan type=vxlan options:remote_ip=10.5.0.6 options:key=5
	vsctl add-port ovs0 span -- set port span vlan_mode=trunk trunks=99 -- --id=@in get port p1 \
		-- --id=@m create mirror name=m-rspan select-src-port=@in select-dst-port=@in output-vlan=99 -- add bridge ovs0 mirrors @m
	in_m ip link set ovs0 mtu 1500 up
	in_c ping -c 2 -W 3 10.3.0.2 >/dev/null || return 1
	for n in 2 3 4 5 6; do in_m ping -c 1 -W 2 10.5.0.$n >/dev/null; done

	mkdir -p "$work/more"
	also_record "$K" eth0 mirror-gre 'dst host 10.5.0.2 and ip proto 47'
	also_record "$K" eth0 mirror-erspan2 'dst host 10.5.0.3 and ip proto 47'
	also_record "$K" eth0 mirror-erspan3 'dst host 10.5.0.4 and ip proto 47'
	also_record "$K" eth0 mirror-geneve 'dst host 10.5.0.5 and udp'
	also_record "$K" eth0 mirror-vxlan 'dst host 10.5.0.6 and udp'
	also_record "$M" tap mirror-rspan 'vlan'
	record_start "$M" p1 'ip' -s 192
	sleep 3
	# Losses on both sides of the port: by netem behind the server, by the client's own filter.
	netem "$S" sw0 loss 6%
	in_c nft 'add table inet loss; add chain inet loss i { type filter hook input priority 0; }; add rule inet loss i iifname sw0 tcp sport 80 tcp flags & (syn|fin|rst) == 0 numgen inc mod 19 == 7 drop'
	in_c curl -s --interface 10.3.0.1 --local-port 40001 http://10.3.0.2/large.bin http://10.3.0.2/ >/dev/null
	peer "$C" ask 10.3.0.2 7000 40002
	in_c ping -q -c 2 -i 0.2 10.3.0.2 >/dev/null
	record_stop 3
	note "a port of Open vSwitch $(version_of openvswitch-switch | sed 's/.* //') (Linux $(uname -r)): a download of 60,000 bytes and another page over a connection that loses packets of the server before the port and behind it (its kernel sent $(retransmitted "$S") segments again), an echo, two pings. Cut at 192 bytes."
	for kind in gre erspan2 erspan3 geneve vxlan rspan; do
		out=$work/more/mirror-$kind.pcap
		note "what mirror-port saw, mirrored by that switch by way of $kind at the same time: the same flows, packets and retransmissions."
	done
	out=$work/mirror-port.pcap
}

r_mirror_link()
{
	switch_up
	nginx_up 60000
	peer_up echo 7000
	# The same port into three mirrors, whose own links lose, delay and reorder.
	actions=
	for kind in loss delay reorder; do
		link "$M" "m-$kind" 02:00:00:00:06:01 "$M" "t-$kind" 02:00:00:00:06:02
		actions="$actions action mirred egress mirror dev m-$kind"
	done
	netem "$M" m-loss loss 5% && netem "$M" m-delay delay 30ms && netem "$M" m-reorder delay 1ms reorder 20% || return 1
	in_m tc qdisc add dev p1 clsact
	for way in ingress egress; do
		in_m tc filter add dev p1 $way protocol all prio 1 u32 match u32 0 0 $actions
	done
	mkdir -p "$work/more"
	for kind in loss delay reorder; do
		also_record "$M" t-$kind mirror-link-$kind 'ip' 96
	done
	record_start "$M" p1 'ip' -s 96
	sleep 2
	# The mirrored network has troubles of its own, before the port and behind it.
	netem "$S" sw0 delay 10ms 2ms loss 3%
	in_c nft 'add table inet loss; add chain inet loss i { type filter hook input priority 0; }; add rule inet loss i iifname sw0 tcp sport 80 tcp flags & (syn|fin|rst) == 0 numgen inc mod 19 == 7 drop'
	in_c curl -s --interface 10.3.0.1 --local-port 40001 http://10.3.0.2/large.bin http://10.3.0.2/ >/dev/null
	peer "$C" ask 10.3.0.2 7000 40002
	in_c ping -q -c 2 -i 0.2 10.3.0.2 >/dev/null
	record_stop 3
	note "a port of a bridge, mirrored by tc: a download of 60,000 bytes over a connection that is delayed by 8 to 12 ms, reordered and loses packets of the server before the port and behind it (its kernel sent $(retransmitted "$S") segments again), an echo, two pings. Cut at 96 bytes."
	for kind in loss delay reorder; do
		out=$work/more/mirror-link-$kind.pcap
		case $kind in
		loss) what="loses 5 % of the copies" ;;
		delay) what="delays the copies by 30 ms" ;;
		reorder) what="delays four copies in five by 1 ms, so that the others overtake them" ;;
		esac
		note "what mirror-link saw, by way of a mirror whose own link $what: what is missing or out of order here beyond that is the capture's fault, not the network's."
	done
	out=$work/mirror-link.pcap
}

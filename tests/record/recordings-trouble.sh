# SPDX-License-Identifier: Apache-2.0
# Connections that fail, wait, lose and end in every way a network knows.

r_refused()
{
	net_up
	record_start "$M" c0 'tcp port 7000'
	peer "$C" try 10.2.0.2 7000 40001
	record_stop
	note "nobody listens: SYN, RST."
}

r_blackhole()
{
	net_up
	in_m nft 'add table inet loss; add chain inet loss f { type filter hook forward priority 0; }; add rule inet loss f tcp dport 7000 drop'
	record_start "$M" c0 'tcp port 7000'
	peer "$C" try 10.2.0.2 7000 40001
	record_stop
	note "the router drops: SYN, again after 1 s and 2 s more, no answer."
}

r_synack_lost()
{
	net_up
	peer_up echo 7000
	in_c nft 'add table inet loss; add chain inet loss i { type filter hook input priority 0; }; add rule inet loss i tcp sport 7000 drop'
	record_start "$M" c0 'tcp port 7000'
	peer "$C" try 10.2.0.2 7000 40001
	record_stop
	note "the client's host drops what comes back: SYNs and SYN-ACKs, never an ACK."
}

r_reset()
{
	net_up
	peer_up reset 7000
	peer_up echo 7001
	record_start "$M" c0 'tcp port 7000 or tcp port 7001'
	peer "$C" get 10.2.0.2 7000 40001
	peer "$C" abort 10.2.0.2 7001 40002
	record_stop
	note "40001: the server sends 20,000 bytes, then RST. 40002: the client has its answer, then RST."
}

r_zero_window()
{
	net_up
	peer_up source 7000
	record_start "$M" c0 'tcp port 7000' -s 96
	peer "$C" slow 10.2.0.2 7000 40001
	record_stop
	note "a client that reads nothing for 2 s: its window closes, the server probes; 400,000 bytes arrive in the end. Cut at 96 bytes. Nothing is lost; the server's kernel says that it sent $(retransmitted "$S") segments again (a tail-loss probe)."
}

r_keepalive()
{
	net_up
	peer_up echo 7000
	record_start "$M" c0 'tcp port 7000'
	peer "$C" keepalive 10.2.0.2 7000 40001
	record_stop
	note "question and answer, keep-alive probes by the client every second for 4.5 s, question and answer, FIN."
}

r_half_close()
{
	net_up
	peer_up sink 7000
	record_start "$M" c0 'tcp port 7000'
	peer "$C" half 10.2.0.2 7000 40001
	record_stop
	note "the client sends 3,000 bytes and its FIN; 0.1 s later the server answers twice, then its FIN."
}

r_port_reuse()
{
	net_up
	peer_up echo 7000
	record_start "$M" c0 'tcp port 7000'
	peer "$C" abort 10.2.0.2 7000 40001
	peer "$C" ask 10.2.0.2 7000 40001
	in_c sysctl -qw net.ipv4.tcp_tw_reuse=1
	sleep 1.2
	peer "$C" ask 10.2.0.2 7000 40001
	# A client that vanished without a word, and comes back with the same port.
	in_c nft 'add table inet loss; add chain inet loss o { type filter hook output priority 0; }; add rule inet loss o tcp flags fin,rst / fin,rst drop; add rule inet loss o tcp flags & (fin|rst) != 0 drop'
	peer "$C" abort 10.2.0.2 7000 40001
	in_c nft delete table inet loss
	peer "$C" ask 10.2.0.2 7000 40001
	record_stop
	note "one client port, five connections: ended by the client's RST; by FINs; from TIME_WAIT on again, by FINs; ended without a word (its RST is dropped before the router); and a new one whose first SYN meets the server's old connection (challenge ACK, RST, SYN again)."
}

r_accept_queue()
{
	net_up
	in_s sysctl -qw net.ipv4.tcp_syncookies=0
	peer_up full 7000
	record_start "$M" c0 'tcp port 7000'
	peer "$C" crowd 10.2.0.2 7000 40001 &
	# Handshakes that overlap, as on a network with a delay: for a moment the clients' ACKs are lost behind the capture.
	sleep 0.6
	in_m nft 'add table inet loss; add chain inet loss f { type filter hook forward priority 0; }; add rule inet loss f tcp dport 7000 tcp flags & ack != 0 drop'
	sleep 1
	in_m nft delete table inet loss
	wait $!
	record_stop
	note "a server that never accepts, with room for three: 40001 and 40002 take two places; then 40003 and 40004 at once, their first ACKs lost behind the capture: one gets the last place, the other sees SYN-ACK again and again. Each sends 4 bytes, and ends with RST after 10 s."
}

# loss_rules PERCENT: drops at random in the router, counted for each direction.
loss_rules()
{
	in_m nft -f - <<-END
		table inet loss {
		  counter c2s { }
		  counter s2c { }
		  chain f { type filter hook forward priority 0;
		    iifname c0 tcp dport 7000 tcp flags & (syn|fin|rst) == 0 numgen random mod 1000 < $1 counter name c2s drop
		    iifname s0 tcp sport 7000 tcp flags & (syn|fin|rst) == 0 numgen random mod 1000 < $1 counter name s2c drop
		  }
		}
	END
}

r_loss_download()
{
	out=${out%.pcap}.pcapng
	net_up
	peer_up source 7000
	loss_rules 30
	record_points_start "$M" 'tcp port 7000' 96 c0 s0
	peer "$C" get 10.2.0.2 7000 40001
	record_stop 1
	note "two interfaces of the router, s0 before and c0 after a hop that loses 3 %: 400,000 bytes to the client, $(dropped "$M" s2c) packets of the server and $(dropped "$M" c2s) of the client lost between; the server's kernel sent $(retransmitted "$S") segments again. At s0 the server's are retransmissions, at c0 holes that are filled."
}

r_loss_upload()
{
	net_up
	peer_up sink 7000
	loss_rules 30
	record_start "$M" c0 'tcp port 7000' -s 96
	peer "$C" send 10.2.0.2 7000 40001
	record_stop 1
	note "400,000 bytes from the client through a hop behind the capture that loses 3 %: $(dropped "$M" c2s) of the client's packets seen here and lost later, $(dropped "$M" s2c) of the server's lost before; the client's kernel sent $(retransmitted "$C") segments again."
}

r_fragments()
{
	net_up
	peer_up udp 7000
	record_start "$M" c0 'icmp or udp'
	in_c ping -q -c 2 -i 0.2 -s 4000 10.2.0.2 >/dev/null
	peer "$C" udp 10.2.0.2 7000 40002
	record_stop
	note "two pings of 4,000 bytes, UDP datagrams of 100, 4,000 and 9,000 bytes echoed: the large ones in 3 and 7 fragments each way."
}

r_fragments_tcp()
{
	net_up
	peer_up sink 7000
	# The last link takes less than the server says it does, and the client lets its packets be fragmented.
	in_c sysctl -qw net.ipv4.ip_no_pmtu_disc=1
	in_m ip link set s0 mtu 1000
	in_s sh -c 'ip link set eth0 mtu 1000; ip route change default via 10.2.0.1 advmss 1460'
	in_m nft 'add table inet loss; add counter inet loss c2s; add chain inet loss f { type filter hook forward priority 0; }; add rule inet loss f iifname c0 tcp dport 7000 tcp flags & (syn|fin|rst) == 0 numgen inc mod 23 == 9 counter name c2s drop'
	in_s nft 'add table inet loss; add counter inet loss c2s; add chain inet loss p { type filter hook prerouting priority -500; }; add rule inet loss p ip frag-off & 0x1fff != 0 numgen inc mod 13 == 8 counter name c2s drop'
	record_start "$M" s0 'tcp port 7000 or ip[6:2] & 0x1fff != 0' -s 96
	peer "$C" send 10.2.0.2 7000 40001 60000
	record_stop 1
	note "60,000 bytes from the client in segments that the router fragments in two; recorded behind it, at s0. $(dropped "$M" c2s) segments lost before the capture, the second fragment of $(dropped "$S" c2s) behind it; the client's kernel sent $(retransmitted "$C") segments again. Cut at 96 bytes."
}

r_fragments_reordered()
{
	net_up
	peer_up udp 7000
	netem "$C" eth0 delay 3ms 2ms && netem "$S" eth0 delay 3ms 2ms || return 1
	record_start "$M" c0 'udp or ip[6:2] & 0x1fff != 0 or ip6[6] == 44' -s 120
	peer "$C" udp 10.2.0.2 7000 40001
	peer "$C" udp fd00:2::2 7000 40002
	record_stop
	note "netem delays each packet by 1 to 5 ms, so that fragments overtake others: UDP datagrams of 100, 4,000 and 9,000 bytes echoed over IPv4 (40001) and IPv6 (40002), the larger ones in 3 and 7 fragments each way. Nothing is lost. Cut at 120 bytes."
}

r_unreachable()
{
	net_up
	in_m ip route add unreachable 10.9.0.0/16
	record_start "$M" c0 'icmp or tcp port 7000 or udp or ip[6:2] & 0x1fff != 0'
	peer "$C" udp 10.2.0.2 7000 40001
	peer "$C" try 10.9.0.9 7000 40002
	in_c ping -q -c 1 -t 1 10.2.0.2 || true
	record_stop
	note "UDP to a closed port (ICMP port unreachable by the server, quoting it), a SYN to a network without a route (host unreachable by the router), a ping whose TTL ends at the router."
}

r_one_way()
{
	net_up
	peer_up echo 7000
	record_start "$M" c0 'tcp dst port 7000'
	peer "$C" ask 10.2.0.2 7000 40001
	record_stop
	note "three questions and answers of which only the client's packets were recorded."
}

r_midstream()
{
	net_up
	peer_up echo 7000
	record_start "$M" c0 'tcp port 7000 and tcp[13] & 2 == 0'
	peer "$C" ask 10.2.0.2 7000 40001
	record_stop
	note "three questions and answers of which the handshake was not recorded."
}

# netem NS DEVICE OPTIONS: delay, reordering or loss of what leaves there.
netem()
{
	ns=$1 dev=$2
	shift 2
	ip netns exec "$ns" tc qdisc add dev "$dev" root netem "$@"
}

r_delay()
{
	net_up
	peer_up echo 7000
	netem "$C" eth0 delay 20ms && netem "$S" eth0 delay 60ms || return 1
	in_c ping -q -c 1 10.2.0.2 >/dev/null
	record_start "$M" c0 'tcp port 7000'
	peer "$C" ask 10.2.0.2 7000 40001
	record_stop
	note "netem delays what the client sends by 20 ms and what the server sends by 60 ms: SYN to SYN-ACK 60 ms here, SYN-ACK to ACK 20 ms (and what the machine adds); three questions, 50 ms and the client's round trip between."
}

r_reorder()
{
	net_up
	peer_up source 7000
	netem "$S" eth0 delay 3ms 1ms || return 1
	record_start "$M" c0 'tcp port 7000' -s 96
	peer "$C" get 10.2.0.2 7000 40001
	record_stop 1
	note "netem delays each of the server's packets by 2 to 4 ms, so that many overtake others: nothing is lost; the server's kernel sent $(retransmitted "$S") segments again because of it. Cut at 96 bytes."
}

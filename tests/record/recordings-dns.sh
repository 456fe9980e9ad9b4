# SPDX-License-Identifier: Apache-2.0
# DNS: many kinds of questions to a real authoritative server, transfers, updates; multicast DNS.

# named_up: example.test, which may be updated; broken.test, which it cannot load.
named_up()
{
	cat >"$work/named.conf" <<-END
		options {
		  directory "$work"; pid-file none; session-keyfile "$work/session.key"; listen-on { 10.2.0.2; }; listen-on-v6 { none; };
		  recursion no; allow-transfer { any; }; notify no; dnssec-validation no; minimal-any no; server-id "ns1";
		};
		controls { };
		zone "example.test" { type primary; file "$work/example.zone"; allow-update { any; }; };
		zone "broken.test" { type primary; file "$work/missing.zone"; };
		zone "2.10.in-addr.arpa" { type primary; file "$work/reverse.zone"; };
	END
	cat >"$work/example.zone" <<-'END'
		$TTL 300
		@ SOA ns1 admin 1 3600 600 86400 60
		@ NS ns1
		@ MX 10 mail
		@ TXT "v=spf1 -all" "second"
		@ CAA 0 issue "ca.example.net"
		@ NAPTR 10 20 "u" "E2U+sip" "!^.*$!sip:info@example.test!" .
		@ LOC 52 22 23.000 N 4 53 32.000 E -2.00m
		@ HTTPS 1 . alpn=h2,h3 ipv4hint=10.2.0.2
		@ HINFO "amd64" "linux"
		ns1 A 10.2.0.2
		ns1 SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
		mail A 10.2.0.3
		www A 10.2.0.2
		www AAAA fd00:2::2
		alias CNAME www
		_sip._udp SRV 1 2 5060 www
		_443._tcp.www TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
		sub DNAME example.net.
		$GENERATE 1-40 host$ A 10.3.0.$
	END
	printf '$TTL 300\n@ SOA ns1.example.test. admin.example.test. 1 3600 600 86400 60\n@ NS ns1.example.test.\n2.0 PTR www.example.test.\n' >"$work/reverse.zone"
	background in_s named -g -c "$work/named.conf"
	wait_port "$S" 53
	sleep 1
}

r_dns_types()
{
	net_up
	named_up
	record_start "$M" c0 'port 53'
	port=40001
	for type in A AAAA CNAME MX NS SOA TXT CAA NAPTR LOC HTTPS HINFO SSHFP ANY TYPE65280; do
		case $type in A | AAAA) name=www ;; CNAME) name=alias ;; SSHFP) name=ns1 ;; *) name= ;; esac
		in_c dig +tries=1 -b 10.1.0.2#$port @10.2.0.2 ${name:+$name.}example.test $type >/dev/null
		port=$((port + 1))
	done
	ask() { in_c dig +tries=1 -b 10.1.0.2#$port @10.2.0.2 "$@" >/dev/null || true; port=$((port + 1)); }
	ask alias.example.test AAAA
	ask _sip._udp.example.test SRV
	ask _443._tcp.www.example.test TLSA
	ask x.sub.example.test A
	ask -x 10.2.0.2
	ask nowhere.example.test A
	ask broken.test A
	ask www.example.net A
	ask +subnet=192.0.2.0/24 +nsid www.example.test A
	ask +dnssec +bufsize=4096 www.example.test A
	ask +edns=7 +noednsnegotiation www.example.test A
	ask +noedns ExAmPlE.tEsT NS
	ask +opcode=notify example.test SOA
	ask +notcp +ignore +noedns example.test ANY
	record_stop
	note "dig, $(version_of bind9): a socket for each question: A, AAAA, CNAME, MX, NS, SOA, TXT, CAA, NAPTR, LOC, HTTPS, HINFO, SSHFP, ANY (over TCP), TYPE65280 (40001 to 40015); an alias followed, SRV, TLSA, a DNAME, PTR, NXDOMAIN, SERVFAIL, REFUSED, client subnet and NSID, DO, BADVERS, mixed case, NOTIFY, ANY over UDP."
}

r_dns_tcp()
{
	net_up
	named_up
	record_start "$M" c0 'port 53'
	in_c dig +tcp +keepopen -b 10.1.0.2#40001 @10.2.0.2 www.example.test A www.example.test AAAA nowhere.example.test A >/dev/null
	in_c dig -b 10.1.0.2#40002 @10.2.0.2 example.test AXFR >/dev/null
	printf 'server 10.2.0.2\nlocal 10.1.0.2 40003\nzone example.test\nupdate add new.example.test 60 A 10.2.0.9\nsend\n' |
		in_c nsupdate -v >/dev/null 2>&1 || true
	in_c dig -b 10.1.0.2#40004 @10.2.0.2 example.test IXFR=1 >/dev/null
	in_c dig -b 10.1.0.2#40005 @10.2.0.2 example.net AXFR >/dev/null
	record_stop
	note "dig and nsupdate over TCP, $(version_of bind9): three questions on one connection (40001); a zone's transfer (40002); an update (40003); the changes since (40004); a transfer that is refused (40005)."
}

r_dns_pipelined()
{
	net_up
	named_up
	record_start "$M" c0 'port 53'
	in_c /usr/bin/python3 - <<-'END'
		import socket, struct
		ask = lambda i, name, qtype: (lambda m: struct.pack(">H", len(m)) + m)(struct.pack(">HHHHHH", i, 0, 1, 0, 0, 0) + b"".join(bytes([len(l)]) + l for l in name.split(b".")) + b"\0" + struct.pack(">HH", qtype, 1))
		s = socket.create_connection(("10.2.0.2", 53), source_address=("10.1.0.2", 40001))
		s.sendall(b"".join(ask(i, b"host%d.example.test" % i, 1) for i in range(1, 21)))
		s.sendall(ask(21, b"example.test", 252)[:10])
		s.sendall(ask(21, b"example.test", 252)[10:])
		s.settimeout(0.5)
		try:
		    while s.recv(65536): pass
		except TimeoutError: pass
		s.close()
	END
	record_stop
	note "$(version_of bind9): 20 questions in one segment on one TCP connection, then a zone transfer whose question comes in two; the server answers in the order that it likes."
}

r_mdns()
{
	net_up
	printf '[server]\nhost-name=router\nallow-interfaces=c0\nuse-ipv6=yes\nenable-dbus=no\n[publish]\npublish-hinfo=yes\npublish-workstation=yes\n' >"$work/avahi.conf"
	record_start "$M" c0 'udp port 5353'
	background in_m avahi-daemon -f "$work/avahi.conf" --no-drop-root --no-chroot --no-proc-title
	sleep 4
	in_c dig +tries=1 +time=1 -b 10.1.0.2#40001 -p 5353 @224.0.0.251 router.local A >/dev/null || true
	in_c dig +tries=1 +time=1 -b 10.1.0.2#40002 -p 5353 @224.0.0.251 _workstation._tcp.local PTR >/dev/null || true
	record_stop
	note "$(version_of avahi-daemon) looks whether its names are free and announces them (IPv4 and IPv6); dig asks it once by multicast, from ports of its own (40001, 40002), and is answered by unicast."
}

# Two hosts that speak it: what one asks the group the other answers, to the group.
r_mdns_hosts()
{
	net_up
	for host in router client; do
		device=$([ $host = router ] && echo c0 || echo eth0)
		printf '[server]\nhost-name=%s\nallow-interfaces=%s\nuse-ipv6=no\nenable-dbus=%s\n[publish]\npublish-hinfo=no\npublish-workstation=yes\n' \
			$host $device "$([ $host = router ] && echo no || echo yes)" >"$work/$host.conf"
	done
	printf '<busconfig><type>system</type><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth><policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>' "$work" >"$work/bus.conf"
	export DBUS_SYSTEM_BUS_ADDRESS="unix:path=$work/bus"
	background in_c dbus-daemon --config-file="$work/bus.conf" --nofork --nopidfile
	sleep 1
	background in_m avahi-daemon -f "$work/router.conf" --no-drop-root --no-chroot --no-proc-title
	sleep 8 # it has announced its names by then, and nobody knows them
	record_start "$M" c0 'udp port 5353'
	# Another process' file keeps the two apart, which share what is in /run.
	background unshare --mount sh -c "mount -t tmpfs none /run/avahi-daemon && exec ip netns exec $C avahi-daemon -f $work/client.conf --no-drop-root --no-chroot --no-proc-title"
	sleep 4
	in_c timeout 10 avahi-resolve -4 -n router.local >/dev/null || true
	in_c timeout 10 avahi-browse -t -r _workstation._tcp >/dev/null || true
	in_c timeout 10 avahi-resolve -4 -n nobody.local >/dev/null 2>&1 || true
	record_stop 1
	note "$(version_of avahi-daemon) at two hosts: one looks for the other by name and by service, and for a name that nobody has. Question and answer both go to the group."
}

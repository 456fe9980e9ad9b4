# SPDX-License-Identifier: Apache-2.0
# One request at several points at once: a router that translates addresses, with an L7 proxy in a network of its own.
#
#     client 10.1.0.2 ── c0  router  s0 ── 10.2.0.2 server
#                              p0
#                              └── 10.3.0.2 proxy
#
# The client asks 10.1.0.100, which the router translates to the proxy (and the client's address to its own). The proxy asks
# the server, through the router again: p0 sees its calls on both sides, c0 the client's, s0 the server's.

P=spr-p-$$

in_p() { ip netns exec "$P" "$@"; }

lab_up()
{
	net_up
	ip netns add "$P"
	link "$P" eth0 02:00:00:00:03:02 "$M" p0 02:00:00:00:03:01
	address "$P" eth0 10.3.0.2/24
	address "$M" p0 10.3.0.1/24
	in_p ip route add default via 10.3.0.1
	address "$M" c0 10.1.0.100/32
	in_m nft -f - <<-END
		table ip nat {
		  chain pre { type nat hook prerouting priority -100;
		    ip daddr 10.1.0.100 tcp dport 80 dnat to 10.3.0.2:8080
		    ip daddr 10.1.0.100 udp dport 53 dnat to 10.3.0.2:53
		  }
		  chain post { type nat hook postrouting priority 100;
		    ip saddr 10.1.0.2 oifname p0 snat to 10.3.0.1
		  }
		}
	END
	in_p ping -c 1 -W 1 10.2.0.2 >/dev/null 2>&1
	in_m ping -c 1 -W 1 10.3.0.2 >/dev/null 2>&1
}

lab_nginx()
{
	nginx_up
	cat >"$work/proxy.conf" <<-END
		daemon off; master_process off; pid $work/proxy.pid; error_log $work/proxy.log;
		events { worker_connections 256; }
		http {
		  access_log off; client_body_temp_path $work/pbody; proxy_temp_path $work/pproxy;
		  fastcgi_temp_path $work/pf; uwsgi_temp_path $work/pu; scgi_temp_path $work/pg;
		  upstream origin { server 10.2.0.2:80; keepalive 8; }
		  proxy_http_version 1.1; proxy_set_header Connection "";
		  server { listen 8080;
		    location / { proxy_pass http://origin;
		      proxy_set_header X-Request-ID \$request_id; add_header X-Request-ID \$request_id; }
		    location /numbers.txt { proxy_pass http://origin; }
		    location /slow { proxy_pass http://10.2.0.2:8080; proxy_set_header X-Request-ID \$request_id;
		      add_header X-Request-ID \$request_id; }
		  }
		}
	END
	background in_p nginx -c "$work/proxy.conf" -e "$work/proxy.log"
	wait_port "$P" 8080
}

r_lab()
{
	out=${out%.pcap}.pcapng
	lab_up
	lab_nginx
	peer_up slow 8080
	dns_up
	background in_p dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --listen-address=10.3.0.2 --bind-interfaces \
		--user=root --pid-file= --server=10.2.0.2 --cache-size=0
	wait_port "$P" 53
	record_points_start "$M" 'tcp or udp' 0 c0 p0 s0
	for n in 1 2 3; do
		in_c curl -s "http://10.1.0.100/" "http://10.1.0.100/page/$n"
		in_c curl -s -H "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e473$n-00f067aa0ba902b$n-01" http://10.1.0.100/numbers.txt
		in_c dig +tries=1 +noedns @10.1.0.100 www.example.test A
	done >/dev/null
	in_c curl -s http://10.1.0.100/slow/report >/dev/null
	for n in 1 2 3 4 5 6 7 8; do in_c curl -s http://10.1.0.100/ >/dev/null & done
	wait $(jobs -p | tail -8)
	record_stop
	note "three interfaces of a router at once (c0 client, p0 proxy, s0 server): HTTP through DNAT and SNAT to $(version_of nginx) as a proxy, and on to another one: three times two requests over one connection, whose X-Request-ID is the proxy's, and one that carries a traceparent; one request of which the server took its time (0.2 to 0.9 s); eight of the same at once; three DNS queries through a forwarder, $(version_of dnsmasq)."
}

# slow_server MS: the router's s0 gets a cable to the server on which frames take their time; d1 is the server's end of it.
slow_server()
{
	in_m sh -c 'ip link set s0 down; ip addr flush dev s0; ip link set s0 name d1; ip link set d1 address 02:00:00:00:02:03 up'
	ip link add s0 netns "$M" address 02:00:00:00:02:01 type veth peer name d0 netns "$M" address 02:00:00:00:02:04
	in_m sh -c 'for d in d0 d1; do sysctl -qw net.ipv6.conf.$d.disable_ipv6=1 net.ipv4.conf.$d.arp_ignore=1; done
		for d in s0 d0; do ip link set $d addrgenmode none up; ethtool -K $d tso off gso off gro off tx off rx off sg off; done' >/dev/null
	address "$M" s0 10.2.0.1/24
	background "$here/../../${BUILD-build}/tests/forward" "slow=$M/d0,$M/d1" "slow > delay=${1}000"
	for _ in $(seq 50); do in_p ping -c 1 -W 1 10.2.0.2 >/dev/null 2>&1 && return; done
	echo "the slow cable does not carry" >&2
	exit 1
}

r_lab_delay()
{
	out=${out%.pcap}.pcapng
	lab_up
	lab_nginx
	slow_server 4
	record_points_start "$M" 'tcp' 0 c0 p0 s0 d1
	for n in 1 2 3 4 5 6; do in_c curl -s -H "X-Request-ID: client-$n" http://10.1.0.100/numbers.txt; done >/dev/null
	# A client that takes its time to send: half a request's head, and the rest of it 0.1 s later.
	in_c bash -c 'exec 3<>/dev/tcp/10.1.0.100/80; printf "GET /numbers.txt HTTP/1.0\r\n" >&3; sleep 0.1; printf "Host: lab\r\n\r\n" >&3; cat <&3' >/dev/null
	record_stop
	note "as lab, with a cable between s0 and the server (its other end: d1) on which frames to the server take 4 ms: six requests with an X-Request-ID of the client's, which the proxy passes on; and one whose second half the client sent 0.1 s after the first."
}

# The lab of tests/lab, whose twelve points make one file.
r_demo_shop()
{
	out=${out%.pcap}.pcapng
	BUILD=${BUILD-$here/../../build} "$here/../lab/run" --demo "$out"
	note "what \`make demo\` shows traces of: the points of tests/lab (pod, its node's bridge and VXLAN underlay, a KVM host's tap, a switch's SPAN port, both sides of a load balancer, of a gateway and of a service, and its database). Two DNS queries; two requests of connections of their own, then six of one, to $(version_of nginx), a service behind it and $(version_of redis-server), $(version_of mariadb-server), PostgreSQL: of these, one to which the way from the load balancer to the gateway took 80 ms (/checkout), one for which MariaDB took 150 ms (/report), and one (/pictures) of whose response the tap lost every third segment; then a connection whose SYNs the load balancer dropped, and one that a device between tap and switch reset."
}

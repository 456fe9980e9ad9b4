# SPDX-License-Identifier: Apache-2.0
# What every recording needs: a client and a server behind a router, each a network namespace; servers; captures.
#
#     client 10.1.0.2, fd00:1::2 ── c0  router  s0 ── 10.2.0.2, fd00:2::2 server
#
# Captures are taken at the router's c0 unless a recording says otherwise. Addresses, Ethernet addresses and ports are fixed.

C=spr-c-$$ M=spr-m-$$ S=spr-s-$$
work=$(mktemp -d)
chmod 755 "$work"
pids=

in_c() { ip netns exec "$C" "$@"; }
in_m() { ip netns exec "$M" "$@"; }
in_s() { ip netns exec "$S" "$@"; }

# link NS1 DEV1 MAC1 NS2 DEV2 MAC2: a cable.
link()
{
	ip link add "$2" netns "$1" address "$3" type veth peer name "$5" netns "$4" address "$6"
	for end in "$1 $2" "$4 $5"; do
		set -- $end
		ip netns exec "$1" sh -c "ip link set $2 addrgenmode none; ip link set $2 up; ip link set lo up"
		[ "${OFFLOADS-off}" = on ] || ip netns exec "$1" ethtool -K "$2" tso off gso off gro off tx off rx off sg off >/dev/null
	done
}

address() { ip netns exec "$1" ip addr add "$3" dev "$2" ${4-}; }

net_up()
{
	ip netns add "$C" && ip netns add "$M" && ip netns add "$S" || exit 1
	link "$C" eth0 02:00:00:00:01:02 "$M" c0 02:00:00:00:01:01
	link "$S" eth0 02:00:00:00:02:02 "$M" s0 02:00:00:00:02:01
	address "$C" eth0 10.1.0.2/24
	address "$M" c0 10.1.0.1/24
	address "$S" eth0 10.2.0.2/24
	address "$M" s0 10.2.0.1/24
	address "$C" eth0 fd00:1::2/64 nodad
	address "$M" c0 fd00:1::1/64 nodad
	address "$S" eth0 fd00:2::2/64 nodad
	address "$M" s0 fd00:2::1/64 nodad
	in_m sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	in_c ip route add default via 10.1.0.1
	in_s ip route add default via 10.2.0.1
	in_c ip -6 route add default via fd00:1::1
	in_s ip -6 route add default via fd00:2::1
	# Neighbours known: no ARP in the way.
	in_c ping -c 1 -W 1 10.2.0.2 >/dev/null 2>&1
	in_s ping -c 1 -W 1 fd00:2::1 >/dev/null 2>&1
	in_c ping -c 1 -W 1 fd00:2::2 >/dev/null 2>&1
}

net_down()
{
	for pid in $pids; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	pids=
	for ns in $(ip netns list | sed -n "s/^\(spr-[a-z]*-$$\).*/\1/p"); do
		# What was started through a function is the child of a shell that is gone by now.
		for _ in $(seq 50); do
			left=$(ip netns pids "$ns")
			[ -n "$left" ] || break
			kill $left 2>/dev/null || true
			sleep 0.1
		done
		ip netns del "$ns"
	done
}

trap 'net_down; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# background COMMAND…: ended by net_down.
background()
{
	"$@" >>"$work/background.log" 2>&1 &
	pids="$! $pids"
}

# wait_port NS PORT [SECONDS]: until something listens there, TCP or UDP.
wait_port()
{
	for _ in $(seq "${3-30}0"); do
		ip netns exec "$1" ss -Hltun "sport = :$2" | grep -q . && return
		sleep 0.1
	done
	echo "nothing listens on port $2" >&2
	exit 1
}

# record_start NS DEVICE FILTER [tcpdump options]: writes to $out; record_stop ends it.
record_start()
{
	ns=$1 dev=$2 filter=$3
	shift 3
	ip netns exec "$ns" tcpdump -Z root -i "$dev" -U --immediate-mode -B 8192 -w "$out" "$@" "$filter" 2>"$work/tcpdump" &
	recorder=$!
	for _ in $(seq 300); do
		grep -q 'listening on' "$work/tcpdump" && return
		sleep 0.1
	done
	cat "$work/tcpdump" >&2
	exit 1
}

# record_points_start NS FILTER SNAPLEN DEVICE…: a pcapng with one interface a device.
record_points_start()
{
	ns=$1 filter=$2 snap=$3
	shift 3
	args=
	for dev; do args="$args -i $dev -s $snap"; done
	ip netns exec "$ns" dumpcap -q -f "$filter" $args -w "$out" 2>"$work/tcpdump" &
	recorder=$!
	for _ in $(seq 300); do
		grep -q 'File: ' "$work/tcpdump" && sleep 0.5 && return
		sleep 0.1
	done
	cat "$work/tcpdump" >&2
	exit 1
}

record_stop()
{
	sleep "${1-0.3}"
	kill -INT $recorder
	wait $recorder || true
	if grep -qE '[1-9][0-9]* packets? dropped' "$work/tcpdump"; then
		echo "$name: the recorder itself lost packets, record again" >&2
		exit 1
	fi
}

version_of() { dpkg-query -W -f '${Package} ${Version}' "$1" 2>/dev/null | sed 's/-server//; s/ [0-9]*:/ /; s/[-+]deb.*//; s/-[0-9].*//'; }

# note TEXT: what was done and what is true, one line of the captures' README.
note()
{
	readme=$captures/README.md
	line="| \`$(basename "$out")\` | $1 |"
	grep -vF "| \`$(basename "$out")\` |" "$readme" >"$work/readme"
	# The rows stay sorted below the table's head.
	{ sed '/^|---/q' "$work/readme"; { sed '1,/^|---/d' "$work/readme"; echo "$line"; } | LC_ALL=C sort; } >"$work/readme2"
	cat "$work/readme2" >"$readme"
}

# dropped NS: how many packets the counted rules of table `loss` dropped.
dropped() { ip netns exec "$1" nft list counter inet loss "$2" 2>/dev/null | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }

# retransmitted NS: how many segments the kernel of that host says it sent again (SYNs too).
retransmitted() { ip netns exec "$1" awk '/^Tcp:/ && n++ { print $13 }' /proc/net/snmp; }

# --- servers

nginx_up()
{
	mkdir -p "$work/www"
	printf 'hello\n' >"$work/www/index.html"
	seq 1 500 >"$work/www/numbers.txt"
	head -c "${1-2000000}" /dev/zero | tr '\0' x >"$work/www/large.bin"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 3650 \
		-subj /CN=www.example.test -addext subjectAltName=DNS:www.example.test 2>/dev/null
	cat >"$work/nginx.conf" <<-END
		daemon off; master_process off; pid $work/nginx.pid; error_log $work/nginx.log;
		events { worker_connections 256; }
		http {
		  access_log off; client_body_temp_path $work/body; proxy_temp_path $work/proxy;
		  fastcgi_temp_path $work/f; uwsgi_temp_path $work/u; scgi_temp_path $work/g;
		  default_type text/plain;
		  server {
		    listen 80; listen [::]:80; root $work/www;
		    location /submit { proxy_pass http://127.0.0.1:8081/; }
		    location /slow { proxy_pass http://127.0.0.1:8082/; }
		  }
		  server { listen 443 ssl; listen [::]:443 ssl; server_name www.example.test; root $work/www;
		    ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; }
		  server { listen 127.0.0.1:8081; location / { return 201 "made\n"; } }
		}
	END
	background in_s nginx -c "$work/nginx.conf" -e "$work/nginx.log"
	wait_port "$S" 80
}

# redis_up, mariadb_up, dns_up [ADDRESS]; mariadb_up ADDRESS OPTION…
redis_up()
{
	background in_s redis-server --bind "${1-10.2.0.2}" --port 6379 --protected-mode no --save '' --dir "$work" --enable-debug-command yes
	wait_port "$S" 6379
}

mariadb_up()
{
	rm -rf "$work/mysql"
	mariadb-install-db --no-defaults --user=root --datadir="$work/mysql" --auth-root-authentication-method=normal >/dev/null 2>&1
	printf "%s\n" "CREATE DATABASE shop;" "CREATE USER 'app'@'%' IDENTIFIED BY 'app';" "GRANT ALL ON shop.* TO 'app'@'%';" >"$work/init.sql"
	background in_s mariadbd --no-defaults --user=root --datadir="$work/mysql" --socket="$work/mysql.sock" \
		--pid-file="$work/mysql.pid" --bind-address="${1-10.2.0.2}" --port=3306 --skip-name-resolve --init-file="$work/init.sql" \
		"${@:2}"
	wait_port "$S" 3306
	sleep 1
}

sql() { in_c mariadb --no-defaults -h "${database-10.2.0.2}" -uapp -papp --skip-ssl shop "$@"; }

dns_up()
{
	background in_s dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --listen-address="${1-10.2.0.2}" --bind-interfaces \
		--user=root --pid-file= --address=/www.example.test/10.2.0.2 --address=/www.example.test/fd00:2::2 --local=/example.test/ \
		--edns-packet-max=512 --txt-record=long.example.test,"$(head -c 250 /dev/zero | tr '\0' a)","$(head -c 250 /dev/zero | tr '\0' b)","$(head -c 250 /dev/zero | tr '\0' c)"
	wait_port "$S" 53
}

peer() { ns=$1; shift; ip netns exec "$ns" /usr/bin/python3 "$here/peer.py" "$@"; }
peer_up()
{
	background peer "$S" "$@"
	wait_port "$S" "$2"
}

# SPDX-License-Identifier: Apache-2.0
# Ordinary servers, nothing goes wrong.

r_http()
{
	net_up
	nginx_up
	record_start "$M" c0 'tcp port 80'
	in_c curl -s --local-port 40001 http://10.2.0.2/ http://10.2.0.2/numbers.txt http://10.2.0.2/nowhere >/dev/null
	in_c curl -s --local-port 40002 -d 'a=1&b=2' http://10.2.0.2/submit >/dev/null
	in_c curl -s --local-port 40003 -0 -A old http://10.2.0.2/ >/dev/null
	in_c curl -s --local-port 40004 http://10.2.0.2/slow >/dev/null
	record_stop
	note "curl against $(version_of nginx): 40001 GET / (200), /numbers.txt (200), /nowhere (404) on one connection; 40002 POST (201, by an upstream); 40003 HTTP/1.0; 40004 502. Every connection closed by FIN."
}

r_http_download()
{
	net_up
	nginx_up 1000000
	record_start "$M" c0 'tcp port 80' -s 96 --time-stamp-precision=nano
	in_c curl -s --local-port 40001 http://10.2.0.2/large.bin >/dev/null
	record_stop
	note "curl, $(version_of nginx): one GET of 1,000,000 bytes; nanosecond pcap, packets cut at 96 bytes. No loss."
}

r_http_offload()
{
	OFFLOADS=on net_up
	nginx_up 1000000
	record_start "$M" c0 'tcp port 80' -s 128
	in_c curl -s --local-port 40001 http://10.2.0.2/large.bin >/dev/null
	in_c curl -s --local-port 40002 -d @"$work/www/numbers.txt" http://10.2.0.2/submit >/dev/null
	record_stop
	note "as http-download, with TSO and GRO on: frames of up to 64 KiB, checksums left to a NIC; and a POST. Cut at 128 bytes. No loss."
}

r_redis()
{
	net_up
	redis_up
	record_start "$M" c0 'tcp port 6379'
	cli='in_c redis-cli -h 10.2.0.2'
	$cli SET key1 value1 >/dev/null
	$cli -r 5 -i 0.02 INCR counter >/dev/null
	$cli HGET key1 field >/dev/null
	$cli NOSUCH >/dev/null
	printf 'SET a 1\nGET a\nPING\n' | in_c redis-cli -h 10.2.0.2 --pipe >/dev/null 2>&1 || true
	record_stop
	note "redis-cli, $(version_of redis-server): a connection each for SET, five INCR, HGET (refused: WRONGTYPE), NOSUCH (refused: unknown command), and SET, GET and PING in one go."
}

r_mariadb()
{
	net_up
	mariadb_up
	record_start "$M" c0 'tcp port 3306'
	sql -e "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20)); INSERT INTO t VALUES (1,'one'),(2,'two'); SELECT * FROM t WHERE id = 2; SELECT SLEEP(0.2)"
	sql -e 'SELECT * FROM nowhere' 2>/dev/null || true
	in_c mariadb --no-defaults -h 10.2.0.2 -unobody -pwrong --skip-ssl 2>/dev/null </dev/null || true
	record_stop
	note "mariadb client, $(version_of mariadb-server): statements, one of 0.2 s (SLEEP); a second connection with an error (no such table); a third refused at log-in."
}

r_dns()
{
	net_up
	dns_up
	record_start "$M" c0 'port 53'
	in_c dig +tries=1 -b 10.1.0.2#40001 @10.2.0.2 www.example.test A >/dev/null
	in_c dig +tries=1 -b 10.1.0.2#40002 @10.2.0.2 www.example.test AAAA >/dev/null
	in_c dig +tries=1 -b 10.1.0.2#40003 @10.2.0.2 missing.example.test A >/dev/null
	in_c dig +tries=1 -b 10.1.0.2#40004 +tcp @10.2.0.2 www.example.test A >/dev/null
	in_c dig +tries=1 -b 10.1.0.2#40005 @10.2.0.2 long.example.test TXT >/dev/null
	in_m nft 'add table inet loss; add chain inet loss f { type filter hook forward priority 0; }; add rule inet loss f udp sport 53 drop'
	in_c dig +tries=1 +time=1 -b 10.1.0.2#40006 @10.2.0.2 www.example.test A >/dev/null || true
	record_stop
	note "dig, $(version_of dnsmasq): A, AAAA, NXDOMAIN over UDP, A over TCP (40004), a TXT cut short over UDP and asked again over TCP (40005), one whose answer is dropped (40006)."
}

r_tls()
{
	net_up
	nginx_up
	record_start "$M" c0 'tcp port 443'
	in_c curl -s --cacert "$work/cert.pem" --local-port 40001 --resolve www.example.test:443:10.2.0.2 https://www.example.test/ >/dev/null
	in_c curl -s --cacert "$work/cert.pem" --local-port 40002 --tls-max 1.2 --resolve www.example.test:443:10.2.0.2 https://www.example.test/ >/dev/null
	in_c curl -s --local-port 40003 --resolve www.example.test:443:10.2.0.2 https://www.example.test/ >/dev/null || true
	record_stop
	note "curl, $(version_of nginx), $(version_of openssl): TLS 1.2 with a client that offers 1.3 (40001) and one that does not (40002; this nginx speaks no 1.3 unless it is told to), and a client that does not trust the certificate and gives up (40003)."
}

r_ipv6()
{
	net_up
	nginx_up
	peer_up udp 7000
	record_start "$M" c0 'ip6 and (tcp port 80 or udp or icmp6[0] == 128 or icmp6[0] == 129 or ip6[6] == 44)'
	in_c curl -s --local-port 40001 'http://[fd00:2::2]/' >/dev/null
	in_c ping -q -c 2 -i 0.2 fd00:2::2 >/dev/null
	peer "$C" udp fd00:2::2 7000 40002
	record_stop
	note "IPv6: curl against $(version_of nginx), two pings, UDP datagrams of 100, 4,000 and 9,000 bytes echoed (the larger ones in fragments)."
}

# SPDX-License-Identifier: Apache-2.0
# What `make demo` analyses: some seconds of a small office.

r_demo()
{
	net_up
	for n in 3 4; do address "$C" eth0 10.1.0.$n/24; done
	for n in 3 4 5 6 7; do address "$S" eth0 10.2.0.$n/24; done
	nginx_up 150000
	redis_up 10.2.0.3
	mariadb_up 10.2.0.4
	dns_up 10.2.0.5
	peer_up slow 8080
	database=10.2.0.4
	# The way to 10.2.0.6 loses one packet in fifty, behind the capture; 10.2.0.7 port 9999 swallows everything.
	in_m nft -f - <<-END
		table inet loss {
		  counter c2s { }
		  counter s2c { }
		  chain f { type filter hook forward priority 0;
		    ip daddr 10.2.0.6 numgen random mod 1000 < 20 counter name c2s drop
		    ip saddr 10.2.0.6 numgen random mod 1000 < 20 counter name s2c drop
		    ip daddr 10.2.0.7 tcp dport 9999 drop
		  }
		}
	END
	sql -e 'CREATE TABLE item (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20), price INT)'
	record_start "$M" c0 'ip'
	demo_browser 10.1.0.2 &
	browsers=$!
	demo_browser 10.1.0.3 &
	browsers="$browsers $!"
	demo_application &
	browsers="$browsers $!"
	demo_trouble &
	wait $browsers $!
	record_stop 1
	note "what \`make demo\` reads: two browsers (10.1.0.2, .3), an application (10.1.0.2, and .4 for its POSTs); $(version_of nginx) (10.2.0.2), $(version_of redis-server) (.3), $(version_of mariadb-server) (.4), $(version_of dnsmasq) (.5), the same nginx behind a hop that loses 2 % (.6: $(dropped "$M" c2s) packets to it lost behind the capture, $(dropped "$M" s2c) from it before), a slow server (10.2.0.2 port 8080: 0.2 to 0.9 s an answer), a refused port (10.2.0.2 port 8443), one that swallows SYNs (.7 port 9999)."
	unset database
}

demo_browser()
{
	for n in 1 2 3 4 5 6; do
		in_c dig +tries=1 -b "$1" @10.2.0.5 www.example.test A
		in_c curl -s --interface "$1" http://10.2.0.2/ http://10.2.0.2/numbers.txt "http://10.2.0.2/page/$n"
		in_c curl -s --interface "$1" --cacert "$work/cert.pem" --resolve www.example.test:443:10.2.0.2 https://www.example.test/numbers.txt
		in_c curl -s --interface "$1" http://10.2.0.6/large.bin
		in_c curl -s --interface "$1" "http://10.2.0.2:8080/report/$n"
	done >/dev/null
}

demo_application()
{
	for n in $(seq 12); do
		sql -e "INSERT INTO item (name, price) VALUES ('thing $n', $n); SELECT COUNT(*), AVG(price) FROM item; SELECT SLEEP(0.0$((n % 4)))"
		in_c redis-cli -h 10.2.0.3 -r 20 INCR visits
		in_c redis-cli -h 10.2.0.3 SET "item:$n" "thing $n"
		in_c curl -s --interface 10.1.0.4 -d "id=$n" http://10.2.0.2/submit
		sleep 0.1
	done >/dev/null
}

demo_trouble()
{
	peer "$C" try 10.2.0.7 9999
	in_c curl -s https://10.2.0.2:8443/
	in_c dig +tries=1 +time=1 @10.2.0.5 nowhere.example.test A
} >/dev/null

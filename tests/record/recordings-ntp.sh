# SPDX-License-Identifier: Apache-2.0
# Time, asked and told.

r_ntp()
{
	net_up
	chrony() { in_s chronyd -x -d -u root "bindaddress $1" 'cmdport 0' "pidfile $work/chronyd-$1.pid" 'allow all' "$2" 'driftfile /dev/null'; }
	in_s ip addr add 10.2.0.3/24 dev eth0
	background chrony 10.2.0.2 'local stratum 8'
	background chrony 10.2.0.3 'log tracking'
	sleep 1
	record_start "$M" c0 'udp port 123'
	in_c timeout 10 chronyd -Q -t 4 -u root -f /dev/null 'server 10.2.0.2 iburst' "pidfile $work/client.pid" 'cmdport 0' >/dev/null 2>&1 || true
	in_c timeout 3 busybox ntpd -n -w -q -p 10.2.0.2 >/dev/null 2>&1 || true
	in_c timeout 3 chronyd -Q -t 2 -u root -f /dev/null 'server 10.2.0.3 iburst' "pidfile $work/client.pid" 'cmdport 0' >/dev/null 2>&1 || true
	record_stop
	note "$(version_of chrony) serves a local clock of stratum 8 (10.2.0.2) and one that is not synchronized (10.2.0.3); chronyd and busybox ntpd ask them."
}

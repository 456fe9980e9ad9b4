# SPDX-License-Identifier: Apache-2.0
# Pings.

r_ping()
{
	net_up
	record_start "$M" c0 'icmp or (icmp6 and (ip6[40] == 128 or ip6[40] == 129))'
	in_c ping -q -e 1001 -c 3 -i 0.1 10.2.0.2 >/dev/null
	in_c ping -q -e 1002 -c 2 -i 0.1 -s 1000 fd00:2::2 >/dev/null
	in_m nft 'add table inet loss; add chain inet loss f { type filter hook forward priority 0; }; add rule inet loss f icmp type echo-request drop'
	in_c ping -q -e 1003 -c 2 -i 0.1 -W 0.3 10.2.0.2 >/dev/null || true
	record_stop
	note "ping: three echoes of 56 bytes answered (identifier 1001), two of 1,000 bytes over IPv6 (1002), two that are dropped (1003)."
}

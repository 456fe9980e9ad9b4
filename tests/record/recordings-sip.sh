# SPDX-License-Identifier: Apache-2.0
# Calls, their media and its reports.

r_sip()
{
	net_up
	# It does not end when it is told to.
	background in_s timeout -s KILL 12 sipp -sn uas -i 10.2.0.2 -p 5060 -nostdin
	wait_port "$S" 5060
	background in_s timeout -s KILL 12 sipp -sn uas -i 10.2.0.2 -p 5062 -t t1 -nostdin
	wait_port "$S" 5062
	record_start "$M" c0 'udp or tcp port 5062'
	(cd "$work" && in_c sipp 10.2.0.2:5060 -sn uac -i 10.1.0.2 -p 5060 -m 2 -r 5 -d 100 -s bob -nostdin >/dev/null 2>&1) || true
	(cd "$work" && in_c sipp 10.2.0.2:5062 -sn uac -i 10.1.0.2 -p 5064 -t t1 -m 2 -r 5 -d 100 -s bob -nostdin >/dev/null 2>&1) || true
	# A stream of 20 packets, two of them missing and one late, and what its receiver reports.
	in_c /usr/bin/python3 - <<-'END'
		import socket, struct, time
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("10.1.0.2", 6000))
		for i in [n for n in range(1, 21) if n not in (5, 9, 12)][:12] + [12] + list(range(16, 21)):
		    s.sendto(struct.pack(">BBHII", 0x80, 8, i, i * 160, 4711) + b"\xd5" * 160, ("10.2.0.2", 6000))
		    time.sleep(0.005)
		s.close()
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("10.1.0.2", 6001))
		s.sendto(struct.pack(">BBHIIIIIIIIIIII", 0x81, 201, 7, 1, 4711, 0x1a000002, 20, 33, 0, 0, 0, 0, 0, 0, 0)[:32], ("10.2.0.2", 6001))
		s.sendto(struct.pack(">BBHIBBHI", 0x80, 201, 1, 1, 0x81, 203, 1, 4711), ("10.2.0.2", 6001))
	END
	record_stop
	note "sipp $(version_of sip-tester): two calls over UDP, two over TCP (5062): INVITE, 180, 200 with SDP, ACK, BYE; a script sends an RTP stream (6000) with two packets missing and one late, a receiver's report and a goodbye (6001)."
}

# SPDX-License-Identifier: Apache-2.0
# SSH handshakes.

r_ssh()
{
	net_up
	mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$work/host"
	ssh-keygen -q -t ed25519 -N '' -f "$work/user"
	cp "$work/user.pub" "$work/authorized"
	background in_s /usr/sbin/sshd -D -e -f /dev/null -p 22 -h "$work/host" -o ListenAddress=10.2.0.2 -o PidFile=none \
		-o AuthorizedKeysFile="$work/authorized" -o StrictModes=no -o PermitRootLogin=yes -o UsePAM=no
	wait_port "$S" 22
	record_start "$M" c0 'tcp port 22'
	run() { in_c ssh -F /dev/null -i "$work/user" -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o BatchMode=yes "$@" root@10.2.0.2 true 2>/dev/null || true; }
	run -o BindAddress=10.1.0.2
	run -c aes128-ctr -m hmac-sha2-256 -o KexAlgorithms=ecdh-sha2-nistp256
	run -o KexAlgorithms=diffie-hellman-group1-sha1
	in_c /usr/bin/python3 - <<-'END'
		import socket
		s = socket.create_connection(("10.2.0.2", 22))
		s.recv(100)
		s.sendall(b"GET / HTTP/1.0\r\n\r\n")
		s.recv(100)
	END
	record_stop
	note "openssh client, $(version_of openssh-server): a log-in with the defaults; one with aes128-ctr, hmac-sha2-256 and ecdh-sha2-nistp256; one with a key exchange that the server does not have; and somebody who speaks HTTP."
}

# SPDX-License-Identifier: Apache-2.0
# TLS between OpenSSL's own client and server, and QUIC.

# A certificate authority, a server's certificate, a client's; elliptic curves, so that they are small.
authority_up()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" -days 3650 \
		-subj '/C=DE/O=Example, Inc./CN=Example CA' 2>/dev/null
	for who in server client; do
		name=www.example.test
		[ $who = server ] || name=app
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/$who.key" -out "$work/$who.csr" \
			-subj "/C=DE/O=Example, Inc./CN=$name" 2>/dev/null
		openssl x509 -req -in "$work/$who.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 365 \
			-out "$work/$who.pem" 2>/dev/null
	done
}

# tls_server PORT OPTIONS…: serves a file.
tls_server()
{
	port=$1
	shift
	mkdir -p "$work/files"
	echo hello >"$work/files/hello"
	background in_s env -C "$work/files" openssl s_server -accept "10.2.0.2:$port" -cert "$work/server.pem" \
		-key "$work/server.key" -WWW -cipher DEFAULT@SECLEVEL=0 "$@"
	wait_port "$S" "$port"
}

# tls_client LOCAL PORT OPTIONS…
tls_client()
{
	from=$1 to=$2
	shift 2
	(printf 'GET /hello HTTP/1.0\r\n\r\n'; sleep 0.5) | in_c timeout 3 openssl s_client -connect "10.2.0.2:$to" -bind "10.1.0.2:$from" \
		-servername www.example.test -cipher DEFAULT@SECLEVEL=0 -CAfile "${authority-$work/ca.pem}" -verify_return_error -ign_eof \
		"$@" >>"$work/client.log" 2>&1 || true
}

r_tls_old()
{
	net_up
	authority_up
	tls_server 443 -alpn http/1.1
	tls_server 444 -Verify 1 -CAfile "$work/ca.pem"
	record_start "$M" c0 'tcp portrange 443-444'
	tls_client 40001 443 -tls1_2 -alpn h2,http/1.1 -sess_out "$work/session"
	tls_client 40002 443 -tls1_2 -sess_in "$work/session"
	tls_client 40003 443 -tls1_2 -no_ticket -sess_out "$work/session"
	tls_client 40004 443 -tls1_2 -no_ticket -sess_in "$work/session"
	tls_client 40005 444 -tls1_2 -cert "$work/client.pem" -key "$work/client.key"
	tls_client 40006 443 -tls1
	tls_client 40007 443 -tls1_1
	record_stop
	note "openssl s_client and s_server, $(version_of openssl), up to TLS 1.2: 40001 full, ALPN http/1.1 of h2 and that; 40002 resumed by its ticket; 40003 without tickets, 40004 resumed by its session; 40005 with a client certificate; 40006 TLS 1.0; 40007 TLS 1.1. A file is asked for on each."
}

r_tls13()
{
	net_up
	authority_up
	echo early >"$work/early"
	tls_server 443 -tls1_3 -alpn h2
	tls_server 444 -tls1_3 -Verify 1 -CAfile "$work/ca.pem"
	tls_server 445 -tls1_3 -groups P-256
	# It cannot both answer and take early data; without input it would end.
	mkfifo "$work/input"
	exec 8<>"$work/input"
	background in_s sh -c "exec openssl s_server -accept 10.2.0.2:446 -cert '$work/server.pem' -key '$work/server.key' \
		-tls1_3 -alpn h2 -early_data <'$work/input'"
	wait_port "$S" 446
	record_start "$M" c0 'tcp portrange 443-446'
	tls_client 40001 443 -alpn h2,http/1.1 -sess_out "$work/session"
	tls_client 40002 443 -alpn h2,http/1.1 -sess_in "$work/session"
	tls_client 40003 445 -groups X25519:P-256
	tls_client 40004 444 -cert "$work/client.pem" -key "$work/client.key"
	tls_client 40005 446 -alpn h2,http/1.1 -sess_out "$work/session"
	tls_client 40006 446 -alpn h2,http/1.1 -sess_in "$work/session" -early_data "$work/early"
	record_stop
	exec 8>&-
	note "openssl s_client and s_server, $(version_of openssl), TLS 1.3: 40001 full; 40002 resumed; 40003 asked to retry with another group (HelloRetryRequest); 40004 with a client certificate; 40005 full, 40006 offering early data with a session that the server does not take up. A file is asked for on the first four."
}

r_tls_alerts()
{
	net_up
	authority_up
	tls_server 443 -no_tls1 -no_tls1_1
	tls_server 444 -Verify 1 -CAfile "$work/ca.pem" -no_tls1_3
	tls_server 445 -servername other.example.test -servername_fatal -cert2 "$work/server.pem" -key2 "$work/server.key"
	tls_server 446 -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384
	record_start "$M" c0 'tcp portrange 443-446'
	authority=$work/client.pem
	tls_client 40001 443 -tls1_2
	tls_client 40002 443
	unset authority
	tls_client 40003 446 -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA
	tls_client 40004 443 -tls1_1
	tls_client 40005 444 -tls1_2
	tls_client 40006 445 -servername wrong.example.test
	record_stop
	note "openssl s_client and s_server, $(version_of openssl), handshakes that fail: 40001 a client that does not know the authority (TLS 1.2), 40002 the same in TLS 1.3; by the server: 40003 no cipher in common, 40004 a version that is too old, 40005 no client certificate, 40006 a name that it has not got."
}

r_quic()
{
	if ! command -v gtlsserver >/dev/null || ! command -v gtlsclient >/dev/null; then
		echo "  needs ngtcp2-server and ngtcp2-client" >&2
		return 1
	fi
	net_up
	authority_up
	mkdir -p "$work/www"
	printf 'hello\n' >"$work/www/index.html"
	background in_s gtlsserver -q -d "$work/www" 10.2.0.2 4433 "$work/server.key" "$work/server.pem"
	background in_s gtlsserver -q -V -d "$work/www" 10.2.0.2 4434 "$work/server.key" "$work/server.pem"
	wait_port "$S" 4433
	wait_port "$S" 4434
	record_start "$M" c0 'udp portrange 4433-4434'
	for options in '4433' '4434' '4433 --version=0x1a2a3a4a'; do
		set -- $options
		to=$1
		shift
		in_c timeout 5 gtlsclient -q --exit-on-all-streams-close --no-quic-dump --no-http-dump "$@" 10.2.0.2 "$to" \
			--sni=www.example.test "https://www.example.test:$to/index.html" >>"$work/client.log" 2>&1 || true
	done
	record_stop
	note "ngtcp2's gtlsclient and gtlsserver, $(version_of ngtcp2-server), HTTP/3, three connections: version 1; version 1 after a Retry (port 4434); a version that is none, which the server answers with those it knows."
}

r_quic_caddy()
{
	if ! command -v caddy >/dev/null || ! command -v gtlsclient >/dev/null; then
		echo "  needs caddy and ngtcp2-client" >&2
		return 1
	fi
	net_up
	authority_up
	mkdir -p "$work/www"
	printf 'hello\n' >"$work/www/index.html"
	seq 1 2000 >"$work/www/numbers.txt"
	cat >"$work/Caddyfile" <<-END
		{
		  admin off
		  auto_https disable_redirects
		  servers {
		    protocols h1 h2 h3
		  }
		}
		https://www.example.test, https://localhost {
		  bind 10.2.0.2
		  tls $work/server.pem $work/server.key
		  root * $work/www
		  file_server
		}
	END
	background in_s env HOME="$work" XDG_DATA_HOME="$work" XDG_CONFIG_HOME="$work" caddy run --config "$work/Caddyfile" --adapter caddyfile
	wait_port "$S" 443
	record_start "$M" c0 'udp port 443'
	for page in index.html numbers.txt nowhere; do
		in_c timeout 5 env SSLKEYLOGFILE="$work/keys" gtlsclient -q --exit-on-all-streams-close --no-quic-dump --no-http-dump \
			10.2.0.2 443 --sni=www.example.test "https://www.example.test/$page" >>"$work/client.log" 2>&1 || true
	done
	record_stop
	if command -v editcap >/dev/null && [ -s "$work/keys" ]; then
		editcap --inject-secrets tls,"$work/keys" "$out" "$work/with-keys"
		out=${out%.pcap}.pcapng
		mv "$work/with-keys" "$out"
	fi
	note "ngtcp2's gtlsclient ($(version_of ngtcp2-client)), $(version_of caddy), HTTP/3, three connections: a page (200), one of 9,893 bytes (200), one that is not there (404). The keys are in the capture: what reads them sees the calls."
}

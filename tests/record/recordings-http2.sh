# SPDX-License-Identifier: Apache-2.0
# HTTP/2 without TLS, and gRPC on it. Need nghttp2-server, nghttp2-proxy, nghttp2-client and python3-grpcio.

have_http2() { command -v nghttpd >/dev/null && command -v nghttpx >/dev/null && command -v nghttp >/dev/null; }
have_grpc() { /usr/bin/python3 -c 'import grpc' 2>/dev/null; }

nghttpd_up()
{
	mkdir -p "$work/www"
	printf 'hello\n' >"$work/www/index.html"
	printf 'a { color: red }\n' >"$work/www/style.css"
	seq 1 1500 >"$work/www/numbers.txt"
	background ip netns exec "$S" nghttpd --no-tls -d "$work/www" -p/=/style.css --echo-upload 80
	background ip netns exec "$S" nghttpd --no-tls -d "$work/www" --trailer 'checksum: 1' 82
	background ip netns exec "$S" nghttpx --no-ocsp --frontend='10.2.0.2,81;no-tls' --backend='10.2.0.2,80;;proto=h2' --errorlog-file="$work/nghttpx.log"
	wait_port "$S" 80
	wait_port "$S" 81
	sleep 1 # until its backend is there
	wait_port "$S" 82
}

r_http2()
{
	have_http2 || return 1
	net_up
	nghttpd_up
	record_start "$M" c0 'tcp portrange 80-82'
	in_c curl -s --http2-prior-knowledge --local-port 40001 -H 'X-Request-ID: a-1' http://10.2.0.2/numbers.txt >/dev/null
	in_c curl -s --http2 --local-port 40002 http://10.2.0.2:81/style.css >/dev/null
	in_c curl -s --http2-prior-knowledge --local-port 40003 -d @"$work/www/numbers.txt" http://10.2.0.2/submit >/dev/null
	in_c nghttp -n -m 3 http://10.2.0.2/ http://10.2.0.2/numbers.txt http://10.2.0.2/nowhere 2>/dev/null
	in_c nghttp -n --continuation -b 20 -H 'user-agent: nghttp, twice' http://10.2.0.2:82/style.css
	record_stop
	note "curl and nghttp against nghttpd ($(version_of nghttp2-server)), prior knowledge: 40001 a GET with X-Request-ID; 40002 by Upgrade, at nghttpx in front of it (port 81), which answers 502; 40003 a POST, echoed. Then nghttp: two pages three times each and one that is not there (404) three times, all at once, with a pushed style.css; a header in a CONTINUATION, padded, the response with trailers (port 82)."
}

r_http2_nginx()
{
	have_http2 || return 1
	net_up
	nginx_up 30000
	sed 's/listen 80; listen \[::\]:80;/listen 82 http2;/; s/listen 443.*443 ssl;/listen 444 ssl;/; s/8081; location/8083; location/; s/nginx.pid/nginx2.pid/' \
		"$work/nginx.conf" >"$work/nginx2.conf"
	background ip netns exec "$S" nginx -c "$work/nginx2.conf" -e "$work/nginx2.log"
	wait_port "$S" 82
	record_start "$M" c0 'tcp port 82'
	in_c nghttp -n http://10.2.0.2:82/ http://10.2.0.2:82/large.bin http://10.2.0.2:82/nowhere >/dev/null 2>&1
	in_c curl -s --http2-prior-knowledge --local-port 40002 -d 'a=1&b=2' http://10.2.0.2:82/submit >/dev/null
	in_c curl -s --http2-prior-knowledge --local-port 40004 'http://10.2.0.2:82/slow?password=secret' >/dev/null
	in_c timeout 1 curl -s --http2-prior-knowledge --local-port 40003 --limit-rate 10k http://10.2.0.2:82/large.bin >/dev/null || true
	record_stop
	note "nghttp and curl, prior knowledge, $(version_of nginx), port 82: GET / (200), /large.bin (200, 30,000 bytes), /nowhere (404) on one connection; 40002 POST /submit (201); 40004 GET /slow?password=secret (502); 40003 a slow reader of /large.bin that is ended after a second."
}

r_grpc()
{
	have_grpc || return 1
	net_up
	background ip netns exec "$S" /usr/bin/python3 "$here/grpc_peer.py" serve 10.2.0.2 50051
	wait_port "$S" 50051
	record_start "$M" c0 'tcp port 50051'
	in_c /usr/bin/python3 "$here/grpc_peer.py" calls 10.2.0.2 50051
	record_stop
	note "gRPC, $(version_of python3-grpcio), one connection: three unary calls of shop.Orders/Get with x-request-id, one that fails (NOT_FOUND), List (5 messages), Put (3 messages), Chat (2 and 4), Slow (deadline of 0.2 s, 0.6 s needed), None (UNIMPLEMENTED), and a Chat that the client cancels."
}

r_grpc_midstream()
{
	have_grpc || return 1
	net_up
	background ip netns exec "$S" /usr/bin/python3 "$here/grpc_peer.py" serve 10.2.0.2 50051
	wait_port "$S" 50051
	background ip netns exec "$C" /usr/bin/python3 "$here/grpc_peer.py" pausing 10.2.0.2 50051 "$work/go"
	sleep 1.5
	record_start "$M" c0 'tcp port 50051'
	touch "$work/go"
	sleep 1
	record_stop
	note "as grpc, but recorded from the second call of the connection on: three calls of Get and one that fails, whose header fields refer to a table that was filled before."
}

# GRPC_WEB names grpc_web.go, built; GRPC_WEB_MODULES the folder of node's modules that grpc_web.js needs.
r_grpc_web()
{
	[ -x "${GRPC_WEB-}" ] && [ -d "${GRPC_WEB_MODULES-}" ] || { echo "record: no gRPC-Web, see recordings-http2.sh" >&2; return 1; }
	net_up
	background ip netns exec "$S" "$GRPC_WEB" serve 10.2.0.2:8080
	wait_port "$S" 8080
	record_start "$M" c0 'tcp port 8080'
	NODE_PATH=$GRPC_WEB_MODULES in_c timeout 60 node "$here/grpc_web.js" 10.2.0.2:8080
	in_c "$GRPC_WEB" calls 10.2.0.2:8080
	record_stop
	note "gRPC-Web: its own client (grpc-web 1.5.0) over HTTP/1.1, then one written for this over HTTP/2, and improbable-eng's wrapper v0.15.0; in base64, then as it is: Get, one that fails (NOT_FOUND, 100 % and ü in its message), None (UNIMPLEMENTED), List (5 messages, one in a flush, then DATA_LOSS)."
}

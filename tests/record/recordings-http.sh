# SPDX-License-Identifier: Apache-2.0
# HTTP/1 in all its framings, and what it hands connections over to. Needs haproxy, tinyproxy, apache2-bin and
# python3-websockets besides.

# send PORT TEXT: as it is, from that port, in one go; until the server closes.
send()
{
	in_c /usr/bin/python3 -c '
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", int(sys.argv[1])))
s.connect(("10.2.0.2", 80))
s.sendall(sys.argv[2].encode().decode("unicode_escape").encode("latin-1"))
while s.recv(65536):
    pass' "$1" "$2"
}

# A server with compression, conditions, redirects and an upstream that needs the whole body.
nginx_framing_up()
{
	mkdir -p "$work/www/orders"
	seq 1 500 >"$work/www/numbers.txt"
	printf 'order\n' >"$work/www/orders/12345"
	cat >"$work/nginx.conf" <<-END
		daemon off; master_process off; pid $work/nginx.pid; error_log $work/nginx.log;
		events { worker_connections 256; }
		http {
		  access_log off; client_body_temp_path $work/body; proxy_temp_path $work/proxy;
		  fastcgi_temp_path $work/f; uwsgi_temp_path $work/u; scgi_temp_path $work/g;
		  default_type text/plain; if_modified_since before; gzip on; gzip_min_length 100; gzip_types text/plain;
		  server {
		    listen 80 ${1-}; root $work/www;
		    location /submit { proxy_pass http://127.0.0.1:8081/; }
		    location /moved { return 301 /numbers.txt; }
		    location /nothing { return 204; }
		    location /teapot { return 418 "short and stout\n"; }
		    location /private { auth_basic "x"; auth_basic_user_file $work/nobody; }
		  }
		  server { listen 127.0.0.1:8081; location / { return 201 "made\n"; } }
		}
	END
	: >"$work/nobody"
	chmod 644 "$work/nobody"
	background in_s nginx -c "$work/nginx.conf" -e "$work/nginx.log"
	wait_port "$S" 80
}

r_http_framing()
{
	net_up
	nginx_framing_up
	base=http://10.2.0.2
	record_start "$M" c0 'tcp port 80'
	in_c curl -s --local-port 40001 --compressed -I $base/numbers.txt --next -s --compressed $base/numbers.txt \
		--next -s $base/nothing --next -s $base/teapot --next -s $base/moved \
		--next -s -u joe:secret $base/private >/dev/null
	in_c curl -s --local-port 40002 -H 'If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT' "$base/orders/12345?token=abc" >/dev/null
	seq 1 2000 | in_c curl -s --local-port 40003 -H 'Expect: 100-continue' -T - $base/submit >/dev/null
	seq 1 2000 >"$work/upload"
	in_c curl -s --local-port 40004 -H 'Expect: 100-continue' --data-binary "@$work/upload" \
		-H 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' -H 'X-Request-ID: r-1' $base/submit >/dev/null
	send 40005 'GET /orders/12345 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /numbers.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /no HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
	send 40006 'POST /submit HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Request-ID: in-a-trailer\r\n\r\n'
	send 40007 'GET /orders/12345 HTTP/1.0\r\n\r\n'
	send 40008 'GET / HTTP/1.1\r\nno header\r\n\r\n'
	record_stop
	note "curl and bare requests, $(version_of nginx): 40001 HEAD (200), GET gzip and chunked (200), 204, 418, 301, 401 on one connection; 40002 304; 40003 PUT in chunks with 100 Continue (201); 40004 POST with a length and 100 Continue (201), with traceparent and X-Request-ID; 40005 three pipelined requests (200, HEAD 200, 404); 40006 chunks with an extension and a trailer (201); 40007 HTTP/1.0 (200); 40008 refused (400)."
}

r_http_connect()
{
	net_up
	nginx_framing_up
	cat >"$work/tinyproxy.conf" <<-END
		Port 8888
		Listen 10.2.0.2
		Timeout 10
		MaxClients 10
		BasicAuth joe secret
	END
	background in_s tinyproxy -d -c "$work/tinyproxy.conf"
	wait_port "$S" 8888
	proxy=http://joe:secret@10.2.0.2:8888
	record_start "$M" c0 'tcp port 8888'
	in_c curl -s --local-port 40001 -p -x $proxy http://10.2.0.2/orders/12345 >/dev/null
	in_c curl -s --local-port 40002 -x $proxy http://10.2.0.2/orders/12345 >/dev/null
	in_c curl -s --local-port 40003 -p -x http://10.2.0.2:8888 http://10.2.0.2/orders/12345 >/dev/null || true
	in_c curl -s --local-port 40004 -p -x $proxy http://10.2.0.2:9/ >/dev/null || true
	record_stop
	note "curl by way of $(version_of tinyproxy): 40001 CONNECT (200), in it a GET (200); 40002 a GET of an absolute target (200); 40003 CONNECT without credentials (407); 40004 CONNECT to a port where nobody listens (500)."
}

r_http_h2c()
{
	net_up
	mkdir -p "$work/dav"
	chmod 777 "$work/dav"
	printf 'hello\n' >"$work/dav/index.html"
	cat >"$work/apache.conf" <<-END
		ServerRoot $work
		ServerName www.example.test
		PidFile $work/apache.pid
		ErrorLog $work/apache.log
		Listen 10.2.0.2:80
		User www-data
		$(for m in mpm_event authz_core dir dav dav_fs http2; do echo "LoadModule ${m}_module /usr/lib/apache2/modules/mod_$m.so"; done)
		Protocols h2c http/1.1
		DavLockDB $work/dav/lock
		DocumentRoot $work/dav
		<Directory $work/dav>
		Dav On
		Require all granted
		</Directory>
	END
	background in_s apache2 -DFOREGROUND -f "$work/apache.conf"
	wait_port "$S" 80
	record_start "$M" c0 'tcp port 80'
	in_c curl -s --local-port 40001 --http2 http://10.2.0.2/index.html http://10.2.0.2/no >/dev/null
	in_c curl -s --local-port 40002 -X MKCOL http://10.2.0.2/new/ --next -s -T "$work/dav/index.html" http://10.2.0.2/new/1.html \
		--next -s -X PROPFIND -H 'Depth: 1' http://10.2.0.2/new/ \
		--next -s -X MOVE -H 'Destination: http://10.2.0.2/new/2.html' http://10.2.0.2/new/1.html \
		--next -s -X DELETE http://10.2.0.2/new/ --next -s -X OPTIONS http://10.2.0.2/ >/dev/null
	record_stop
	note "curl, $(version_of apache2-bin): 40001 GET that upgrades to HTTP/2 (101), its answer and another GET (200, 404) there; 40002 WebDAV: MKCOL (201), PUT (201), PROPFIND (207), MOVE (201), DELETE (204), OPTIONS (200)."
}

r_websocket()
{
	net_up
	cat >"$work/ws.py" <<-END
		import asyncio, sys, websockets

		async def serve(ws, *_):
		    async for m in ws:
		        if m == "fail":
		            await ws.close(1011, "gave up")
		            return
		        await ws.send(m)

		async def server():
		    async with websockets.serve(serve, "10.2.0.2", 80, ping_interval=None, compression=None, subprotocols=["chat"]):
		        await asyncio.Future()

		async def client(port, messages):
		    async with websockets.connect("ws://10.2.0.2/chat/12345", local_addr=("10.1.0.2", port), ping_interval=None,
		                                  compression=None, subprotocols=["chat"]) as ws:
		        await (await ws.ping())
		        for m in messages:
		            await ws.send(m)
		            if m != "fail":
		                await ws.recv()
		        if "fail" in messages:
		            await ws.wait_closed()

		async def clients():
		    await client(40001, ["hello", bytes(20000), ["in ", "three ", "pieces"]])
		    await client(40002, ["hello", "fail"])

		asyncio.run(server() if sys.argv[1] == "serve" else clients())
	END
	background in_s /usr/bin/python3 "$work/ws.py" serve
	wait_port "$S" 80
	record_start "$M" c0 'tcp port 80'
	in_c /usr/bin/python3 "$work/ws.py" connect
	record_stop
	note "client and server of $(version_of python3-websockets): 40001 a ping and its pong, a text, a binary of 20,000 bytes and a text in four frames, each echoed (the last in one), closed with 1000; 40002 a ping and its pong, a text echoed, and one that makes the server close with 1011 (\"gave up\")."
}

r_proxy_protocol()
{
	net_up
	nginx_framing_up proxy_protocol
	cat >"$work/haproxy.cfg" <<-END
		defaults
		  mode tcp
		  timeout connect 5s
		  timeout client 5s
		  timeout server 5s
		listen one
		  bind 10.1.0.1:8001
		  server s 10.2.0.2:80 send-proxy
		listen two
		  bind 10.1.0.1:8002
		  server s 10.2.0.2:80 send-proxy-v2 proxy-v2-options unique-id
		  unique-id-format req-%pid
		listen three
		  bind fd00:1::1:8003
		  server s 10.2.0.2:80 send-proxy-v2
	END
	background in_m haproxy -db -f "$work/haproxy.cfg"
	wait_port "$M" 8001
	record_start "$M" s0 'tcp port 80'
	in_c curl -s --local-port 40001 http://10.1.0.1:8001/orders/12345 >/dev/null
	in_c curl -s --local-port 40002 http://10.1.0.1:8002/orders/12345 >/dev/null
	in_c curl -s --local-port 40003 'http://[fd00:1::1]:8003/orders/12345' >/dev/null
	record_stop
	note "recorded at s0, between $(version_of haproxy) on the router and $(version_of nginx): PROXY version 1 (client 10.1.0.2 port 40001), 2 with a unique ID (40002), 2 with IPv6 addresses (fd00:1::2 port 40003), each before a GET (200)."
}

r_http_haproxy()
{
	net_up
	nginx_up
	cat >"$work/haproxy.cfg" <<-END
		defaults
		  mode http
		  timeout connect 1s
		  timeout client 5s
		  timeout server 1s
		  option forwardfor
		frontend web
		  bind 10.2.0.2:8000
		  bind 10.2.0.2:8001 proto h2
		  unique-id-format %[uuid()]
		  unique-id-header X-Request-ID
		  http-response set-header X-Request-ID %[unique-id]
		  http-request deny if { path /secret }
		  http-request redirect location /index.html code 302 if { path /moved }
		  use_backend down if { path /down }
		  use_backend silent if { path /silent }
		  default_backend nginx
		backend nginx
		  server s 10.2.0.2:80
		backend down
		  server s 10.2.0.2:9
		backend silent
		  server s 10.2.0.2:8002
	END
	background in_s haproxy -db -f "$work/haproxy.cfg"
	background in_s /usr/bin/python3 -c 'import socket, time; s = socket.create_server(("10.2.0.2", 8002)); time.sleep(600)'
	wait_port "$S" 8000
	wait_port "$S" 8002
	record_start "$M" c0 'tcp portrange 8000-8001'
	at=http://10.2.0.2:8000
	in_c curl -s --local-port 40001 $at/ $at/numbers.txt $at/moved $at/secret $at/nowhere >/dev/null
	in_c curl -s --local-port 40002 $at/down >/dev/null
	in_c curl -s --local-port 40003 $at/silent >/dev/null
	in_c curl -s --local-port 40004 -d 'a=1' $at/submit >/dev/null
	in_c curl -s --local-port 40005 --http2-prior-knowledge http://10.2.0.2:8001/ >/dev/null
	in_c curl -s --local-port 40006 --http2-prior-knowledge http://10.2.0.2:8001/secret >/dev/null
	printf 'GET / HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n' | in_c busybox nc -w 2 10.2.0.2 8000 >/dev/null || true
	record_stop
	note "curl, $(version_of haproxy) before $(version_of nginx), with an X-Request-ID in its answers: 40001 /, /numbers.txt (200), /moved (302), /secret (403), /nowhere (404) on one connection; 40002 nobody listens behind it (503); 40003 nobody answers within a second (504); 40004 POST (201); 40005 and 40006 HTTP/2 by prior knowledge: / (200), /secret (403); last a request that is none (400)."
}

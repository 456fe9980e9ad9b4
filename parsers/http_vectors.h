/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of http.c. */

static const struct sp_vector vectors[] = {
	{
		.name = "one call, lengths",
		.step = {SP_C("POST /orders/12345?expand=items HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: "
			      "t/1\r\n"
			      "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}"),
			 SP_S("HTTP/1.1 201 Created\r\nServer: s/2\r\nContent-Type: text/plain\r\nContent-Length: "
			      "3\r\n\r\nok\n")},
		.want = "> request app_version=1.1 method=POST host=shop.example:8080 "
			"resource=/orders/12345?expand=items "
			"endpoint=/orders/{id} bytes=144 user_agent.original=t/1 "
			"http.request.header.content-type=application/json http.request.body.size=7\n"
			"< response app_version=1.1 code=201 status=ok bytes=85 http.response.header.server=s/2 "
			"http.response.header.content-type=text/plain http.response.body.size=3\n",
	},
	{
		.name = "pipeline: HEAD has no body, 304 and 204 neither, errors say why",
		.step = {SP_C("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n"
			      "GET /c HTTP/1.1\r\nHost: h\r\n\r\nDELETE /d HTTP/1.1\r\nHost: h\r\n\r\n"
			      "GET /e HTTP/1.1\r\nHost: h\r\n\r\n"),
			 SP_S("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
			      "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"
			      "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"
			      "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 503\r\nContent-Length: 0\r\n\r\n")},
		.want = "> request app_version=1.1 method=HEAD host=h resource=/a endpoint=/a bytes=29\n"
			"> request app_version=1.1 method=GET host=h resource=/b endpoint=/b bytes=28\n"
			"> request app_version=1.1 method=GET host=h resource=/c endpoint=/c bytes=28\n"
			"> request app_version=1.1 method=DELETE host=h resource=/d endpoint=/d bytes=31\n"
			"> request app_version=1.1 method=GET host=h resource=/e endpoint=/e bytes=28\n"
			"< response app_version=1.1 code=200 status=ok bytes=41 http.response.body.size=1000\n"
			"< response app_version=1.1 code=304 status=ok bytes=51 http.response.body.size=1000\n"
			"< response app_version=1.1 code=404 message=Not Found status=client_error bytes=47 "
			"http.response.body.size=2\n"
			"< response app_version=1.1 code=204 status=ok bytes=27\n"
			"< response app_version=1.1 code=503 status=server_error bytes=35 http.response.body.size=0\n",
	},
	{
		.name = "chunks with extensions and trailers, both ways",
		.step = {SP_C("PUT /u HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\nTrailer: "
			      "X-Request-ID\r\n\r\n"
			      "5;name=\"v\"\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-Request-ID: r1\r\nContent-Length: "
			      "9\r\n\r\n"),
			 SP_S("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
			      "003\r\nabc\r\n0 ; last\r\n\r\n"),
			 SP_C("GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
			 SP_S("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")},
		.want = "> request app_version=1.1 method=PUT host=h resource=/u endpoint=/u x_request_id_request=r1 "
			"bytes=161\n"
			"< response app_version=1.1 code=200 status=ok bytes=93 "
			"http.response.header.content-encoding=gzip\n"
			"> request app_version=1.1 method=GET host=h resource=/ endpoint=/ bytes=27\n"
			"< response app_version=1.1 code=200 status=ok bytes=38 http.response.body.size=0\n",
	},
	{
		.name = "HTTP/1.0: to the end",
		.step = {SP_C("GET /old HTTP/1.0\r\n\r\n"),
			 SP_S("HTTP/1.0 200 OK\r\nServer: x\r\n\r\nHTTP/1.1 500 no\r\n\r\n")},
		.want = "> request app_version=1.0 method=GET resource=/old endpoint=/old bytes=21\n"
			"< response app_version=1.0 code=200 status=ok bytes=30 http.response.header.server=x\n",
	},
	{
		.name = "interim responses",
		.step = {SP_C("POST /p HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"),
			 SP_S("HTTP/1.1 100 Continue\r\n\r\n"), SP_C("abc"),
			 SP_S("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
			      "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")},
		.want = "< interim app_version=1.1 code=100 bytes=25\n"
			"> request app_version=1.1 method=POST host=h resource=/p endpoint=/p bytes=73 "
			"http.request.body.size=3\n"
			"< interim app_version=1.1 code=103 bytes=40\n"
			"< response app_version=1.1 code=417 message=Expectation Failed status=client_error bytes=54 "
			"http.response.body.size=0\n",
	},
	{
		.name = "WebSocket",
		.step = {SP_C("GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
			 SP_S("HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
			      "Sec-WebSocket-Protocol: mqtt\r\n\r\n"),
			 SP_C("\x81\x80\x01\x02\x03\x04")},
		.want = "> request app_version=1.1 method=GET host=h resource=/chat endpoint=/chat bytes=72 "
			"http.request.header.upgrade=websocket\n"
			"< response app_version=1.1 code=101 status=ok bytes=107 "
			"http.response.header.sec-websocket-protocol=mqtt\n"
			"> switch websocket\n",
	},
	{
		.name = "h2c",
		.step = {SP_C("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
			      "HTTP2-Settings: AAMAAABk\r\n\r\n"),
			 SP_S("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
			      "h2c\r\n\r\n\0\0\0\4\0\0\0\0\0")},
		.want = "> request app_version=1.1 method=GET host=h resource=/ endpoint=/ bytes=104 "
			"http.request.header.upgrade=h2c\n"
			"< interim app_version=1.1 code=101 bytes=71\n"
			"< switch http2\n",
	},
	{
		.name = "an upgrade that the server ignores",
		.step = {SP_C("GET /1 HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n\r\n"),
			 SP_S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
			 SP_C("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n"),
			 SP_S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny")},
		.want = "> request app_version=1.1 method=GET host=h resource=/1 endpoint=/{id} bytes=42 "
			"http.request.header.upgrade=h2c\n"
			"< response app_version=1.1 code=200 status=ok bytes=39 http.response.body.size=1\n"
			"> request app_version=1.1 method=GET host=h resource=/2 endpoint=/{id} bytes=28\n"
			"< response app_version=1.1 code=200 status=ok bytes=39 http.response.body.size=1\n",
	},
	{
		.name = "CONNECT: refused, then let through",
		.step = {SP_C("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"),
			 SP_S("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno"),
			 SP_C("CONNECT a.example:443 HTTP/1.1\r\nProxy-Authorization: Basic dTpw\r\n\r\n"),
			 SP_S("HTTP/1.1 200 Connection established\r\n\r\n"), SP_C("\x16\x03\x01")},
		.want = "> request app_version=1.1 method=CONNECT host=a.example:443 resource=a.example:443 "
			"endpoint=a.example:443 bytes=55\n"
			"< response app_version=1.1 code=407 message=Proxy Authentication Required status=client_error "
			"bytes=67 "
			"http.response.body.size=2\n"
			"> request app_version=1.1 method=CONNECT host=a.example:443 resource=a.example:443 "
			"endpoint=a.example:443 bytes=67 http.request.header.proxy-authorization=Basic\n"
			"< response app_version=1.1 code=200 status=ok bytes=39\n"
			"> switch \n",
	},
	{
		.name = "CONNECT, and a client that does not wait",
		.step = {SP_C("CONNECT a:1 HTTP/1.0\r\n\r\n\1\2\3\r\n\r\n"), SP_S("HTTP/1.0 200 OK\r\n\r\n"),
			 SP_S("x")},
		.want = "> request app_version=1.0 method=CONNECT host=a:1 resource=a:1 endpoint=a:1 bytes=24\n"
			"> switch \n",
	},
	{
		.name = "credentials, cookies and secret parameters are hidden",
		.step = {SP_C("GET "
			      "http://user:pw@h.example/"
			      "login;jsessionid=AB12?user=u&Password=x&access_token=t&page=2&sig=9&design=3 "
			      "HTTP/1.1\r\nHost: other\r\nAuthorization: Bearer eyJ\r\nCookie: sid=1\r\n"
			      "Referer: https://r.example/?token=1\r\nX-Forwarded-For: 192.0.2.7, 10.0.0.1\r\n\r\n"),
			 SP_S("HTTP/1.1 302 Found\r\nSet-Cookie: sid=2\r\nSet-Cookie: b=3\r\nContent-Length: "
			      "0\r\n\r\n")},
		.want = "> request app_version=1.1 method=GET host=h.example "
			"resource=http://?@h.example/"
			"login;jsessionid=??user=u&Password=?&access_token=?&page=2&sig=?&design=3 "
			"endpoint=/login bytes=248 http.request.header.authorization=Bearer "
			"http.request.header.cookie=? "
			"http.request.header.referer=https://r.example/?token=? client.address=192.0.2.7\n"
			"< response app_version=1.1 code=302 status=ok bytes=77 http.response.header.set-cookie=? "
			"http.response.body.size=0\n",
	},
	{
		.name = "revealed: parameters, but no passwords",
		.reveal = true,
		.step = {SP_C("GET /?token=t&pwd=x HTTP/1.1\r\nAuthorization: abc\r\nCookie: a=b\r\n\r\n")},
		.want = "> request app_version=1.1 method=GET resource=/?token=t&pwd=? endpoint=/ bytes=65 "
			"http.request.header.authorization=? http.request.header.cookie=?\n",
	},
	{
		.name = "trace contexts",
		.step = {SP_C("GET /t HTTP/1.1\r\nHost: h\r\nb3: "
			      "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1\r\n"
			      "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nX-Request-ID: "
			      "q-1\r\n\r\n"),
			 SP_S("HTTP/1.1 200 OK\r\nx-request-id: q-1\r\nContent-Length: 0\r\n\r\n")},
		.want = "> request app_version=1.1 method=GET host=h resource=/t endpoint=/t "
			"trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7 "
			"other_trace_id=80f198ee56343ba864fe8b2a57d3eff7 x_request_id_request=q-1 bytes=174\n"
			"< response app_version=1.1 code=200 x_request_id_response=q-1 status=ok bytes=57 "
			"http.response.body.size=0\n",
	},
	{
		.name = "two tracers' contexts; one trace in two forms",
		.step = {SP_C("GET /two HTTP/1.1\r\nsw8: 1-YTEyNDQ1LjE=-YjYyLjM=-3-c3Zj-aQ==-L2U=-aDox\r\n"
			      "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n"
			      "GET /one HTTP/1.1\r\nb3: a3ce929d0e0e4736-e457b5a2e4d86bd1\r\n"
			      "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n")},
		.want = "> request app_version=1.1 method=GET resource=/two endpoint=/two "
			"trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7 other_trace_id=a12445.1 "
			"bytes=143\n"
			"> request app_version=1.1 method=GET resource=/one endpoint=/one "
			"trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7 bytes=130\n",
	},
	{
		.name = "folded lines, bare line feeds, no Host, empty lines between, WebDAV",
		.no_probe = true, /* begins with an empty line */
		.step = {SP_C("\r\nPROPFIND /dav/ HTTP/1.1\nTransfer-Encoding:\n chunked\nContent-Length: "
			      "999\n\n1\nx\n0\n\n\n"
			      "VERSION-CONTROL /dav/x HTTP/1.1\r\nUser-Agent: a\r\n\tb\r\n\r\n"),
			 SP_S("HTTP/1.1 207 Multi-Status\nContent-Length: 1, 1\nContent-Length: 7\n\nx"
			      "HTTP/1.1  \t999 odd\r\nContent-Length: 0\r\n\r\n")},
		.want = "> request app_version=1.1 method=PROPFIND resource=/dav/ endpoint=/dav/ bytes=80 "
			"http.request.body.size=999\n"
			"> request app_version=1.1 method=VERSION-CONTROL resource=/dav/x endpoint=/dav/x bytes=54 "
			"user_agent.original=a\\x0d\\x0a\\x09b\n"
			"< response app_version=1.1 code=207 status=ok bytes=67 http.response.body.size=1\n"
			"< response app_version=1.1 code=999 message=odd status=unknown bytes=41 "
			"http.response.body.size=0\n",
	},
	{
		.name = "wrong lengths",
		.step = {SP_C("POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nabcd\r\nGET /b HTTP/1.1\r\n\r\n"),
			 SP_S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxyzHTTP/1.1 200 OK\r\nContent-Length: "
			      "-1\r\n\r\n...")},
		.want = "> request app_version=1.1 method=POST resource=/a endpoint=/a bytes=41 "
			"http.request.body.size=2\n"
			"> request app_version=1.1 method=GET resource=/b endpoint=/b bytes=19\n"
			"< response app_version=1.1 code=200 status=ok bytes=39 http.response.body.size=1\n"
			"< response app_version=1.1 code=200 status=ok bytes=39\n",
	},
	{
		.name = "a chunk that is none ends its message",
		.step = {SP_C("GET / HTTP/1.1\r\n\r\n"),
			 SP_S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX\r\n\r\n"
			      "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")},
		.want = "> request app_version=1.1 method=GET resource=/ endpoint=/ bytes=18\n"
			"< response app_version=1.1 code=200 status=ok bytes=52\n"
			"< response app_version=1.1 code=500 message=Oh status=server_error bytes=47\n",
	},
	{
		.name = "the sides were mistaken",
		.step = {SP_S("GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
			 SP_C("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")},
		.want = "< request app_version=1.1 method=GET host=h resource=/ endpoint=/ bytes=27\n"
			"> response app_version=1.1 code=200 status=ok bytes=39 http.response.body.size=1\n",
	},
	{
		.name = "a head that the stream's end cuts",
		.step = {SP_C("GET /cut HTTP/1.1\r\nHost: h\r\nUser-")},
		.want = "> request app_version=1.1 method=GET host=h resource=/cut endpoint=/cut bytes=33\n",
	},
	{
		.name = "lengths beyond measure, and codings that do not end themselves",
		.step = {SP_C("SSTP_DUPLEX_POST /sra_{BA195980}/ HTTP/1.1\r\nContent-Length: "
			      "18446744073709551615\r\n\r\nGET / HTTP"),
			 SP_S("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 "
			      "OK\r\n\r\n")},
		.want = "> request app_version=1.1 method=SSTP_DUPLEX_POST resource=/sra_{BA195980}/ endpoint=/{id}/ "
			"bytes=84 "
			"http.request.body.size=18446744073709551615\n"
			"< response app_version=1.1 code=200 status=ok bytes=63 http.response.body.size=1\n",
	},
	{
		.name = "HTTP/2's preface is not ours",
		.no_probe = true,
		.step = {SP_C("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
		.want = "> bad\n",
	},
	{
		.name = "lines that frame in unusual ways, between ordinary ones",
		.step = {SP_C("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\nab"
			      "POST /b HTTP/1.1\r\nContent-Length:\t2\r\n\r\nab"
			      "POST /c HTTP/1.1\r\nContent-Length:\r\n 2\r\n\r\nab"
			      "POST /d HTTP/1.1\r\nX: GET /x HTTP/1.1\r\n\tContent-Length: 7\r\nContent-Length: 2 "
			      "\r\n\r\nab"
			      "POST /e HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: "
			      "1\r\n\r\n0\r\n\r\n"
			      "POST /f HTTP/1.1\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nab"
			      "POST /g HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\nab"
			      "POST /h HTTP/1.1\r\nContent-Length : 9\r\ncontent-length: 2\r\n\r\nab"),
			 SP_S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 7\r\n\r\nx"
			      "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx"
			      "HTTP/1.1  200 OK\r\nContent-Length: 1\r\n\r\nx"
			      "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
			      "HTTP/1.1 404 No\r\nTRANSFER-ENCODING: Chunked\r\n\r\n0\r\n\r\n"
			      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
			      "identity\r\n\r\n0\r\n\r\n"
			      "HTTP/1.1 200 OK\r\nTest: 1\r\nUpdate: 2\r\nCookie: 3\r\nContent-Length: 1\r\n\r\nx"
			      "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n")},
		.want = "> request app_version=1.1 method=POST host=h resource=/a endpoint=/a bytes=69 "
			"http.request.body.size=2\n"
			"> request app_version=1.1 method=POST resource=/b endpoint=/b bytes=41 "
			"http.request.body.size=2\n"
			"> request app_version=1.1 method=POST resource=/c endpoint=/c bytes=43 "
			"http.request.body.size=2\n"
			"> request app_version=1.1 method=POST resource=/d endpoint=/d bytes=82 "
			"http.request.body.size=2\n"
			"> request app_version=1.1 method=POST resource=/e endpoint=/e bytes=78 "
			"http.request.body.size=1\n"
			"> request app_version=1.1 method=POST resource=/f endpoint=/f bytes=70 "
			"http.request.body.size=2\n"
			"> request app_version=1.1 method=POST resource=/g endpoint=/g bytes=44 "
			"http.request.body.size=2\n"
			"> request app_version=1.1 method=POST resource=/h endpoint=/h bytes=61 "
			"http.request.body.size=2\n"
			"< response app_version=1.1 code=200 status=ok bytes=58 http.response.body.size=1\n"
			"< response app_version=1.1 code=200 status=ok bytes=36 http.response.body.size=1\n"
			"< response app_version=1.1 code=200 status=ok bytes=40 http.response.body.size=1\n"
			"< response app_version=1.1 code=500 message=No status=server_error bytes=58\n"
			"< response app_version=1.1 code=404 message=No status=client_error bytes=52\n"
			"< response app_version=1.1 code=200 status=ok bytes=81\n"
			"< response app_version=1.1 code=200 status=ok bytes=70 http.response.body.size=1\n"
			"< response app_version=1.1 code=200 status=ok bytes=39\n",
	},
	{
		.name = "neither is RTSP",
		.no_probe = true,
		.step = {SP_C("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")},
		.want = "> bad\n",
	},
	{
		.name = "gRPC-Web",
		.step = {SP_C("POST /pk.Svc/Get HTTP/1.1\015\012Host: h\015\012Content-Type: "
			      "application/grpc-web-text\015"
			      "\012Content-Length: 8\015\012\015\012AAAAAAF4"),
			 SP_S("HTTP/1.1 200 OK\015\012content-type: "
			      "application/grpc-web-text\015\012transfer-encoding: c"
			      "hunked\015\012\015\01214\015\012AAAAAAR5eXl5AAAAAAA=\015\012c\015\012AAAAAA=="
			      "Anp6\015\0121"
			      "4\015\012gAAAAClncnBjLXN0YXR1\015\01215\015\012czogNQ0KZ3JwYy1tZXNzY\015\01217\015\012Wd"
			      "lO"
			      "iBubyUyMHN1Y2gNCg==\015\0120\015\012\015\012"),
			 SP_C("POST /pk.Svc/Get HTTP/1.1\015\012Host: h\015\012Content-Type: "
			      "application/grpc-web+proto\015"
			      "\012Content-Length: 14\015\012\015\012\000\000\000\000\003abc\000\000\000\000\001d"),
			 SP_S("HTTP/1.1 200 OK\015\012content-type: application/grpc-web+proto\015\012content-length: "
			      "57\015"
			      "\012\015\012\000\000\000\000\006efghij\200\000\000\000)grpc-status: "
			      "5\015\012grpc-message:"
			      " no%20such\015\012"),
			 SP_C("POST /pk.Svc/Get HTTP/1.1\015\012Host: h\015\012Content-Type: "
			      "application/grpc-web+proto\015"
			      "\012Content-Length: 8\015\012\015\012\000\000\000\000\003abc"),
			 SP_S("HTTP/1.1 200 OK\015\012content-type: application/grpc-web+proto\015\012grpc-status: "
			      "7\015\012"
			      "Grpc-Message: not you\015\012content-length: 0\015\012\015\012"),
			 SP_C("POST /pk.Svc/Get HTTP/1.1\015\012Host: h\015\012Content-Type: "
			      "application/grpc-web-text\015"
			      "\012Content-Length: 4\015\012\015\012A A="),
			 SP_S("HTTP/1.1 200 OK\015\012content-type: application/grpc-web-text\015\012content-length: "
			      "4\015"
			      "\012\015\012AAA?"),
			 SP_C("POST /pk.Svc/Get HTTP/1.1\015\012Host: h\015\012Content-Type: "
			      "application/grpc-web+proto\015"
			      "\012Content-Length: 9\015\012\015\012\000\000\000\0002aaaa"),
			 SP_S("HTTP/1.1 200 OK\015\012content-type: "
			      "application/grpc-web+proto\015\012transfer-encoding: "
			      "chunked\015\012\015\012f\015\012\000\000\000\000\001q\200\000\000\000)"
			      "grpc\015\0120\015\012"
			      "grpc-status: 0\015\012\015\012"),
			 SP_C("POST /pk.Svc/Get HTTP/1.1\015\012Host: h\015\012Content-Type: "
			      "application/grpc-web-text\015"
			      "\012Content-Length: 8\015\012\015\012AAAAAAA="),
			 SP_S("HTTP/1.1 200 OK\015\012content-type: "
			      "application/grpc-web-text\015\012transfer-encoding: c"
			      "hunked\015\012\015\0128\015\012AAAAAAFx\015\0121c\015\012gAAAAClncnBjLXN0YXR1czogNQ0K"
			      "\015\012"
			      "0\015\012\015\012")},
		.want = "> request app_version=1.1 method=POST host=h resource=/pk.Svc/Get endpoint=pk.Svc/Get "
			"app=grpc bytes=106 http.request.header.content-type=application/grpc-web-text rpc.system=grpc "
			"rpc.service=pk.Svc rpc.method=Get http.request.body.size=8 rpc.grpc.request.messages=1\n"
			"< response app_version=1.1 code=5 message=no such app=grpc status=client_error bytes=218 "
			"http.response.header.content-type=application/grpc-web-text rpc.grpc.response.messages=3\n"
			"> request app_version=1.1 method=POST host=h resource=/pk.Svc/Get endpoint=pk.Svc/Get "
			"app=grpc bytes=114 http.request.header.content-type=application/grpc-web+proto "
			"rpc.system=grpc rpc.service=pk.Svc rpc.method=Get http.request.body.size=14 "
			"rpc.grpc.request.messages=2\n"
			"< response app_version=1.1 code=5 message=no such app=grpc status=client_error bytes=138 "
			"http.response.header.content-type=application/grpc-web+proto http.response.body.size=57 "
			"rpc.grpc.response.messages=1\n"
			"> request app_version=1.1 method=POST host=h resource=/pk.Svc/Get endpoint=pk.Svc/Get "
			"app=grpc bytes=107 http.request.header.content-type=application/grpc-web+proto "
			"rpc.system=grpc rpc.service=pk.Svc rpc.method=Get http.request.body.size=8 "
			"rpc.grpc.request.messages=1\n"
			"< response app_version=1.1 code=7 message=not you app=grpc status=client_error bytes=119 "
			"http.response.header.content-type=application/grpc-web+proto http.response.body.size=0 "
			"rpc.grpc.response.messages=0\n"
			"> request app_version=1.1 method=POST host=h resource=/pk.Svc/Get endpoint=pk.Svc/Get "
			"app=grpc bytes=102 http.request.header.content-type=application/grpc-web-text rpc.system=grpc "
			"rpc.service=pk.Svc rpc.method=Get http.request.body.size=4\n"
			"< response app_version=1.1 code=200 app=grpc status=unknown bytes=83 "
			"http.response.header.content-type=application/grpc-web-text http.response.body.size=4\n"
			"> request app_version=1.1 method=POST host=h resource=/pk.Svc/Get endpoint=pk.Svc/Get "
			"app=grpc bytes=108 http.request.header.content-type=application/grpc-web+proto "
			"rpc.system=grpc rpc.service=pk.Svc rpc.method=Get http.request.body.size=9 "
			"rpc.grpc.request.messages=1\n"
			"< response app_version=1.1 code=0 app=grpc status=ok bytes=130 "
			"http.response.header.content-type=application/grpc-web+proto rpc.grpc.response.messages=1\n"
			"> request app_version=1.1 method=POST host=h resource=/pk.Svc/Get endpoint=pk.Svc/Get "
			"app=grpc bytes=106 http.request.header.content-type=application/grpc-web-text rpc.system=grpc "
			"rpc.service=pk.Svc rpc.method=Get http.request.body.size=8 rpc.grpc.request.messages=1\n"
			"< response app_version=1.1 code=200 app=grpc status=unknown bytes=140 "
			"http.response.header.content-type=application/grpc-web-text rpc.grpc.response.messages=1\n",
	},
	{0},
};

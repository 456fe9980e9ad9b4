/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of http2.c. Frames begin with their length (3 bytes), type, flags and stream. */
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\000\000\000\004\000\000\000\000\000"
#define SETTINGS_ACK "\000\000\000\004\001\000\000\000\000"

static const struct sp_vector vectors[] = {
	{
		.name = "get with prior knowledge",
		.step = {SP_C(PREFACE SETTINGS
			      "\000\000#\001\005\000\000\000\001\202\206D\006/a?b=1A\017www.example.comz\006curl/8"),
			 SP_S("\000\000\006\004\000\000\000\000\000\000\003\000\000\000d" SETTINGS_ACK
			      "\000\000\015\001\004\000\000\000\001\210_\012text/plain"
			      "\000\000\006\000\001\000\000\000\001hello\012"),
			 SP_C(SETTINGS_ACK)},
		.want = "> request app_version=2 method=GET host=www.example.com resource=/a?b=1 endpoint=/a "
			"correlation=1 id=1 bytes=44 url.scheme=http user_agent.original=curl/8\n"
			"< response app_version=2 code=200 correlation=1 status=ok id=1 bytes=37 "
			"http.response.header.content-type=text/plain\n",
	},
	{
		.name = "the table of earlier requests, answers in another order",
		.step = {SP_C(PREFACE "\000\000\006\004\000\000\000\000\000\000\003\000\000\000d"
				      "\000\000\036\001\005\000\000\000\001\202\206\004\002/"
				      "xA\001hz\002ua@\014x-request-id\002r1"),
			 SP_C("\000\000\011\001\005\000\000\000\003\202\206\004\002/y\300\277\276"),
			 SP_S("\000\000\006\004\000\000\000\000\000\000\003\000\000\000d"
			      "\000\000\022\001\005\000\000\000\003\215\020\014x-request-id\002r2"),
			 SP_S("\000\000\001\001\005\000\000\000\001\211")},
		.want = "> request app_version=2 method=GET host=h resource=/x endpoint=/x correlation=1 "
			"x_request_id_request=r1 id=1 bytes=39 url.scheme=http user_agent.original=ua\n"
			"> request app_version=2 method=GET host=h resource=/y endpoint=/y correlation=3 "
			"x_request_id_request=r1 id=3 bytes=18 url.scheme=http user_agent.original=ua\n"
			"< response app_version=2 code=404 correlation=3 x_request_id_response=r2 status=client_error "
			"id=3 bytes=27\n"
			"< response app_version=2 code=204 correlation=1 status=ok id=1 bytes=10\n",
	},
	{
		.name = "padding, priority, trailers",
		.step = {SP_C(PREFACE SETTINGS
			      "\000\000\016\001,\000\000\000\001\002\000\000\000\000\020\203\206\204f\001h\000\000"
			      "\000\000\007\000\010\000\000\000\001\003abc\000\000\000"),
			 SP_C("\000\000\001\000\000\000\000\000\001d"
			      "\000\000\007\001\005\000\000\000\001@\003sum\0011"),
			 SP_S(SETTINGS "\000\000\003\001\014\000\000\000\001\001\210\000"
				       "\000\000\024\000\000\000\000\000\001xxxxxxxxxxxxxxxxxxxx"
				       "\000\000\007\001\005\000\000\000\001@\003sum\0012")},
		.want = "> request app_version=2 method=POST host=h resource=/ endpoint=/ correlation=1 id=1 bytes=65 "
			"url.scheme=http\n"
			"< response app_version=2 code=200 correlation=1 status=ok id=1 bytes=57\n",
	},
	{
		.name = "fields in several frames",
		.step = {SP_C(PREFACE SETTINGS "\000\000\007\001\001\000\000\000\001\202\206D\014/a/"
					       "\000\000\004\011\000\000\000\000\001long"
					       "\000\000\000\011\000\000\000\000\001"
					       "\000\000\006\011\000\000\000\000\001/pathz"),
			 SP_C("\000\000\011\011\004\000\000\000\001\010an agent"),
			 SP_S(SETTINGS "\000\000\000\001\001\000\000\000\001"
				       "\000\000\001\011\004\000\000\000\001\210")},
		.want = "> request app_version=2 method=GET resource=/a/long/path endpoint=/a/long/path correlation=1 "
			"id=1 bytes=71 url.scheme=http user_agent.original=an agent\n"
			"< response app_version=2 code=200 correlation=1 status=ok id=1 bytes=19\n",
	},
	{
		.name = "grpc unary",
		.step = {SP_C(PREFACE SETTINGS
			      "\000\000C\001\004\000\000\000\001\203\206D\012/pk.Svc/DoA\003h:1_\020application/"
			      "grpc@\014grpc-timeout\0021S@\002te\010trailers"
			      "\000\000\012\000\001\000\000\000\001\000\000\000\000\005hello"),
			 SP_S(SETTINGS
			      "\000\000\031\001\004\000\000\000\001\210_\026application/grpc+proto"
			      "\000\000\015\000\000\000\000\000\001\000\000\000\000\010hi there"
			      "\000\000\036\001\005\000\000\000\001@\013grpc-status\0010@\014grpc-message\000")},
		.want = "> request app_version=2 method=POST host=h:1 resource=/pk.Svc/Do endpoint=pk.Svc/Do "
			"correlation=1 app=grpc id=1 bytes=95 url.scheme=http "
			"http.request.header.content-type=application/grpc rpc.grpc.request.metadata.grpc-timeout=1S "
			"rpc.system=grpc rpc.service=pk.Svc rpc.method=Do rpc.grpc.request.messages=1\n"
			"< response app_version=2 code=0 correlation=1 app=grpc status=ok id=1 bytes=95 "
			"http.response.header.content-type=application/grpc+proto rpc.grpc.response.messages=1\n",
	},
	{
		.name = "grpc, both sides stream",
		.step = {SP_C(PREFACE SETTINGS
			      "\000\000%\001\004\000\000\000\001\203\206D\012/pk.Svc/DoA\003h:1_\020application/grpc"
			      "\000\000\026\000\000\000\000\000\001\000\000\000\000\001a\000\000\000\000\000\000\000"
			      "\000\000\003ccc\000\000\000"),
			 SP_S(SETTINGS "\000\000\023\001\004\000\000\000\001\210_\020application/grpc"
				       "\000\000\006\000\000\000\000\000\001\000\000\000\000\0011"),
			 SP_C("\000\000\023\000\010\000\000\000\001\001\000(zzzzzzzzzzzzzzz\000"
			      "\000\000\000\000\000\000\000\000\001"),
			 SP_S("\000\000\014\000\000\000\000\000\001\000\000\000\000\0012\000\000\000\000\0013"),
			 SP_C("\000\000\031\000\000\000\000\000\001zzzzzzzzzzzzzzzzzzzzzzzzz"
			      "\000\000\000\000\001\000\000\000\001"),
			 SP_S("\000\000.\001\005\000\000\000\001@\013grpc-status\0015@\014grpc-message\020no%20such%C3%"
			      "A9%")},
		.want = "> request app_version=2 method=POST host=h:1 resource=/pk.Svc/Do endpoint=pk.Svc/Do "
			"correlation=1 app=grpc id=1 bytes=157 url.scheme=http "
			"http.request.header.content-type=application/grpc rpc.system=grpc rpc.service=pk.Svc "
			"rpc.method=Do rpc.grpc.request.messages=4\n"
			"< response app_version=2 code=5 message=no such\\xc3\\xa9% correlation=1 app=grpc "
			"status=client_error id=1 bytes=119 http.response.header.content-type=application/grpc "
			"rpc.grpc.response.messages=3\n",
	},
	{
		.name = "grpc errors",
		.step = {SP_C(PREFACE SETTINGS
			      "\000\000%\001\004\000\000\000\001\203\206D\012/pk.Svc/DoA\003h:1_\020application/grpc"
			      "\000\000\006\000\001\000\000\000\001\000\000\000\000\001x"),
			 SP_S(SETTINGS "\000\000?\001\005\000\000\000\001\210_\020application/"
				       "grpc@\013grpc-status\00212@\014grpc-message\015unimplemented"),
			 SP_C("\000\000\005\001\004\000\000\000\003\203\206\300\277\276"
			      "\000\000\006\000\001\000\000\000\003\000\000\000\000\001x"),
			 SP_S("\000\000\021\001\005\000\000\000\003\210\300@\013grpc-status\0014"),
			 SP_C("\000\000\005\001\004\000\000\000\005\203\206\300\277\276"
			      "\000\000\006\000\001\000\000\000\005\000\000\000\000\001x"),
			 SP_S("\000\000\005\001\005\000\000\000\005H\003503")},
		.want = "> request app_version=2 method=POST host=h:1 resource=/pk.Svc/Do endpoint=pk.Svc/Do "
			"correlation=1 app=grpc id=1 bytes=61 url.scheme=http "
			"http.request.header.content-type=application/grpc rpc.system=grpc rpc.service=pk.Svc "
			"rpc.method=Do rpc.grpc.request.messages=1\n"
			"< response app_version=2 code=12 message=unimplemented correlation=1 app=grpc "
			"status=server_error id=1 bytes=72 http.response.header.content-type=application/grpc "
			"rpc.grpc.response.messages=0\n"
			"> request app_version=2 method=POST host=h:1 resource=/pk.Svc/Do endpoint=pk.Svc/Do "
			"correlation=3 app=grpc id=3 bytes=29 url.scheme=http "
			"http.request.header.content-type=application/grpc rpc.system=grpc rpc.service=pk.Svc "
			"rpc.method=Do rpc.grpc.request.messages=1\n"
			"< response app_version=2 code=4 correlation=3 app=grpc status=timeout id=3 bytes=26 "
			"http.response.header.content-type=application/grpc rpc.grpc.response.messages=0\n"
			"> request app_version=2 method=POST host=h:1 resource=/pk.Svc/Do endpoint=pk.Svc/Do "
			"correlation=5 app=grpc id=5 bytes=29 url.scheme=http "
			"http.request.header.content-type=application/grpc rpc.system=grpc rpc.service=pk.Svc "
			"rpc.method=Do rpc.grpc.request.messages=1\n"
			"< response app_version=2 code=503 correlation=5 app=grpc status=server_error id=5 bytes=14 "
			"rpc.grpc.response.messages=0\n",
	},
	{
		.name = "streams that are reset",
		.step = {SP_C(PREFACE SETTINGS "\000\000\003\001\005\000\000\000\001\202\206\204"),
			 SP_S(SETTINGS "\000\000\004\003\000\000\000\000\001\000\000\000\007"),
			 SP_C("\000\000\003\001\004\000\000\000\003\203\206\204"
			      "\000\000\003\000\000\000\000\000\003abc"
			      "\000\000\004\003\000\000\000\000\003\000\000\000\010"),
			 SP_C("\000\000\003\001\005\000\000\000\005\202\206\204"),
			 SP_S("\000\000\001\001\004\000\000\000\005\210"
			      "\000\000\003\000\000\000\000\000\005abc"
			      "\000\000\004\003\000\000\000\000\005\000\000\000\002"),
			 SP_C("\000\000\003\001\004\000\000\000\007\203\206\204"),
			 SP_S("\000\000\001\001\005\000\000\000\007\210"
			      "\000\000\004\003\000\000\000\000\007\000\000\000\000"
			      "\000\000\004\003\000\000\000\000c\000\000\000\010")},
		.want = "> request app_version=2 method=GET resource=/ endpoint=/ correlation=1 id=1 bytes=12 "
			"url.scheme=http\n"
			"< response message=REFUSED_STREAM correlation=1 status=server_error id=1 bytes=13 "
			"http2.rst_code=7\n"
			"> request app_version=2 method=POST resource=/ endpoint=/ message=CANCEL correlation=3 "
			"status=client_error id=3 bytes=24 url.scheme=http http2.rst_code=8\n"
			"> response message=CANCEL correlation=3 status=client_error id=3 bytes=13 http2.rst_code=8\n"
			"> request app_version=2 method=GET resource=/ endpoint=/ correlation=5 id=5 bytes=12 "
			"url.scheme=http\n"
			"< response app_version=2 code=200 message=INTERNAL_ERROR correlation=5 status=server_error "
			"id=5 bytes=35 http2.rst_code=2\n"
			"< response app_version=2 code=200 correlation=7 status=ok id=7 bytes=10\n",
	},
	{
		.name = "grpc streams that are reset",
		.step = {SP_C(PREFACE SETTINGS
			      "\000\000%\001\004\000\000\000\001\203\206D\012/pk.Svc/DoA\003h:1_\020application/grpc"
			      "\000\000\006\000\000\000\000\000\001\000\000\000\000\001x"
			      "\000\000\004\003\000\000\000\000\001\000\000\000\010"),
			 SP_C("\000\000\005\001\004\000\000\000\003\203\206\300\277\276"
			      "\000\000\014\000\001\000\000\000\003\000\000\000\000\001x\000\000\000\000\001y"),
			 SP_S(SETTINGS "\000\000\004\003\000\000\000\000\003\000\000\000\013")},
		.want = "> request app_version=2 method=POST host=h:1 resource=/pk.Svc/Do endpoint=pk.Svc/Do code=1 "
			"message=CANCEL correlation=1 app=grpc status=client_error id=1 bytes=61 url.scheme=http "
			"http.request.header.content-type=application/grpc rpc.system=grpc rpc.service=pk.Svc "
			"rpc.method=Do http2.rst_code=8 rpc.grpc.request.messages=1\n"
			"> response code=1 message=CANCEL correlation=1 app=grpc status=client_error id=1 bytes=13 "
			"http2.rst_code=8 rpc.grpc.request.messages=1 rpc.grpc.response.messages=0\n"
			"> request app_version=2 method=POST host=h:1 resource=/pk.Svc/Do endpoint=pk.Svc/Do "
			"correlation=3 app=grpc id=3 bytes=35 url.scheme=http "
			"http.request.header.content-type=application/grpc rpc.system=grpc rpc.service=pk.Svc "
			"rpc.method=Do rpc.grpc.request.messages=2\n"
			"< response code=8 message=ENHANCE_YOUR_CALM correlation=3 app=grpc status=server_error id=3 "
			"bytes=13 http2.rst_code=11 rpc.grpc.request.messages=2 rpc.grpc.response.messages=0\n",
	},
	{
		.name = "goaway",
		.step = {SP_C(PREFACE SETTINGS),
			 SP_S("\000\000\006\004\000\000\000\000\000\000\003\000\000\000d"
			      "\000\000\026\007\000\000\000\000\000\000\000\000\005\000\000\000\013too_many_pings"
			      "\000\000\010\007\000\000\000\000\000\000\000\000\005\000\000\000\000"),
			 SP_C("\000\000\010\007\000\000\000\000\000\000\000\000\000\000\000\000c")},
		.want = "< oneway app_version=2 method=GOAWAY code=11 message=ENHANCE_YOUR_CALM: too_many_pings "
			"status=client_error id=0 bytes=31 http2.last_stream=5\n"
			"> oneway app_version=2 method=GOAWAY code=99 status=unknown id=0 bytes=17 "
			"http2.last_stream=0\n",
	},
	{
		.name = "interim responses",
		.step = {SP_C(PREFACE SETTINGS "\000\000\021\001\004\000\000\000\001\203\206\204c\014100-continue"),
			 SP_S(SETTINGS "\000\000\005\001\004\000\000\000\001H\003100"),
			 SP_C("\000\000\003\000\001\000\000\000\001abc"),
			 SP_S("\000\000\005\001\004\000\000\000\001H\003103"
			      "\000\000\005\001\005\000\000\000\001H\003201")},
		.want = "< interim app_version=2 code=100 correlation=1 id=1 bytes=14\n"
			"> request app_version=2 method=POST resource=/ endpoint=/ correlation=1 id=1 bytes=38 "
			"url.scheme=http\n"
			"< interim app_version=2 code=103 correlation=1 id=1 bytes=14\n"
			"< response app_version=2 code=201 correlation=1 status=ok id=1 bytes=14\n",
	},
	{
		.name = "push",
		.step = {SP_C(PREFACE SETTINGS "\000\000\003\001\005\000\000\000\001\202\206\204"),
			 SP_S(SETTINGS "\000\000\005\005\000\000\000\000\001\000\000\000\002\202"
				       "\000\000\011\011\004\000\000\000\001\206D\006/s.css"
				       "\000\000\001\001\004\000\000\000\001\210"
				       "\000\000\013\001\004\000\000\000\002\210_\010text/css"
				       "\000\000\012\005\014\000\000\000\001\002\000\000\000\004\202\206\204\000\000"
				       "\000\000\007\005\004\000\000\000\001\000\000\000\006\202\206\204"
				       "\000\000\003\000\001\000\000\000\002a{}"
				       "\000\000\001\001\005\000\000\000\004\215"),
			 SP_C("\000\000\004\003\000\000\000\000\006\000\000\000\010"),
			 SP_S("\000\000\004\003\000\000\000\000\006\000\000\000\010"
			      "\000\000\001\000\001\000\000\000\001x")},
		.want = "> request app_version=2 method=GET resource=/ endpoint=/ correlation=1 id=1 bytes=12 "
			"url.scheme=http\n"
			"< oneway app_version=2 method=GET resource=/s.css endpoint=/s.css code=200 correlation=2 "
			"status=ok id=2 bytes=64 url.scheme=http http.response.header.content-type=text/css\n"
			"< oneway app_version=2 method=GET resource=/ endpoint=/ code=404 correlation=4 "
			"status=client_error id=4 bytes=29 url.scheme=http\n"
			"< oneway app_version=2 method=GET resource=/ endpoint=/ message=CANCEL correlation=6 "
			"status=server_error id=6 bytes=29 url.scheme=http http2.rst_code=8\n"
			"< response app_version=2 code=200 correlation=1 status=ok id=1 bytes=20\n",
	},
	{
		.name = "after an upgrade",
		.step = {SP_S("\000\000\006\004\000\000\000\000\000\000\003\000\000\000d"
			      "\000\000\001\001\004\000\000\000\001\210"
			      "\000\000\003\000\001\000\000\000\001abc"),
			 SP_C(PREFACE SETTINGS "\000\000\003\001\005\000\000\000\003\202\206\204"),
			 SP_S("\000\000\001\001\005\000\000\000\003\210")},
		.want = "< response app_version=2 code=200 correlation=1 status=ok id=1 bytes=22\n"
			"> request app_version=2 method=GET resource=/ endpoint=/ correlation=3 id=3 bytes=12 "
			"url.scheme=http\n"
			"< response app_version=2 code=200 correlation=3 status=ok id=3 bytes=10\n",
	},
	{
		.name = "joined in the middle",
		.step = {SP_C("\000\000\013\001\005\000\000\000e\202\206\306\307A\001h\177\001\001v"
			      "\000\000\005\001\005\000\000\000g\202\206\277\276\300"),
			 SP_S("\000\000\002\001\004\000\000\000e\210\332"
			      "\000\000\001\000\001\000\000\000ex"
			      "\000\000\001\001\004\000\000\000g\332"
			      "\000\000\001\001\005\000\000\000g\333")},
		.want = "> request app_version=2 method=GET host=h correlation=101 id=101 bytes=20 url.scheme=http "
			"http2.hpack.unknown=3\n"
			"> request app_version=2 method=GET host=h correlation=103 id=103 bytes=14 url.scheme=http "
			"http2.hpack.unknown=2\n"
			"< response app_version=2 code=200 correlation=101 status=ok id=101 bytes=21 "
			"http2.hpack.unknown=1\n"
			"< response app_version=2 correlation=103 id=103 bytes=20 http2.hpack.unknown=2\n",
	},
	{
		.name = "grpc-web",
		.step = {SP_C(PREFACE SETTINGS "\000\000/\001\004\000\000\000\001\203\206D\012/pk.Svc/"
					       "DoA\003h:1_\032application/grpc-web+proto"
					       "\000\000\006\000\001\000\000\000\001\000\000\000\000\001x"),
			 SP_S(SETTINGS "\000\000\027\001\004\000\000\000\001\210_\024application/grpc-web"
				       "\000\000-\000\000\000\000\000\001\000\000\000\000\002yy\200\000\000\000!grpc-"
				       "status: 7\015\012Grpc-Message:no\015\012"
				       "\000\000\000\000\001\000\000\000\001"),
			 SP_C("\000\000.\001\004\000\000\000\003\203\206D\012/pk.Svc/DoA\003h:1_\031application/"
			      "grpc-web-text"
			      "\000\000\010\000\001\000\000\000\003AAAAAAA="),
			 SP_S("\000\000\034\001\004\000\000\000\003\210_\031application/grpc-web-text"
			      "\000\000\010\000\001\000\000\000\003AAAAAAA=")},
		.want = "> request app_version=2 method=POST host=h:1 resource=/pk.Svc/Do endpoint=pk.Svc/Do "
			"correlation=1 app=grpc id=1 bytes=71 url.scheme=http "
			"http.request.header.content-type=application/grpc-web+proto rpc.system=grpc "
			"rpc.service=pk.Svc rpc.method=Do rpc.grpc.request.messages=1\n"
			"< response app_version=2 code=7 message=no correlation=1 app=grpc status=client_error id=1 "
			"bytes=95 http.response.header.content-type=application/grpc-web rpc.grpc.response.messages=1\n"
			"> request app_version=2 method=POST host=h:1 resource=/pk.Svc/Do endpoint=pk.Svc/Do "
			"correlation=3 app=grpc id=3 bytes=72 url.scheme=http "
			"http.request.header.content-type=application/grpc-web-text rpc.system=grpc rpc.service=pk.Svc "
			"rpc.method=Do rpc.grpc.request.messages=1\n"
			"< response app_version=2 code=200 correlation=3 app=grpc status=ok id=3 bytes=54 "
			"http.response.header.content-type=application/grpc-web-text rpc.grpc.response.messages=1\n",
	},
	{
		.name = "websocket; frames without a message",
		.step = {SP_C(PREFACE SETTINGS "\000\000\004\010\000\000\000\000\000\000\000\000\011"
					       "\000\000\005\002\000\000\000\000\003\000\000\000\000\001"
					       "\000\0009\001\004\000\000\000\001@\007:method\007CONNECT@\011:"
					       "protocol\011websocket\206\004\005/chatA\011me:pw@h:8"
					       "\000\000\002\000\000\000\000\000\001\201\000"
					       "\000\000\010\006\000\000\000\000\00012345678"),
			 SP_S("\000\000\006\004\000\000\000\000\000\000\003\000\000\000d" SETTINGS_ACK
			      "\000\000\010\006\001\000\000\000\00012345678"
			      "\000\000\002\012\000\000\000\000\000\000\000"
			      "\000\000\003K\377\000\000\000\007xyz"
			      "\000\000\015\001\004\000\000\000\001@\007:status\003200"
			      "\000\000\002\000\001\000\000\000\001\201\000"),
			 SP_C("\000\000\000\000\001\000\000\000\001")},
		.want = "< response app_version=2 code=200 correlation=1 status=ok id=1 bytes=33\n"
			"> request app_version=2 method=CONNECT host=h:8 resource=/chat endpoint=/chat correlation=1 "
			"id=1 bytes=86 http2.protocol=websocket url.scheme=http\n",
	},
	{
		.name = "secrets",
		.step = {SP_C(PREFACE SETTINGS
			      "\000\000j\001\005\000\000\000\001\202\206D\020/a?token=abc&x=1W\012Bearer "
			      "abc`\006id=abc`\011other=abcs\020http://me:pw@h/p@\017x-forwarded-for\02210.0.0.1, "
			      "10.0.0.2\277"),
			 SP_S(SETTINGS
			      "\000\000\031\001\005\000\000\000\001\210w\006id=abcv\005nginx\\\0010Z\004gzip")},
		.want = "> request app_version=2 method=GET resource=/a?token=?&x=1 endpoint=/a correlation=1 id=1 "
			"bytes=115 url.scheme=http http.request.header.authorization=Bearer "
			"http.request.header.cookie=? http.request.header.referer=http://?@h/p "
			"client.address=10.0.0.1\n"
			"< response app_version=2 code=200 correlation=1 status=ok id=1 bytes=34 "
			"http.response.header.set-cookie=? http.response.header.server=nginx http.response.body.size=0 "
			"http.response.header.content-encoding=gzip\n",
	},
	{
		.name = "joined in the middle, the sides the wrong way round",
		.step = {SP_S("\000\000\025\001\004\000\000\000\007\306\203\206_\020application/grpc"
			      "\000\000\006\000\001\000\000\000\007\000\000\000\000\001x"),
			 SP_C("\000\000\002\001\004\000\000\000\007\210\332"
			      "\000\000\014\000\000\000\000\000\007\000\000\000\000\001y\000\000\000\000\001z"
			      "\000\000\001\001\005\000\000\000\007\320")},
		.want = "< request app_version=2 method=POST correlation=7 app=grpc id=7 bytes=45 url.scheme=http "
			"http.request.header.content-type=application/grpc rpc.system=grpc http2.hpack.unknown=1 "
			"rpc.grpc.request.messages=1\n"
			"> response app_version=2 code=200 correlation=7 app=grpc status=ok id=7 bytes=42 "
			"http2.hpack.unknown=2 rpc.grpc.response.messages=2\n",
	},
	{
		.name = "a block that cannot be read",
		.step = {SP_C(PREFACE SETTINGS "\000\000\007\001\001\000\000\000\001\202\206\200junk"
					       "\000\000\004\011\004\000\000\000\001more"
					       "\000\000\002\001\005\000\000\000\003\202\276")},
		.want = "> request app_version=2 method=GET correlation=1 id=1 bytes=29 url.scheme=http "
			"http2.hpack.unknown=1\n"
			"> request app_version=2 method=GET correlation=3 id=3 bytes=11 http2.hpack.unknown=1\n",
	},
	{
		.name = "another frame in a block",
		.step = {SP_C(PREFACE SETTINGS "\000\000\002\001\001\000\000\000\001\202\206"
					       "\000\000\010\006\000\000\000\000\00012345678")},
		.want = "> bad\n",
	},
	{
		.name = "data longer than its frame",
		.step = {SP_C(PREFACE SETTINGS "\000\000\004\000\010\000\000\000\001\011abc")},
		.want = "> bad\n",
	},
	{
		.name = "a ping of 7 bytes",
		.step = {SP_C(PREFACE SETTINGS "\000\000\007\006\000\000\000\000\0001234567")},
		.want = "> bad\n",
	},
	{
		.name = "grpc-web in base64, padded where it was flushed",
		.step = {SP_C("PRI * "
			      "HTTP/2.0\015\012\015\012SM\015\012\015\012\000\000\000\004\000\000\000\000\000\000\000"
			      ".\001\004\000\000\000\001\203\206D\012/pk.Svc/DoA\003h:1_\031application/"
			      "grpc-web-text\000"
			      "\000\005\000\000\000\000\000\001AAAAA\000\000\003\000\001\000\000\000\001AF4"),
			 SP_S("\000\000\000\004\000\000\000\000\000\000\000\034\001\004\000\000\000\001\210_"
			      "\031applicati"
			      "on/"
			      "grpc-web-text\000\000\007\000\000\000\000\000\001AAA=AAA\000\000\011\000\000\000\000\000"
			      "\001FeXl5eXk=\000\000L\000\000\000\000\000\001AAAAAAJ6eg=="
			      "gAAAAClncnBjLXN0YXR1czogNQ0KZ3Jw"
			      "Yy1tZXNzYWdlOiBubyUyMHN1Y2gNCg==\000\000\000\000\001\000\000\000\001"),
			 SP_C("\000\000.\001\004\000\000\000\003\203\206D\012/pk.Svc/DoA\003h:1_\031application/"
			      "grpc-web-"
			      "text\000\000\010\000\001\000\000\000\003AAAAAAA=\000\000."
			      "\001\004\000\000\000\005\203\206D"
			      "\012/pk.Svc/DoA\003h:1_\031application/"
			      "grpc-web-text\000\000\014\000\001\000\000\000\005AA"
			      "AAAANhYmM=\000\000.\001\004\000\000\000\007\203\206D\012/pk.Svc/"
			      "DoA\003h:1_\031application"
			      "/grpc-web-text\000\000\004\000\001\000\000\000\007A A!"),
			 SP_S("\000\000\034\001\004\000\000\000\003\210_\031application/"
			      "grpc-web-text\000\000H\000\001\000"
			      "\000\000\003AAAAAAFxgAAAAClncnBjLXN0YXR1czogNQ0KZ3JwYy1tZXNzYWdlOiBubyUyMHN1Y2gNCg=="
			      "\000\000"
			      "\034\001\004\000\000\000\005\210_\031application/"
			      "grpc-web-text\000\000\036\000\000\000\000"
			      "\000\005AAAAAAFxgAAAAClncnBjLXN0YXR1cz\000\000*"
			      "\000\001\000\000\000\005ogNQ0KZ3JwYy1tZXNzY"
			      "WdlOiBubyUyMHN1Y2gNCg==\000\000\034\001\004\000\000\000\007\210_\031application/"
			      "grpc-web-t"
			      "ext\000\000\004\000\001\000\000\000\007AAA?")},
		.want = "> request app_version=2 method=POST host=h:1 resource=/pk.Svc/Do endpoint=pk.Svc/Do "
			"correlation=1 app=grpc id=1 bytes=81 url.scheme=http "
			"http.request.header.content-type=application/grpc-web-text rpc.system=grpc rpc.service=pk.Svc "
			"rpc.method=Do rpc.grpc.request.messages=1\n"
			"< response app_version=2 code=5 message=no such correlation=1 app=grpc status=client_error "
			"id=1 bytes=165 http.response.header.content-type=application/grpc-web-text "
			"rpc.grpc.response.messages=2\n"
			"> request app_version=2 method=POST host=h:1 resource=/pk.Svc/Do endpoint=pk.Svc/Do "
			"correlation=3 app=grpc id=3 bytes=72 url.scheme=http "
			"http.request.header.content-type=application/grpc-web-text rpc.system=grpc rpc.service=pk.Svc "
			"rpc.method=Do rpc.grpc.request.messages=1\n"
			"> request app_version=2 method=POST host=h:1 resource=/pk.Svc/Do endpoint=pk.Svc/Do "
			"correlation=5 app=grpc id=5 bytes=76 url.scheme=http "
			"http.request.header.content-type=application/grpc-web-text rpc.system=grpc rpc.service=pk.Svc "
			"rpc.method=Do rpc.grpc.request.messages=1\n"
			"> request app_version=2 method=POST host=h:1 resource=/pk.Svc/Do endpoint=pk.Svc/Do "
			"correlation=7 app=grpc id=7 bytes=68 url.scheme=http "
			"http.request.header.content-type=application/grpc-web-text rpc.system=grpc rpc.service=pk.Svc "
			"rpc.method=Do\n"
			"< response app_version=2 code=5 message=no such correlation=3 app=grpc status=client_error "
			"id=3 bytes=118 http.response.header.content-type=application/grpc-web-text "
			"rpc.grpc.response.messages=1\n"
			"< response app_version=2 code=200 correlation=5 app=grpc status=unknown id=5 bytes=127 "
			"http.response.header.content-type=application/grpc-web-text rpc.grpc.response.messages=1\n"
			"< response app_version=2 code=200 correlation=7 app=grpc status=unknown id=7 bytes=50 "
			"http.response.header.content-type=application/grpc-web-text\n",
	},
	{0},
};

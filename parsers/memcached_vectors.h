/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations with memcached, for memcached.c alone. */

#define V_10 "vvvvvvvvvv"
#define V_100 V_10 V_10 V_10 V_10 V_10 V_10 V_10 V_10 V_10 V_10
#define V_1000 V_100 V_100 V_100 V_100 V_100 V_100 V_100 V_100 V_100 V_100
#define X_10 "xxxxxxxxxx"
#define X_100 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10
#define X_1000 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100

/* Bytes and messages are laid out by hand. */
/* clang-format off */
static const struct sp_vector vectors[] = {
	{
		.name = "set, get, miss",
		.step = {
			SP_C("set user:1 0 0 5\r\nhello\r\n"),
			SP_S("STORED\r\n"),
			SP_C("get user:1\r\n"),
			SP_S("VALUE user:1 0 5\r\nhello\r\nEND\r\n"),
			SP_C("get nothing\r\n"),
			SP_S("END\r\n"),
			SP_C("gets a b c\r\n"),
			SP_S("VALUE a 0 3 17\r\nEND\r\nVALUE c 1 0 18\r\n"
			     "\r\nEND\r\n"),
		},
		.want = "> request method=set resource=set user:1 endpoint=set user:{id} bytes=25\n"
			"< response code=STORED status=ok bytes=8\n"
			"> request method=get resource=get user:1 endpoint=get user:{id} bytes=12\n"
			"< response status=ok bytes=30 memcached.hits=1 memcached.misses=0\n"
			"> request method=get resource=get nothing endpoint=get bytes=13\n"
			"< response status=ok bytes=5 memcached.hits=0 memcached.misses=1\n"
			"> request method=gets resource=gets a b c endpoint=gets bytes=12 "
			"db.operation.batch.size=3\n"
			"< response status=ok bytes=44 memcached.hits=2 memcached.misses=1\n",
	},
	{
		.name = "a large value is passed over",
		.step = {
			SP_C("set k 0 0 6000\r\n"
			     V_1000 V_1000 V_1000 V_1000 V_1000 V_1000
			     "\r\n"),
			SP_S("SERVER_ERROR object too large for cache\r\n"),
			SP_C("get k\r\n"),
			SP_S("VALUE k 0 6000\r\n"
			     V_1000 V_1000 V_1000 V_1000 V_1000 V_1000
			     "\r\nEND\r\n"),
		},
		.want = "> request method=set resource=set k endpoint=set bytes=6018\n"
			"< response code=SERVER_ERROR message=object too large for cache status=server_error bytes=41\n"
			"> request method=get resource=get k endpoint=get bytes=7\n"
			"< response status=ok bytes=6023 memcached.hits=1 memcached.misses=0\n",
	},
	{
		.name = "the other commands",
		.step = {
			SP_C("cas k 1 2 3 99\r\nabc\r\n"),
			SP_S("EXISTS\r\n"),
			SP_C("append k 0 0 1\r\nx\r\n"),
			SP_S("NOT_STORED\r\n"),
			SP_C("delete k\r\n"),
			SP_S("DELETED\r\n"),
			SP_C("delete k\r\n"),
			SP_S("NOT_FOUND\r\n"),
			SP_C("incr n 5\r\n"),
			SP_S("42\r\n"),
			SP_C("incr x 5\r\n"),
			SP_S("CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
			SP_C("touch k 10\r\n"),
			SP_S("TOUCHED\r\n"),
			SP_C("gat 10 k l\r\n"),
			SP_S("VALUE k 0 1\r\nx\r\nEND\r\n"),
			SP_C("stats\r\n"),
			SP_S("STAT pid 1\r\nSTAT uptime 2\r\n"
			     "END\r\n"),
			SP_C("stats reset\r\n"),
			SP_S("RESET\r\n"),
			SP_C("version\r\n"),
			SP_S("VERSION 1.6.18\r\n"),
		},
		.want = "> request method=cas resource=cas k endpoint=cas bytes=21\n"
			"< response code=EXISTS status=ok bytes=8\n"
			"> request method=append resource=append k endpoint=append bytes=19\n"
			"< response code=NOT_STORED status=ok bytes=12\n"
			"> request method=delete resource=delete k endpoint=delete bytes=10\n"
			"< response code=DELETED status=ok bytes=9\n"
			"> request method=delete resource=delete k endpoint=delete bytes=10\n"
			"< response code=NOT_FOUND status=ok bytes=11\n"
			"> request method=incr resource=incr n endpoint=incr bytes=10\n"
			"< response status=ok bytes=4\n"
			"> request method=incr resource=incr x endpoint=incr bytes=10\n"
			"< response code=CLIENT_ERROR message=cannot increment or decrement non-numeric value "
			"status=client_error bytes=62\n"
			"> request method=touch resource=touch k endpoint=touch bytes=12\n"
			"< response code=TOUCHED status=ok bytes=9\n"
			"> request method=gat resource=gat k l endpoint=gat bytes=12 "
			"db.operation.batch.size=2\n"
			"< response status=ok bytes=21 memcached.hits=1 memcached.misses=1\n"
			"> request method=stats resource=stats endpoint=stats bytes=7\n"
			"< response status=ok bytes=32\n"
			"> request method=stats resource=stats endpoint=stats bytes=13\n"
			"< response code=RESET status=ok bytes=7\n"
			"> request method=version resource=version endpoint=version bytes=9\n"
			"< response app_version=1.6.18 status=ok bytes=16\n",
	},
	{
		.name = "errors, silence, and the end",
		.step = {
			SP_C("set a 0 0 1 noreply\r\nx\r\ndelete a noreply\r\n"
			     "flush_all 10 noreply\r\nnonsense\r\n"),
			SP_S("ERROR\r\n"),
			SP_C("verbosity 1\r\n"),
			SP_S("OK\r\n"),
			SP_C("lru_crawler metadump all\r\n"),
			SP_S("key=a exp=-1 la=1\r\nkey=b exp=-1 la=1\r\n"
			     "END\r\n"),
			SP_C("watch fetchers\r\n"),
			SP_S("OK\r\nts=1.5 gid=1 type=item_get key=a\r\n"),
			SP_C("quit\r\n"),
		},
		.want = "> oneway method=set resource=set a endpoint=set bytes=24\n"
			"> oneway method=delete resource=delete a endpoint=delete bytes=18\n"
			"> oneway method=flush_all resource=flush_all endpoint=flush_all bytes=22\n"
			"> request method=nonsense resource=nonsense endpoint=nonsense bytes=10\n"
			"< response code=ERROR status=client_error bytes=7\n"
			"> request method=verbosity resource=verbosity endpoint=verbosity bytes=13\n"
			"< response code=OK status=ok bytes=4\n"
			"> request method=lru_crawler resource=lru_crawler endpoint=lru_crawler bytes=26\n"
			"< response status=ok bytes=43\n"
			"> request method=watch resource=watch endpoint=watch bytes=16\n"
			"< response code=OK status=ok bytes=4\n"
			"< oneway method=watch endpoint=watch bytes=34\n"
			"> oneway method=quit resource=quit endpoint=quit bytes=6\n",
	},
	{
		.name = "meta commands",
		.step = {
			SP_C("mg foo v t O123\r\n"),
			SP_S("VA 2 t-1 O123\r\nhi\r\n"),
			SP_C("mg bar v\r\n"),
			SP_S("EN\r\n"),
			SP_C("ms foo 2 T0\r\nhi\r\n"),
			SP_S("HD\r\n"),
			SP_C("ms foo S2 T0\r\nhi\r\n"),
			SP_S("NS\r\n"),
			SP_C("md foo\r\n"),
			SP_S("NF\r\n"),
			SP_C("ma n N0\r\n"),
			SP_S("HD\r\n"),
			SP_C("me foo\r\n"),
			SP_S("ME foo exp=-1 la=1\r\n"),
			SP_C("mn\r\n"),
			SP_S("MN\r\n"),
		},
		.want = "> request method=mg resource=mg foo endpoint=mg correlation=123 bytes=17\n"
			"< response code=VA status=ok bytes=19 memcached.hits=1\n"
			"> request method=mg resource=mg bar endpoint=mg bytes=10\n"
			"< response code=EN status=ok bytes=4\n"
			"> request method=ms resource=ms foo endpoint=ms bytes=17\n"
			"< response code=HD status=ok bytes=4\n"
			"> request method=ms resource=ms foo endpoint=ms bytes=18\n"
			"< response code=NS status=ok bytes=4\n"
			"> request method=md resource=md foo endpoint=md bytes=8\n"
			"< response code=NF status=ok bytes=4\n"
			"> request method=ma resource=ma n endpoint=ma bytes=9\n"
			"< response code=HD status=ok bytes=4\n"
			"> request method=me resource=me foo endpoint=me bytes=8\n"
			"< response code=ME status=ok bytes=20\n"
			"> request method=mn resource=mn endpoint=mn bytes=4\n"
			"< response code=MN status=ok bytes=4\n",
	},
	{
		.name = "quiet meta commands are one call",
		.step = {
			SP_C("mg a:1 v q\r\nmg b v q\r\nms c 1 q\r\n"
			     "x\r\nmn\r\nget z\r\n"),
			SP_S("VA 1\r\nx\r\nVA 2\r\nyy\r\nMN\r\n"
			     "END\r\n"),
			SP_C("mg a v q O1\r\nmg b v O2\r\n"),
			SP_S("VA 1 O1\r\nx\r\nEN O2\r\n"),
			SP_C("mg a v q\r\nmn\r\n"),
			SP_S("CLIENT_ERROR bad\r\nMN\r\n"),
		},
		.want = "> request method=mg resource=mg a:1 endpoint=mg a:{id} bytes=39\n"
			"> request method=get resource=get z endpoint=get bytes=7\n"
			"< response code=MN status=ok bytes=23 memcached.hits=2\n"
			"< response status=ok bytes=5 memcached.hits=0 memcached.misses=1\n"
			"> request method=mg resource=mg a endpoint=mg correlation=1 bytes=24\n"
			"< response code=EN status=ok bytes=19 memcached.hits=1\n"
			"> request method=mg resource=mg a endpoint=mg bytes=14\n"
			"< response code=CLIENT_ERROR message=bad status=client_error bytes=22\n",
	},
	{
		.name = "binary",
		.step = {
			SP_C("\x80\x01\x00\x03\x08\x00\x00\x00\x00\x00\x00\x0e\x00\x00\x00\x05\x00\x00\x00\x00\x00"
			     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00k:7abc"),
			SP_S("\x81\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00"
			     "\x00\x00\x01"),
			SP_C("\x80\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00k:7"),
			SP_S("\x81\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00\x00\x00\x00\x00""abc"),
			SP_C("\x80\x0c\x00\x02\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00no"),
			SP_S("\x81\x0c\x00\x00\x00\x00\x00\x01\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00Not found"),
			SP_C("\x80\x05\x00\x01\x14\x00\x00\x00\x00\x00\x00\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00n"),
			SP_S("\x81\x05\x00\x00\x00\x00\x00\x06\x00\x00\x00.\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00Non-numeric server-side value for incr or decr"),
			SP_C("\x80\x01\x00\x01\x08\x00\x00\x00\x00\x00\x13\x91\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00k"
			     V_1000 V_1000 V_1000 V_1000 V_1000),
			SP_S("\x81\x01\x00\x00\x00\x00\x00\x82\x00\x00\x00\r\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00Out of memory"),
			SP_C("\x80!\x00\x05\x00\x00\x00\x00\x00\x00\x00\x11\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00PLAIN\x00user\x00secret"),
			SP_S("\x81!\x00\x00\x00\x00\x00 \x00\x00\x00\r\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00""Auth failure."),
			SP_C("\x80\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00"),
			SP_S("\x81\x10\x00\x03\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00pid1\x81\x10\x00\x06\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00"
			     "\x00\x00\x00\x00\x00\x00\x00uptime2\x81\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
			SP_C("\x80\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00"),
			SP_S("\x81\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00"),
		},
		.want = "> request method=set resource=set k:7 endpoint=set k:{id} correlation=5 bytes=38\n"
			"< response code=0 status=ok bytes=24\n"
			"> request method=get resource=get k:7 endpoint=get k:{id} correlation=0 bytes=27\n"
			"< response code=0 status=ok bytes=31 memcached.hits=1 memcached.misses=0\n"
			"> request method=getk resource=getk no endpoint=getk correlation=0 bytes=26\n"
			"< response code=1 message=Not found status=ok bytes=33 memcached.hits=0 memcached.misses=1\n"
			"> request method=increment resource=increment n endpoint=increment correlation=0 bytes=45\n"
			"< response code=6 message=Non-numeric server-side value for incr or decr status=client_error "
			"bytes=70\n"
			"> request method=set resource=set k endpoint=set correlation=0 bytes=5033\n"
			"< response code=130 message=Out of memory status=server_error bytes=37\n"
			"> request method=sasl_auth resource=sasl_auth PLAIN endpoint=sasl_auth correlation=0 bytes=41\n"
			"< response code=32 status=client_error bytes=37\n"
			"> request method=stat resource=stat endpoint=stat correlation=0 bytes=24\n"
			"< response code=0 status=ok bytes=83\n"
			"> request method=quit resource=quit endpoint=quit correlation=0 bytes=24\n"
			"< response code=0 status=ok bytes=24\n",
	},
	{
		.name = "quiet binary commands are one call",
		.step = {
			SP_C("\x80\x09\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00"
			     "\x00\x00\x00""a\x80\x09\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00"
			     "\x00\x00\x00\x00\x00\x00""b\x80\x11\x00\x01\x08\x00\x00\x00\x00\x00\x00\n"
			     "\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00""cx"
			     "\x80\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00"
			     "\x00\x00"),
			SP_S("\x81\x09\x00\x00\x04\x00\x00\x00\x00\x00\x0b\xbc\x00\x00\x00\x02\x00\x00\x00\x00\x00"
			     "\x00\x00\x00\x00\x00\x00\x00"
			     X_1000 X_1000 X_1000
			     "\x81\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00"
			     "\x00\x00"),
			SP_C("\x80\x11\x00\x01\x08\x00\x00\x00\x00\x00\x00\n"
			     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00""cx"
			     "\x80\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00"),
			SP_S("\x81\x11\x00\x00\x00\x00\x00\x05\x00\x00\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00Not stored.\x81\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00\x00\x00\x00\x00\x00"),
			SP_C("\x80\x18\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00\x80\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00\x00\x00\x00"),
			SP_S("\x81\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00""1.4"),
		},
		.want = "> request method=getq resource=getq a endpoint=getq correlation=1 bytes=108\n"
			"< response code=0 status=ok bytes=3052 memcached.hits=1\n"
			"> request method=setq resource=setq c endpoint=setq correlation=0 bytes=58\n"
			"< response code=5 message=Not stored. status=ok bytes=59\n"
			"> oneway method=flushq resource=flushq endpoint=flushq correlation=0 bytes=24\n"
			"> request method=version resource=version endpoint=version correlation=0 bytes=24\n"
			"< response code=0 status=ok bytes=27\n",
	},
	{
		.name = "datagrams",
		.step = {
			SP_C("\x00\x07\x00\x00\x00\x01\x00\x00get k:1 k:2\r\n"),
			SP_S("\x00\x07\x00\x00\x00\x01\x00\x00VALUE k:1 0 1\r\n"
			     "x\r\nEND\r\n"),
			SP_C("\x00\x08\x00\x00\x00\x01\x00\x00get b\r\n"),
			SP_S("\x00\x08\x00\x00\x00\x02\x00\x00VALUE b 0 1400\r\n"
			     X_100),
			SP_S("\x00\x08\x00\x01\x00\x02\x00\x00"
			     X_100),
			SP_C("\x00\x09\x00\x00\x00\x01\x00\x00\x80\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
			SP_S("\x00\x09\x00\x00\x00\x01\x00\x00\x81\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00"
			     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00""1.4"),
		},
		.want = "> request method=get resource=get k:1 k:2 endpoint=get k:{id} correlation=7 bytes=21 "
			"db.operation.batch.size=2\n"
			"< response correlation=7 status=ok bytes=31 memcached.hits=1 memcached.misses=1\n"
			"> request method=get resource=get b endpoint=get correlation=8 bytes=15\n"
			"< response correlation=8 status=ok bytes=124\n"
			"> request method=version resource=version endpoint=version correlation=0 bytes=32\n"
			"< response code=0 correlation=9 status=ok bytes=35\n",
		.udp = true,
	},
	{
		.name = "a number that is none",
		.step = {
			SP_C("set k 0 0 99999999999\r\n"),
		},
		.want = "> bad\n",
		.no_probe = true,
	},
	{
		.name = "an answer that is none",
		.step = {
			SP_C("version\r\n"),
			SP_S("hello\r\n"),
		},
		.want = "> request method=version resource=version endpoint=version bytes=9\n"
			"< bad\n",
	},
	{
		.name = "a key too long",
		.step = {
			SP_C("\x80\x00\x00\xfb\x00\x00\x00\x00\x00\x00\x01,\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00"),
		},
		.want = "> bad\n",
		.no_probe = true,
	},
	{0},
};
/* clang-format on */

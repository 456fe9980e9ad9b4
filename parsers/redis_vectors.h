/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations with Redis, for redis.c alone. */

#define H_10 "hhhhhhhhhh"
#define H_100 H_10 H_10 H_10 H_10 H_10 H_10 H_10 H_10 H_10 H_10
#define H_1000 H_100 H_100 H_100 H_100 H_100 H_100 H_100 H_100 H_100 H_100
#define S_10 "ssssssssss"
#define S_100 S_10 S_10 S_10 S_10 S_10 S_10 S_10 S_10 S_10 S_10
#define S_1000 S_100 S_100 S_100 S_100 S_100 S_100 S_100 S_100 S_100 S_100
#define V_10 "vvvvvvvvvv"
#define V_100 V_10 V_10 V_10 V_10 V_10 V_10 V_10 V_10 V_10 V_10
#define V_1000 V_100 V_100 V_100 V_100 V_100 V_100 V_100 V_100 V_100 V_100
#define W_10 "wwwwwwwwww"
#define W_100 W_10 W_10 W_10 W_10 W_10 W_10 W_10 W_10 W_10 W_10
#define W_1000 W_100 W_100 W_100 W_100 W_100 W_100 W_100 W_100 W_100 W_100
#define X_10 "xxxxxxxxxx"
#define X_100 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10
#define X_1000 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100

/* Bytes and messages are laid out by hand. */
/* clang-format off */
static const struct sp_vector vectors[] = {
	{
		.name = "set and get",
		.step = {
			SP_C("*3\r\n$3\r\nset\r\n$6\r\nuser:1\r\n"
			     "$3\r\nabc\r\n"),
			SP_S("+OK\r\n"),
			SP_C("*2\r\n$3\r\nGET\r\n$6\r\nuser:1\r\n"),
			SP_S("$3\r\nabc\r\n"),
			SP_C("*2\r\n$3\r\nGET\r\n$15\r\nuser:alice:mail\r\n"),
			SP_S("$-1\r\n"),
			SP_C("*2\r\n$7\r\nHGETALL\r\n$13\r\ncart:77:items\r\n"),
			SP_S("*0\r\n"),
		},
		.want = "> request method=SET resource=SET user:1 ? endpoint=SET user:{id} bytes=34\n"
			"< response status=ok bytes=5\n"
			"> request method=GET resource=GET user:1 endpoint=GET user:{id} bytes=25\n"
			"< response status=ok bytes=9 db.response.returned_rows=1\n"
			"> request method=GET resource=GET user:alice:mail endpoint=GET user:alice:{id} bytes=35\n"
			"< response status=ok bytes=5 db.response.returned_rows=0\n"
			"> request method=HGETALL resource=HGETALL cart:77:items endpoint=HGETALL cart:{id}:items bytes=37\n"
			"< response status=ok bytes=4\n",
	},
	{
		.name = "a large value is passed over, and what stands after it",
		.step = {
			SP_C("*5\r\n$4\r\nMSET\r\n$1\r\na\r\n"
			     "$5000\r\n"
			     V_1000 V_1000 V_1000 V_1000 V_1000
			     "\r\n$1\r\nb\r\n$1\r\n2\r\n"),
			SP_S("+OK\r\n"),
			SP_C("*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n"
			     "$6000\r\n"
			     W_1000 W_1000 W_1000 W_1000 W_1000 W_1000
			     "\r\n"),
			SP_S("+OK\r\n"),
			SP_C("*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n"),
			SP_S("$6000\r\n"
			     W_1000 W_1000 W_1000 W_1000 W_1000 W_1000
			     "\r\n"),
		},
		.want = "> request method=MSET resource=MSET a ? ? ? endpoint=MSET bytes=5044\n"
			"< response status=ok bytes=5\n"
			"> request method=SET resource=SET big ? endpoint=SET bytes=6031\n"
			"< response status=ok bytes=5\n"
			"> request method=GET resource=GET big endpoint=GET bytes=22\n"
			"< response status=ok bytes=6009 db.response.returned_rows=1\n",
	},
	{
		.name = "pipeline, errors, nested reply",
		.step = {
			SP_C("*1\r\n$4\r\nPING\r\n*2\r\n$4\r\n"
			     "LLEN\r\n$1\r\ns\r\n*2\r\n$3\r\n"
			     "FOO\r\n$6\r\nsecret\r\n*2\r\n$3\r\n"
			     "GET\r\n$1\r\nx\r\n*1\r\n$7\r\nCOMMAND\r\n"),
			SP_S("+PONG\r\n-WRONGTYPE Operation against a key\r\n"
			     "-ERR unknown command 'FOO', with args beginning with: 'secret' \r\n"
			     "-MOVED 3999 127.0.0.1:6381\r\n*2\r\n"
			     "*1\r\n:1\r\n*2\r\n$-1\r\n$0\r\n"
			     "\r\n"),
			SP_C("*1\r\n$6\r\nASKING\r\n*2\r\n$3\r\n"
			     "GET\r\n$1\r\nx\r\n"),
			SP_S("+OK\r\n-LOADING Redis is loading the dataset in memory\r\n"),
		},
		.want = "> request method=PING resource=PING endpoint=PING bytes=14\n"
			"> request method=LLEN resource=LLEN s endpoint=LLEN bytes=21\n"
			"> request method=FOO resource=FOO secret endpoint=FOO bytes=25\n"
			"> request method=GET resource=GET x endpoint=GET bytes=20\n"
			"> request method=COMMAND resource=COMMAND endpoint=COMMAND bytes=17\n"
			"< response status=ok bytes=7\n"
			"< response code=WRONGTYPE message=WRONGTYPE Operation against a key status=client_error bytes=36\n"
			"< response code=ERR message=ERR unknown command 'FOO',  status=client_error bytes=65\n"
			"< response code=MOVED message=MOVED 3999 127.0.0.1:6381 status=ok bytes=28\n"
			"< response status=ok bytes=27 db.response.returned_rows=2\n"
			"> request method=ASKING resource=ASKING endpoint=ASKING bytes=16\n"
			"> request method=GET resource=GET x endpoint=GET bytes=20\n"
			"< response status=ok bytes=5\n"
			"< response code=LOADING message=LOADING Redis is loading the dataset in memory "
			"status=server_error bytes=49\n",
	},
	{
		.name = "a transaction with an error inside, and one that did not take place",
		.step = {
			SP_C("*1\r\n$5\r\nMULTI\r\n"),
			SP_S("+OK\r\n"),
			SP_C("*2\r\n$4\r\nINCR\r\n$1\r\ns\r\n"),
			SP_S("+QUEUED\r\n"),
			SP_C("*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\n"
			     "a\r\n$1\r\nb\r\n"),
			SP_S("+QUEUED\r\n"),
			SP_C("*1\r\n$4\r\nEXEC\r\n"),
			SP_S("*2\r\n-ERR value is not an integer\r\n"
			     "-WRONGTYPE no\r\n"),
			SP_C("*1\r\n$4\r\nEXEC\r\n"),
			SP_S("*-1\r\n"),
			SP_C("*1\r\n$4\r\nEXEC\r\n"),
			SP_S("-EXECABORT Transaction discarded because of previous errors.\r\n"),
		},
		.want = "> request method=MULTI resource=MULTI endpoint=MULTI bytes=15\n"
			"< response status=ok bytes=5\n"
			"> request method=INCR resource=INCR s endpoint=INCR bytes=21\n"
			"< response status=ok bytes=9\n"
			"> request method=SUBSCRIBE resource=SUBSCRIBE a b endpoint=SUBSCRIBE bytes=33\n"
			"< response status=ok bytes=9\n"
			"> request method=EXEC resource=EXEC endpoint=EXEC bytes=14\n"
			"< response code=ERR message=ERR value is not an integer status=client_error bytes=49 "
			"db.response.returned_rows=2\n"
			"> request method=EXEC resource=EXEC endpoint=EXEC bytes=14\n"
			"< response status=ok bytes=5 db.response.returned_rows=0\n"
			"> request method=EXEC resource=EXEC endpoint=EXEC bytes=14\n"
			"< response code=EXECABORT message=EXECABORT Transaction discarded because of previous errors. "
			"status=client_error bytes=62\n",
	},
	{
		.name = "which arguments are keys",
		.step = {
			SP_C("*4\r\n$4\r\nMGET\r\n$1\r\na\r\n"
			     "$1\r\nb\r\n$1\r\nc\r\n*5\r\n$4\r\n"
			     "mset\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n"
			     "b\r\n$1\r\n2\r\n*3\r\n$3\r\nDEL\r\n"
			     "$3\r\nk:1\r\n$3\r\nk:2\r\n*4\r\n"
			     "$5\r\nBLPOP\r\n$1\r\na\r\n$1\r\n"
			     "b\r\n$1\r\n5\r\n*6\r\n$4\r\nEVAL\r\n"
			     "$8\r\nreturn 1\r\n$1\r\n2\r\n$1\r\n"
			     "a\r\n$1\r\nb\r\n$1\r\nv\r\n*5\r\n"
			     "$7\r\nEVALSHA\r\n$3\r\nabc\r\n$1\r\n"
			     "1\r\n$3\r\na:1\r\n$1\r\nv\r\n*4\r\n"
			     "$5\r\nFCALL\r\n$2\r\nfn\r\n$1\r\n"
			     "0\r\n$1\r\nv\r\n*8\r\n$11\r\nZUNIONSTORE\r\n"
			     "$1\r\nd\r\n$1\r\n2\r\n$1\r\na\r\n"
			     "$1\r\nb\r\n$7\r\nWEIGHTS\r\n$1\r\n"
			     "1\r\n$1\r\n2\r\n*5\r\n$6\r\nZINTER\r\n"
			     "$1\r\n2\r\n$1\r\na\r\n$1\r\nb\r\n"
			     "$10\r\nWITHSCORES\r\n*5\r\n$5\r\n"
			     "BITOP\r\n$3\r\nAND\r\n$1\r\nd\r\n"
			     "$1\r\na\r\n$1\r\nb\r\n*8\r\n$5\r\n"
			     "XREAD\r\n$5\r\nCOUNT\r\n$1\r\n2\r\n"
			     "$7\r\nstreams\r\n$1\r\na\r\n$1\r\n"
			     "b\r\n$1\r\n0\r\n$1\r\n0\r\n*3\r\n"
			     "$6\r\nRENAME\r\n$1\r\na\r\n$1\r\n"
			     "b\r\n*3\r\n$6\r\nOBJECT\r\n$8\r\n"
			     "encoding\r\n$1\r\na\r\n*5\r\n$6\r\n"
			     "XGROUP\r\n$6\r\nCREATE\r\n$1\r\n"
			     "s\r\n$1\r\ng\r\n$1\r\n$\r\n*4\r\n"
			     "$4\r\nSCAN\r\n$1\r\n0\r\n$5\r\n"
			     "MATCH\r\n$2\r\nu*\r\n*2\r\n$4\r\n"
			     "ECHO\r\n$6\r\nsecret\r\n*2\r\n$7\r\n"
			     "CLUSTER\r\n$5\r\nslots\r\n*6\r\n"
			     "$4\r\nHSET\r\n$1\r\nh\r\n$1\r\n"
			     "f\r\n$1\r\nv\r\n$1\r\ng\r\n$1\r\n"
			     "w\r\n"),
		},
		.want = "> request method=MGET resource=MGET a b c endpoint=MGET bytes=35\n"
			"> request method=MSET resource=MSET a ? b ? endpoint=MSET bytes=42\n"
			"> request method=DEL resource=DEL k:1 k:2 endpoint=DEL k:{id} bytes=31\n"
			"> request method=BLPOP resource=BLPOP a b 5 endpoint=BLPOP bytes=36\n"
			"> request method=EVAL resource=EVAL ? ? a b ? endpoint=EVAL bytes=56\n"
			"> request method=EVALSHA resource=EVALSHA abc ? a:1 ? endpoint=EVALSHA abc bytes=49\n"
			"> request method=FCALL resource=FCALL fn ? ? endpoint=FCALL fn bytes=37\n"
			"> request method=ZUNIONSTORE resource=ZUNIONSTORE d ? a b ? ? ? endpoint=ZUNIONSTORE bytes=77\n"
			"> request method=ZINTER resource=ZINTER ? a b ? endpoint=ZINTER bytes=54\n"
			"> request method=BITOP resource=BITOP AND d a b endpoint=BITOP bytes=45\n"
			"> request method=XREAD resource=XREAD ? ? ? a b ? ? endpoint=XREAD bytes=74\n"
			"> request method=RENAME resource=RENAME a b endpoint=RENAME bytes=30\n"
			"> request method=OBJECT ENCODING resource=OBJECT ENCODING a endpoint=OBJECT ENCODING bytes=37\n"
			"> request method=XGROUP CREATE resource=XGROUP CREATE s ? ? endpoint=XGROUP CREATE bytes=49\n"
			"> request method=SCAN resource=SCAN 0 MATCH u* endpoint=SCAN bytes=40\n"
			"> request method=ECHO resource=ECHO ? endpoint=ECHO bytes=26\n"
			"> request method=CLUSTER SLOTS resource=CLUSTER SLOTS endpoint=CLUSTER SLOTS bytes=28\n"
			"> request method=HSET resource=HSET h ? ? ? ? endpoint=HSET bytes=49\n",
	},
	{
		.name = "credentials are never shown",
		.step = {
			SP_C("*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n"
			     "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n"
			     "$2\r\npw\r\n*7\r\n$5\r\nHELLO\r\n"
			     "$1\r\n3\r\n$4\r\nAUTH\r\n$2\r\n"
			     "me\r\n$2\r\npw\r\n$7\r\nSETNAME\r\n"
			     "$1\r\nx\r\n*4\r\n$6\r\nCONFIG\r\n"
			     "$3\r\nSET\r\n$11\r\nrequirepass\r\n"
			     "$2\r\npw\r\n*5\r\n$3\r\nACL\r\n"
			     "$7\r\nSETUSER\r\n$3\r\nbob\r\n$2\r\n"
			     "on\r\n$3\r\n>pw\r\n*8\r\n$7\r\n"
			     "MIGRATE\r\n$1\r\nh\r\n$4\r\n6379\r\n"
			     "$1\r\nk\r\n$1\r\n0\r\n$4\r\n5000\r\n"
			     "$4\r\nAUTH\r\n$2\r\npw\r\n*5\r\n"
			     "$8\r\nSENTINEL\r\n$3\r\nSET\r\n"
			     "$1\r\nm\r\n$9\r\nauth-pass\r\n$2\r\n"
			     "pw\r\n*3\r\n$3\r\nSET\r\n$1\r\n"
			     "k\r\n$1\r\nv\r\n"),
		},
		.want = "> request method=AUTH resource=AUTH ? endpoint=AUTH bytes=22\n"
			"> request method=AUTH resource=AUTH ? ? endpoint=AUTH bytes=30\n"
			"> request method=HELLO resource=HELLO 3 ? ? ? ? ? endpoint=HELLO bytes=68\n"
			"> request method=CONFIG SET resource=CONFIG SET requirepass ? endpoint=CONFIG SET bytes=51\n"
			"> request method=ACL SETUSER resource=ACL SETUSER bob ? ? endpoint=ACL SETUSER bytes=52\n"
			"> request method=MIGRATE resource=MIGRATE h 6379 k 0 5000 ? ? endpoint=MIGRATE bytes=76\n"
			"> request method=SENTINEL SET resource=SENTINEL SET m ? ? endpoint=SENTINEL SET bytes=57\n"
			"> request method=SET resource=SET k v endpoint=SET bytes=27\n",
		.reveal = true,
	},
	{
		.name = "the database that was selected",
		.step = {
			SP_C("*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n"),
			SP_S("+OK\r\n"),
			SP_C("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
			SP_S("$1\r\nx\r\n"),
		},
		.want = "> request method=SELECT resource=SELECT 7 endpoint=SELECT bytes=23 "
			"db.namespace=7\n"
			"< response status=ok bytes=5\n"
			"> request method=GET resource=GET a endpoint=GET bytes=20 db.namespace=7\n"
			"< response status=ok bytes=7 db.response.returned_rows=1\n",
	},
	{
		.name = "subscriptions of RESP2",
		.step = {
			SP_C("*3\r\n$9\r\nSUBSCRIBE\r\n$6\r\n"
			     "news:1\r\n$1\r\nb\r\n"),
			SP_S("*3\r\n$9\r\nsubscribe\r\n$6\r\n"
			     "news:1\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n"
			     "$1\r\nb\r\n:2\r\n*3\r\n$7\r\nmessage\r\n"
			     "$6\r\nnews:1\r\n$5\r\nhello\r\n"),
			SP_C("*2\r\n$10\r\nPSUBSCRIBE\r\n$2\r\n"
			     "n*\r\n"),
			SP_S("*3\r\n$7\r\nmessage\r\n$1\r\nb\r\n"
			     "$5000\r\n"
			     H_1000 H_1000 H_1000 H_1000 H_1000
			     "\r\n*3\r\n$10\r\npsubscribe\r\n"
			     "$2\r\nn*\r\n:3\r\n*4\r\n$8\r\npmessage\r\n"
			     "$2\r\nn*\r\n$6\r\nnews:1\r\n$1\r\n"
			     "x\r\n"),
			SP_C("*1\r\n$4\r\nPING\r\n"),
			SP_S("*2\r\n$4\r\npong\r\n$0\r\n\r\n"),
			SP_C("*1\r\n$11\r\nUNSUBSCRIBE\r\n"),
			SP_S("*3\r\n$11\r\nunsubscribe\r\n$1\r\n"
			     "b\r\n:2\r\n*3\r\n$11\r\nunsubscribe\r\n"
			     "$6\r\nnews:1\r\n:1\r\n"),
			SP_C("*3\r\n$12\r\nPUNSUBSCRIBE\r\n$2\r\n"
			     "n*\r\n$1\r\nx\r\n"),
			SP_S("*3\r\n$12\r\npunsubscribe\r\n$2\r\n"
			     "n*\r\n:0\r\n*3\r\n$12\r\npunsubscribe\r\n"
			     "$-1\r\n:0\r\n"),
			SP_C("*4\r\n$6\r\nLRANGE\r\n$1\r\nl\r\n"
			     "$1\r\n0\r\n$1\r\n2\r\n"),
			SP_S("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n"
			     "$1\r\nb\r\n"),
			SP_C("*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\n"
			     "a\r\n$1\r\nb\r\n"),
			SP_S("-NOAUTH Authentication required.\r\n"),
		},
		.want = "> request method=SUBSCRIBE resource=SUBSCRIBE news:1 b endpoint=SUBSCRIBE news:{id} bytes=38\n"
			"< response status=ok bytes=65\n"
			"< oneway method=MESSAGE resource=news:1 endpoint=MESSAGE news:{id} bytes=40\n"
			"> request method=PSUBSCRIBE resource=PSUBSCRIBE n* endpoint=PSUBSCRIBE bytes=29\n"
			"< oneway method=MESSAGE resource=b endpoint=MESSAGE bytes=5033\n"
			"< response status=ok bytes=33\n"
			"< oneway method=PMESSAGE resource=news:1 endpoint=PMESSAGE news:{id} bytes=45\n"
			"> request method=PING resource=PING endpoint=PING bytes=14\n"
			"< response status=ok bytes=20 db.response.returned_rows=2\n"
			"> request method=UNSUBSCRIBE resource=UNSUBSCRIBE endpoint=UNSUBSCRIBE bytes=22\n"
			"< response status=ok bytes=33\n"
			"< oneway method=UNSUBSCRIBE resource=news:1 endpoint=UNSUBSCRIBE news:{id} bytes=38\n"
			"> request method=PUNSUBSCRIBE resource=PUNSUBSCRIBE n* x endpoint=PUNSUBSCRIBE bytes=38\n"
			"< response status=ok bytes=67\n"
			"> request method=LRANGE resource=LRANGE l ? ? endpoint=LRANGE bytes=37\n"
			"< response status=ok bytes=31 db.response.returned_rows=3\n"
			"> request method=SUBSCRIBE resource=SUBSCRIBE a b endpoint=SUBSCRIBE bytes=33\n"
			"< response code=NOAUTH message=NOAUTH Authentication required. status=client_error bytes=34\n",
	},
	{
		.name = "RESP3: types, pushes, attributes",
		.step = {
			SP_C("*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"),
			SP_S("%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n"
			     "$5\r\nproto\r\n:3\r\n"),
			SP_C("*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\n"
			     "c\r\n$1\r\nd\r\n"),
			SP_S(">3\r\n$9\r\nsubscribe\r\n$1\r\n"
			     "c\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n"
			     "$1\r\nd\r\n:2\r\n>3\r\n$7\r\nmessage\r\n"
			     "$1\r\nc\r\n$1\r\nx\r\n"),
			SP_C("*2\r\n$8\r\nSMEMBERS\r\n$1\r\ns\r\n"),
			SP_S(">2\r\n$10\r\ninvalidate\r\n*1\r\n"
			     "$1\r\na\r\n|1\r\n+ttl\r\n:3600\r\n"
			     "~3\r\n#t\r\n,3.14\r\n(1234567890123456789012\r\n"),
			SP_C("*1\r\n$4\r\nINFO\r\n"),
			SP_S("=8\r\ntxt:Some\r\n"),
			SP_C("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
			SP_S("_\r\n"),
			SP_C("*1\r\n$3\r\nFOO\r\n"),
			SP_S("!21\r\nSYNTAX invalid syntax\r\n"),
			SP_C("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
			SP_S("$?\r\n;4\r\nHell\r\n;5\r\no wor\r\n"
			     ";0\r\n"),
			SP_C("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
			SP_S("*?\r\n:1\r\n*2\r\n:1\r\n%?\r\n+a\r\n"
			     "+b\r\n.\r\n:3\r\n.\r\n"),
			SP_C("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
			SP_S("+a\r\n"),
		},
		.want = "> request method=HELLO resource=HELLO 3 endpoint=HELLO bytes=22\n"
			"< response status=ok bytes=42 db.response.returned_rows=2\n"
			"> request method=SUBSCRIBE resource=SUBSCRIBE c d endpoint=SUBSCRIBE bytes=33\n"
			"< response status=ok bytes=60\n"
			"< oneway method=MESSAGE resource=c endpoint=MESSAGE bytes=31\n"
			"> request method=SMEMBERS resource=SMEMBERS s endpoint=SMEMBERS bytes=25\n"
			"< oneway method=INVALIDATE endpoint=INVALIDATE bytes=32\n"
			"< response status=ok bytes=57 db.response.returned_rows=3\n"
			"> request method=INFO resource=INFO endpoint=INFO bytes=14\n"
			"< response status=ok bytes=14\n"
			"> request method=GET resource=GET a endpoint=GET bytes=20\n"
			"< response status=ok bytes=3 db.response.returned_rows=0\n"
			"> request method=FOO resource=FOO endpoint=FOO bytes=13\n"
			"< response code=SYNTAX message=SYNTAX invalid syntax status=client_error bytes=28\n"
			"> request method=GET resource=GET a endpoint=GET bytes=20\n"
			"< response status=ok bytes=29 db.response.returned_rows=1\n"
			"> request method=GET resource=GET a endpoint=GET bytes=20\n"
			"< response status=ok bytes=38\n"
			"> request method=GET resource=GET a endpoint=GET bytes=20\n"
			"< response status=ok bytes=4\n",
	},
	{
		.name = "the client takes replies away",
		.step = {
			SP_C("*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n"
			     "$4\r\nSKIP\r\n*3\r\n$3\r\nSET\r\n"
			     "$1\r\na\r\n$1\r\n1\r\n*2\r\n$3\r\n"
			     "GET\r\n$1\r\na\r\n"),
			SP_S("$1\r\n1\r\n"),
			SP_C("*3\r\n$6\r\nclient\r\n$5\r\nreply\r\n"
			     "$3\r\noff\r\n*3\r\n$3\r\nSET\r\n"
			     "$1\r\na\r\n$1\r\n1\r\n*3\r\n$6\r\n"
			     "CLIENT\r\n$5\r\nREPLY\r\n$2\r\n"
			     "ON\r\n"),
			SP_S("+OK\r\n"),
			SP_C("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
			SP_S("$1\r\n1\r\n"),
		},
		.want = "> oneway method=CLIENT REPLY resource=CLIENT REPLY SKIP endpoint=CLIENT REPLY bytes=37\n"
			"> oneway method=SET resource=SET a ? endpoint=SET bytes=27\n"
			"> request method=GET resource=GET a endpoint=GET bytes=20\n"
			"< response status=ok bytes=7 db.response.returned_rows=1\n"
			"> oneway method=CLIENT REPLY resource=CLIENT REPLY off endpoint=CLIENT REPLY bytes=36\n"
			"> oneway method=SET resource=SET a ? endpoint=SET bytes=27\n"
			"> request method=CLIENT REPLY resource=CLIENT REPLY ON endpoint=CLIENT REPLY bytes=35\n"
			"< response status=ok bytes=5\n"
			"> request method=GET resource=GET a endpoint=GET bytes=20\n"
			"< response status=ok bytes=7 db.response.returned_rows=1\n",
	},
	{
		.name = "inline commands",
		.step = {
			SP_C("PING\r\n\r\nset key:1 \"a b\"\n"
			     "get  'key 2'\r\n"),
			SP_S("+PONG\r\n+OK\r\n$-1\r\n"),
		},
		.want = "> request method=PING resource=PING endpoint=PING bytes=6\n"
			"> request method=SET resource=SET key:1 ? endpoint=SET key:{id} bytes=16\n"
			"> request method=GET resource=GET key 2 endpoint=GET bytes=14\n"
			"< response status=ok bytes=7\n"
			"< response status=ok bytes=5\n"
			"< response status=ok bytes=5 db.response.returned_rows=0\n",
	},
	{
		.name = "MONITOR",
		.step = {
			SP_C("*1\r\n$7\r\nMONITOR\r\n"),
			SP_S("+OK\r\n+1339518083.107412 [0 127.0.0.1:60866] \"keys\" \"secret\"\r\n"
			     "+1339518087.877697 [0 lua] \"set\" \"a\" \""
			     S_1000 S_100 S_100 S_100 S_100 S_100
			     "\"\r\n"),
		},
		.want = "> request method=MONITOR resource=MONITOR endpoint=MONITOR bytes=17\n"
			"< response status=ok bytes=5\n"
			"< oneway method=MONITOR endpoint=MONITOR bytes=56\n"
			"< oneway method=MONITOR endpoint=MONITOR bytes=1541\n",
	},
	{
		.name = "a replica of known length",
		.step = {
			SP_C("*3\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n"
			     "$6\r\npsync2\r\n"),
			SP_S("+OK\r\n"),
			SP_C("*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n"
			     "$2\r\n-1\r\n"),
			SP_S("+FULLRESYNC 8de1787ba490483314a4d30f1c628bc5025eb761 0\r\n"
			     "\n$11\r\nREDIS*1\r\n*1*2\r\n$6\r\n"
			     "SELECT\r\n$1\r\n0\r\n*3\r\n$3\r\n"
			     "set\r\n$3\r\nk:1\r\n$1\r\nv\r\n"
			     "\n*3\r\n$8\r\nREPLCONF\r\n$6\r\n"
			     "GETACK\r\n$1\r\n*\r\n"),
			SP_C("*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n"
			     "$2\r\n99\r\n"),
		},
		.want = "> request method=REPLCONF CAPA resource=REPLCONF CAPA ? endpoint=REPLCONF CAPA bytes=40\n"
			"< response status=ok bytes=5\n"
			"> request method=PSYNC resource=PSYNC ? -1 endpoint=PSYNC bytes=30\n"
			"< response status=ok bytes=56\n"
			"< oneway method=FULLRESYNC endpoint=FULLRESYNC bytes=16\n"
			"< oneway method=SELECT resource=SELECT 0 endpoint=SELECT bytes=23\n"
			"< oneway method=SET resource=SET k:1 ? endpoint=SET k:{id} bytes=29\n"
			"< oneway method=REPLCONF GETACK resource=REPLCONF GETACK ? endpoint=REPLCONF GETACK bytes=37\n"
			"> oneway method=REPLCONF ACK resource=REPLCONF ACK ? endpoint=REPLCONF ACK bytes=35\n",
	},
	{
		.name = "a replica until the mark",
		.step = {
			SP_C("*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n"
			     "$2\r\n-1\r\n"),
			SP_S("\n+FULLRESYNC 8de1787ba490483314a4d30f1c628bc5025eb761 0\r\n"
			     "$EOF:0123456789012345678901234567890123456789\r\n"
			     "REDIS0123456789"
			     X_100
			     "0123456789012345678901234567890123456789*1\r\n"
			     "$4\r\nPING\r\n"),
		},
		.want = "> request method=PSYNC resource=PSYNC ? -1 endpoint=PSYNC bytes=30\n"
			"< response status=ok bytes=56\n"
			"< oneway method=FULLRESYNC endpoint=FULLRESYNC bytes=202\n"
			"< oneway method=PING resource=PING endpoint=PING bytes=14\n",
	},
	{
		.name = "a replica that goes on",
		.step = {
			SP_C("*3\r\n$5\r\nPSYNC\r\n$4\r\n8de1\r\n"
			     "$2\r\n22\r\n"),
			SP_S("+CONTINUE 8de1\r\n*2\r\n$3\r\nDEL\r\n"
			     "$1\r\na\r\n"),
		},
		.want = "> request method=PSYNC resource=PSYNC 8de1 22 endpoint=PSYNC bytes=33\n"
			"< response status=ok bytes=16\n"
			"< oneway method=DEL resource=DEL a endpoint=DEL bytes=20\n",
	},
	{
		.name = "SYNC, the old way",
		.step = {
			SP_C("SYNC\r\n"),
			SP_S("$5\r\nREDIS*2\r\n$3\r\nDEL\r\n$1\r\n"
			     "a\r\n"),
		},
		.want = "> request method=SYNC resource=SYNC endpoint=SYNC bytes=6\n"
			"< response status=ok bytes=9\n"
			"< oneway method=DEL resource=DEL a endpoint=DEL bytes=20\n",
		.no_probe = true,
	},
	{
		.name = "no Redis",
		.step = {
			SP_C("*1\r\n:1\r\n"),
		},
		.want = "> bad\n",
		.no_probe = true,
	},
	{
		.name = "more nodes than any reply has",
		.step = {
			SP_C("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"),
			SP_S("*1000000\r\n*1000000\r\n:1\r\n"),
		},
		.want = "> request method=GET resource=GET a endpoint=GET bytes=20\n"
			"< bad\n",
	},
	{
		.name = "arguments of another kind",
		.step = {
			SP_C("*2\r\n$3\r\nGET\r\n+a\r\n"),
		},
		.want = "> bad\n",
		.no_probe = true,
	},
	{
		.name = "a name that is none",
		.step = {
			SP_C("*1\r\n$70\r\n"
			     X_10 X_10 X_10 X_10 X_10 X_10 X_10
			     "\r\n"),
		},
		.want = "> bad\n",
	},
	{
		.name = "empty",
		.step = {
			SP_C("*0\r\n*1\r\n$4\r\nPING\r\n"),
			SP_S("+PONG\r\n"),
		},
		.want = "> request method=PING resource=PING endpoint=PING bytes=14\n"
			"< response status=ok bytes=7\n",
	},
	{0},
};
/* clang-format on */

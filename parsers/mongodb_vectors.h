/* SPDX-License-Identifier: Apache-2.0 */
/* Messages put together by the specification: the tests of mongodb.c. */
#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

static const struct sp_vector vectors[] = {
	{
		.name = "find, its cursor lost",
		.step = {SP_C("\236\000\000\000\001\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000\211"
			      "\000\000\000\002find\000\006\000\000\000users\000\003filter\000^"
			      "\000\000\000\003age\000\016\000\000\000\020$gt\000\025\000\000\000\000\003name\000!"
			      "\000\000\000\004$"
			      "in\000\027\000\000\000\0020\000\002\000\000\000a\000\0021\000\002\000\000\000b\000\000"
			      "\000\002$comment\000\021\000\000\000x-request-id=r-1\000\000\002$"
			      "db\000\005\000\000\000shop\000\000"),
			 SP_S("\205\000\000\000\011\000\000\000\001\000\000\000\335\007\000\000\000\000\000\000\000p"
			      "\000\000\000\003cursor\000W\000\000\000\004firstBatch\000'"
			      "\000\000\000\0030\000\016\000\000\000\020_"
			      "id\000\001\000\000\000\000\0031\000\016\000\000\000\020_"
			      "id\000\002\000\000\000\000\000\022id\000M\000\000\000\000\000\000\000\002ns\000\013\000"
			      "\000\000shop.users\000\000\001ok\000\000\000\000\000\000\000\360?\000"),
			 SP_C("O\000\000\000\002\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000:"
			      "\000\000\000\022getMore\000M\000\000\000\000\000\000\000\002collection\000\006\000\000"
			      "\000users\000\002$db\000\005\000\000\000shop\000\000"),
			 SP_S("p\000\000\000\012\000\000\000\002\000\000\000\335\007\000\000\000\000\000\000\000["
			      "\000\000\000\001ok\000\000\000\000\000\000\000\000\000\002errmsg\000\027\000\000\000curs"
			      "or id 77 not "
			      "found\000\020code\000+"
			      "\000\000\000\002codeName\000\017\000\000\000CursorNotFound\000\000")},
		.want = "> request method=find host=shop resource=users endpoint=find users correlation=1 "
			"x_request_id_request=r-1 id=1 bytes=158 db.collection.name=users "
			"db.query.text={age: {$gt: ?}, name: {$in: [?]}, $comment: ?}\n"
			"< response status=ok id=1 bytes=133 db.mongodb.cursor_id=77 db.response.returned_rows=2\n"
			"> request method=getMore host=shop resource=users endpoint=getMore users correlation=2 id=2 "
			"bytes=79 db.mongodb.cursor_id=77 db.collection.name=users\n"
			"< response code=43 message=cursor id 77 not found status=client_error id=2 bytes=112 "
			"error.type=CursorNotFound\n",
	},
	{
		.name = "a sequence of documents, checksums, a duplicate key",
		.step = {SP_C("\207\000\000\000\003\000\000\000\000\000\000\000\335\007\000\000\001\000\000\000\000/"
			      "\000\000\000\002insert\000\006\000\000\000users\000\010ordered\000\001\002$"
			      "db\000\005\000\000\000shop\000\000\001>\000\000\000documents\000\"\000\000\000\020_"
			      "id\000\001\000\000\000\003q\000\021\000\000\000\020secret\000\001\000\000\000\000\000"
			      "\016\000\000\000\020_id\000\002\000\000\000\000\001\002\003\004"),
			 SP_S("\355\000\000\000\013\000\000\000\003\000\000\000\335\007\000\000\001\000\000\000\000\324"
			      "\000\000\000\020n\000\001\000\000\000\004writeErrors\000\257\000\000\000\0030\000x\000"
			      "\000\000\020index\000\001\000\000\000\020code\000\370*"
			      "\000\000\002errmsg\000R\000\000\000E11000 duplicate key error collection: shop.users "
			      "index: _id_ dup key: { _id: 2 "
			      "}\000\000\0031\000,"
			      "\000\000\000\020index\000\002\000\000\000\020code\000\001\000\000\000\002errmsg\000\006"
			      "\000\000\000other\000\000\000\001ok\000\000\000\000\000\000\000\360?"
			      "\000\001\002\003\004")},
		.want = "> request method=insert host=shop resource=users endpoint=insert users correlation=3 id=3 "
			"bytes=135 db.collection.name=users db.operation.batch.size=2\n"
			"< response code=11000 message=E11000 duplicate key error collection: shop.users index: _id_ "
			"dup key: ? status=client_error id=3 bytes=237 db.response.returned_rows=1\n",
	},
	{
		.name = "updates before their command, a write concern not met",
		.step = {SP_C("\277\000\000\000\004\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000\001`"
			      "\000\000\000updates\0008\000\000\000\003q\000\026\000\000\000\002name\000\007\000\000"
			      "\000secret\000\000\003u\000\027\000\000\000\003$"
			      "set\000\014\000\000\000\020a\000\001\000\000\000\000\000\000\034\000\000\000\003q\000"
			      "\014\000\000\000\020b\000\001\000\000\000\000\003u\000\005\000\000\000\000\000\000I\000"
			      "\000\000\002update\000\006\000\000\000users\000\002$"
			      "db\000\005\000\000\000shop\000\003comment\000\033\000\000\000\002X-Request-"
			      "ID\000\004\000\000\000r-2\000\000\000"),
			 SP_S("\256\000\000\000\014\000\000\000\004\000\000\000\335\007\000\000\000\000\000\000\000\231"
			      "\000\000\000\020n\000\002\000\000\000\020nModified\000\002\000\000\000\003writeConcernEr"
			      "ror\000_\000\000\000\020code\000@"
			      "\000\000\000\002codeName\000\024\000\000\000WriteConcernTimeout\000\002errmsg\000\"\000"
			      "\000\000waiting for replication timed "
			      "out\000\000\001ok\000\000\000\000\000\000\000\360?\000")},
		.want = "> request method=update host=shop resource=users endpoint=update users correlation=4 "
			"x_request_id_request=r-2 id=4 bytes=191 db.query.text={name: ?} "
			"db.collection.name=users db.operation.batch.size=2\n"
			"< response code=64 message=waiting for replication timed out status=server_error id=4 "
			"bytes=174 error.type=WriteConcernTimeout db.response.returned_rows=2\n",
	},
	{
		.name = "nobody answers; answers nobody asks for again",
		.step = {SP_C("l\000\000\000\005\000\000\000\000\000\000\000\335\007\000\000\002\000\000\000\000W\000"
			      "\000\000\002delete\000\006\000\000\000users\000\004deletes\000)\000\000\000\0030\000!"
			      "\000\000\000\003q\000\016\000\000\000\020_"
			      "id\000\001\000\000\000\000\020limit\000\001\000\000\000\000\000\002$"
			      "db\000\005\000\000\000shop\000\000L\000\000\000\006\000\000\000\000\000\000\000\335\007"
			      "\000\000\000\000\001\000\0007\000\000\000\020hello\000\001\000\000\000\022maxAwaitTimeMS"
			      "\000\020'\000\000\000\000\000\000\002$db\000\006\000\000\000admin\000\000"),
			 SP_S(":\000\000\000\024\000\000\000\006\000\000\000\335\007\000\000\002\000\000\000\000%"
			      "\000\000\000\010isWritablePrimary\000\001\001ok\000\000\000\000\000\000\000\360?\000:"
			      "\000\000\000\025\000\000\000\024\000\000\000\335\007\000\000\002\000\000\000\000%"
			      "\000\000\000\010isWritablePrimary\000\001\001ok\000\000\000\000\000\000\000\360?\000"),
			 SP_S(":\000\000\000\026\000\000\000\025\000\000\000\335\007\000\000\000\000\000\000\000%"
			      "\000\000\000\010isWritablePrimary\000\000\001ok\000\000\000\000\000\000\000\360?\000")},
		.want = "> oneway method=delete host=shop resource=users endpoint=delete users correlation=5 id=5 "
			"bytes=108 db.collection.name=users db.query.text={_id: ?} "
			"db.operation.batch.size=1\n"
			"> request method=hello host=admin endpoint=hello correlation=6 id=6 bytes=76\n"
			"< response status=ok id=6 bytes=58\n"
			"< oneway status=ok id=21 bytes=58\n"
			"< oneway status=ok id=22 bytes=58\n",
	},
	{
		.name = "queries before OP_MSG",
		.step = {SP_C(":\000\000\000\007\000\000\000\000\000\000\000\324\007\000\000\000\000\000\000admin.$"
			      "cmd\000\000\000\000\000\001\000\000\000\023\000\000\000\020isMaster\000\001\000\000\000"
			      "\000"),
			 SP_S("@\000\000\000\036\000\000\000\007\000\000\000\001\000\000\000\000\000\000\000\000\000"
			      "\000\000\000\000\000\000\000\000\000\000\001\000\000\000\034\000\000\000\010ismaster\000"
			      "\001\001ok\000\000\000\000\000\000\000\360?\000"),
			 SP_C("b\000\000\000\010\000\000\000\000\000\000\000\324\007\000\000@\000\000\000shop."
			      "users\000\000\000\000\000\001\000\000\000;\000\000\000\003$"
			      "query\000\016\000\000\000\020age\000\036\000\000\000\000\002$"
			      "comment\000\022\000\000\000x-request-id: r-3\000\000"),
			 SP_S("D\000\000\000\037\000\000\000\010\000\000\000\001\000\000\000\000\000\000\000c\000\000"
			      "\000\000\000\000\000\000\000\000\000\001\000\000\000 "
			      "\000\000\000\020_"
			      "id\000\001\000\000\000\020code\000\005\000\000\000\020ok\000\000\000\000\000\0002\000"
			      "\000\000 "
			      "\000\000\000\037\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
			      "\000\000\000\000\000\001\000\000\000\016\000\000\000\020_id\000\002\000\000\000\000"),
			 SP_C("+\000\000\000\011\000\000\000\000\000\000\000\325\007\000\000\000\000\000\000shop."
			      "users\000\012\000\000\000c\000\000\000\000\000\000\000"),
			 SP_S("$\000\000\000!"
			      "\000\000\000\011\000\000\000\001\000\000\000\001\000\000\000\000\000\000\000\000\000\000"
			      "\000\000\000\000\000\000\000\000\000"),
			 SP_C("6\000\000\000\012\000\000\000\000\000\000\000\324\007\000\000\000\000\000\000shop."
			      "users\000\000\000\000\000\001\000\000\000\017\000\000\000\020$"
			      "bad\000\001\000\000\000\000"),
			 SP_S("T\000\000\000\"\000\000\000\012\000\000\000\001\000\000\000\002\000\000\000\000\000\000"
			      "\000\000\000\000\000\000\000\000\000\001\000\000\0000\000\000\000\002$"
			      "err\000\027\000\000\000unknown operator: $bad\000\020code\000\002\000\000\000\000")},
		.want = "> request method=isMaster host=admin endpoint=isMaster correlation=7 id=7 bytes=58\n"
			"< response status=ok id=7 bytes=64\n"
			"> request method=find host=shop resource=users endpoint=find users correlation=8 "
			"x_request_id_request=r-3 id=8 bytes=98 db.collection.name=users "
			"db.query.text={age: ?}\n"
			"< response status=ok id=8 bytes=68 db.mongodb.cursor_id=99 db.response.returned_rows=1\n"
			"< oneway status=ok id=32 bytes=50 db.response.returned_rows=1\n"
			"> request method=getMore host=shop resource=users endpoint=getMore users correlation=9 id=9 "
			"bytes=43 db.collection.name=users db.mongodb.cursor_id=99\n"
			"< response code=43 message=CursorNotFound status=client_error id=9 bytes=36\n"
			"> request method=find host=shop resource=users endpoint=find users correlation=10 id=10 "
			"bytes=54 db.collection.name=users db.query.text={$bad: ?}\n"
			"< response code=2 message=unknown operator: $bad status=client_error id=10 bytes=84\n",
	},
	{
		.name = "writes before OP_MSG",
		.step = {SP_C("7\000\000\000\013\000\000\000\000\000\000\000\322\007\000\000\000\000\000\000shop."
			      "users\000\014\000\000\000\020a\000\001\000\000\000\000\014\000\000\000\020a\000\002\000"
			      "\000\000\000F\000\000\000\014\000\000\000\000\000\000\000\321\007\000\000\000\000\000"
			      "\000shop."
			      "users\000\001\000\000\000\014\000\000\000\020a\000\001\000\000\000\000\027\000\000\000"
			      "\003$set\000\014\000\000\000\020b\000\001\000\000\000\000\000/"
			      "\000\000\000\015\000\000\000\000\000\000\000\326\007\000\000\000\000\000\000shop."
			      "users\000\001\000\000\000\014\000\000\000\020a\000\002\000\000\000\000"),
			 SP_C(" \000\000\000\016\000\000\000\000\000\000\000\327\007\000\000\000\000\000\000\001\000"
			      "\000\000c\000\000\000\000\000\000\000\026\000\000\000\017\000\000\000\000\000\000\000"
			      "\350\003\000\000hello\000")},
		.want = "> oneway method=insert host=shop resource=users endpoint=insert users correlation=11 id=11 "
			"bytes=55 db.collection.name=users db.operation.batch.size=2\n"
			"> oneway method=update host=shop resource=users endpoint=update users correlation=12 id=12 "
			"bytes=70 db.collection.name=users db.query.text={a: ?}\n"
			"> oneway method=delete host=shop resource=users endpoint=delete users correlation=13 id=13 "
			"bytes=47 db.collection.name=users db.query.text={a: ?}\n"
			"> oneway method=killCursors endpoint=killCursors correlation=14 id=14 bytes=32 "
			"db.mongodb.cursor_id=99\n"
			"> oneway method=msg correlation=15 id=15 bytes=22\n",
	},
	{
		.name = "compressed",
		.step = {SP_C("`\000\000\000\020\000\000\000\000\000\000\000\334\007\000\000\335\007\000\000r\000\000"
			      "\000\001r\000\000\001\001\210m\000\000\000\002find\000\006\000\000\000users\000\003filte"
			      "r\000B\000\000\000\020aaV\002\000\004\000\001n\036\000\000b\005\037<\000\002$"
			      "db\000\005\000\000\000shop\000\000"),
			 SP_S("\277\000\000\000("
			      "\000\000\000\020\000\000\000\334\007\000\000\335\007\000\000\035\002\000\000\002x\234}"
			      "\320;"
			      "\016\3020\020\004\320\211\035\376MDE\031\211\036\361\377TH\334\304J\014\211\020\011\362:"
			      "\022\267\344*"
			      "\334\000\014bS\3564\253\325\274j\200\220\211\002t\3268\252\035\336\021\020\237KG\376d|"
			      "V\340\031~=\3074\260\244\372b(\217$\03427\233z\373\360\251\271\2302Tz\301*"
			      "\222\324\222\225\222\324\212\225\226\324\232U,"
			      "\251\015\253\216\244\266\254\272\222\332\261\352Ij\317\252/"
			      "\251\003\253\201\270j;\376Pd\355\372#\201a\\\346\340\250\212~\230\212\372>k\310:"
			      "\002\242\372\372o_G|\000\237\365e\231"),
			 SP_C("G\000\000\000\021\000\000\000\000\000\000\000\334\007\000\000\335\007\000\000#"
			      "\000\000\000\002x\001\001#"
			      "\000\334\377\000\000\000\000\000\036\000\000\000\020ping\000\001\000\000\000\002$"
			      "db\000\006\000\000\000admin\000\000C\335\004\331"),
			 SP_S("8\000\000\000)"
			      "\000\000\000\021\000\000\000\334\007\000\000\335\007\000\000\026\000\000\000\003(\265/"
			      "\375 "
			      "\026\261\000\000\000\000\000\000\000\021\000\000\000\001ok\000\000\000\000\000\000\000"
			      "\360?\000"),
			 SP_C("<\000\000\000\022\000\000\000\000\000\000\000\334\007\000\000\335\007\000\000#"
			      "\000\000\000\000\000\000\000\000\000\036\000\000\000\020ping\000\001\000\000\000\002$"
			      "db\000\006\000\000\000admin\000\000"),
			 SP_S("4\000\000\000*\000\000\000\022\000\000\000\334\007\000\000\335\007\000\000#"
			      "\000\000\000\002x\001c`\000\0029 "
			      "f\314\317f\200\200\017\366@\266\021\234\303\000\000;z\004e")},
		.want = "> request method=find host=shop resource=users endpoint=find users correlation=16 id=16 "
			"bytes=96 db.mongodb.compressor=snappy db.collection.name=users "
			"db.query.text={aaaaaaaaaaaaaaaaaaaaaaaa: ?, aaaaaaaaaaaaaaaaaaaaaaaab: ?}\n"
			"< response status=ok id=16 bytes=191 db.mongodb.compressor=zlib db.response.returned_rows=12\n"
			"> request method=ping host=admin endpoint=ping correlation=17 id=17 bytes=71 "
			"db.mongodb.compressor=zlib\n"
			"< response id=17 bytes=56 db.mongodb.compressor=zstd\n"
			"> request method=ping host=admin endpoint=ping correlation=18 id=18 bytes=60 "
			"db.mongodb.compressor=noop\n"
			"< response status=ok id=18 bytes=52 db.mongodb.compressor=zlib\n",
	},
	{
		.name = "a pipeline, shown",
		.step = {SP_C("\303\000\000\000\023\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000\256"
			      "\000\000\000\002aggregate\000\006\000\000\000users\000\004pipeline\000l\000\000\000\0030"
			      "\000P\000\000\000\003$"
			      "match\000C\000\000\000\002name\000\004\000\000\000Ann\000\010ok\000\001\012n\000\022big"
			      "\000\373\377\377\377\377\377\377\377\001d\000\000\000\000\000\000\000\000@"
			      "\007id\000\001\002\003\004\005\006\007\010\011\012\013\014\000\000\0031\000\021\000\000"
			      "\000\020$limit\000\005\000\000\000\000\000\002comment\000\003\000\000\000hi\000\002$"
			      "db\000\005\000\000\000shop\000\000")},
		.want = "> request method=aggregate host=shop resource=users endpoint=aggregate users correlation=19 "
			"id=19 bytes=195 db.collection.name=users db.query.text=[{$match: "
			"{name: \"Ann\", ok: true, n: null, big: -5, d: 2, id: 0102030405060708090a0b0c}}, {$limit: "
			"5}] db.mongodb.comment=hi\n",
		.reveal = true,
	},
	{
		.name = "long documents in and out",
		.step = {SP_C("\374\023\000\000\024\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000\347"
			      "\023\000\000\002insert\000\006\000\000\000large\000\004documents\000\267\023\000\000\003"
			      "0\000\236\023\000\000\020_id\000\001\000\000\000\002t\000\211\023\000\000" X1000 X1000
				      X1000 X1000 X1000
			      "\000\000\0031\000\016\000\000\000\020_id\000\002\000\000\000\000\000\002$"
			      "db\000\005\000\000\000shop\000\000"),
			 SP_S("-\000\000\0002\000\000\000\024\000\000\000\335\007\000\000\000\000\000\000\000\030\000"
			      "\000\000\020n\000\002\000\000\000\001ok\000\000\000\000\000\000\000\360?\000"),
			 SP_C("8\000\000\000\025\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000#"
			      "\000\000\000\002find\000\006\000\000\000large\000\002$"
			      "db\000\005\000\000\000shop\000\000"),
			 SP_S("\346\037\000\0003\000\000\000\025\000\000\000\335\007\000\000\000\000\000\000\000\321"
			      "\037\000\000\003cursor\000\270\037\000\000\004firstBatch\000\210\037\000\000\0030\000"
			      "\236\023\000\000\020_id\000\001\000\000\000\002t\000\211\023\000\000" X1000 X1000 X1000
				      X1000 X1000 "\000\000\0031\000\016\000\000\000\020_"
			      "id\000\002\000\000\000\000\0032\000\316\013\000\000\020_"
			      "id\000\003\000\000\000\002t\000\271\013\000\000" X1000 X1000 X1000
			      "\000\000\000\022id\000\005\000\000\000\000\000\000\000\002ns\000\013\000\000\000shop."
			      "large\000\000\001ok\000\000\000\000\000\000\000\360?\000")},
		.want = "> request method=insert host=shop resource=large endpoint=insert large correlation=20 id=20 "
			"bytes=5116 db.collection.name=large db.operation.batch.size=2\n"
			"< response status=ok id=20 bytes=45 db.response.returned_rows=2\n"
			"> request method=find host=shop resource=large endpoint=find large correlation=21 id=21 "
			"bytes=56 db.collection.name=large\n"
			"< response status=ok id=21 bytes=8166 db.mongodb.cursor_id=5 db.response.returned_rows=3\n",
	},
	{
		.name = "credentials, explain, a whole database",
		.step = {SP_C("i\000\000\000\026\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000T\000"
			      "\000\000\020saslStart\000\001\000\000\000\002mechanism\000\006\000\000\000PLAIN\000\005p"
			      "ayload\000\016\000\000\000\000\000user\000password\002$"
			      "db\000\006\000\000\000admin\000\000"),
			 SP_S("v\000\000\0004\000\000\000\026\000\000\000\335\007\000\000\000\000\000\000\000a\000\000"
			      "\000\001ok\000\000\000\000\000\000\000\000\000\002errmsg\000\027\000\000\000Authenticati"
			      "on "
			      "failed."
			      "\000\020code\000\022\000\000\000\002codeName\000\025\000\000\000AuthenticationFailed\000"
			      "\000"),
			 SP_C("O\000\000\000\027\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000:"
			      "\000\000\000\002createUser\000\004\000\000\000app\000\002pwd\000\011\000\000\000password"
			      "\000\002$db\000\006\000\000\000admin\000\000"),
			 SP_S("A\000\000\0005\000\000\000\027\000\000\000\335\007\000\000\000\000\000\000\000,"
			      "\000\000\000\001ok\000\000\000\000\000\000\000\000\000\002errmsg\000\005\000\000\000down"
			      "\000\020code\000[\000\000\000\000"),
			 SP_C("Z\000\000\000\030\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000E\000"
			      "\000\000\003explain\000)"
			      "\000\000\000\002find\000\006\000\000\000users\000\003filter\000\014\000\000\000\020a\000"
			      "\001\000\000\000\000\000\002$db\000\005\000\000\000shop\000\000"),
			 SP_S("\"\000\000\0006\000\000\000\030\000\000\000\335\007\000\000\000\000\000\000\000\015\000"
			      "\000\000\020ok\000\001\000\000\000\000"),
			 SP_C("`\000\000\000\031\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000K\000"
			      "\000\000\020aggregate\000\001\000\000\000\004pipeline\000\036\000\000\000\0030\000\026"
			      "\000\000\000\003$currentOp\000\005\000\000\000\000\000\000\002$"
			      "db\000\006\000\000\000admin\000\000"),
			 SP_S("\"\000\000\0007\000\000\000\031\000\000\000\335\007\000\000\000\000\000\000\000\015\000"
			      "\000\000\020ok\000\000\000\000\000\000")},
		.want = "> request method=saslStart host=admin endpoint=saslStart correlation=22 id=22 bytes=105\n"
			"< response code=18 message=Authentication failed. status=client_error id=22 bytes=118 "
			"error.type=AuthenticationFailed\n"
			"> request method=createUser host=admin endpoint=createUser correlation=23 id=23 bytes=79\n"
			"< response code=91 message=down status=server_error id=23 bytes=65\n"
			"> request method=explain host=shop resource=users endpoint=explain users correlation=24 id=24 "
			"bytes=90 db.collection.name=users db.query.text={a: ?}\n"
			"< response status=ok id=24 bytes=34\n"
			"> request method=aggregate host=admin endpoint=aggregate correlation=25 id=25 bytes=96 "
			"db.query.text=[{$currentOp: {}}]\n"
			"< response status=server_error id=25 bytes=34\n",
	},
	{
		.name = "OP_COMMAND",
		.step = {SP_C("I\000\000\000\032\000\000\000\000\000\000\000\332\007\000\000shop\000count\000)"
			      "\000\000\000\002count\000\006\000\000\000users\000\003query\000\014\000\000\000\020a\000"
			      "\001\000\000\000\000\000\005\000\000\000\000"),
			 SP_S("-\000\000\0008\000\000\000\032\000\000\000\333\007\000\000\030\000\000\000\020n\000\003"
			      "\000\000\000\001ok\000\000\000\000\000\000\000\360?\000\005\000\000\000\000")},
		.want = "> request method=count host=shop resource=users endpoint=count users correlation=26 id=26 "
			"bytes=73 db.collection.name=users db.query.text={a: ?}\n"
			"< response status=ok id=26 bytes=45 db.response.returned_rows=3\n",
		.no_probe = true,
	},
	{
		.name = "lengths beyond the message, and none",
		.step = {SP_C("L\000\000\000\033\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000\0007\000"
			      "\000\000\002find\000\006\000\000\000users\000\003filter\000\377\377\377\177\020a\000\001"
			      "\000\000\000\000\002$"
			      "db\000\005\000\000\000shop\000\0008\000\000\000\034\000\000\000\000\000\000\000\335\007"
			      "\000\000\000\000\000\000\000#\000\000\000\002find\000\000\000\000\000users\000\002$"
			      "db\000\005\000\000\000shop\000\000")},
		.want = "> request method=find resource=users endpoint=find users correlation=27 id=27 bytes=76 "
			"db.collection.name=users\n"
			"> request correlation=28 id=28 bytes=56\n",
	},
	{
		.name = "deeper than anybody looks",
		.step = {SP_C(
			"\345\000\000\000\035\000\000\000\000\000\000\000\335\007\000\000\000\000\000\000\000\320\000"
			"\000\000\002find\000\006\000\000\000users\000\003filter\000\245\000\000\000\003a\000\235\000"
			"\000\000\003a\000\225\000\000\000\003a\000\215\000\000\000\003a\000\205\000\000\000\003a\000}"
			"\000\000\000\003a\000u\000\000\000\003a\000m\000\000\000\003a\000e\000\000\000\003a\000]"
			"\000\000\000\003a\000U\000\000\000\003a\000M\000\000\000\003a\000E\000\000\000\003a\000="
			"\000\000\000\003a\0005\000\000\000\003a\000-\000\000\000\003a\000%"
			"\000\000\000\003a\000\035\000\000\000\003a\000\025\000\000\000\003a\000\015\000\000\000\003a"
			"\000\005\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
			"\000\000\000\002$db\000\005\000\000\000shop\000\000")},
		.want = "> request method=find host=shop resource=users endpoint=find users correlation=29 id=29 "
			"bytes=229 db.collection.name=users db.query.text={a: {a: {a: {a: {a: "
			"{a: {a: {a: {a: {a: {a: {a: ?}}}}}}}}}}}}\n",
	},
	{
		.name = "flags that are none, an opcode that is none",
		.step = {SP_C("$\000\000\000\036\000\000\000\000\000\000\000\335\007\000\000\004\000\000\000\000\017"
			      "\000\000\000\020ping\000\001\000\000\000\000")},
		.want = "> bad\n",
		.no_probe = true,
	},
	{
		.name = "lost in the middle",
		.step = {SP_C("\025\000\000\000\001\000\000\000\000\000\000\000\336\007\000\000zzzzz")},
		.want = "> bad\n",
		.no_probe = true,
	},
	{0},
};

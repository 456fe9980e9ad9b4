/* SPDX-License-Identifier: Apache-2.0 */
/* Messages put together by the specification: the tests of kafka.c. */
#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

static const struct sp_vector vectors[] = {
	{
		.name = "versions, a partition without a leader",
		.step = {SP_C("\000\000\000\027\000\022\000\003\000\000\000\001\000\003app\000\004lib\0041.2\000"),
			 SP_S("\000\000\000\023\000\000\000\001\000\000\002\000\022\000\000\000\004\000\000\000\000\000"
			      "\000"),
			 SP_C("\000\000\000*"
			      "\000\003\000\014\000\000\000\002\000\003app\000\002\000\000\000\000\000\000\000\000\000"
			      "\000\000\000\000\000\000\000\007orders\000\001\000\000"),
			 SP_S("\000\000\000P\000\000\000\002\000\000\000\000\000\002\000\000\000\001\002b\000\000#"
			      "\204\000\000\002c\000\000\000\001\002\000\000\007orders\000\001\002\003\004\005\006\007"
			      "\010\011\012\013\014\015\016\017\000\002\000\005\000\000\000\000\377\377\377\377\000\000"
			      "\000\000\001\001\001\000\377\377\377\377\000\000")},
		.want = "> request method=ApiVersions correlation=1 id=1 bytes=27 messaging.system=kafka "
			"kafka.api_version=3 messaging.client.id=app kafka.client.software.name=lib "
			"kafka.client.software.version=1.2\n"
			"< response status=ok id=1 bytes=23\n"
			"> request method=Metadata resource=orders endpoint=orders correlation=2 id=2 bytes=46 "
			"messaging.system=kafka kafka.api_version=12 messaging.client.id=app\n"
			"< response code=5 message=LEADER_NOT_AVAILABLE status=server_error id=2 bytes=84\n",
	},
	{
		.name = "records with headers",
		.step = {SP_C("\000\000\000\225\000\000\000\007\000\000\000\003\000\003app\377\377\377\377\000\000\013"
			      "\270\000\000\000\001\000\006orders\000\000\000\001\000\000\000\001\000\000\000h\000\000"
			      "\000\000\000\000\000\000\000\000\000\\\377\377\377\377\002\0224Vx\000\000\000\000\000"
			      "\001\000\000\001\213\317\345h\000\000\000\001\213\317\345h\000\377\377\377\377\377\377"
			      "\377\377\377\377\377\377\377\377\000\000\000\002D\000\000\000\002k\014secret\004\002n"
			      "\002v\030X-Request-ID\006r-1\016\000\000\000\001\002y\000"),
			 SP_S("\000\000\0006\000\000\000\003\000\000\000\001\000\006orders\000\000\000\001\000\000\000"
			      "\001\000\000\000\000\000\000\000\000\000)"
			      "\377\377\377\377\377\377\377\377\000\000\000\000\000\000\000\000\000\000\000\000")},
		.want = "> request method=Produce resource=orders endpoint=orders correlation=3 "
			"x_request_id_request=r-1 id=3 bytes=153 messaging.system=kafka kafka.api_version=7 "
			"messaging.client.id=app messaging.destination.partition.id=1 messaging.batch.message_count=2 "
			"kafka.acks=-1\n"
			"< response status=ok id=3 bytes=58 messaging.kafka.offset=41\n",
	},
	{
		.name = "nobody answers; compressed batches, an old message set",
		.step = {SP_C(
			"\000\000\000\270\000\000\000\003\000\000\000\004\000\003app\000\002tx\000\000\000\000\013\270"
			"\000\000\000\002\000\001a\000\000\000\001\000\000\000\000\000\000\000A\000\000\000\000\000\000"
			"\000\000\000\000\0005\377\377\377\377\002\0224Vx\000\002\000\000\000\010\000\000\001\213\317"
			"\345h\000\000\000\001\213\317\345h\000\377\377\377\377\377\377\377\377\377\377\377\377\377\377"
			"\000\000\000\011zzzz\000\001b\000\000\000\001\000\000\000\007\000\000\000>"
			"\000\000\000\000\000\000\000\000\000\000\0002\377\377\377\377\002\0224Vx\000\002\000\000\000"
			"\001\000\000\001\213\317\345h\000\000\000\001\213\317\345h\000\377\377\377\377\377\377\377\377"
			"\377\377\377\377\377\377\000\000\000\002z\000\000\000B\000\000\000\002\000\000\000\005\000\003"
			"app\000\000\000\000\000\012\000\000\000\001\000\003old\000\000\000\001\000\000\000\000\000\000"
			"\000\032\000\000\000\000\000\000\000\000\000\000\000\016\000\000\000\000\001\000\000\000\000"
			"\000\000\000\000\000")},
		.want = "> oneway method=Produce resource=a,b endpoint=a correlation=4 id=4 bytes=188 "
			"messaging.system=kafka kafka.api_version=3 messaging.client.id=app kafka.transactional_id=tx "
			"messaging.destination.partition.id=0 messaging.batch.message_count=11 kafka.acks=0\n"
			"> oneway method=Produce resource=old endpoint=old correlation=5 id=5 bytes=70 "
			"messaging.system=kafka kafka.api_version=2 messaging.client.id=app "
			"messaging.destination.partition.id=0 kafka.acks=0\n",
	},
	{
		.name = "a topic by its id, and an error with a text",
		.step = {SP_C("\000\000\000t\000\000\000\015\000\000\000\006\000\003app\000\000\000\001\000\000\000\011"
			      "\002\000\021\"3DUfw\210\231\252\273\314\335\356\377\002\000\000\000\002F\000\000\000\000"
			      "\000\000\000\000\000\000\0009\377\377\377\377\002\0224Vx\000\000\000\000\000\000\000\000"
			      "\001\213\317\345h\000\000\000\001\213\317\345h\000\377\377\377\377\377\377\377\377\377"
			      "\377\377\377\377\377\000\000\000\001\016\000\000\000\001\002v\000\000\000\000"),
			 SP_S("\000\000\000H\000\000\000\006\000\002\000\021\"3DUfw\210\231\252\273\314\335\356\377\002"
			      "\000\000\000\002\000d\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377"
			      "\377\377\377\377\377\377\377\377\001\013no such id\000\000\000\000\000\000\000")},
		.want = "> request method=Produce resource=ABEiM0RVZneImaq7zN3u_w endpoint=ABEiM0RVZneImaq7zN3u_w "
			"correlation=6 id=6 bytes=120 messaging.system=kafka kafka.api_version=13 "
			"messaging.client.id=app messaging.destination.partition.id=2 messaging.batch.message_count=1 "
			"kafka.acks=1\n"
			"< response code=100 message=UNKNOWN_TOPIC_ID: no such id status=client_error id=6 bytes=76\n",
	},
	{
		.name = "topics by ids that the connection named before, and one that it did not",
		.step = {SP_C("\000\000\000\022\000\003\000\014\000\000\000\001\000\003app\000\000\001\000\000"),
			 /* The first topic's id lies across the end of what is looked at at once. */
			 SP_S("\000\000\0206\000\000\000\001\000\000\000\000\000\002\000\000\000\001\333\037" X1000
				      X1000 X1000 X1000 X10 X10 X10 X10 X10 "xxxxxxxx"
			      "\000\000#\204\000\000\000\000\000\000\001\003\000\000\007orders\001\002\003\004\005\006"
			      "\007\010\011\012\013\014\015\016\017\020\000\001\200\000\000\000\000\000\000\006bills!"
			      "\042#$%&'()*+,-./0\000\001\200\000\000\000\000\000"),
			 SP_C("\000\000\000\304\000\001\000\015\000\000\000\002\000\003app\000\377\377\377\377\000\000"
			      "\001\364\000\000\000\001\000\000\003\350\000\000\000\000\000\000\000\000\000\004\001\002"
			      "\003\004\005\006\007\010\011\012\013\014\015\016\017\020\002\000\000\000\000\377\377\377"
			      "\377\000\000\000\000\000\000\000\005\377\377\377\377\000\000\000\000\000\000\000\000\000"
			      "\000\003\350\000\000ABCDEFGHIJKLMNOP\002\000\000\000\000\377\377\377\377\000\000\000\000"
			      "\000\000\000\005\377\377\377\377\000\000\000\000\000\000\000\000\000\000\003\350\000\000"
			      "!\042#$%&'()*+,-./0\002\000\000\000\000\377\377\377\377\000\000\000\000\000\000\000\005"
			      "\377\377\377\377\000\000\000\000\000\000\000\000\000\000\003\350\000\000\001\001\000"),
			 SP_S("\000\000\000\021\000\000\000\002\000\000\000\000\000\000\000\000\000\000\000\001\000")},
		.want = "> request method=Metadata correlation=1 id=1 bytes=22 messaging.system=kafka "
			"kafka.api_version=12 messaging.client.id=app\n"
			"< response status=ok id=1 bytes=4154\n"
			"> request method=Fetch resource=orders,QUJDREVGR0hJSktMTU5PUA,bills endpoint=orders "
			"correlation=2 id=2 bytes=200 messaging.system=kafka kafka.api_version=13 "
			"messaging.client.id=app messaging.destination.partition.id=0 messaging.kafka.offset=5\n"
			"< response status=ok id=2 bytes=21\n",
	},
	{
		.name = "an error behind records; the session knows the topics",
		.step = {SP_C("\000\000\0000\000\001\000\013\000\000\000\007\000\003app\377\377\377\377\000\000\001\364"
			      "\000\000\000\001\000\020\000\000\000\000\000\000M\000\000\000\001\000\000\000\000\000"
			      "\000\000\000\000\000"),
			 SP_S("\000\000\023\372\000\000\000\007\000\000\000\000\000\000\000\000\000M\000\000\000\001"
			      "\000\006orders\000\000\000\002\000\000\000\003\000\000\000\000\000\000\000\000\000\011"
			      "\000\000\000\000\000\000\000\011\000\000\000\000\000\000\000\000\000\000\000\000\377\377"
			      "\377\377\000\000\023\210" X1000 X1000 X1000 X1000 X1000
			      "\000\000\000\004\000\006\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377"
			      "\377\377\377\377\377\377\377\377\000\000\000\000\377\377\377\377\000\000\000\000")},
		.want = "> request method=Fetch correlation=7 id=7 bytes=52 messaging.system=kafka "
			"kafka.api_version=11 messaging.client.id=app\n"
			"< response resource=orders endpoint=orders code=6 message=NOT_LEADER_OR_FOLLOWER "
			"status=server_error id=7 bytes=5118 messaging.destination.partition.id=3\n",
	},
	{
		.name = "long records",
		.step = {SP_C("\000\000\027\327\000\000\000\007\000\000\000\010\000\003app\377\377\000\001\000\000\000"
			      "\011\000\000\000\001\000\003big\000\000\000\001\000\000\000\000\000\000\027\255\000\000"
			      "\000\000\000\000\000\000\000\000\027\241\377\377\377\377\002\0224Vx\000\000\000\000\000"
			      "\000\000\000\001\213\317\345h\000\000\000\001\213\317\345h\000\377\377\377\377\377\377"
			      "\377\377\377\377\377\377\377\377\000\000\000\001" X1000 X1000 X1000 X1000 X1000 X1000),
			 SP_S("\000\000\0003\000\000\000\010\000\000\000\001\000\003big\000\000\000\001\000\000\000\000"
			      "\000\012\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377"
			      "\377\377\377\377\000\000\000\000")},
		.want = "> request method=Produce resource=big endpoint=big correlation=8 id=8 bytes=6107 "
			"messaging.system=kafka kafka.api_version=7 messaging.client.id=app "
			"messaging.destination.partition.id=0 messaging.batch.message_count=1 kafka.acks=1\n"
			"< response code=10 message=MESSAGE_TOO_LARGE status=client_error id=8 bytes=55\n",
	},
	{
		.name = "groups",
		.step = {SP_C("\000\000\000?"
			      "\000\013\000\005\000\000\000\011\000\003app\000\007billing\000\000\000\001\000\000\000"
			      "\001\000\000\377\377\000\010consumer\000\000\000\001\000\005range\000\000\000\004meta"),
			 SP_S("\000\000\000\033\000\000\000\011\000\000\000\000\000O\377\377\377\377\000\000\000\000"
			      "\000\003m-1\000\000\000\000"),
			 SP_C("\000\000\000\037\000\014\000\000\000\000\000\012\000\003app\000\007billing\000\000\000"
			      "\003\000\003m-1"),
			 SP_S("\000\000\000\006\000\000\000\012\000\033"),
			 SP_C("\000\000\000V\000\010\000\002\000\000\000\013\000\003app\000\007billing\000\000\000\003"
			      "\000\003m-"
			      "1\377\377\377\377\377\377\377\377\000\000\000\002\000\001a\000\000\000\001\000\000\000"
			      "\005\000\000\000\000\000\000\004\322\377\377\000\001b\000\000\000\001\000\000\000\006"
			      "\000\000\000\000\000\000\000\002\000\001x"),
			 SP_S("\000\000\000\"\000\000\000\013\000\000\000\002\000\001a\000\000\000\001\000\000\000\005"
			      "\000\000\000\001b\000\000\000\001\000\000\000\006\000\036"),
			 SP_C("\000\000\000#"
			      "\000\011\000\010\000\000\000\014\000\003app\000\002\010billing\002\002a\002\000\000\000"
			      "\005\000\000\000\000"),
			 SP_S("\000\000\000/"
			      "\000\000\000\014\000\000\000\000\000\002\010billing\002\002a\002\000\000\000\005\000\000"
			      "\000\000\000\000\000\007\377\377\377\377\001\000\000\000\000\000\020\000\000"),
			 SP_C("\000\000\000\027\000\017\000\005\000\000\000\015\000\003app\000\003\003g1\003g2\000"
			      "\000"),
			 SP_S("\000\000\000M\000\000\000\015\000\000\000\000\000\003\000\000\003g1\007Stable\011consume"
			      "r\006range\002\002m\000\002c\003/"
			      "h\003mm\003aa\000\000\000\000\000\000\000\000\003g2\005Dead\001\001\001\000\000\000\000"
			      "\000\000")},
		.want = "> request method=JoinGroup resource=billing endpoint=billing correlation=9 id=9 bytes=67 "
			"messaging.system=kafka kafka.api_version=5 messaging.client.id=app "
			"messaging.consumer.group.name=billing\n"
			"< response code=79 message=MEMBER_ID_REQUIRED status=ok id=9 bytes=31\n"
			"> request method=Heartbeat resource=billing endpoint=billing correlation=10 id=10 bytes=35 "
			"messaging.system=kafka kafka.api_version=0 messaging.client.id=app "
			"messaging.consumer.group.name=billing\n"
			"< response code=27 message=REBALANCE_IN_PROGRESS status=client_error id=10 bytes=10\n"
			"> request method=OffsetCommit resource=a,b endpoint=a correlation=11 id=11 bytes=90 "
			"messaging.system=kafka kafka.api_version=2 messaging.client.id=app "
			"messaging.consumer.group.name=billing messaging.destination.partition.id=5 "
			"messaging.kafka.offset=1234\n"
			"< response code=30 message=GROUP_AUTHORIZATION_FAILED status=client_error id=11 bytes=38\n"
			"> request method=OffsetFetch resource=a endpoint=a correlation=12 id=12 bytes=39 "
			"messaging.system=kafka kafka.api_version=8 messaging.client.id=app "
			"messaging.consumer.group.name=billing messaging.destination.partition.id=5\n"
			"< response code=16 message=NOT_COORDINATOR status=server_error id=12 bytes=51\n"
			"> request method=DescribeGroups resource=g1 endpoint=g1 correlation=13 id=13 bytes=27 "
			"messaging.system=kafka kafka.api_version=5 messaging.client.id=app "
			"messaging.consumer.group.name=g1\n"
			"< response status=ok id=13 bytes=81\n",
	},
	{
		.name = "transactions",
		.step = {SP_C("\000\000\000\025\000\012\000\004\000\000\000\016\000\003app\000\001\002\004pay\000"),
			 SP_S("\000\000\000\035\000\000\000\016\000\000\000\000\000\002\004pay\000\000\000\001\002b\000"
			      "\000#\204\000\000\000\000\000"),
			 SP_C("\000\000\0004\000\030\000\000\000\000\000\017\000\003app\000\003pay\000\000\000\000\000"
			      "\000\000\001\000\000\000\000\000\001\000\006orders\000\000\000\002\000\000\000\002\000"
			      "\000\000\003"),
			 SP_S("\000\000\000$"
			      "\000\000\000\017\000\000\000\000\000\000\000\001\000\006orders\000\000\000\002\000\000"
			      "\000\002\000\000\000\000\000\003\0005"),
			 SP_C("\000\000\000\036\000\032\000\003\000\000\000\020\000\003app\000\004pay\000\000\000\000"
			      "\000\000\000\001\000\000\001\000"),
			 SP_S("\000\000\000\014\000\000\000\020\000\000\000\000\000\377\377\000")},
		.want = "> request method=FindCoordinator resource=pay endpoint=pay correlation=14 id=14 bytes=25 "
			"messaging.system=kafka kafka.api_version=4 messaging.client.id=app "
			"kafka.transactional_id=pay\n"
			"< response status=ok id=14 bytes=33\n"
			"> request method=AddPartitionsToTxn resource=orders endpoint=orders correlation=15 id=15 "
			"bytes=56 messaging.system=kafka kafka.api_version=0 messaging.client.id=app "
			"kafka.transactional_id=pay messaging.destination.partition.id=2\n"
			"< response code=53 message=TRANSACTIONAL_ID_AUTHORIZATION_FAILED status=client_error id=15 "
			"bytes=40\n"
			"> request method=EndTxn resource=pay endpoint=pay correlation=16 id=16 bytes=34 "
			"messaging.system=kafka kafka.api_version=3 messaging.client.id=app "
			"kafka.transactional_id=pay\n"
			"< response code=-1 message=UNKNOWN_SERVER_ERROR status=server_error id=16 bytes=16\n",
	},
	{
		.name = "topics made, deleted, described",
		.step = {SP_C("\000\000\000?"
			      "\000\023\000\002\000\000\000\021\000\003app\000\000\000\001\000\003new\000\000\000\001"
			      "\000\001\000\000\000\001\000\000\000\000\000\000\000\002\000\000\000\001\000\000\000\002"
			      "\000\000\000\001\000\001k\000\001v\000\000\000\011\000"),
			 SP_S("\000\000\0000\000\000\000\021\000\000\000\000\000\000\000\001\000\003new\000$"
			      "\000\033Topic 'new' already exists."),
			 SP_C("\000\000\000="
			      "\000\024\000\006\000\000\000\022\000\003app\000\003\006named\000\000\000\000\000\000\000"
			      "\000\000\000\000\000\000\000\000\000\000\000\000\021\"3DUfw\210\231\252\273\314\335\356"
			      "\377\000\000\000\000\011\000"),
			 SP_S("\000\000\000%"
			      "\000\000\000\022\000\000\000\000\000\002\006named\000\021\"3DUfw\210\231\252\273\314\335"
			      "\356\377\000\000\000\000\000"),
			 SP_C("\000\000\000$\000 "
			      "\000\000\000\000\000\023\000\003app\000\000\000\001\002\000\006orders\000\000\000\002"
			      "\000\001a\000\001b"),
			 SP_S("\000\000\000&"
			      "\000\000\000\023\000\000\000\000\000\000\000\001\000\000\377\377\002\000\006orders\000"
			      "\000\000\001\000\001a\000\0011\000\000\000"),
			 SP_C("\000\000\000$"
			      "\000\024\000\000\000\000\000\024\000\003app\000\000\000\005\000\001a\000\001b\000\001c"
			      "\000\001d\000\001e\000\000\000\001"),
			 SP_S("\000\000\000!"
			      "\000\000\000\024\000\000\000\005\000\001a\000\000\000\001b\000\000\000\001c\000\000\000"
			      "\001d\000\000\000\001e\000)")},
		.want = "> request method=CreateTopics resource=new endpoint=new correlation=17 id=17 bytes=67 "
			"messaging.system=kafka kafka.api_version=2 messaging.client.id=app\n"
			"< response code=36 message=TOPIC_ALREADY_EXISTS: Topic 'new' already exists. "
			"status=client_error id=17 bytes=52\n"
			"> request method=DeleteTopics resource=named,ABEiM0RVZneImaq7zN3u_w endpoint=named "
			"correlation=18 id=18 bytes=65 messaging.system=kafka kafka.api_version=6 "
			"messaging.client.id=app\n"
			"< response status=ok id=18 bytes=41\n"
			"> request method=DescribeConfigs resource=orders endpoint=orders correlation=19 id=19 "
			"bytes=40 messaging.system=kafka kafka.api_version=0 messaging.client.id=app\n"
			"< response status=ok id=19 bytes=42\n"
			"> request method=DeleteTopics resource=a,b,c,d,\\xe2\\x80\\xa6 endpoint=a correlation=20 "
			"id=20 bytes=40 messaging.system=kafka kafka.api_version=0 messaging.client.id=app\n"
			"< response code=41 message=NOT_CONTROLLER status=server_error id=20 bytes=37\n",
	},
	{
		.name = "SASL without headers",
		.step = {SP_C("\000\000\000\024\000\021\000\000\000\000\000\001\000\003old\000\005PLAIN"),
			 SP_S("\000\000\000\021\000\000\000\001\000\000\000\000\000\001\000\005PLAIN"),
			 SP_C("\000\000\000\016\000user\000password"), SP_S("\000\000\000\000"),
			 SP_C("\000\000\000\021\000\003\000\000\000\000\000\002\000\003old\000\000\000\000"),
			 SP_S("\000\000\000\014\000\000\000\002\000\000\000\000\000\000\000\000")},
		.want = "> request method=SaslHandshake correlation=1 id=1 bytes=24 messaging.system=kafka "
			"kafka.api_version=0 messaging.client.id=old kafka.sasl.mechanism=PLAIN\n"
			"< response status=ok id=1 bytes=21\n"
			"> request method=SaslAuthenticate id=4294967296 bytes=18 messaging.system=kafka\n"
			"< response status=ok id=4294967296 bytes=4\n"
			"> request method=Metadata correlation=2 id=2 bytes=21 messaging.system=kafka "
			"kafka.api_version=0 messaging.client.id=old\n"
			"< response status=ok id=2 bytes=16\n",
	},
	{
		.name = "SASL, answers in another order",
		.step = {SP_C("\000\000\000\024\000\021\000\001\000\000\000\001\000\003app\000\005PLAIN\000\000\000\036"
			      "\000$\000\002\000\000\000\002\000\003app\000\017\000user\000password\000"),
			 SP_S("\000\000\000\024\000\000\000\002\000\000:"
			      "\003no\001\000\000\000\000\000\000\000\000\000"),
			 SP_S("\000\000\000\021\000\000\000\001\000\000\000\000\000\001\000\005PLAIN")},
		.want = "> request method=SaslHandshake correlation=1 id=1 bytes=24 messaging.system=kafka "
			"kafka.api_version=1 messaging.client.id=app kafka.sasl.mechanism=PLAIN\n"
			"> request method=SaslAuthenticate correlation=2 id=2 bytes=34 messaging.system=kafka "
			"kafka.api_version=2 messaging.client.id=app\n"
			"< response code=58 message=SASL_AUTHENTICATION_FAILED: no status=client_error id=2 bytes=24\n"
			"< response status=ok id=1 bytes=21\n",
	},
	{
		.name = "no client id",
		.step = {SP_C("\000\000\000\014\000\007\000\000\000\000\000\025\000\000\000\003"),
			 SP_S("\000\000\000\012\000\000\000\025\000\000\000\000\000\000")},
		.want = "> request method=ControlledShutdown correlation=21 id=21 bytes=16 messaging.system=kafka "
			"kafka.api_version=0\n"
			"< response status=ok id=21 bytes=14\n",
		.no_probe = true,
	},
	{
		.name = "a key that nobody knows, a version from the future",
		.step = {SP_C("\000\000\000\020'\020\000\002\377\377\377\376\000\003app???"),
			 SP_S("\000\000\000\006\377\377\377\376!!"),
			 SP_C("\000\000\000\020\000\003\000c\000\000\000\027\000\003app???"),
			 SP_S("\000\000\000\026\000\000\000\027\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
			      "\000\000\000\000")},
		.want = "> request method=ApiKey 10000 correlation=-2 id=4294967294 bytes=20 messaging.system=kafka "
			"kafka.api_version=2 messaging.client.id=app\n"
			"< response id=4294967294 bytes=10\n"
			"> request method=Metadata correlation=23 id=23 bytes=20 messaging.system=kafka "
			"kafka.api_version=99 messaging.client.id=app\n"
			"< response id=23 bytes=26\n",
		.no_probe = true,
	},
	{
		.name = "versions that the server does not know, a lone response",
		.step = {SP_C("\000\000\000\020\000\022\000\011\000\000\000\030\000\003app\000\000\000"),
			 SP_S("\000\000\000\020\000\000\000\030\000#"
			      "\000\000\000\001\000\022\000\000\000\004\000\000\000\006\000\000\000c\000\000")},
		.want = "> request method=ApiVersions correlation=24 id=24 bytes=20 messaging.system=kafka "
			"kafka.api_version=9 messaging.client.id=app\n"
			"< response code=35 message=UNSUPPORTED_VERSION status=client_error id=24 bytes=20\n"
			"< response id=99 bytes=10\n",
		.no_probe = true,
	},
	{
		.name = "share groups, new groups, offsets, replicas, quotas",
		.step = {SP_C("\000\000\000^"
			      "\000N\000\001\000\000\000\031\000\003app\000\010sharers\002m\000\000\000\001\000\000\001"
			      "\364\000\000\000\001\000\000\000d\000\000\000\005\000\000\000\005\002\000\021\"3DUfw\210"
			      "\231\252\273\314\335\356\377\002\000\000\000\000\002\000\000\000\000\000\000\000\000\000"
			      "\000\000\000\000\000\000\003\002\001\000\000\000\001\000"),
			 SP_S("\000\000\000Y\000\000\000\031\000\000\000\000\000\000\000\000\000\000\000\011\002\000"
			      "\021\"3DUfw\210\231\252\273\314\335\356\377\002\000\000\000\000\000\000\000\000y\012not "
			      "yours\000\000\000\001\000\000\000\002\000\003rr\002\000\000\000\000\000\000\000\000\000"
			      "\000\000\000\000\000\000\003\000\001\000\000\000\001\000"),
			 SP_C("\000\000\000-"
			      "\000D\000\000\000\000\000\032\000\003app\000\010billing\002m\000\000\000\000\000\000\000"
			      "\000\000\011\002\007orders\000\001\000"),
			 SP_S("\000\000\000\035\000\000\000\032\000\000\000\000\000\000n\007fenced\000\000\000\000\000"
			      "\000\000\000\000\377\000"),
			 SP_C("\000\000\000-"
			      "\000\002\000\001\000\000\000\033\000\003app\377\377\377\377\000\000\000\001\000\006order"
			      "s\000\000\000\001\000\000\000\000\377\377\377\377\377\377\377\377"),
			 SP_S("\000\000\000*"
			      "\000\000\000\033\000\000\000\001\000\006orders\000\000\000\001\000\000\000\000\000\000"
			      "\377\377\377\377\377\377\377\377\000\000\000\000\000\000\0007"),
			 SP_C("\000\000\000D\000\004\000\000\000\000\000\034\000\003app\000\000\000\001\000\000\000\001"
			      "\000\000\000\001\000\001t\000\000\000\004\000\000\000\001\000\000\000\001\000\000\000"
			      "\001\000\000\000\001\000\000\000\001\000\000\000\000\000\000\000\001\000\000\000\001\000"
			      "\000\000\000"),
			 SP_S("\000\000\000\012\000\000\000\034\000\013\000\000\000\000"),
			 SP_C("\000\000\000\022\0001\000\000\000\000\000\035\000\003app\000\000\000\000\000"),
			 SP_S("\000\000\000*"
			      "\000\000\000\035\000\000\000\000\000\000\000\002\000\000\377\377\000\000\000\000\000*"
			      "\000\005what?\000\000\000\001\000\004user\000\001u")},
		.want = "> request method=ShareFetch resource=ABEiM0RVZneImaq7zN3u_w endpoint=ABEiM0RVZneImaq7zN3u_w "
			"correlation=25 id=25 bytes=98 messaging.system=kafka kafka.api_version=1 "
			"messaging.client.id=app messaging.consumer.group.name=sharers "
			"messaging.destination.partition.id=0\n"
			"< response code=121 message=INVALID_RECORD_STATE: not yours status=client_error id=25 "
			"bytes=93\n"
			"> request method=ConsumerGroupHeartbeat resource=orders endpoint=orders correlation=26 id=26 "
			"bytes=49 messaging.system=kafka kafka.api_version=0 messaging.client.id=app "
			"messaging.consumer.group.name=billing\n"
			"< response code=110 message=FENCED_MEMBER_EPOCH: fenced status=client_error id=26 bytes=33\n"
			"> request method=ListOffsets resource=orders endpoint=orders correlation=27 id=27 bytes=49 "
			"messaging.system=kafka kafka.api_version=1 messaging.client.id=app "
			"messaging.destination.partition.id=0\n"
			"< response status=ok id=27 bytes=46 messaging.kafka.offset=55\n"
			"> request method=LeaderAndIsr resource=t endpoint=t correlation=28 id=28 bytes=72 "
			"messaging.system=kafka kafka.api_version=0 messaging.client.id=app "
			"messaging.destination.partition.id=4\n"
			"< response code=11 message=STALE_CONTROLLER_EPOCH status=server_error id=28 bytes=14\n"
			"> request method=AlterClientQuotas correlation=29 id=29 bytes=22 messaging.system=kafka "
			"kafka.api_version=0 messaging.client.id=app\n"
			"< response code=42 message=INVALID_REQUEST: what? status=client_error id=29 bytes=46\n",
	},
	{
		.name = "counts and lengths beyond the message",
		.step = {SP_C("\000\000\000\"\000\001\000\004\000\000\000\036\000\003app\377\377\377\377\000\000\000"
			      "\000\000\000\000\000\000\000\000\000\000\177\377\377\377"),
			 SP_S("\000\000\000\017\000\000\000\036\000\000\000\000\177\377\377\377\000\001t"),
			 SP_C("\000\000\000\024\000\003\000\000\000\000\000\037\000\003app\000\000\000\001}\000x"),
			 SP_S("\000\000\000\022\000\000\000\037\000\000\000\001\000\000\000\001\377\371\000\000\000"
			      "\000")},
		.want = "> request method=Fetch correlation=30 id=30 bytes=38 messaging.system=kafka "
			"kafka.api_version=4 messaging.client.id=app\n"
			"< response id=30 bytes=19\n"
			"> request method=Metadata correlation=31 id=31 bytes=24 messaging.system=kafka "
			"kafka.api_version=0 messaging.client.id=app\n"
			"< response status=ok id=31 bytes=22\n",
		.no_probe = true,
	},
	{
		.name = "a length that is none",
		.step = {SP_C("\000\000\000\021\000\003\000\000\000\000\000\001\000\003app\000\000\000\000"),
			 SP_C("\377\377\377\377\000\003\000\000")},
		.want = "> request method=Metadata correlation=1 id=1 bytes=21 messaging.system=kafka "
			"kafka.api_version=0 messaging.client.id=app\n"
			"> bad\n",
	},
	{
		.name = "a client id beyond the message",
		.step = {SP_C("\000\000\000\014\000\003\000\000\000\000\000\001\001\364ab")},
		.want = "> bad\n",
		.no_probe = true,
	},
	{0},
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations in AMQP 0-9-1, for amqp.c alone. */

#define X_10 "xxxxxxxxxx"
#define X_100 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10
#define X_1000 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100
#define Y_10 "yyyyyyyyyy"
#define Y_100 Y_10 Y_10 Y_10 Y_10 Y_10 Y_10 Y_10 Y_10 Y_10 Y_10
#define Y_1000 Y_100 Y_100 Y_100 Y_100 Y_100 Y_100 Y_100 Y_100 Y_100 Y_100

/* Bytes and messages are laid out by hand. */
/* clang-format off */

/* Publications of no bytes on a channel that confirms, and an acknowledgement of all. */
#define TEN_TIMES(x) x x x x x x x x x x
#define NOTHING_PUBLISHED                                                                                              \
	"\x01\x00\x01\x00\x00\x00\x0b\x00<\x00(\x00\x00\x01"                                                           \
	"e\x01k\x00\xce"                                                                                               \
	"\x02\x00\x01\x00\x00\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xce"
#define IDS_OF_79(X) \
	X(225) X(226) X(227) X(228) X(229) X(230) X(231) X(232) X(233) X(234) X(235) X(236) X(237) \
	X(238) X(239) X(240) X(241) X(242) X(243) X(244) X(245) X(246) X(247) X(248) X(249) X(250) \
	X(251) X(252) X(253) X(254) X(255) X(256) X(257) X(258) X(259) X(260) X(261) X(262) X(263) \
	X(264) X(265) X(266) X(267) X(268) X(269) X(270) X(271) X(272) X(273) X(274) X(275) X(276) \
	X(277) X(278) X(279) X(280) X(281) X(282) X(283) X(284) X(285) X(286) X(287) X(288) X(289) \
	X(290) X(291) X(292) X(293) X(294) X(295) X(296) X(297) X(298) X(299) X(300) X(301) X(302) \
	X(303)
#define IS_PUBLISHED(id)                                                                                               \
	"> request method=basic.publish resource=e/k endpoint=e id=9223389629040820" #id " bytes=41 "                  \
	"messaging.system=rabbitmq messaging.destination.name=e messaging.rabbitmq.destination.routing_key=k "         \
	"messaging.message.body.size=0\n"
#define IS_CONFIRMED(id) "< response status=ok id=9223389629040820" #id " bytes=0\n"

static const struct sp_vector vectors[] = {
	{
		.name = "from the beginning to the end",
		.step = {
			SP_C("AMQP\x00\x00\x09\x01"),
			SP_S("\x01\x00\x00\x00\x00\x00:\x00\n"
			     "\x00\n\x00\x09\x00\x00\x00\x15\x07productS\x00\x00\x00\x08RabbitMQ\x00\x00\x00\x0ePL"
			     "AIN AMQPLAIN\x00\x00\x00\x05""en_US\xce"),
			SP_C("\x01\x00\x00\x00\x00\x00#\x00\n"
			     "\x00\x0b\x00\x00\x00\x00\x05PLAIN\x00\x00\x00\x0b\x00""app\x00secret\x05""en_US\xce"),
			SP_S("\x01\x00\x00\x00\x00\x00\x0c\x00\n"
			     "\x00\x1e\x07\xff\x00\x02\x00\x00\x00<\xce"),
			SP_C("\x01\x00\x00\x00\x00\x00\x0c\x00\n"
			     "\x00\x1f\x07\xff\x00\x02\x00\x00\x00<\xce\x01\x00\x00\x00\x00\x00\x0b\x00\n"
			     "\x00(\x04shop\x00\x00\xce"),
			SP_S("\x01\x00\x00\x00\x00\x00\x05\x00\n"
			     "\x00)\x00\xce"),
			SP_C("\x01\x00\x01\x00\x00\x00\x05\x00\x14\x00\n"
			     "\x00\xce"),
			SP_S("\x01\x00\x01\x00\x00\x00\x08\x00\x14\x00\x0b\x00\x00\x00\x00\xce"),
			SP_C("\x01\x00\x01\x00\x00\x00\x0c\x00""2\x00\n"
			     "\x00\x00\x00\x04\x00\x00\x00\x00\xce"),
			SP_S("\x01\x00\x01\x00\x00\x00+\x00""2\x00\x0b\x1e""amq.gen-JzTY20BRgKO-HjmUJj0wLg\x00\x00"
			     "\x00\x00\x00\x00\x00\x00\xce"),
			SP_C("\x01\x00\x01\x00\x00\x00\x18\x00(\x00\n"
			     "\x00\x00\x06orders\x05topic\x02\x00\x00\x00\x00\xce"),
			SP_S("\x01\x00\x01\x00\x00\x00\x04\x00(\x00\x0b\xce"),
			SP_C("\x01\x00\x01\x00\x00\x00\x1b\x00""2\x00\x14\x00\x00\x02q1\x06orders\x05new.#\x00\x00"
			     "\x00\x00\x00\xce"),
			SP_S("\x01\x00\x01\x00\x00\x00\x04\x00""2\x00\x15\xce\x08\x00\x00\x00\x00\x00\x00\xce"),
			SP_C("\x08\x00\x00\x00\x00\x00\x00\xce\x01\x00\x00\x00\x00\x00\x1a\x00\n"
			     "\x00""2\x00\xc8\x0fNormal shutdown\x00\x00\x00\x00\xce"),
			SP_S("\x01\x00\x00\x00\x00\x00\x04\x00\n"
			     "\x00""3\xce"),
		},
		.want = "< request method=connection.start endpoint=connection.start id=4611686018428043275 bytes=66 "
			"messaging.system=rabbitmq\n"
			"> response status=ok id=4611686018428043275 bytes=43 messaging.system=rabbitmq "
			"amqp.mechanism=PLAIN user.name=app\n"
			"< request method=connection.tune endpoint=connection.tune id=4611686018428043295 bytes=20 "
			"messaging.system=rabbitmq\n"
			"> response status=ok id=4611686018428043295 bytes=20 messaging.system=rabbitmq\n"
			"> request method=connection.open host=shop endpoint=connection.open id=655401 bytes=19 "
			"messaging.system=rabbitmq\n"
			"< response status=ok id=655401 bytes=13 messaging.system=rabbitmq\n"
			"> request method=channel.open host=shop endpoint=channel.open id=4296278027 bytes=13 "
			"messaging.system=rabbitmq\n"
			"< response status=ok id=4296278027 bytes=16 messaging.system=rabbitmq\n"
			"> request method=queue.declare host=shop endpoint=queue.declare id=4298244107 bytes=20 "
			"messaging.system=rabbitmq\n"
			"< response resource=amq.gen-JzTY20BRgKO-HjmUJj0wLg endpoint=amq.gen-{id} status=ok id=4298244107 "
			"bytes=51 messaging.system=rabbitmq\n"
			"> request method=exchange.declare host=shop resource=orders endpoint=orders id=4297588747 "
			"bytes=32 messaging.system=rabbitmq\n"
			"< response status=ok id=4297588747 bytes=12 messaging.system=rabbitmq\n"
			"> request method=queue.bind host=shop resource=orders/new.# q1 endpoint=orders id=4298244117 "
			"bytes=35 messaging.system=rabbitmq messaging.destination.name=orders "
			"messaging.rabbitmq.destination.routing_key=new.#\n"
			"< response status=ok id=4298244117 bytes=12 messaging.system=rabbitmq\n"
			"> request method=connection.close host=shop endpoint=connection.close code=200 message=Normal "
			"shutdown status=ok id=655411 bytes=34 messaging.system=rabbitmq\n"
			"< response status=ok id=655411 bytes=12 messaging.system=rabbitmq\n",
	},
	{
		.name = "publications, properties, deliveries",
		.step = {
			SP_C("\x01\x00\x01\x00\x00\x00\x14\x00<\x00(\x00\x00\x06orders\x05new.7\x00\xce\x02\x00\x01"
			     "\x00\x00\x00V\x00<\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\xa4\x80\n"
			     "text/plain\x00\x00\x00,\x0cx-request-idS\x00\x00\x00\x05req-1\x01nI\x00\x00\x00\x07\x01"
			     "tF\x00\x00\x00\x04\x01""at\x01\x01vV\x06""corr-9\x05msg-1\xce\x03\x00\x01\x00\x00\x00"
			     "\x05hello\xce\x01\x00\x01\x00\x00\x00\x10\x00<\x00(\x00\x00\x00\x07task:12\x00\xce\x02"
			     "\x00\x01\x00\x00\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xce\x01"
			     "\x00\x01\x00\x00\x00\x14\x00<\x00\x14\x00\x00\x02q1\x05""ctag1\x02\x00\x00\x00\x00\xce"),
			SP_S("\x01\x00\x01\x00\x00\x00\n\x00<\x00\x15\x05""ctag1\xce\x01\x00\x01\x00\x00\x00 \x00<"
			     "\x00<\x05""ctag1\x00\x00\x00\x00\x00\x00\x00\x01\x00\x06orders\x05new.7\xce\x02\x00\x01"
			     "\x00\x00\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00\x00\x0b\xb8\x00\x00\xce\x03\x00\x01"
			     "\x00\x00\x07\xd0"
			     X_1000 X_1000
			     "\xce\x03\x00\x01\x00\x00\x03\xe8"
			     Y_1000
			     "\xce"),
			SP_C("\x01\x00\x01\x00\x00\x00\r\x00<\x00P\x00\x00\x00\x00\x00\x00\x00\x01\x00\xce\x01\x00"
			     "\x01\x00\x00\x00\n\x00<\x00""F\x00\x00\x02q1\x01\xce"),
			SP_S("\x01\x00\x01\x00\x00\x00\x1a\x00<\x00G\x00\x00\x00\x00\x00\x00\x00\x02\x00\x06orders"
			     "\x01k\x00\x00\x00\x00\xce\x02\x00\x01\x00\x00\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x02\x00\x00\xce\x03\x00\x01\x00\x00\x00\x02hi\xce"),
			SP_C("\x01\x00\x01\x00\x00\x00\n\x00<\x00""F\x00\x00\x02q1\x01\xce"),
			SP_S("\x01\x00\x01\x00\x00\x00\x05\x00<\x00H\x00\xce\x01\x00\x01\x00\x00\x00\x18\x00<\x00""2"
			     "\x01""8\x08NO_ROUTE\x00\x07nowhere\xce\x02\x00\x01\x00\x00\x00\x0e\x00<\x00\x00\x00\x00"
			     "\x00\x00\x00\x00\x00\x01\x00\x00\xce\x03\x00\x01\x00\x00\x00\x01x\xce"),
		},
		.want = "> oneway method=basic.publish resource=orders/new.7 endpoint=orders correlation=corr-9 "
			"x_request_id_request=req-1 id=4298899456 bytes=135 messaging.system=rabbitmq "
			"messaging.destination.name=orders messaging.rabbitmq.destination.routing_key=new.7 "
			"messaging.message.body.size=5 amqp.content_type=text/plain messaging.message.id=msg-1 "
			"messaging.message.conversation_id=corr-9\n"
			"> oneway method=basic.publish resource=task:12 endpoint=task:{id} id=4298899456 bytes=46 "
			"messaging.system=rabbitmq messaging.destination.name=amq.default "
			"messaging.rabbitmq.destination.routing_key=task:12 messaging.message.body.size=0\n"
			"> request method=basic.consume resource=q1 endpoint=q1 id=4298899477 bytes=28 "
			"messaging.system=rabbitmq amqp.consumer_tag=ctag1\n"
			"< response status=ok id=4298899477 bytes=18 messaging.system=rabbitmq amqp.consumer_tag=ctag1\n"
			"< oneway method=basic.deliver resource=orders/new.7 endpoint=orders id=4611686022726287360 "
			"bytes=3078 messaging.system=rabbitmq messaging.destination.name=orders "
			"messaging.rabbitmq.destination.routing_key=new.7 amqp.consumer_tag=ctag1 "
			"messaging.rabbitmq.message.delivery_tag=1 messaging.message.body.size=3000\n"
			"> oneway method=basic.ack endpoint=basic.ack id=4298899456 bytes=21 messaging.system=rabbitmq "
			"messaging.rabbitmq.message.delivery_tag=1\n"
			"> request method=basic.get resource=q1 endpoint=q1 id=4298899527 bytes=18 "
			"messaging.system=rabbitmq\n"
			"< response status=ok id=4298899527 bytes=66 messaging.system=rabbitmq "
			"messaging.destination.name=orders messaging.rabbitmq.destination.routing_key=k "
			"messaging.rabbitmq.message.delivery_tag=2 messaging.message.body.size=2\n"
			"> request method=basic.get resource=q1 endpoint=q1 id=4298899527 bytes=18 "
			"messaging.system=rabbitmq\n"
			"< response status=ok id=4298899527 bytes=13 messaging.system=rabbitmq\n"
			"< oneway method=basic.return resource=nowhere endpoint=nowhere code=312 message=NO_ROUTE "
			"status=client_error id=4611686022726287360 bytes=63 messaging.system=rabbitmq "
			"messaging.destination.name=amq.default messaging.rabbitmq.destination.routing_key=nowhere "
			"messaging.message.body.size=1\n",
	},
	{
		.name = "confirmations",
		.step = {
			SP_C("\x01\x00\x01\x00\x00\x00\x05\x00U\x00\n"
			     "\x00\xce"),
			SP_S("\x01\x00\x01\x00\x00\x00\x04\x00U\x00\x0b\xce"),
			SP_C("\x01\x00\x01\x00\x00\x00\x0b\x00<\x00(\x00\x00\x01""e\x01k\x00\xce\x02\x00\x01\x00\x00"
			     "\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\xce\x03\x00\x01\x00\x00"
			     "\x00\x01x\xce"),
			SP_S("\x01\x00\x01\x00\x00\x00\r\x00<\x00P\x00\x00\x00\x00\x00\x00\x00\x01\x00\xce"),
			SP_C("\x01\x00\x01\x00\x00\x00\x0b\x00<\x00(\x00\x00\x01""e\x01k\x00\xce\x02\x00\x01\x00\x00"
			     "\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\xce\x03\x00\x01\x00\x00"
			     "\x00\x01x\xce\x01\x00\x01\x00\x00\x00\x0b\x00<\x00(\x00\x00\x01""e\x01k\x00\xce\x02\x00"
			     "\x01\x00\x00\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\xce\x03\x00"
			     "\x01\x00\x00\x00\x01x\xce\x01\x00\x01\x00\x00\x00\x0b\x00<\x00(\x00\x00\x01""e\x01k\x00"
			     "\xce\x02\x00\x01\x00\x00\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00"
			     "\xce\x03\x00\x01\x00\x00\x00\x01x\xce\x01\x00\x01\x00\x00\x00\x0b\x00<\x00(\x00\x00\x01"
			     "e\x01k\x00\xce\x02\x00\x01\x00\x00\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
			     "\x00\x00\xce\x03\x00\x01\x00\x00\x00\x01x\xce\x01\x00\x01\x00\x00\x00\x0b\x00<\x00(\x00"
			     "\x00\x01""e\x01k\x00\xce\x02\x00\x01\x00\x00\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00"
			     "\x00\x00\x01\x00\x00\xce\x03\x00\x01\x00\x00\x00\x01x\xce\x01\x00\x01\x00\x00\x00\x0b"
			     "\x00<\x00(\x00\x00\x01""e\x01k\x00\xce\x02\x00\x01\x00\x00\x00\x0e\x00<\x00\x00\x00\x00"
			     "\x00\x00\x00\x00\x00\x01\x00\x00\xce\x03\x00\x01\x00\x00\x00\x01x\xce\x01\x00\x01\x00"
			     "\x00\x00\x0b\x00<\x00(\x00\x00\x01""e\x01k\x00\xce\x02\x00\x01\x00\x00\x00\x0e\x00<\x00"
			     "\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\xce\x03\x00\x01\x00\x00\x00\x01x\xce"),
			SP_S("\x01\x00\x01\x00\x00\x00\r\x00<\x00x\x00\x00\x00\x00\x00\x00\x00\x03\x00\xce\x01\x00"
			     "\x01\x00\x00\x00\r\x00<\x00P\x00\x00\x00\x00\x00\x00\x00\x07\x01\xce\x01\x00\x01\x00"
			     "\x00\x00\r\x00<\x00P\x00\x00\x00\x00\x00\x00\x00\x00\x01\xce"),
			SP_C("\x01\x00\x02\x00\x00\x00\x05\x00U\x00\n"
			     "\x01\xce\x01\x00\x02\x00\x00\x00\x0b\x00<\x00(\x00\x00\x01""e\x01k\x00\xce\x02\x00\x02"
			     "\x00\x00\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\xce\x03\x00\x02"
			     "\x00\x00\x00\x01x\xce"),
			SP_S("\x01\x00\x02\x00\x00\x00\r\x00<\x00P\x00\x00\x00\x00\x00\x00\x00\x01\x00\xce"),
		},
		.want = "> request method=confirm.select endpoint=confirm.select id=4300537867 bytes=13 "
			"messaging.system=rabbitmq\n"
			"< response status=ok id=4300537867 bytes=12 messaging.system=rabbitmq\n"
			"> request method=basic.publish resource=e/k endpoint=e id=9223389629040820225 bytes=50 "
			"messaging.system=rabbitmq messaging.destination.name=e "
			"messaging.rabbitmq.destination.routing_key=k messaging.message.body.size=1\n"
			"< response status=ok id=9223389629040820225 bytes=21\n"
			"> request method=basic.publish resource=e/k endpoint=e id=9223389629040820226 bytes=50 "
			"messaging.system=rabbitmq messaging.destination.name=e "
			"messaging.rabbitmq.destination.routing_key=k messaging.message.body.size=1\n"
			"> request method=basic.publish resource=e/k endpoint=e id=9223389629040820227 bytes=50 "
			"messaging.system=rabbitmq messaging.destination.name=e "
			"messaging.rabbitmq.destination.routing_key=k messaging.message.body.size=1\n"
			"> request method=basic.publish resource=e/k endpoint=e id=9223389629040820228 bytes=50 "
			"messaging.system=rabbitmq messaging.destination.name=e "
			"messaging.rabbitmq.destination.routing_key=k messaging.message.body.size=1\n"
			"> request method=basic.publish resource=e/k endpoint=e id=9223389629040820229 bytes=50 "
			"messaging.system=rabbitmq messaging.destination.name=e "
			"messaging.rabbitmq.destination.routing_key=k messaging.message.body.size=1\n"
			"> request method=basic.publish resource=e/k endpoint=e id=9223389629040820230 bytes=50 "
			"messaging.system=rabbitmq messaging.destination.name=e "
			"messaging.rabbitmq.destination.routing_key=k messaging.message.body.size=1\n"
			"> request method=basic.publish resource=e/k endpoint=e id=9223389629040820231 bytes=50 "
			"messaging.system=rabbitmq messaging.destination.name=e "
			"messaging.rabbitmq.destination.routing_key=k messaging.message.body.size=1\n"
			"> request method=basic.publish resource=e/k endpoint=e id=9223389629040820232 bytes=50 "
			"messaging.system=rabbitmq messaging.destination.name=e "
			"messaging.rabbitmq.destination.routing_key=k messaging.message.body.size=1\n"
			"< response code=basic.nack status=server_error id=9223389629040820227 bytes=21\n"
			"< response status=ok id=9223389629040820226 bytes=0\n"
			"< response status=ok id=9223389629040820228 bytes=0\n"
			"< response status=ok id=9223389629040820229 bytes=0\n"
			"< response status=ok id=9223389629040820230 bytes=0\n"
			"< response status=ok id=9223389629040820231 bytes=17\n"
			"< response status=ok id=9223389629040820232 bytes=17\n"
			"> oneway method=confirm.select endpoint=confirm.select id=8595505163 bytes=13 "
			"messaging.system=rabbitmq\n"
			"> request method=basic.publish resource=e/k endpoint=e id=9223407221226864641 bytes=50 "
			"messaging.system=rabbitmq messaging.destination.name=e "
			"messaging.rabbitmq.destination.routing_key=k messaging.message.body.size=1\n"
			"< response status=ok id=9223407221226864641 bytes=21\n",
	},
	{
		.name = "many confirmed at once",
		.step = {
			SP_C("\x01\x00\x01\x00\x00\x00\x05\x00U\x00\n\x01\xce"
			     TEN_TIMES(NOTHING_PUBLISHED NOTHING_PUBLISHED NOTHING_PUBLISHED NOTHING_PUBLISHED
				       NOTHING_PUBLISHED NOTHING_PUBLISHED NOTHING_PUBLISHED NOTHING_PUBLISHED)),
			SP_S("\x01\x00\x01\x00\x00\x00\r\x00<\x00P\x00\x00\x00\x00\x00\x00\x00P\x01\xce"),
		},
		.want = "> oneway method=confirm.select endpoint=confirm.select id=4300537867 bytes=13 "
			"messaging.system=rabbitmq\n"
			IDS_OF_79(IS_PUBLISHED) IS_PUBLISHED(304)
			IDS_OF_79(IS_CONFIRMED) "< response status=ok id=9223389629040820304 bytes=17\n",
		.no_probe = true,
	},
	{
		.name = "refused, and closed for it",
		.step = {
			SP_C("\x01\x00\x03\x00\x00\x00\x10\x00""2\x00\n"
			     "\x00\x00\x04none\x01\x00\x00\x00\x00\xce"),
			SP_S("\x01\x00\x03\x00\x00\x00\x1f\x00\x14\x00(\x01\x94\x14NOT_FOUND - no queue\x00""2\x00"
			     "\n\xce"),
			SP_C("\x01\x00\x03\x00\x00\x00\x04\x00\x14\x00)\xce"),
			SP_S("\x01\x00\x00\x00\x00\x00\x1c\x00\n"
			     "\x00""2\x01@\x11""CONNECTION_FORCED\x00\x00\x00\x00\xce"),
			SP_C("\x01\x00\x00\x00\x00\x00\x04\x00\n"
			     "\x00""3\xce"),
		},
		.want = "> request method=queue.declare resource=none endpoint=none id=12888178699 bytes=24 "
			"messaging.system=rabbitmq\n"
			"< response code=404 message=NOT_FOUND - no queue status=client_error id=12888178699 bytes=0\n"
			"< request method=channel.close endpoint=channel.close code=404 message=NOT_FOUND - no queue "
			"status=client_error id=4611686031313600553 bytes=39 messaging.system=rabbitmq\n"
			"> response status=ok id=4611686031313600553 bytes=12 messaging.system=rabbitmq\n"
			"< request method=connection.close endpoint=connection.close code=320 message=CONNECTION_FORCED "
			"status=server_error id=4611686018428043315 bytes=36 messaging.system=rabbitmq\n"
			"> response status=ok id=4611686018428043315 bytes=12 messaging.system=rabbitmq\n",
	},
	{
		.name = "contents of two channels mixed",
		.step = {
			SP_C("\x01\x00\x01\x00\x00\x00\x0b\x00<\x00(\x00\x00\x01""e\x01""a\x00\xce\x02\x00\x01\x00"
			     "\x00\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00\x00\x00\n"
			     "\x00\x00\xce\x01\x00\x02\x00\x00\x00\x0b\x00<\x00(\x00\x00\x01""e\x01""b\x00\xce\x02"
			     "\x00\x02\x00\x00\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\xce\x03"
			     "\x00\x01\x00\x00\x00\x05""12345\xce\x03\x00\x02\x00\x00\x00\x04""1234\xce\x03\x00\x01"
			     "\x00\x00\x00\x05""67890\xce"),
		},
		.want = "> oneway method=basic.publish resource=e/b endpoint=e id=8593866752 bytes=53 "
			"messaging.system=rabbitmq messaging.destination.name=e "
			"messaging.rabbitmq.destination.routing_key=b messaging.message.body.size=4\n"
			"> oneway method=basic.publish resource=e/a endpoint=e id=4298899456 bytes=67 "
			"messaging.system=rabbitmq messaging.destination.name=e "
			"messaging.rabbitmq.destination.routing_key=a messaging.message.body.size=10\n",
	},
	{
		.name = "a content of which the method was not seen",
		.step = {
			SP_S("\x02\x00\x01\x00\x00\x00\x0e\x00<\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\xce"
			     "\x03\x00\x01\x00\x00\x00\x03""abc\xce\x01\x00\x01\x00\x00\x00\x05\x00<\x00H\x00\xce"),
		},
		.want = "< response status=ok id=4298899527 bytes=13 messaging.system=rabbitmq\n",
	},
	{
		.name = "another version",
		.step = {
			SP_C("AMQP\x00\x00\x09\x01"),
			SP_S("AMQP\x00\x01\x00\x00"),
		},
		.want = "< oneway method=protocol-header message=another version of the protocol status=client_error id=0 "
			"bytes=8\n",
	},
	{
		.name = "a frame without its end",
		.step = {
			SP_C("\x08\x00\x00\x00\x00\x00\x00\x00"),
		},
		.want = "> bad\n",
		.no_probe = true,
	},
	{
		.name = "no such method",
		.step = {
			SP_C("\x01\x00\x01\x00\x00\x00\x04\x00<\x00)\xce"),
		},
		.want = "> bad\n",
		.no_probe = true,
	},
	{
		.name = "too large a frame",
		.step = {
			SP_C("\x01\x00\x01\xff\xff\xff\xff"),
		},
		.want = "> bad\n",
		.no_probe = true,
	},
	{0},
};
/* clang-format on */

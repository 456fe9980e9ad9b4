/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations in MQTT, for mqtt.c alone. */

#define X_10 "xxxxxxxxxx"
#define X_100 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10
#define X_1000 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100

/* Bytes and messages are laid out by hand. */
/* clang-format off */
static const struct sp_vector vectors[] = {
	{
		.name = "3.1.1: connect, publish, subscribe",
		.step = {
			SP_C("\x10.\x00\x04MQTT\x04\xc6\x00<\x00\x05""dev-1\x00\x09last/will\x00\x03""bye\x00\x03j"
			     "oe\x00\x06secret"),
			SP_S(" \x02\x00\x00"),
			SP_C("0\x15\x00\x0fsensors/42/temp21.53\xbf\x17\x00\x03""a/b\x00\x07"
			     X_1000 X_1000 X_1000),
			SP_S("@\x02\x00\x07"),
			SP_C("<\x08\x00\x03""a/c\x00\x08y"),
			SP_S("P\x02\x00\x08"),
			SP_C("b\x02\x00\x08"),
			SP_S("p\x02\x00\x08"),
			SP_C("\x82\x14\x00\x09\x00\x03""a/#\x01\x00\x09""forbidden\x02"),
			SP_S("\x90\x04\x00\x09\x01\x80""2\x08\x00\x03""a/b\x00\x07z"),
			SP_C("@\x02\x00\x07"),
			SP_S("4\x08\x00\x03""a/d\x00\x08z"),
			SP_C("P\x02\x00\x08"),
			SP_S("b\x02\x00\x08"),
			SP_C("p\x02\x00\x08\xa2\x07\x00\n\x00\x03""a/#"),
			SP_S("\xb0\x02\x00\n"),
			SP_C("\xc0\x00"),
			SP_S("\xd0\x00"),
			SP_C("\xe0\x00"),
		},
		.want = "> request app_version=3.1.1 method=CONNECT endpoint=CONNECT id=65536 bytes=48 "
			"messaging.system=mqtt messaging.client.id=dev-1 mqtt.keep_alive=60 mqtt.will.topic=last/will "
			"user.name=joe\n"
			"< response code=0 status=ok id=65536 bytes=4\n"
			"> oneway app_version=3.1.1 method=PUBLISH resource=sensors/42/temp endpoint=sensors/{id}/temp "
			"id=196608 bytes=23 messaging.system=mqtt messaging.message.body.size=4 "
			"messaging.destination.name=sensors/42/temp mqtt.qos=0\n"
			"> request app_version=3.1.1 method=PUBLISH resource=a/b endpoint=a/b correlation=7 id=196615 "
			"bytes=3010 messaging.system=mqtt messaging.message.body.size=3000 messaging.destination.name=a/b "
			"mqtt.qos=1 mqtt.retain=true\n"
			"< response code=0 status=ok id=196615 bytes=4\n"
			"> request app_version=3.1.1 method=PUBLISH resource=a/c endpoint=a/c correlation=8 id=196616 "
			"bytes=10 messaging.system=mqtt messaging.message.body.size=1 messaging.destination.name=a/c "
			"mqtt.qos=2 mqtt.dup=true\n"
			"< interim id=196616 bytes=4\n"
			"< response code=0 status=ok id=196616 bytes=4\n"
			"> request app_version=3.1.1 method=SUBSCRIBE resource=a/# forbidden endpoint=a/# correlation=9 "
			"id=524297 bytes=22 messaging.system=mqtt messaging.destination.name=a/# mqtt.topics=2\n"
			"< response code=128 message=Unspecified error status=server_error id=524297 bytes=6\n"
			"< request app_version=3.1.1 method=PUBLISH resource=a/b endpoint=a/b correlation=7 id=4295163911 "
			"bytes=10 messaging.system=mqtt messaging.message.body.size=1 messaging.destination.name=a/b "
			"mqtt.qos=1\n"
			"> response code=0 status=ok id=4295163911 bytes=4\n"
			"< request app_version=3.1.1 method=PUBLISH resource=a/d endpoint=a/d correlation=8 id=4295163912 "
			"bytes=10 messaging.system=mqtt messaging.message.body.size=1 messaging.destination.name=a/d "
			"mqtt.qos=2\n"
			"> interim id=4295163912 bytes=4\n"
			"> response code=0 status=ok id=4295163912 bytes=4\n"
			"> request app_version=3.1.1 method=UNSUBSCRIBE resource=a/# endpoint=a/# correlation=10 id=655370 "
			"bytes=9 messaging.system=mqtt messaging.destination.name=a/#\n"
			"< response status=ok id=655370 bytes=4\n"
			"> request app_version=3.1.1 method=PINGREQ endpoint=PINGREQ id=786432 bytes=2 "
			"messaging.system=mqtt\n"
			"< response status=ok id=786432 bytes=2\n"
			"> oneway app_version=3.1.1 method=DISCONNECT endpoint=DISCONNECT id=917504 bytes=2 "
			"messaging.system=mqtt\n",
	},
	{
		.name = "3.1, refused",
		.step = {
			SP_C("\x10\x11\x00\x06MQIsdp\x03\x02\x00\n"
			     "\x00\x03old"),
			SP_S(" \x02\x00\x05"),
		},
		.want = "> request app_version=3.1 method=CONNECT endpoint=CONNECT id=65536 bytes=19 messaging.system=mqtt "
			"messaging.client.id=old mqtt.keep_alive=10\n"
			"< response code=5 message=Not authorized status=client_error id=65536 bytes=4\n",
	},
	{
		.name = "5: properties, aliases, reasons",
		.step = {
			SP_C("\x10""4\x00\x04MQTT\x05\x06\x00\x1e\x0f\x11\x00\x00\x00\x1e!\x00\x14&\x00\x01k\x00\x01"
			     "v\x00\x02""d5\n\x18\x00\x00\x00\x05\x1f\x00\x02no\x00\x03w/t\x00\x04gone"),
			SP_S(" \x10\x00\x00\r\"\x00\n\x12\x00\x07""auto-77"),
			SP_C("2E\x00\x05req/1\x00\x01""9\x01\x01\x08\x00\x07resp/d5\x09\x00\x03\x01\x02\x03\x03\x00"
			     "\ntext/plain&\x00\x0cX-Request-ID\x00\x03r-5\x0b\xc8\x01#\x00\x05hi"),
			SP_S("@\x12\x00\x01\x87\x0e\x1f\x00\x0bnot for you"),
			SP_C("0\x0b\x00\x00\x03#\x00\x05""again4\x09\x00\x03q/2\x00\x02\x00x"),
			SP_S("P\x03\x00\x02\x97"),
			SP_C("2\x09\x00\x03q/3\x00\x03\x00x"),
			SP_S("@\x03\x00\x03\x10"),
			SP_C("\x82\x12\x00\x04\x02\x0b\x01\x00\n"
			     "$share/g/t,"),
			SP_S("\x90\x04\x00\x04\x00\x02"),
			SP_C("\xa2\x09\x00\x05\x00\x00\x04nope"),
			SP_S("\xb0\x04\x00\x05\x00\x11"),
			SP_C("\xf0\x13\x19\x11\x15\x00\x05SCRAM\x16\x00\x06secret"),
			SP_S("\xe0\x0f\x8b\r\x1c\x00\nother:1883"),
		},
		.want = "> request app_version=5.0 method=CONNECT endpoint=CONNECT id=65536 bytes=54 messaging.system=mqtt "
			"messaging.client.id=d5 mqtt.keep_alive=30 mqtt.will.topic=w/t\n"
			"< response code=0 status=ok id=65536 bytes=18 messaging.client.id=auto-77\n"
			"> request app_version=5.0 method=PUBLISH resource=req/1 endpoint=req/{id} correlation=010203 "
			"x_request_id_request=r-5 id=196609 bytes=71 messaging.system=mqtt mqtt.response_topic=resp/d5 "
			"mqtt.content_type=text/plain messaging.message.body.size=2 messaging.destination.name=req/1 "
			"mqtt.qos=1\n"
			"< response code=135 message=not for you status=client_error id=196609 bytes=20\n"
			"> oneway app_version=5.0 method=PUBLISH resource=req/1 endpoint=req/{id} id=196608 bytes=13 "
			"messaging.system=mqtt messaging.message.body.size=5 messaging.destination.name=req/1 mqtt.qos=0\n"
			"> request app_version=5.0 method=PUBLISH resource=q/2 endpoint=q/{id} correlation=2 id=196610 "
			"bytes=11 messaging.system=mqtt messaging.message.body.size=1 messaging.destination.name=q/2 "
			"mqtt.qos=2\n"
			"< response code=151 message=Quota exceeded status=server_error id=196610 bytes=5\n"
			"> request app_version=5.0 method=PUBLISH resource=q/3 endpoint=q/{id} correlation=3 id=196611 "
			"bytes=11 messaging.system=mqtt messaging.message.body.size=1 messaging.destination.name=q/3 "
			"mqtt.qos=1\n"
			"< response code=16 status=ok id=196611 bytes=5\n"
			"> request app_version=5.0 method=SUBSCRIBE resource=$share/g/t endpoint=$share/g/t correlation=4 "
			"id=524292 bytes=20 messaging.system=mqtt messaging.destination.name=$share/g/t\n"
			"< response code=2 status=ok id=524292 bytes=6\n"
			"> request app_version=5.0 method=UNSUBSCRIBE resource=nope endpoint=nope correlation=5 id=655365 "
			"bytes=11 messaging.system=mqtt messaging.destination.name=nope\n"
			"< response code=17 status=ok id=655365 bytes=6\n"
			"> oneway app_version=5.0 method=AUTH endpoint=AUTH code=25 status=ok id=983040 bytes=21 "
			"messaging.system=mqtt mqtt.authentication_method=SCRAM\n"
			"< oneway app_version=5.0 method=DISCONNECT endpoint=DISCONNECT code=139 message=Server shutting "
			"down status=server_error id=4295884800 bytes=17 messaging.system=mqtt "
			"mqtt.server_reference=other:1883\n",
	},
	{
		.name = "the middle of a conversation",
		.step = {
			SP_S("0\x06\x00\x03t/1x"),
			SP_C("\xc0\x00"),
			SP_S("\xd0\x00"),
		},
		.want = "< oneway method=PUBLISH resource=t/1 endpoint=t/{id} id=4295163904 bytes=8 messaging.system=mqtt "
			"messaging.message.body.size=1 messaging.destination.name=t/1 mqtt.qos=0\n"
			"> request method=PINGREQ endpoint=PINGREQ id=786432 bytes=2 messaging.system=mqtt\n"
			"< response status=ok id=786432 bytes=2\n",
	},
	{
		.name = "a topic too long",
		.step = {
			SP_C("2\x8d'\x13\x88l/"
			     X_1000 X_1000 X_1000 X_1000 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_100 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10 X_10 "xxxxxxxx"
			     "\x00\x05x"),
		},
		.want = "> oneway method=PUBLISH resource=l/"
			X_100 X_100 X_10 X_10 X_10 X_10 X_10 "xxxx"
			" endpoint=l/"
			X_100 X_10 X_10 "xxxxxx"
			" id=196608 bytes=5008 messaging.system=mqtt messaging.destination.name=l/"
			X_100 X_100 X_10 X_10 X_10 X_10 X_10 "xxxx"
			" mqtt.qos=1\n",
	},
	{
		.name = "no such type",
		.step = {
			SP_C("\x00\x00"),
		},
		.want = "> bad\n",
		.no_probe = true,
	},
	{
		.name = "QoS 3",
		.step = {
			SP_C("6\x03\x00\x01""a"),
		},
		.want = "> bad\n",
		.no_probe = true,
	},
	{
		.name = "a length of five bytes",
		.step = {
			SP_C("0\xff\xff\xff\xff\x01"),
		},
		.want = "> bad\n",
		.no_probe = true,
	},
	{
		.name = "a topic longer than its packet",
		.step = {
			SP_C("0\x03\x00\x09""a"),
		},
		.want = "> bad\n",
		.no_probe = true,
	},
	{
		.name = "properties longer than their packet",
		.step = {
			SP_C("\x10\r\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x00""0\x05\x00\x01""a\x7fx"),
		},
		.want = "> request app_version=5.0 method=CONNECT endpoint=CONNECT id=65536 bytes=15 messaging.system=mqtt "
			"mqtt.keep_alive=0\n"
			"> bad\n",
	},
	{0},
};
/* clang-format on */

/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT 3.1, 3.1.1 and 5 (https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html). Both sides publish, and number
 * what they want to have acknowledged on their own. A publication of QoS 2 is one call until PUBCOMP. */
#include "parsers/mqtt.h"
#include "parsers/names.h"

enum type {
	CONNECT = 1,
	CONNACK,
	PUBLISH,
	PUBACK,
	PUBREC,
	PUBREL,
	PUBCOMP,
	SUBSCRIBE,
	SUBACK,
	UNSUBSCRIBE,
	UNSUBACK,
	PINGREQ,
	PINGRESP,
	DISCONNECT,
	AUTH
};

enum {
	PACKET_SEEN = 8192, /* of a packet that is no publication */
	TOPIC_SEEN = 4096,
	HEAD_SEEN = 12288, /* of a publication: topic and properties */
	TOPICS_SHOWN = 8,
	TOPICS_MAX = 4096, /* of a subscription that are counted */
	ALIASES = 64,
	ALIAS_TOPIC = 61,
	RESYNC_SEEN = 512,
};

/* Version 5 lets a number stand for a topic. */
struct alias {
	uint16_t number;
	uint8_t side_and_size;
	uint8_t topic[ALIAS_TOPIC];
};
#define ALIAS_SERVER 0x80

struct more {
	struct alias alias[ALIASES];
	uint8_t next;
};

struct state {
	uint8_t version; /* 0: the beginning was not seen */
};

static const char *const names[] = {"",	       "CONNECT",  "CONNACK",	 "PUBLISH", "PUBACK",	   "PUBREC",
				    "PUBREL",  "PUBCOMP",  "SUBSCRIBE",	 "SUBACK",  "UNSUBSCRIBE", "UNSUBACK",
				    "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"};

struct packet {
	uint8_t type, flags;
	uint32_t head; /* of its type and length */
	uint64_t all;
};

enum got { GOT, SHORT, WRONG };

/* Bits that a packet of that type must have. */
static bool flags_fit(uint8_t type, uint8_t flags)
{
	switch (type) {
	case PUBLISH:
		return (flags & 6) != 6 && (flags & 0xe) != 8;
	case PUBREL:
	case SUBSCRIBE:
	case UNSUBSCRIBE:
		return (flags & ~8) == 2; /* 3.1 had them sent again with a mark */
	default:
		return type && !flags;
	}
}

static enum got packet_at(struct sp_slice in, size_t at, struct packet *k)
{
	*k = (struct packet){.type = in.p[at] >> 4, .flags = in.p[at] & 0xf};
	if (!flags_fit(k->type, k->flags))
		return WRONG;
	uint32_t v = 0;
	for (unsigned i = 0; i < 4; i++) {
		if (at + 1 + i >= in.n)
			return SHORT;
		uint8_t byte = in.p[at + 1 + i];
		v |= (byte & 0x7fU) << 7 * i;
		if (byte & 0x80)
			continue;
		k->head = 2 + i;
		k->all = k->head + (uint64_t)v;
		bool empty = k->type == PINGREQ || k->type == PINGRESP,
		     numbered = k->type >= PUBACK && k->type <= UNSUBACK;
		return (empty && v) || (numbered && v < 2) || (k->type == PUBLISH && v < 2) ||
				       (k->type == CONNECT && v < 10) || (k->type == CONNACK && v < 2)
			       ? WRONG
			       : GOT;
	}
	return WRONG;
}

static uint64_t id_of(unsigned requester, enum type type, uint16_t number)
{
	return (uint64_t)requester << 32 | (uint32_t)type << 16 | number;
}

static struct sp_msg *begin(struct sp_parse *p, const struct state *st, enum sp_msg_kind kind, const struct packet *k)
{
	struct sp_msg *m = sp_msg_begin(p, kind, SP_PART_WHOLE);
	if (kind == SP_MSG_RESPONSE || kind == SP_MSG_INTERIM)
		return m;
	sp_msg_put(m, SP_SLOT_METHOD, sp_slice_of(names[k->type]));
	sp_msg_extra(m, MQTT_SYSTEM, SP_TEXT("mqtt"));
	if (st->version)
		sp_msg_put(m, SP_SLOT_VERSION,
			   st->version == MQTT_5       ? SP_TEXT("5.0")
			   : st->version == MQTT_3_1_1 ? SP_TEXT("3.1.1")
						       : SP_TEXT("3.1"));
	return m;
}

/* The packet is used as far as it is there; the rest is passed over. */
static enum sp_parse_result used(struct sp_parse *p, const struct packet *k)
{
	size_t n = (size_t)SP_MIN(k->all, (uint64_t)p->in.n);
	p->want = k->all - n;
	return sp_parse_msg(p, n);
}

static void connect(struct sp_parse *p, struct state *st, const struct packet *k, struct sp_cursor c)
{
	enum { USER = 0x80, WILL = 4 };
	struct sp_slice name = mqtt_string(&c);
	uint8_t version = sp_cursor_u8(&c) & 0x7f; /* a bridge marks itself */
	uint8_t flags = sp_cursor_u8(&c);
	uint16_t keep_alive = sp_cursor_u16(&c);
	bool known = sp_slice_is(name, "MQTT") || sp_slice_is(name, "MQIsdp");
	st->version = known && version >= MQTT_3_1 && version <= MQTT_5 ? version : 0;
	struct sp_msg *m = begin(p, st, SP_MSG_REQUEST, k);
	m->id = id_of(SP_CLIENT, CONNECT, 0);
	sp_msg_put(m, SP_SLOT_ENDPOINT, sp_msg_slot(m, SP_SLOT_METHOD));
	if (version == MQTT_5)
		mqtt_properties(p, &c, true);
	sp_msg_extra(m, MQTT_CLIENT_ID, mqtt_string(&c));
	sp_msg_extra(m, MQTT_KEEP_ALIVE, sp_arena_u64(p->arena, keep_alive));
	if (flags & WILL) {
		if (version == MQTT_5)
			mqtt_properties(p, &c, false);
		sp_msg_extra(m, MQTT_WILL_TOPIC, mqtt_string(&c));
		mqtt_string(&c); /* what it says */
	}
	if (flags & USER)
		sp_msg_extra(m, MQTT_USER, mqtt_string(&c));
}

/* Topics of a subscription or its end, one after the other. */
static void topics(struct sp_parse *p, const struct packet *k, struct sp_cursor c)
{
	struct sp_msg *m = &p->msg;
	struct sp_slice list = {p->arena->p + p->arena->n, 0}, first = {0};
	unsigned n = 0;
	while (sp_cursor_left(&c) && n < TOPICS_MAX) {
		struct sp_slice topic = mqtt_string(&c);
		if (k->type == SUBSCRIBE)
			sp_cursor_u8(&c); /* options */
		if (c.bad)
			break;
		topic.n = SP_MIN(topic.n, (size_t)MQTT_TEXT_SHOWN);
		if (!n)
			first = topic;
		if (n++ < TOPICS_SHOWN)
			list.n += SP_JOIN(p->arena, n > 1 ? SP_TEXT(" ") : SP_TEXT(""), topic).n;
	}
	sp_msg_put(m, SP_SLOT_RESOURCE, list);
	sp_msg_put(m, SP_SLOT_ENDPOINT, sp_name_template(p->arena, first));
	sp_msg_extra(m, MQTT_DESTINATION, first);
	if (n > 1)
		sp_msg_extra(m, MQTT_BATCH, sp_arena_u64(p->arena, n));
}

static void subscribe(struct sp_parse *p, struct state *st, const struct packet *k, struct sp_cursor c)
{
	uint16_t number = sp_cursor_u16(&c);
	struct sp_msg *m = begin(p, st, SP_MSG_REQUEST, k);
	m->id = id_of(SP_CLIENT, k->type, number);
	sp_msg_put(m, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, number));
	if (st->version == MQTT_5)
		mqtt_properties(p, &c, true);
	topics(p, k, c);
}

/* A reason for every topic: the first that is an error, or the first. */
static void acknowledged_topics(struct sp_parse *p, struct state *st, const struct packet *k, struct sp_cursor c)
{
	uint16_t number = sp_cursor_u16(&c);
	struct sp_msg *m = begin(p, st, SP_MSG_RESPONSE, k);
	m->id = id_of(SP_CLIENT, k->type - 1, number);
	m->status = SP_STATUS_OK;
	if (st->version == MQTT_5)
		mqtt_properties(p, &c, true);
	size_t n = sp_cursor_left(&c);
	if (c.bad || !n)
		return;
	uint8_t reason = *c.p;
	for (size_t i = 0; i < n && reason < 0x80; i++)
		reason = c.p[i] >= 0x80 ? c.p[i] : reason;
	mqtt_reason(p, reason, false);
}

static void connack(struct sp_parse *p, struct state *st, const struct packet *k, struct sp_cursor c)
{
	sp_cursor_u8(&c); /* whether there is a session */
	uint8_t reason = sp_cursor_u8(&c);
	struct sp_msg *m = begin(p, st, SP_MSG_RESPONSE, k);
	m->id = id_of(SP_CLIENT, CONNECT, 0);
	if (st->version == MQTT_5)
		mqtt_properties(p, &c, true);
	mqtt_reason(p, reason, st->version != MQTT_5 && reason < 0x80);
}

/* PUBACK, PUBREC, PUBCOMP: of what the other side published. */
static void acknowledged(struct sp_parse *p, struct state *st, const struct packet *k, struct sp_cursor c)
{
	uint16_t number = sp_cursor_u16(&c);
	bool more = sp_cursor_left(&c) > 0;
	uint8_t reason = more ? sp_cursor_u8(&c) : 0;
	bool open = k->type == PUBREC && reason < 0x80;
	struct sp_msg *m = begin(p, st, open ? SP_MSG_INTERIM : SP_MSG_RESPONSE, k);
	m->id = id_of(!p->side, PUBLISH, number);
	if (sp_cursor_left(&c))
		mqtt_properties(p, &c, true);
	if (!open)
		mqtt_reason(p, reason, false);
}

/* DISCONNECT, AUTH. */
static void told(struct sp_parse *p, struct state *st, const struct packet *k, struct sp_cursor c)
{
	bool more = sp_cursor_left(&c) > 0;
	uint8_t reason = more ? sp_cursor_u8(&c) : 0;
	struct sp_msg *m = begin(p, st, SP_MSG_ONEWAY, k);
	m->id = id_of(p->side, k->type, 0);
	sp_msg_put(m, SP_SLOT_ENDPOINT, sp_msg_slot(m, SP_SLOT_METHOD));
	if (sp_cursor_left(&c))
		mqtt_properties(p, &c, true);
	if (more)
		mqtt_reason(p, reason, false);
}

/* Keeps what a number stands for, or finds it. */
static struct sp_slice alias_topic(struct sp_parse *p, uint16_t number, struct sp_slice topic)
{
	struct more *more = topic.n ? sp_parse_extend(p) : p->more;
	uint8_t side = p->side == SP_SERVER ? ALIAS_SERVER : 0;
	struct alias *a = NULL;
	for (unsigned i = 0; more && i < ALIASES && !a; i++)
		if (more->alias[i].number == number && (more->alias[i].side_and_size & ALIAS_SERVER) == side)
			a = &more->alias[i];
	if (!more || (!a && !topic.n))
		return topic;
	if (!topic.n)
		return (struct sp_slice){a->topic, a->side_and_size & 0x7fU};
	if (!a)
		a = &more->alias[more->next++ % ALIASES];
	size_t n = SP_MIN(topic.n, (size_t)ALIAS_TOPIC);
	*a = (struct alias){.number = number, .side_and_size = (uint8_t)(side | n)};
	memcpy(a->topic, topic.p, n);
	return topic;
}

/* The bytes of a publication that have to be there; `topic` and where its properties begin. A topic that is too long
 * hides what follows. */
static size_t publication_head(struct sp_parse *p, const struct state *st, const struct packet *k,
			       struct sp_slice *topic, bool *hidden)
{
	bool numbered = k->flags & 6;
	size_t at = k->head + 2;
	if (p->in.n < at)
		return at;
	size_t n = sp_be16(p->in.p + k->head);
	*hidden = n > TOPIC_SEEN;
	*topic = (struct sp_slice){p->in.p + at, SP_MIN(n, (size_t)MQTT_TEXT_SHOWN)};
	if (*hidden)
		return at + topic->n;
	at += n + (numbered ? 2 : 0);
	if (st->version != MQTT_5 || at >= k->all)
		return at;
	size_t end = at;
	do
		if (end >= p->in.n)
			return end + 1;
	while (p->in.p[end++] & 0x80 && end < at + 4);
	struct sp_cursor c = {.p = p->in.p + at, .end = p->in.p + end};
	size_t properties = mqtt_number(&c), all = end + properties;
	return c.bad ? (size_t)k->all + 1 : all > HEAD_SEEN ? at : all;
}

static void describe_publication(struct sp_parse *p, const struct packet *k, struct sp_slice topic)
{
	static const char *const qos[] = {"0", "1", "2", ""};
	struct sp_msg *m = &p->msg;
	topic.n = SP_MIN(topic.n, (size_t)MQTT_TEXT_SHOWN);
	sp_msg_put(m, SP_SLOT_RESOURCE, topic);
	sp_msg_put(m, SP_SLOT_ENDPOINT, topic.n ? sp_name_template(p->arena, topic) : sp_msg_slot(m, SP_SLOT_METHOD));
	sp_msg_extra(m, MQTT_DESTINATION, topic);
	sp_msg_extra(m, MQTT_QOS, sp_slice_of(qos[k->flags >> 1 & 3]));
	if (k->flags & 1)
		sp_msg_extra(m, MQTT_RETAIN, SP_TEXT("true"));
	if (k->flags & 8)
		sp_msg_extra(m, MQTT_DUPLICATE, SP_TEXT("true"));
}

static enum sp_parse_result publish(struct sp_parse *p, struct state *st, const struct packet *k)
{
	struct sp_slice topic = {0};
	bool hidden = false, numbered = k->flags & 6;
	size_t need = publication_head(p, st, k, &topic, &hidden);
	if (need > k->all || need > SP_CARRY_MAX)
		return SP_PARSE_BAD;
	if (need > p->in.n)
		return sp_parse_more(p, need);
	size_t at = k->head + 2;
	struct sp_msg *m = begin(p, st, numbered && !hidden ? SP_MSG_REQUEST : SP_MSG_ONEWAY, k);
	m->id = id_of(p->side, PUBLISH, 0);
	uint16_t alias = 0, n = sp_be16(p->in.p + k->head);
	if (!hidden) {
		struct sp_cursor c = {.p = p->in.p + at + n, .end = p->in.p + need};
		uint16_t number = numbered ? sp_cursor_u16(&c) : 0;
		m->id = id_of(p->side, PUBLISH, number);
		if (numbered)
			sp_msg_put(m, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, number));
		if (st->version == MQTT_5 && sp_cursor_left(&c))
			alias = mqtt_properties(p, &c, true);
		size_t body = (size_t)(c.p - p->in.p);
		sp_msg_extra(m, MQTT_BODY_SIZE, sp_arena_u64(p->arena, k->all - body));
	}
	describe_publication(p, k, alias ? alias_topic(p, alias, topic) : topic);
	return used(p, k);
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct state *st = p->state;
	struct packet k;
	enum got got = packet_at(p->in, 0, &k);
	if (got != GOT)
		return got == SHORT ? sp_parse_more(p, p->in.n + 1) : SP_PARSE_BAD;
	if (k.type == PUBLISH)
		return publish(p, st, &k);
	size_t seen = (size_t)SP_MIN(k.all, (uint64_t)PACKET_SEEN);
	if (p->in.n < seen)
		return sp_parse_more(p, seen);
	struct sp_cursor c = {.p = p->in.p + k.head, .end = p->in.p + seen};
	bool client = k.type == CONNECT || k.type == SUBSCRIBE || k.type == UNSUBSCRIBE || k.type == PINGREQ;
	bool server = k.type == CONNACK || k.type == SUBACK || k.type == UNSUBACK || k.type == PINGRESP;
	p->reversed = p->side == SP_CLIENT ? server : client;
	switch (k.type) {
	case CONNECT:
		connect(p, st, &k, c);
		break;
	case CONNACK:
		connack(p, st, &k, c);
		break;
	case PUBREL: /* nothing that anybody does not know */
		return sp_parse_skip(p, (size_t)SP_MIN(k.all, (uint64_t)p->in.n),
				     k.all - SP_MIN(k.all, (uint64_t)p->in.n));
	case SUBSCRIBE:
	case UNSUBSCRIBE:
		subscribe(p, st, &k, c);
		break;
	case SUBACK:
	case UNSUBACK:
		acknowledged_topics(p, st, &k, c);
		break;
	case PINGREQ:
		begin(p, st, SP_MSG_REQUEST, &k)->id = id_of(SP_CLIENT, PINGREQ, 0);
		sp_msg_put(&p->msg, SP_SLOT_ENDPOINT, sp_msg_slot(&p->msg, SP_SLOT_METHOD));
		break;
	case PINGRESP:
		begin(p, st, SP_MSG_RESPONSE, &k)->id = id_of(SP_CLIENT, PINGREQ, 0);
		p->msg.status = SP_STATUS_OK;
		break;
	case DISCONNECT:
	case AUTH:
		told(p, st, &k, c);
		break;
	default:
		acknowledged(p, st, &k, c);
		break;
	}
	return used(p, &k);
}

static const uint16_t ports[] = {1883, 0};

/* Could a publication begin here? Its topic is text without wildcards. */
static bool is_topic(struct sp_slice in, size_t at, const struct packet *k)
{
	if (in.n < at + k->head + 3)
		return true;
	size_t n = sp_be16(in.p + at + k->head), from = at + k->head + 2;
	if (k->head + 2 + n > k->all || (!n && k->all < k->head + 5))
		return false;
	for (size_t i = 0; i < n && i < 32 && from + i < in.n; i++)
		if (in.p[from + i] < ' ' || in.p[from + i] == '#' || in.p[from + i] == '+' || in.p[from + i] == 0x7f)
			return false;
	return true;
}

/* As far as it can be told by its first bytes. */
static bool fits(struct sp_slice in, size_t at, const struct packet *k)
{
	if (k->type == PUBLISH)
		return is_topic(in, at, k);
	if (k->type >= PUBACK && k->type <= PUBCOMP && k->all > k->head + 2 && in.n > at + k->head + 2)
		return in.p[at + k->head + 2] == 0 || in.p[at + k->head + 2] == 0x10 || in.p[at + k->head + 2] >= 0x80;
	if (k->type == CONNACK && in.n > at + k->head)
		return in.p[at + k->head] < 2;
	return k->all < PACKET_SEEN;
}

static enum sp_probe probe(struct sp_parse *p)
{
	static const char *const protocols[] = {"\x00\x04MQTT", "\x00\x06MQIsdp"};
	struct packet k;
	if (!p->in.n)
		return SP_PROBE_MAYBE;
	enum got got = packet_at(p->in, 0, &k);
	if (got != GOT)
		return got == SHORT ? SP_PROBE_MAYBE : SP_PROBE_NO;
	if (k.type == CONNECT) {
		size_t left = p->in.n - k.head;
		for (size_t i = 0; i < SP_ARRAY_SIZE(protocols); i++) {
			size_t n = i ? 8 : 6;
			if (memcmp(p->in.p + k.head, protocols[i], SP_MIN(left, n)))
				continue;
			p->reversed = left >= n && p->side == SP_SERVER;
			return left < n ? SP_PROBE_MAYBE : SP_PROBE_YES;
		}
		return SP_PROBE_NO;
	}
	if (!fits(p->in, 0, &k))
		return SP_PROBE_NO;
	bool much = p->in.n >= k.all || (k.type == PUBLISH && p->in.n > k.head + 8);
	return much && (p->server_port == ports[0] || p->server_port == 8883) ? SP_PROBE_YES : SP_PROBE_MAYBE;
}

/* Do packets follow each other from `at` on, and does the last one end with the bytes, or go on beyond them? */
static bool chain(struct sp_slice in, size_t at)
{
	unsigned n = 0;
	struct packet k;
	for (size_t from = at; at < in.n; n++) {
		enum got got = packet_at(in, at, &k);
		if (got == WRONG || (got == GOT && !fits(in, at, &k)))
			return false;
		if (got == SHORT || k.all > in.n - at)
			return n || from == 0;
		at += (size_t)k.all;
		if (n == 3)
			return true;
	}
	return true;
}

static size_t resync(struct sp_parse *p)
{
	for (size_t at = 0; at < SP_MIN(p->in.n, (size_t)RESYNC_SEEN); at++)
		if (chain(p->in, at))
			return at;
	return SP_RESYNC_NONE;
}

static const struct sp_start starts[] = {
	{CONNECT << 12, 0xff00, SP_FROM_CLIENT | SP_FROM_SERVER},
	{CONNACK << 12, 0xff00, SP_FROM_SERVER},
	{PUBLISH << 12, 0xf000, SP_FROM_CLIENT | SP_FROM_SERVER},
	{PUBACK << 12 | 2, 0xffff, SP_FROM_CLIENT | SP_FROM_SERVER},
	{PUBREC << 12 | 2, 0xffff, SP_FROM_CLIENT | SP_FROM_SERVER},
	{PUBREL << 12 | 0x202, 0xffff, SP_FROM_CLIENT | SP_FROM_SERVER},
	{PUBCOMP << 12 | 2, 0xffff, SP_FROM_CLIENT | SP_FROM_SERVER},
	{SUBSCRIBE << 12 | 0x200, 0xff00, SP_FROM_CLIENT},
	{SUBACK << 12, 0xff00, SP_FROM_SERVER},
	{UNSUBSCRIBE << 12 | 0x200, 0xff00, SP_FROM_CLIENT},
	{UNSUBACK << 12, 0xff00, SP_FROM_SERVER},
	{PINGREQ << 12, 0xffff, SP_FROM_CLIENT},
	{PINGRESP << 12, 0xffff, SP_FROM_SERVER},
	{0},
};

static const char *const fields[] = {
	[MQTT_SYSTEM] = "messaging.system",
	[MQTT_DESTINATION] = "messaging.destination.name",
	[MQTT_CLIENT_ID] = "messaging.client.id",
	[MQTT_USER] = "user.name",
	[MQTT_BODY_SIZE] = "messaging.message.body.size",
	[MQTT_QOS] = "mqtt.qos",
	[MQTT_RETAIN] = "mqtt.retain",
	[MQTT_DUPLICATE] = "mqtt.dup",
	[MQTT_BATCH] = "mqtt.topics",
	[MQTT_WILL_TOPIC] = "mqtt.will.topic",
	[MQTT_KEEP_ALIVE] = "mqtt.keep_alive",
	[MQTT_RESPONSE_TOPIC] = "mqtt.response_topic",
	[MQTT_CONTENT_TYPE] = "mqtt.content_type",
	[MQTT_AUTHENTICATION] = "mqtt.authentication_method",
	[MQTT_SERVER_REFERENCE] = "mqtt.server_reference",
	[MQTT_FIELDS] = NULL,
};

#ifdef SP_WITH_VECTORS
#include "parsers/mqtt_vectors.h"
#endif

const struct sp_parser sp_mqtt_parser = {
	.name = "mqtt",
	.title = "MQTT",
	.missing = "MQTT-SN, which is another protocol; topics of more than 4,096 bytes are cut, and their "
		   "publications not paired",
	.app = SP_APP_MQTT,
	.transports = SP_TCP,
	.pairing = SP_PAIR_BY_ID,
	.state_size = sizeof(struct state),
	.more_size = sizeof(struct more),
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};

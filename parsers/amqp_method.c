/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cursor.h"
#include "parsers/amqp.h"
#include "parsers/http.h"
#include "parsers/names.h"

enum { TEXT_SHOWN = 256, HEADERS_MAX = 64, CLASSES = 9, METHODS = 40 };

#define C SP_FROM_CLIENT
#define S SP_FROM_SERVER

/* A class's methods have numbers 10, 11, 20, 21, ... */
#define AT(id) [(id) / 10 * 3 + (id) % 10]
#define CALL(id, name, arguments, reply, no_wait, from) AT(id) = {name, arguments, reply, no_wait, from}
#define REPLY(id, name, arguments, from) AT(id) = {name, arguments, 0, 0, from, true}
#define NOTE(id, name, arguments, from) AT(id) = {name, arguments, 0, 0, from}
#define CONTENT(id, name, arguments, from) AT(id) = {name, arguments, 0, 0, from, false, true}

static const struct amqp_method methods[CLASSES][METHODS] = {
	{
		CALL(10, "connection.start", "", 11, 0, S),
		REPLY(11, "connection.start-ok", "Tmr", C),
		CALL(20, "connection.secure", "", 21, 0, S),
		REPLY(21, "connection.secure-ok", "", C),
		CALL(30, "connection.tune", "", 31, 0, S),
		REPLY(31, "connection.tune-ok", "", C),
		CALL(40, "connection.open", "v", 41, 0, C),
		REPLY(41, "connection.open-ok", "", S),
		CALL(50, "connection.close", "Cxi", 51, 0, C | S),
		REPLY(51, "connection.close-ok", "", C | S),
		NOTE(60, "connection.blocked", "x", S),
		NOTE(61, "connection.unblocked", "", S),
		CALL(70, "connection.update-secret", "", 71, 0, C),
		REPLY(71, "connection.update-secret-ok", "", S),
	},
	{
		CALL(10, "channel.open", "", 11, 0, C),
		REPLY(11, "channel.open-ok", "", S),
		CALL(20, "channel.flow", "b", 21, 0, C | S),
		REPLY(21, "channel.flow-ok", "", C | S),
		CALL(40, "channel.close", "Cxi", 41, 0, C | S),
		REPLY(41, "channel.close-ok", "", C | S),
	},
	{
		CALL(10, "access.request", "", 11, 0, C),
		REPLY(11, "access.request-ok", "", S),
	},
	{
		CALL(10, "exchange.declare", "2esb", 11, 5, C),
		REPLY(11, "exchange.declare-ok", "", S),
		CALL(20, "exchange.delete", "2eb", 21, 2, C),
		REPLY(21, "exchange.delete-ok", "", S),
		CALL(30, "exchange.bind", "2qekb", 31, 1, C),
		REPLY(31, "exchange.bind-ok", "", S),
		CALL(40, "exchange.unbind", "2qekb", 51, 1, C),
		REPLY(51, "exchange.unbind-ok", "", S),
	},
	{
		CALL(10, "queue.declare", "2qb", 11, 5, C),
		REPLY(11, "queue.declare-ok", "q", S),
		CALL(20, "queue.bind", "2qekb", 21, 1, C),
		REPLY(21, "queue.bind-ok", "", S),
		CALL(30, "queue.purge", "2qb", 31, 1, C),
		REPLY(31, "queue.purge-ok", "", S),
		CALL(40, "queue.delete", "2qb", 41, 3, C),
		REPLY(41, "queue.delete-ok", "", S),
		CALL(50, "queue.unbind", "2qek", 51, 0, C),
		REPLY(51, "queue.unbind-ok", "", S),
	},
	{
		CALL(10, "basic.qos", "", 11, 0, C),
		REPLY(11, "basic.qos-ok", "", S),
		CALL(20, "basic.consume", "2qcb", 21, 4, C),
		REPLY(21, "basic.consume-ok", "c", S),
		CALL(30, "basic.cancel", "cb", 31, 1, C | S),
		REPLY(31, "basic.cancel-ok", "", C | S),
		CONTENT(40, "basic.publish", "2ekb", C),
		CONTENT(50, "basic.return", "Cxek", S),
		CONTENT(60, "basic.deliver", "cdbek", S),
		CALL(70, "basic.get", "2qb", AMQP_GET_OK, 0, C),
		AT(71) = {"basic.get-ok", "dbek", 0, 0, S, true, true},
		REPLY(72, "basic.get-empty", "", S),
		NOTE(80, "basic.ack", "db", C | S),
		NOTE(90, "basic.reject", "db", C),
		NOTE(100, "basic.recover-async", "", C),
		CALL(110, "basic.recover", "", 111, 0, C),
		REPLY(111, "basic.recover-ok", "", S),
		NOTE(120, "basic.nack", "db", C | S),
	},
	{
		CALL(10, "confirm.select", "b", 11, 1, C),
		REPLY(11, "confirm.select-ok", "", S),
	},
	{
		CALL(10, "tx.select", "", 11, 0, C),
		REPLY(11, "tx.select-ok", "", S),
		CALL(20, "tx.commit", "", 21, 0, C),
		REPLY(21, "tx.commit-ok", "", S),
		CALL(30, "tx.rollback", "", 31, 0, C),
		REPLY(31, "tx.rollback-ok", "", S),
	},
};

const struct amqp_method *amqp_method(uint16_t class_id, uint16_t method_id)
{
	static const uint8_t row[] = {[10] = 1, [20] = 2, [30] = 3, [40] = 4, [50] = 5, [60] = 6, [85] = 7, [90] = 8};
	if (class_id >= sizeof row || !row[class_id] || method_id > 120 || method_id % 10 > 2)
		return NULL;
	const struct amqp_method *m = &methods[row[class_id] - 1][method_id / 10 * 3 + method_id % 10];
	return m->name ? m : NULL;
}

static struct sp_slice short_string(struct sp_cursor *c)
{
	size_t n = sp_cursor_u8(c);
	const uint8_t *p = sp_cursor_take(c, n);
	return (struct sp_slice){p, p ? n : 0};
}

static struct sp_slice long_string(struct sp_cursor *c)
{
	size_t n = sp_cursor_u32(c);
	const uint8_t *p = sp_cursor_take(c, n);
	return (struct sp_slice){p, p ? n : 0};
}

void amqp_arguments(const struct amqp_method *method, struct sp_slice in, struct amqp_arguments *ret)
{
	struct sp_cursor c = sp_cursor(in);
	*ret = (struct amqp_arguments){0};
	for (const char *a = method->arguments; *a && !c.bad; a++)
		switch (*a) {
		case '2': /* reserved */
			sp_cursor_u16(&c);
			break;
		case 'b':
			ret->bits = sp_cursor_u8(&c);
			break;
		case 'c':
			ret->consumer = short_string(&c);
			break;
		case 'd':
			ret->tag = sp_cursor_u64(&c);
			ret->has_tag = !c.bad;
			break;
		case 'e':
			ret->exchange = short_string(&c);
			break;
		case 'i':
			ret->class_id = sp_cursor_u16(&c);
			ret->method_id = sp_cursor_u16(&c);
			break;
		case 'k':
			ret->key = short_string(&c);
			ret->has_key = true;
			break;
		case 'm':
			ret->mechanism = short_string(&c);
			break;
		case 'q':
			ret->queue = short_string(&c);
			break;
		case 'r':
			ret->response = long_string(&c);
			break;
		case 's':
			short_string(&c);
			break;
		case 'v':
			ret->host = short_string(&c);
			break;
		case 'x':
			ret->text = short_string(&c);
			break;
		case 'C':
			ret->code = sp_cursor_u16(&c);
			break;
		case 'T':
			long_string(&c);
			break;
		default:
			c.bad = true;
		}
}

/* PLAIN: "\0user\0password". AMQPLAIN: a table with LOGIN and PASSWORD. */
static struct sp_slice user_of(const struct amqp_arguments *a)
{
	struct sp_slice r = a->response;
	if (sp_slice_is(a->mechanism, "PLAIN") && r.n) {
		const uint8_t *from = memchr(r.p, 0, r.n),
			      *end = from ? memchr(from + 1, 0, (size_t)(r.p + r.n - from - 1)) : NULL;
		return end ? (struct sp_slice){from + 1, (size_t)(end - from - 1)} : (struct sp_slice){0};
	}
	static const char login[] = "\x05LOGINS";
	const uint8_t *at = r.n ? memmem(r.p, r.n, login, sizeof login - 1) : NULL;
	if (!sp_slice_is(a->mechanism, "AMQPLAIN") || !at)
		return (struct sp_slice){0};
	struct sp_cursor c = {.p = at + sizeof login - 1, .end = r.p + r.n};
	return long_string(&c);
}

/* Names that servers and clients make up, by what they begin with. */
static struct sp_slice template(struct sp_arena *a, struct sp_slice name)
{
	static const char *const made_up[] = {"amq.gen-", "amq.ctag-", "amq.rabbitmq.reply-to.", NULL};
	for (const char *const *m = made_up; *m; m++) {
		size_t n = strlen(*m);
		if (name.n > n && !memcmp(name.p, *m, n))
			return SP_JOIN(a, ((struct sp_slice){name.p, n}), SP_TEXT("{id}"));
	}
	return sp_name_template(a, name);
}

/* RFC-like ranges of reply codes: 3xx and 4xx are the channel's, 5xx the connection's; who is at fault is in the code.
 */
static enum sp_status status_of(uint16_t code)
{
	if (code < 300)
		return SP_STATUS_OK;
	/* connection-forced, internal-error, resource-error, no-consumers */
	return code == 320 || code == 541 || code == 506 || code == 313 ? SP_STATUS_SERVER_ERROR
									: SP_STATUS_CLIENT_ERROR;
}

void amqp_describe(struct sp_parse *p, const struct amqp_method *method, const struct amqp_arguments *a)
{
	struct sp_msg *m = &p->msg;
	sp_msg_put(m, SP_SLOT_METHOD, sp_slice_of(method->name));
	sp_msg_extra(m, AMQP_SYSTEM, SP_TEXT("rabbitmq"));
	if (a->has_key && a->exchange.n)
		sp_msg_put(m, SP_SLOT_RESOURCE, SP_JOIN(p->arena, a->exchange, SP_TEXT("/"), a->key));
	else
		sp_msg_put(m, SP_SLOT_RESOURCE, a->exchange.n ? a->exchange : a->has_key ? a->key : a->queue);
	struct sp_slice name = a->exchange.n ? a->exchange : sp_msg_slot(m, SP_SLOT_RESOURCE);
	sp_msg_put(m, SP_SLOT_ENDPOINT, name.n ? template(p->arena, name) : sp_msg_slot(m, SP_SLOT_METHOD));
	if (a->has_key) {
		sp_msg_extra(m, AMQP_DESTINATION, a->exchange.n ? a->exchange : SP_TEXT("amq.default"));
		sp_msg_extra(m, AMQP_ROUTING_KEY, a->key);
	}
	if (a->queue.n && a->has_key)
		sp_msg_put(m, SP_SLOT_RESOURCE,
			   SP_JOIN(p->arena, sp_msg_slot(m, SP_SLOT_RESOURCE), SP_TEXT(" "), a->queue));
	sp_msg_extra(m, AMQP_CONSUMER_TAG, a->consumer);
	if (a->has_tag)
		sp_msg_extra(m, AMQP_DELIVERY_TAG, sp_arena_u64(p->arena, a->tag));
	sp_msg_extra(m, AMQP_MECHANISM, a->mechanism);
	sp_msg_extra(m, AMQP_USER, user_of(a));
	if (a->code) {
		sp_msg_put(m, SP_SLOT_CODE, sp_arena_u64(p->arena, a->code));
		m->status = status_of(a->code);
	}
	sp_msg_put(m, SP_SLOT_MESSAGE, (struct sp_slice){a->text.p, SP_MIN(a->text.n, (size_t)TEXT_SHOWN)});
}

/* The size of a value in a table; SIZE_MAX: strings, tables and the like, whose size comes first. */
static size_t value_size(uint8_t type)
{
	switch (type) {
	case 'V':
		return 0;
	case 't':
	case 'b':
	case 'B':
		return 1;
	case 's':
	case 'u':
	case 'U':
		return 2;
	case 'I':
	case 'i':
	case 'f':
		return 4;
	case 'D':
		return 5;
	case 'L':
	case 'l':
	case 'd':
	case 'T':
		return 8;
	default:
		return SIZE_MAX;
	}
}

/* Trace contexts among the headers. */
static void headers(struct sp_parse *p, struct sp_slice table)
{
	if (!table.n)
		return;
	struct sp_cursor c = sp_cursor(table);
	for (unsigned i = 0; i < HEADERS_MAX && sp_cursor_left(&c); i++) {
		struct sp_slice name = short_string(&c);
		uint8_t type = sp_cursor_u8(&c);
		size_t size = value_size(type);
		if (size == SIZE_MAX) {
			struct sp_slice value = long_string(&c);
			if (!c.bad && (type == 'S' || type == 'x'))
				sp_trace_header(p, name, value, false);
		} else {
			sp_cursor_take(&c, size);
		}
		if (c.bad)
			return;
	}
}

uint64_t amqp_properties(struct sp_parse *p, struct sp_slice in)
{
	enum {
		CONTENT_TYPE = 1 << 15,
		ENCODING = 1 << 14,
		HEADERS = 1 << 13,
		MODE = 1 << 12,
		PRIORITY = 1 << 11,
		CORRELATION = 1 << 10,
		REPLY_TO = 1 << 9,
		EXPIRATION = 1 << 8,
		MESSAGE_ID = 1 << 7
	};
	struct sp_cursor c = sp_cursor(in);
	struct sp_msg *m = &p->msg;
	sp_cursor_u32(&c); /* class and weight */
	uint64_t size = sp_cursor_u64(&c);
	uint16_t flags = sp_cursor_u16(&c), more = flags;
	while (more & 1 && !c.bad)
		more = sp_cursor_u16(&c);
	sp_msg_extra(m, AMQP_BODY_SIZE, sp_arena_u64(p->arena, size));
	if (flags & CONTENT_TYPE)
		sp_msg_extra(m, AMQP_CONTENT_TYPE, short_string(&c));
	if (flags & ENCODING)
		short_string(&c);
	if (flags & HEADERS)
		headers(p, long_string(&c));
	sp_cursor_take(&c, !!(flags & MODE) + !!(flags & PRIORITY));
	struct sp_slice correlation = flags & CORRELATION ? short_string(&c) : (struct sp_slice){0};
	if (flags & REPLY_TO)
		short_string(&c);
	if (flags & EXPIRATION)
		short_string(&c);
	struct sp_slice id = flags & MESSAGE_ID ? short_string(&c) : (struct sp_slice){0};
	sp_msg_put(m, SP_SLOT_CORRELATION, correlation.n ? correlation : id);
	sp_msg_extra(m, AMQP_MESSAGE_ID, id);
	sp_msg_extra(m, AMQP_CONVERSATION_ID, correlation);
	return size;
}

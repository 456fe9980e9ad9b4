/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 0-9-1 (https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf, and RabbitMQ's extensions), and 0-9 and 0-8 as
 * far as they are the same. Methods of one channel answer each other; a publication is answered by the acknowledgement
 * of its number on that channel where the client asked for it. Of a content, method, header and bodies are parts. */
#include "parsers/amqp.h"
#include "base/cursor.h"

enum {
	METHOD = 1,
	HEADER = 2,
	BODY = 3,
	HEARTBEAT = 8,
	FRAME_END = 0xce,
	FRAME_HEAD = 7,
	FRAME_MAX = 64 << 20,
	FRAME_SEEN = 8192, /* of a method or a header */
	CHANNELS = 48,	   /* with contents or confirmations, beyond the first */
	HOST_SHOWN = 31,
	MULTIPLE_MAX = 4096, /* numbers that one acknowledgement is looked up for */
};

/* A content that is open. */
struct content {
	uint64_t left; /* of its body; AWAITS_HEADER */
	uint64_t id;
	uint8_t kind;
	bool open;
};
#define AWAITS_HEADER UINT64_MAX

struct channel {
	uint16_t number;
	bool used, confirms;
	uint64_t published, acknowledged; /* the last number; that up to which all are */
	struct content content[2];
};

/* An acknowledgement of many: which are still to be answered. */
struct multiple {
	uint16_t channel;
	uint8_t left, repeated; /* bytes of its frame; messages since one was used */
	bool refused;
	uint64_t next, last;
};

struct state {
	struct channel first;
	struct multiple multiple; /* of the server */
	bool failed;		  /* the call that a close ends was told */
	uint8_t host_n;
	uint8_t host[HOST_SHOWN];
};

struct more {
	struct channel channel[CHANNELS];
};

struct frame {
	uint8_t type;
	uint16_t channel;
	uint32_t size;
	struct sp_slice payload; /* what is seen of it */
};

static bool is_idle(const struct channel *c)
{
	return !c->used || (!c->confirms && !c->content[0].open && !c->content[1].open);
}

/* NULL: nothing is known of it, or there is no room to know it. */
static struct channel *channel_of(struct sp_parse *p, struct state *st, uint16_t number, bool create)
{
	struct channel *unused = is_idle(&st->first) ? &st->first : NULL;
	if (st->first.used && st->first.number == number)
		return &st->first;
	struct more *more = p->more;
	if (!more && create && !unused)
		more = sp_parse_extend(p);
	for (unsigned i = 0; more && i < CHANNELS; i++) {
		struct channel *c = &more->channel[i];
		if (c->used && c->number == number)
			return c;
		if (!unused && is_idle(c))
			unused = c;
	}
	if (!create || !unused)
		return NULL;
	*unused = (struct channel){.number = number, .used = true};
	return unused;
}

/* Sides have requests of their own; publications have numbers. */
static uint64_t call_id(uint16_t channel, uint16_t class_id, uint16_t reply, bool by_server)
{
	return (uint64_t)by_server << 62 | (uint64_t)channel << 32 | (uint32_t)class_id << 16 | reply;
}

static uint64_t publication_id(uint16_t channel, uint64_t number)
{
	return UINT64_C(1) << 63 | (uint64_t)channel << 44 | (number & ((UINT64_C(1) << 44) - 1));
}

enum got { GOT, SHORT, WRONG };

/* The frame at `at`, as far as it is looked at; `need`: the bytes of `in` that this takes. */
static enum got frame_at(struct sp_slice in, size_t at, struct frame *f, size_t *need)
{
	const uint8_t *p = in.p + at;
	*need = at + FRAME_HEAD;
	if (in.n < at + FRAME_HEAD)
		return SHORT;
	*f = (struct frame){.type = p[0], .channel = sp_be16(p + 1), .size = sp_be32(p + 3)};
	bool known = f->type == METHOD || f->type == HEADER || f->type == BODY || (f->type == HEARTBEAT && !f->size);
	if (!known || f->size > FRAME_MAX || (f->type == METHOD && f->size < 4) || (f->type == HEADER && f->size < 14))
		return WRONG;
	size_t seen = f->type == BODY ? 0 : SP_MIN(f->size, (uint32_t)FRAME_SEEN);
	bool whole = seen == f->size;
	*need += seen + whole;
	if (in.n < *need)
		return SHORT;
	f->payload = (struct sp_slice){p + FRAME_HEAD, seen};
	return whole && p[FRAME_HEAD + seen] != FRAME_END ? WRONG : GOT;
}

/* The end of a frame that begins at `at`: what is there of it is used, the rest is passed over. */
static size_t frame_end(struct sp_parse *p, size_t at, const struct frame *f)
{
	uint64_t all = at + FRAME_HEAD + (uint64_t)f->size + 1;
	size_t used = (size_t)SP_MIN(all, (uint64_t)p->in.n);
	p->want = all - used;
	return used;
}

/* Bodies of the content that are there at `at`. True: the content ends. */
static bool bodies(struct sp_parse *p, struct content *c, uint16_t channel, size_t *at)
{
	struct frame f;
	size_t need;
	while (c->left && !p->want && frame_at(p->in, *at, &f, &need) == GOT && f.type == BODY &&
	       f.channel == channel) {
		c->left -= SP_MIN(c->left, (uint64_t)f.size);
		*at = frame_end(p, *at, &f);
	}
	return !c->left;
}

/* Header and bodies that follow a content's method, as far as they are there and nothing else is between. */
static enum sp_parse_result content(struct sp_parse *p, struct content *c, uint16_t channel, size_t at, bool begun)
{
	struct frame f;
	size_t need;
	if (c->left == AWAITS_HEADER && !p->want && frame_at(p->in, at, &f, &need) == GOT && f.type == HEADER &&
	    f.channel == channel) {
		c->left = amqp_properties(p, f.payload);
		c->left -= c->left == AWAITS_HEADER;
		at = frame_end(p, at, &f);
	}
	bool end = bodies(p, c, channel, &at);
	c->open = !end;
	p->msg.id = c->id;
	p->msg.part = begun ? (end ? SP_PART_TAIL : SP_PART_MIDDLE) : end ? SP_PART_WHOLE : SP_PART_HEAD;
	return sp_parse_msg(p, at);
}

static void keep_host(struct state *st, struct sp_slice host)
{
	st->host_n = (uint8_t)SP_MIN(host.n, (size_t)HOST_SHOWN);
	if (st->host_n)
		memcpy(st->host, host.p, st->host_n);
}

/* A publication is a call where the channel confirms. */
static void publication(struct sp_msg *m, struct channel *c, struct content *content)
{
	if (!c->confirms)
		return;
	m->kind = SP_MSG_REQUEST;
	content->id = publication_id(c->number, ++c->published);
}

static enum sp_parse_result content_method(struct sp_parse *p, struct state *st, const struct frame *f,
					   const struct amqp_method *is)
{
	struct sp_msg *m = &p->msg;
	struct channel *c = channel_of(p, st, f->channel, true);
	size_t at = frame_end(p, 0, f);
	m->id = is->answers ? call_id(f->channel, AMQP_BASIC, AMQP_GET_OK, false)
			    : call_id(f->channel, AMQP_BASIC, 0, p->side == SP_SERVER);
	if (!c) {
		m->part = SP_PART_WHOLE; /* no room: its header and bodies are passed over */
		return sp_parse_msg(p, at);
	}
	struct content *open = &c->content[p->side];
	*open = (struct content){.left = AWAITS_HEADER, .id = m->id, .open = true};
	if (p->side == SP_CLIENT)
		publication(m, c, open);
	open->kind = m->kind;
	return content(p, open, f->channel, at, false);
}

/* The next open publication that an acknowledgement of many answers. */
static enum sp_parse_result answer_many(struct sp_parse *p, struct state *st)
{
	struct multiple *many = &st->multiple;
	uint32_t tag;
	uint64_t id = 0;
	while (many->next <= many->last && !p->asked(p, id = publication_id(many->channel, many->next), &tag))
		many->next++;
	size_t used = SP_MIN((size_t)many->left, p->in.n);
	if (many->next > many->last) {
		many->left = 0;
		return sp_parse_skip(p, used, 0);
	}
	many->next++;
	/* A message may take nothing, but not for ever. */
	used = many->next > many->last || many->left == 1 ? many->left : ++many->repeated >= SP_IDLE_MAX;
	many->repeated = used ? 0 : many->repeated;
	many->left -= (uint8_t)used;
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_WHOLE);
	m->flags = SP_MSG_IF_ASKED;
	m->id = id;
	m->status = many->refused ? SP_STATUS_SERVER_ERROR : SP_STATUS_OK;
	if (many->refused)
		sp_msg_put(m, SP_SLOT_CODE, SP_TEXT("basic.nack"));
	return sp_parse_msg(p, used);
}

/* The server's acknowledgement of publications. */
static enum sp_parse_result confirmed(struct sp_parse *p, struct state *st, const struct frame *f,
				      const struct amqp_arguments *a, bool refused)
{
	struct channel *c = channel_of(p, st, f->channel, false);
	bool many = a->bits & 1;
	size_t used = frame_end(p, 0, f);
	if (many && c && used > 1 && !p->want) {
		uint64_t last = a->tag ? a->tag : c->published, next = c->acknowledged + 1;
		if (last >= next && last - next >= MULTIPLE_MAX)
			next = last - MULTIPLE_MAX + 1;
		st->multiple = (struct multiple){.channel = f->channel, .refused = refused, .next = next, .last = last};
		c->acknowledged = SP_MAX(c->acknowledged, last);
		/* Its last bytes are used up by the messages that it stands for. */
		st->multiple.left = (uint8_t)SP_MIN(used, (size_t)FRAME_HEAD + 10);
		if (used == st->multiple.left)
			return answer_many(p, st);
		return sp_parse_skip(p, used - st->multiple.left, 0);
	}
	if (c && a->tag == c->acknowledged + 1)
		c->acknowledged++;
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_WHOLE);
	m->flags = SP_MSG_IF_ASKED;
	m->id = publication_id(f->channel, a->tag);
	m->status = refused ? SP_STATUS_SERVER_ERROR : SP_STATUS_OK;
	if (refused)
		sp_msg_put(m, SP_SLOT_CODE, SP_TEXT("basic.nack"));
	return sp_parse_msg(p, used);
}

/* A close that tells which method failed answers that, before it is a call of its own. */
static bool fails(struct sp_parse *p, struct state *st, const struct frame *f, const struct amqp_arguments *a)
{
	const struct amqp_method *failed = amqp_method(a->class_id, a->method_id);
	uint32_t tag;
	uint64_t id = failed ? call_id(f->channel, a->class_id, failed->reply, p->side == SP_CLIENT) : 0;
	st->failed = !st->failed && a->code && failed && failed->reply && p->asked(p, id, &tag);
	if (!st->failed)
		return false;
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_WHOLE);
	static const struct amqp_method none = {.name = ""};
	amqp_describe(p, &none, a);
	sp_msg_drop_extras(m);
	sp_msg_put(m, SP_SLOT_ENDPOINT, (struct sp_slice){0});
	m->id = id;
	return true;
}

static void note_channel(struct sp_parse *p, struct state *st, uint16_t class_id, uint16_t method_id, uint16_t channel)
{
	bool selects = class_id == AMQP_CONFIRM && method_id == AMQP_SELECT;
	bool closes = class_id == AMQP_CHANNEL && (method_id == AMQP_CHANNEL_CLOSE || method_id == AMQP_SELECT);
	if (!selects && !closes)
		return;
	struct channel *c = channel_of(p, st, channel, selects);
	if (c && selects && !c->confirms)
		c->confirms = true;
	else if (c && closes)
		*c = (struct channel){0};
}

/* What the request says already; only a name that the server made up is news. */
static void answer(struct sp_msg *m, const struct amqp_method *is)
{
	sp_msg_put(m, SP_SLOT_METHOD, (struct sp_slice){0});
	if (is->content || !sp_msg_slot(m, SP_SLOT_RESOURCE).n)
		sp_msg_put(m, SP_SLOT_RESOURCE, sp_msg_put(m, SP_SLOT_ENDPOINT, (struct sp_slice){0}));
	m->status = SP_STATUS_OK;
}

static enum sp_parse_result method(struct sp_parse *p, struct state *st, const struct frame *f)
{
	struct amqp_arguments a;
	uint16_t class_id = sp_be16(f->payload.p), method_id = sp_be16(f->payload.p + 2);
	const struct amqp_method *is = amqp_method(class_id, method_id);
	if (!is || (p->side == SP_CLIENT && method_id == AMQP_GET_EMPTY && class_id == AMQP_BASIC))
		return SP_PARSE_BAD;
	p->reversed = !(is->senders & 1 << p->side);
	amqp_arguments(is, (struct sp_slice){f->payload.p + 4, f->payload.n - 4}, &a);
	if (class_id == AMQP_BASIC && p->side == SP_SERVER && (method_id == AMQP_ACK || method_id == AMQP_NACK))
		return confirmed(p, st, f, &a, method_id == AMQP_NACK);
	bool closing = (class_id == AMQP_CONNECTION && method_id == AMQP_CONNECTION_CLOSE) ||
		       (class_id == AMQP_CHANNEL && method_id == AMQP_CHANNEL_CLOSE);
	if (closing && fails(p, st, f, &a))
		return sp_parse_msg(p, 0);
	note_channel(p, st, class_id, method_id, f->channel);
	bool waits = is->reply && !(is->no_wait && a.bits & 1 << (is->no_wait - 1));
	struct sp_msg *m = sp_msg_begin(p,
					is->answers ? SP_MSG_RESPONSE
					: waits	    ? SP_MSG_REQUEST
						    : SP_MSG_ONEWAY,
					SP_PART_WHOLE);
	bool by_server = (p->side == SP_SERVER) != is->answers;
	if (a.host.n)
		keep_host(st, a.host);
	amqp_describe(p, is, &a);
	if (is->answers)
		answer(m, is);
	else
		sp_msg_put(m, SP_SLOT_HOST, (struct sp_slice){st->host, st->host_n});
	if (is->content)
		return content_method(p, st, f, is);
	uint16_t reply = is->answers ? method_id == AMQP_GET_EMPTY && class_id == AMQP_BASIC ? AMQP_GET_OK : method_id
				     : is->reply;
	m->id = call_id(f->channel, class_id, reply, by_server);
	return sp_parse_msg(p, frame_end(p, 0, f));
}

/* A header or body of a content whose method was seen before. */
static enum sp_parse_result rest(struct sp_parse *p, struct state *st, const struct frame *f)
{
	struct channel *c = channel_of(p, st, f->channel, false);
	struct content *open = c ? &c->content[p->side] : NULL;
	bool fits = open && open->open && (open->left == AWAITS_HEADER) == (f->type == HEADER);
	if (!fits) {
		size_t used = frame_end(p, 0, f);
		return sp_parse_skip(p, used, p->want);
	}
	sp_msg_begin(p, open->kind, SP_PART_MIDDLE);
	return content(p, open, f->channel, 0, true);
}

/* "AMQP" and a version: of a client the beginning, of a server that it speaks another one. */
static enum sp_parse_result protocol(struct sp_parse *p)
{
	if (p->in.n < 8)
		return sp_parse_more(p, 8);
	if (memcmp(p->in.p, "AMQP", 4))
		return SP_PARSE_BAD;
	if (p->side == SP_CLIENT)
		return sp_parse_skip(p, 8, 0);
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_ONEWAY, SP_PART_WHOLE);
	sp_msg_put(m, SP_SLOT_METHOD, SP_TEXT("protocol-header"));
	sp_msg_put(m, SP_SLOT_MESSAGE, SP_TEXT("another version of the protocol"));
	m->status = SP_STATUS_CLIENT_ERROR;
	return sp_parse_msg(p, 8);
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct state *st = p->state;
	struct frame f;
	size_t need;
	if (p->side == SP_SERVER && st->multiple.left)
		return answer_many(p, st);
	if (*p->in.p == 'A')
		return protocol(p);
	enum got got = frame_at(p->in, 0, &f, &need);
	if (got != GOT)
		return got == SHORT ? sp_parse_more(p, need) : SP_PARSE_BAD;
	switch (f.type) {
	case METHOD:
		return method(p, st, &f);
	case HEADER:
	case BODY:
		return rest(p, st, &f);
	default:
		return sp_parse_skip(p, frame_end(p, 0, &f), 0);
	}
}

static enum sp_probe probe_frame(struct sp_parse *p, size_t at)
{
	struct frame f;
	size_t need;
	enum got got = frame_at(p->in, at, &f, &need);
	if (got == WRONG || (f.type == METHOD && got == SHORT && p->in.n >= at + 11 &&
			     !amqp_method(sp_be16(p->in.p + at + 7), sp_be16(p->in.p + at + 9))))
		return SP_PROBE_NO;
	if (got == SHORT)
		return SP_PROBE_MAYBE;
	if (f.type == BODY || f.payload.n < f.size)
		return SP_PROBE_MAYBE;
	if (f.type == HEADER)
		return sp_be16(f.payload.p) == AMQP_BASIC && !sp_be16(f.payload.p + 2) ? SP_PROBE_YES : SP_PROBE_NO;
	if (f.type == HEARTBEAT)
		return f.channel ? SP_PROBE_NO : SP_PROBE_YES;
	const struct amqp_method *is = amqp_method(sp_be16(f.payload.p), sp_be16(f.payload.p + 2));
	if (!is)
		return SP_PROBE_NO;
	p->reversed = !(is->senders & 1 << p->side);
	return SP_PROBE_YES;
}

static enum sp_probe probe(struct sp_parse *p)
{
	/* 0-9-1; 0-9; 0-8. 1.0 is another protocol. */
	static const char *const versions[] = {"AMQP\x00\x00\x09\x01", "AMQP\x01\x01\x00\x09", "AMQP\x01\x01\x08\x00"};
	if (p->in.n && *p->in.p != 'A')
		return probe_frame(p, 0);
	for (size_t i = 0; i < SP_ARRAY_SIZE(versions); i++)
		if (!memcmp(p->in.p, versions[i], SP_MIN(p->in.n, (size_t)8)))
			return p->in.n < 8 ? SP_PROBE_MAYBE : SP_PROBE_YES;
	return SP_PROBE_NO;
}

static size_t resync(struct sp_parse *p)
{
	struct state *st = p->state;
	struct more *more = p->more;
	st->first.content[p->side].open = false;
	for (unsigned i = 0; more && i < CHANNELS; i++)
		more->channel[i].content[p->side].open = false;
	if (p->side == SP_SERVER)
		st->multiple.left = 0;
	for (size_t at = 0; at < p->in.n;) {
		if (probe_frame(p, at) == SP_PROBE_YES) {
			p->reversed = false;
			return at;
		}
		const uint8_t *end = memchr(p->in.p + at, FRAME_END, p->in.n - at);
		if (!end)
			break;
		at = (size_t)(end + 1 - p->in.p);
	}
	return SP_RESYNC_NONE;
}

static const uint16_t ports[] = {5672, 0};

static const struct sp_start starts[] = {
	SP_START_TEXT('A', 'M', SP_FROM_CLIENT),
	{METHOD << 8, 0xfff8, SP_FROM_CLIENT | SP_FROM_SERVER}, /* the channel's first byte is small */
	{HEADER << 8, 0xfff8, SP_FROM_CLIENT | SP_FROM_SERVER},
	{BODY << 8, 0xfff8, SP_FROM_CLIENT | SP_FROM_SERVER},
	{HEARTBEAT << 8, 0xffff, SP_FROM_CLIENT | SP_FROM_SERVER},
	{0},
};

static const char *const fields[] = {
	[AMQP_SYSTEM] = "messaging.system",
	[AMQP_DESTINATION] = "messaging.destination.name",
	[AMQP_ROUTING_KEY] = "messaging.rabbitmq.destination.routing_key",
	[AMQP_DELIVERY_TAG] = "messaging.rabbitmq.message.delivery_tag",
	[AMQP_CONSUMER_TAG] = "amqp.consumer_tag",
	[AMQP_BODY_SIZE] = "messaging.message.body.size",
	[AMQP_MESSAGE_ID] = "messaging.message.id",
	[AMQP_CONVERSATION_ID] = "messaging.message.conversation_id",
	[AMQP_CONTENT_TYPE] = "amqp.content_type",
	[AMQP_MECHANISM] = "amqp.mechanism",
	[AMQP_USER] = "user.name",
	[AMQP_FIELDS] = NULL,
};

#ifdef SP_WITH_VECTORS
#include "parsers/amqp_vectors.h"
#endif

const struct sp_parser sp_amqp_parser = {
	.name = "amqp",
	.title = "AMQP 0-9-1",
	.missing = "AMQP 1.0, which is another protocol; of one confirmation of very many publications, those beyond "
		   "the first 2000",
	.app = SP_APP_AMQP,
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

/* SPDX-License-Identifier: Apache-2.0 */
/* Apache Kafka (https://kafka.apache.org/protocol): messages behind their length. A request says which of the APIs it
 * is for and in which version, a response only which request it answers. The beginning of a request is read; a response
 * is walked along its layout for the first error in it, records and what is after the error are passed over. */
#include "parsers/kafka.h"
#include "parsers/http.h"

enum {
	FRAME_MAX = 1 << 30,
	PROBE_FRAME_MAX = (16 << 20) - 1, /* with records; max.request.size is 1 MiB unless somebody says otherwise */
	PROBE_SMALL_MAX = 1 << 20,	  /* of what carries no records */
	PROBED = 512,			  /* bytes looked at, */
	PROBED_BODY = 64,		  /* and how many of a body say enough */
	TOPIC_MAX = 249,
	REQUEST_MIN = 8, /* key, version, correlation id */
	RESPONSE_MIN = 4,
	TOKEN_MAX = 1 << 20, /* of SASL without a header */
	CLIENT_ID_MAX = 1024,
	VIEW = 4096,	      /* of a request, and of a response at a time */
	WALKED_MAX = 1 << 20, /* of a response, records not counted */
	METADATA_WITH_IDS = 10,
};

#define TOKEN_ID (1ULL << 32) /* ids of exchanged tokens, behind those on the wire */

/* A tag: key and version, and that the request named no topic. */
enum { TAG_KEY = 16, TAG_NO_TOPIC = 1 << 15, TAG_VERSION = 0xff };

enum field {
	SYSTEM,
	CLIENT_ID,
	GROUP,
	PARTITION,
	OFFSET,
	COUNT,
	API_VERSION,
	TRANSACTION,
	ACKS,
	MECHANISM,
	SOFTWARE,
	SOFTWARE_VERSION,
};

static const char *const fields[] = {
	[SYSTEM] = "messaging.system",
	[CLIENT_ID] = "messaging.client.id",
	[GROUP] = "messaging.consumer.group.name",
	[PARTITION] = "messaging.destination.partition.id",
	[OFFSET] = "messaging.kafka.offset",
	[COUNT] = "messaging.batch.message_count",
	[API_VERSION] = "kafka.api_version",
	[TRANSACTION] = "kafka.transactional_id",
	[ACKS] = "kafka.acks",
	[MECHANISM] = "kafka.sasl.mechanism",
	[SOFTWARE] = "kafka.client.software.name",
	[SOFTWARE_VERSION] = "kafka.client.software.version",
	NULL,
};

struct state {
	struct sp_kafka_walk walk; /* of the response that is open */
	uint32_t left;		   /* bytes of it; 0: none is open */
	uint32_t walked;
	uint32_t id;
	uint16_t tokens;  /* that the client sent, */
	uint16_t answers; /* and the server */
	bool raw;	  /* SASL's tokens come without headers */
	bool settled;	  /* a request came from the client */
};

/* A request's header, as far as it is there. */
struct head {
	uint32_t size; /* of what follows the length */
	int16_t key, version;
	uint32_t id;
	struct sp_slice client;
	const struct sp_kafka_api *api;
	bool known;	/* a version whose layout is known */
	bool anonymous; /* the client's id is null */
};

enum got { GOT, SHORT, WRONG };

static bool is_printable(struct sp_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

/* Reads the header at c and leaves c at the body. Only ControlledShutdown has, in its first version, no client id. */
static enum got head_at(struct sp_cursor *c, struct head *h)
{
	struct sp_slice in = {c->p, sp_cursor_left(c)};
	*h = (struct head){.size = sp_cursor_u32(c), .key = (int16_t)sp_cursor_u16(c)};
	h->version = (int16_t)sp_cursor_u16(c);
	h->id = sp_cursor_u32(c);
	if ((in.n >= 4 && (h->size < REQUEST_MIN || h->size > FRAME_MAX)) || (in.n >= 6 && h->key < 0) ||
	    (in.n >= 8 && h->version < 0))
		return WRONG;
	if (c->bad)
		return SHORT;
	h->api = sp_kafka_api((unsigned)h->key);
	h->known = h->api && h->version <= h->api->newest;
	if (h->key == 7 && !h->version)
		return GOT;
	int n = (int16_t)sp_cursor_u16(c);
	if (h->size < REQUEST_MIN + 2)
		return WRONG;
	if (c->bad)
		return SHORT;
	if (n < -1 || n > CLIENT_ID_MAX || n > (int64_t)h->size - REQUEST_MIN - 2)
		return WRONG;
	h->anonymous = n < 0;
	h->client = (struct sp_slice){c->p, n < 0 ? 0 : SP_MIN((size_t)n, sp_cursor_left(c))};
	if (!is_printable(h->client))
		return WRONG;
	return n < 0 || sp_cursor_take(c, (size_t)n) ? GOT : SHORT;
}

static bool is_topic(struct sp_slice s)
{
	if (s.n > TOPIC_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i] | 32;
		if (!(c >= 'a' && c <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && !memchr("._-", s.p[i], 3))
			return false;
	}
	return s.n;
}

/* Is what follows the header what that API's requests say? `whole`: all of the request is there. */
static enum sp_probe looks_like_body(const struct head *h, struct sp_cursor *c, uint64_t left, bool whole)
{
	const uint8_t *body = c->p;
	struct sp_arena none = {0};
	struct sp_kafka_walk w;
	struct sp_kafka_found f = {0};
	uint64_t skip;
	sp_kafka_walk_begin(&w, h->api, (uint8_t)h->version, false);
	bool tagged = !w.flexible || sp_kafka_tagged(c);
	if (!tagged)
		return whole ? SP_PROBE_NO : SP_PROBE_MAYBE;
	enum sp_kafka_walked rc = sp_kafka_walk(&w, c, left, &none, &f, &skip);
	if (rc == SP_KAFKA_WRONG || (rc == SP_KAFKA_SHORT && whole) || (f.has_acks && (f.acks < -1 || f.acks > 1)))
		return SP_PROBE_NO;
	bool topic = f.topic[0].n && is_topic(f.topic[0]);
	if ((f.topic[0].n && !topic) || !is_printable(f.group) || !is_printable(f.transaction))
		return SP_PROBE_NO;
	if (h->client.n > 1 || topic || f.group.n > 1 || (h->anonymous && rc == SP_KAFKA_OVER))
		return SP_PROBE_YES;
	return rc == SP_KAFKA_SHORT && !whole && (size_t)(c->end - body) < PROBED_BODY ? SP_PROBE_MAYBE : SP_PROBE_NO;
}

/* Does a request of a known API begin here? */
static enum sp_probe looks_like_request(struct sp_slice in)
{
	struct sp_cursor c = sp_cursor((struct sp_slice){in.p, SP_MIN(in.n, (size_t)PROBED)});
	struct head h;
	enum got got = head_at(&c, &h);
	const struct sp_kafka_api *api = sp_kafka_api((unsigned)h.key);
	if (got == WRONG || (in.n >= 6 && !api) || (in.n >= 8 && h.version > api->newest + KAFKA_VERSIONS))
		return SP_PROBE_NO;
	if (in.n >= 4 && h.size > (h.key ? PROBE_SMALL_MAX : PROBE_FRAME_MAX))
		return SP_PROBE_NO;
	for (size_t i = 0; i < h.client.n; i++)
		if (h.client.p[i] > 0x7e)
			return SP_PROBE_NO;
	if (got == SHORT)
		return SP_PROBE_MAYBE;
	if (!h.known)
		return h.client.n > 1 ? SP_PROBE_YES : SP_PROBE_NO;
	uint64_t size = (uint64_t)h.size + 4, left = size - (size_t)(c.p - in.p);
	c.end = in.p + SP_MIN((uint64_t)(c.end - in.p), size);
	return looks_like_body(&h, &c, left, (uint64_t)(c.end - in.p) == size);
}

static struct sp_slice decimal(struct sp_arena *a, int64_t v)
{
	if (v >= 0)
		return sp_arena_u64(a, (uint64_t)v);
	struct sp_slice digits = sp_arena_u64(a, 0 - (uint64_t)v);
	return SP_JOIN(a, SP_TEXT("-"), digits);
}

static struct sp_slice topics(struct sp_arena *a, const struct sp_kafka_found *f)
{
	if (f->topics <= 1)
		return f->topic[0];
	struct sp_slice part[2 * KAFKA_TOPICS];
	unsigned n = 0;
	for (unsigned i = 0; i < SP_MIN(f->topics, (uint32_t)KAFKA_TOPICS); i++) {
		if (i)
			part[n++] = SP_TEXT(",");
		part[n++] = f->topic[i];
	}
	if (f->topics > KAFKA_TOPICS)
		part[n++] = SP_TEXT(",…");
	return sp_arena_join(a, part, n);
}

static void name_object(struct sp_msg *m, struct sp_arena *a, struct sp_kafka_found *f)
{
	if (f->is_transaction) {
		f->transaction = f->group;
		f->group = (struct sp_slice){0};
	}
	struct sp_slice other = f->group.n ? f->group : f->transaction.n ? f->transaction : f->resource;
	sp_msg_put(m, SP_SLOT_RESOURCE, f->topics ? topics(a, f) : other);
	sp_msg_put(m, SP_SLOT_ENDPOINT, f->topics ? f->topic[0] : other);
}

static void describe_request(struct sp_parse *p, struct sp_msg *m, const struct head *h, struct sp_kafka_found *f)
{
	struct sp_arena *a = p->arena;
	if (h->api)
		sp_msg_put(m, SP_SLOT_METHOD, sp_slice_of(h->api->name));
	else
		sp_msg_put(m, SP_SLOT_METHOD, SP_JOIN(a, SP_TEXT("ApiKey "), sp_arena_u64(a, (uint64_t)h->key)));
	sp_msg_put(m, SP_SLOT_CORRELATION, decimal(a, (int32_t)h->id));
	name_object(m, a, f);
	sp_msg_extra(m, SYSTEM, SP_TEXT("kafka"));
	sp_msg_extra(m, API_VERSION, sp_arena_u64(a, (uint64_t)h->version));
	sp_msg_extra(m, CLIENT_ID, h->client);
	sp_msg_extra(m, GROUP, f->group);
	sp_msg_extra(m, TRANSACTION, f->transaction);
	if (f->has_partition)
		sp_msg_extra(m, PARTITION, decimal(a, f->partition));
	if (f->has_offset)
		sp_msg_extra(m, OFFSET, decimal(a, f->offset));
	if (f->messages)
		sp_msg_extra(m, COUNT, sp_arena_u64(a, f->messages));
	if (f->has_acks)
		sp_msg_extra(m, ACKS, decimal(a, f->acks));
	sp_msg_extra(m, MECHANISM, f->mechanism);
	sp_msg_extra(m, SOFTWARE, f->software);
	sp_msg_extra(m, SOFTWARE_VERSION, f->software_version);
	sp_kafka_batch_trace(p, f->records);
}

/* The message is done with, whatever there is of it. */
static enum sp_parse_result pass_rest(struct sp_parse *p, uint64_t size)
{
	size_t used = (size_t)SP_MIN((uint64_t)p->in.n, size);
	p->want = size - used;
	return sp_parse_msg(p, used);
}

/* A token of SASL, between SaslHandshake's first version and the first request. Its bytes are nobody's business. */
static enum sp_parse_result token(struct sp_parse *p, struct state *st, uint64_t size)
{
	bool client = p->side == SP_CLIENT;
	struct sp_msg *m = sp_msg_begin(p, client ? SP_MSG_REQUEST : SP_MSG_RESPONSE, SP_PART_WHOLE);
	m->id = TOKEN_ID + (client ? st->tokens++ : st->answers++);
	if (client) {
		sp_msg_put(m, SP_SLOT_METHOD, SP_TEXT("SaslAuthenticate"));
		sp_msg_extra(m, SYSTEM, SP_TEXT("kafka"));
	} else {
		m->status = SP_STATUS_OK;
	}
	return pass_rest(p, size);
}

static enum sp_parse_result request(struct sp_parse *p, struct state *st, uint64_t size)
{
	struct sp_slice view = {p->in.p, (size_t)SP_MIN(size, SP_MIN((uint64_t)p->in.n, (uint64_t)VIEW))};
	struct sp_cursor c = sp_cursor(view);
	struct sp_kafka_found f = {.names = p->more};
	struct head h;
	enum got got = head_at(&c, &h);
	if (got != GOT)
		return got == SHORT && p->in.n < size ? sp_parse_more(p, SP_MIN(size, (uint64_t)VIEW)) : SP_PARSE_BAD;
	if (h.known) {
		struct sp_kafka_walk w;
		uint64_t skip;
		sp_kafka_walk_begin(&w, h.api, (uint8_t)h.version, false);
		if (!w.flexible || sp_kafka_tagged(&c))
			sp_kafka_walk(&w, &c, size - (size_t)(c.p - view.p), p->arena, &f, &skip);
	}
	bool oneway = !h.key && f.has_acks && !f.acks;
	struct sp_msg *m = sp_msg_begin(p, oneway ? SP_MSG_ONEWAY : SP_MSG_REQUEST, SP_PART_WHOLE);
	m->id = h.id;
	m->tag = (uint32_t)h.key << TAG_KEY | (f.topics ? 0 : TAG_NO_TOPIC) | (uint32_t)SP_MIN(h.version, TAG_VERSION);
	describe_request(p, m, &h, &f);
	st->raw = h.key == KAFKA_SASL_HANDSHAKE && !h.version;
	return pass_rest(p, size);
}

static void describe_error(struct sp_parse *p, struct sp_msg *m, int error, struct sp_slice text)
{
	enum sp_status status;
	struct sp_slice name = sp_kafka_error(error, &status);
	sp_msg_put(m, SP_SLOT_CODE, decimal(p->arena, error));
	sp_msg_put(m, SP_SLOT_MESSAGE, text.n ? SP_JOIN(p->arena, name, SP_TEXT(": "), text) : name);
	m->status = (uint8_t)status;
}

/* What only the beginning of a response says. */
static void describe_response(struct sp_parse *p, struct sp_msg *m, struct sp_kafka_found *f, uint32_t tag)
{
	if (tag & TAG_NO_TOPIC && f->topics && tag >> TAG_KEY == KAFKA_FETCH) {
		name_object(m, p->arena, f);
		if (f->has_partition)
			sp_msg_extra(m, PARTITION, decimal(p->arena, f->partition));
	}
	if (f->has_offset && f->offset >= 0)
		sp_msg_extra(m, OFFSET, decimal(p->arena, f->offset));
	if (f->messages == 1)
		sp_kafka_batch_trace(p, f->records);
}

/* Walks what is there of a response from `at` on, and makes it a part. */
static enum sp_parse_result walk_response(struct sp_parse *p, struct state *st, size_t at, uint32_t tag, bool begins)
{
	struct sp_slice view = {p->in.p + at, SP_MIN(SP_MIN((size_t)st->left, (size_t)VIEW), p->in.n - at)};
	struct sp_cursor c = sp_cursor(view);
	struct sp_kafka_found f = {.names = p->more};
	uint64_t skip = 0;
	enum sp_kafka_walked rc = sp_kafka_walk(&st->walk, &c, st->left, p->arena, &f, &skip);
	size_t walked = (size_t)(c.p - view.p);
	st->walked += (uint32_t)walked;
	bool over = rc == SP_KAFKA_OVER || rc == SP_KAFKA_WRONG || walked + skip == st->left ||
		    st->walked > WALKED_MAX || (rc == SP_KAFKA_SHORT && (view.n == st->left || !walked || p->last));
	enum sp_msg_part part = begins ? over ? SP_PART_WHOLE : SP_PART_HEAD : over ? SP_PART_TAIL : SP_PART_MIDDLE;
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_RESPONSE, part);
	m->id = st->id;
	if (begins)
		describe_response(p, m, &f, tag);
	if (over && st->walk.failed)
		describe_error(p, m, st->walk.error, f.error_text);
	else if (over && rc != SP_KAFKA_WRONG)
		m->status = SP_STATUS_OK;
	p->want = over ? st->left - walked : skip;
	st->left = over ? 0 : st->left - (uint32_t)(walked + skip);
	return sp_parse_msg(p, at + walked);
}

static enum sp_parse_result response(struct sp_parse *p, struct state *st, uint64_t size)
{
	struct sp_cursor c = sp_cursor((struct sp_slice){p->in.p + 4, p->in.n - 4});
	uint32_t id = sp_cursor_u32(&c), tag = 0;
	bool asked = p->asked(p, id, &tag);
	const struct sp_kafka_api *api = asked ? sp_kafka_api(tag >> TAG_KEY) : NULL;
	unsigned version = tag & TAG_VERSION;
	/* Whoever does not know a client's version of ApiVersions answers in the first one. */
	if (api && tag >> TAG_KEY == KAFKA_METADATA && version >= METADATA_WITH_IDS && !p->terse)
		sp_parse_extend(p);
	bool known = api && (version <= api->newest || tag >> TAG_KEY == KAFKA_API_VERSIONS);
	if (known) {
		sp_kafka_walk_begin(&st->walk, api, (uint8_t)version, true);
		known = !st->walk.flexible || tag >> TAG_KEY == KAFKA_API_VERSIONS || sp_kafka_tagged(&c);
	}
	st->id = id;
	size_t at = (size_t)(c.p - p->in.p);
	if (!known || at >= size) {
		sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_WHOLE)->id = id;
		return pass_rest(p, size);
	}
	st->left = (uint32_t)(size - at);
	st->walked = 0;
	return walk_response(p, st, at, tag, true);
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct state *st = p->state;
	bool server = p->side == SP_SERVER;
	if (server && st->left) {
		uint64_t need = SP_MIN((uint64_t)st->left, (uint64_t)VIEW);
		return p->in.n < need && !p->last ? sp_parse_more(p, need) : walk_response(p, st, 0, 0, false);
	}
	if (p->in.n < 4)
		return sp_parse_more(p, 4);
	uint32_t body = sp_be32(p->in.p);
	uint64_t size = 4 + (uint64_t)body, need = SP_MIN(size, (uint64_t)VIEW);
	bool raw = st->raw && (!server || st->tokens != st->answers);
	if (body > FRAME_MAX || (!raw && body < (server ? RESPONSE_MIN : REQUEST_MIN)))
		return SP_PARSE_BAD;
	if (p->in.n < need && !(p->last && p->in.n >= 8))
		return sp_parse_more(p, need);
	if (raw && (server || looks_like_request(p->in) != SP_PROBE_YES))
		return body <= TOKEN_MAX ? token(p, st, size) : SP_PARSE_BAD;
	st->settled |= !server;
	if (!st->settled && looks_like_request(p->in) == SP_PROBE_YES)
		p->reversed = true;
	return server && !p->reversed ? response(p, st, size) : request(p, st, size);
}

/* Responses say nothing but how long they are, and whom they answer: that is like too many other protocols. */
static enum sp_probe probe(struct sp_parse *p)
{
	enum sp_probe rc = looks_like_request(p->in);
	if (p->side == SP_CLIENT)
		return rc;
	p->reversed = rc == SP_PROBE_YES;
	return p->reversed ? SP_PROBE_YES : SP_PROBE_NO;
}

/* Requests are known by their heads, responses by the request that waits for them. */
static size_t resync(struct sp_parse *p)
{
	struct state *st = p->state;
	uint32_t tag;
	if (p->side == SP_SERVER)
		st->left = 0;
	for (size_t at = 0; at + 8 <= p->in.n; at++) {
		const uint8_t *b = p->in.p + at;
		if (*b) /* of a length: messages of 16 MiB are found by what follows them */
			continue;
		if (p->side == SP_CLIENT && looks_like_request((struct sp_slice){b, p->in.n - at}) == SP_PROBE_YES)
			return at;
		if (p->side == SP_SERVER && sp_be32(b) >= RESPONSE_MIN && p->asked(p, sp_be32(b + 4), &tag))
			return at;
	}
	return SP_RESYNC_NONE;
}

static const uint16_t ports[] = {9092, 9093, 9094, 19092, 29092, 0};

static const struct sp_start starts[] = {
	{0, 0xff00, SP_FROM_CLIENT | SP_FROM_SERVER}, /* a length of less than 16 MiB */
	{0},
};

#ifdef SP_WITH_VECTORS
#include "parsers/kafka_vectors.h"
#endif

const struct sp_parser sp_kafka_parser = {
	.name = "kafka",
	.title = "Apache Kafka",
	.missing = "the name of a topic that is asked for by its id, and that only another connection named",
	.app = SP_APP_KAFKA,
	.transports = SP_TCP,
	.pairing = SP_PAIR_BY_ID,
	.state_size = sizeof(struct state),
	.more_size = sizeof(struct sp_kafka_names),
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};

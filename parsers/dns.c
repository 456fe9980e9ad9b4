/* SPDX-License-Identifier: Apache-2.0 */
/* DNS over UDP and TCP (RFC 1035, 6891, 7766, 8914), zone transfers (5936, 1995), NOTIFY and UPDATE (1996, 2136),
 * multicast DNS (6762) and LLMNR (4795). A message pairs by its identifier and its question, so that an answer to
 * something else that happens to have that number is nobody's. */
#include "parsers/dns.h"
#include "base/addr.h"
#include "base/cursor.h"

enum {
	SHOWN_MAX = 8192, /* of a message on TCP: text comes from its beginning, the rest of it is passed over */
	ANSWERS_TEXT = 512,
	ANSWERS_ROOM = 8, /* less than this is left for text: no other record is written */
	QUESTIONS_TEXT = 256,
	NAME_TEXT = 4 * DNS_NAME_MAX,
	ASKED = 4, /* queries remembered, for answers that do not repeat the question */
	ERROR_TEXT = 128,
	QUESTIONS_PROBED = 32,
	ANSWERS_ASKED = 8, /* records of an answer without a question that may be what somebody asked for */
	MDNS_PORT = 5353,
	LLMNR_PORT = 5355,
	CLASS_ANY = 255,
	CLASS_MDNS = 0x8000, /* a class' first bit: unicast wanted, cache to be flushed */
};

enum { QR = 0x8000, AA = 0x400, TC = 0x200, RD = 0x100, RA = 0x80, Z = 0x40, AD = 0x20, CD = 0x10 };

enum opcode { QUERY, IQUERY, STATUS, NOTIFY = 4, UPDATE, DSO };

enum section { QUESTIONS, ANSWERS, AUTHORITY, ADDITIONAL };

enum option { OPT_ECS = 8, OPT_EDE = 15 };

enum field { ANSWERS_FIELD, ANSWER_COUNT, FLAGS, OPCODE, UDP_SIZE, ECS, TTL, QUESTION_LIST };

/* A zone transfer: one answer in many messages, which ends with the record that it began with. */
struct transfer {
	uint64_t id;
	uint32_t serial, records;
	uint32_t left;	  /* bytes of the present message that are to come */
	uint16_t answers; /* records of it that are to come */
	uint8_t soas;	  /* with the first one's serial number */
	bool open : 1, incremental : 1;
};

struct state {
	uint64_t asked[ASKED];
	struct transfer transfer;
	uint8_t next;
};
static_assert(sizeof(struct state) <= SP_CACHE_LINE, "every conversation has one");

struct message {
	struct sp_slice in;
	uint16_t number, flags, count[4];
	uint16_t type, class;
	size_t asked;	/* where the first question ends */
	size_t records; /* where the last one ends; 0: that is not there */
	unsigned rcode;
	bool dnssec_ok;
};

static bool header_at(struct sp_slice in, struct message *m)
{
	if (in.n < DNS_HEADER)
		return false;
	*m = (struct message){.in = in, .number = sp_be16(in.p), .flags = sp_be16(in.p + 2)};
	for (unsigned i = 0; i < 4; i++)
		m->count[i] = sp_be16(in.p + 4 + 2 * i);
	m->rcode = m->flags & 15;
	return true;
}

static unsigned opcode_of(const struct message *m)
{
	return m->flags >> 11 & 15;
}

/* Type and class after a question's name. 0: they are not there. */
static size_t question_end(struct sp_slice in, size_t at, uint16_t *type, uint16_t *class)
{
	at = sp_dns_name_skip(in, at);
	if (!at || in.n - at < 4)
		return 0;
	*type = sp_be16(in.p + at);
	*class = sp_be16(in.p + at + 2);
	return at + 4;
}

static void find_records(struct message *m)
{
	size_t at = DNS_HEADER;
	uint16_t type, class;
	for (unsigned i = 0; i < m->count[QUESTIONS] && at; i++) {
		at = question_end(m->in, at, &type, &class);
		if (!i && at) {
			m->type = type;
			m->class = class;
			m->asked = at;
		}
	}
	m->records = at;
}

/* --- who it is for */

static bool is_multicast(const struct sp_parse *p, const struct message *m)
{
	if (m->number || p->transport != SP_UDP)
		return false;
	if (p->server_port == MDNS_PORT || m->class & CLASS_MDNS)
		return true;
	if (m->flags & QR)
		return !m->count[QUESTIONS] && m->count[ANSWERS] && m->flags & AA;
	/* Known answers, or records that somebody wants to have. */
	return opcode_of(m) == QUERY && m->type != DNS_IXFR && (m->count[ANSWERS] || m->count[AUTHORITY]);
}

static uint64_t question_id(const struct message *m)
{
	if (!m->asked)
		return m->number;
	struct sp_slice name = {m->in.p + DNS_HEADER, m->asked - 4 - DNS_HEADER};
	return sp_dns_name_hash(name, m->type) << 16 | m->number;
}

/* Of multicast DNS: a question that may be answered, or an answer; the others are asked for nothing (names that are
 * probed, which should be nobody's) or belong to a question before them (more of its known answers). */
static bool has_other_half(const struct message *m)
{
	if (m->flags & QR)
		return m->count[ANSWERS];
	return m->count[QUESTIONS] && !m->count[AUTHORITY] && opcode_of(m) == QUERY;
}

/* Its answers do not repeat the question: the first record that somebody asked for tells, else the first one. */
static uint64_t answered_id(const struct sp_parse *p, const struct message *m, bool *asked)
{
	struct dns_record r;
	size_t at = m->records;
	uint64_t first = 0;
	uint32_t tag;
	for (unsigned i = 0; at && i < SP_MIN(m->count[ANSWERS], ANSWERS_ASKED); i++) {
		at = sp_dns_record_at(m->in, at, &r);
		uint64_t id = at ? sp_dns_name_hash_at(m->in, r.name, r.type) << 16 | m->number : 0;
		if (id && p->asked(p, id, &tag)) {
			*asked = true;
			return id;
		}
		first = i ? first : id;
	}
	return first;
}

/* Some answers leave the question out: they belong to the last query with their number. */
static uint64_t id_of(struct state *st, const struct message *m)
{
	uint64_t id = question_id(m);
	if (!(m->flags & QR)) {
		st->asked[st->next++ % ASKED] = id;
		return id;
	}
	for (unsigned i = 1; !m->count[QUESTIONS] && i <= ASKED; i++) {
		uint64_t asked = st->asked[(uint8_t)(st->next - i) % ASKED];
		if ((uint16_t)asked == m->number)
			return asked;
	}
	return id;
}

/* --- what it says */

static struct sp_slice name_at(struct sp_parse *p, struct sp_slice in, size_t at)
{
	struct sp_out o = sp_out_begin(p->arena, NAME_TEXT);
	sp_dns_name_put(in, at, &o);
	return sp_out_end(p->arena, &o);
}

static void put_questions(struct sp_parse *p, const struct message *m)
{
	struct sp_out o = sp_out_begin(p->arena, QUESTIONS_TEXT);
	uint16_t type, class;
	size_t at = DNS_HEADER;
	for (unsigned i = 0; i < m->count[QUESTIONS] && sp_out_room(&o) > ANSWERS_ROOM; i++) {
		size_t end = question_end(m->in, at, &type, &class);
		if (!end)
			break;
		if (i)
			sp_out_text(&o, ", ");
		sp_dns_name_put(m->in, at, &o);
		sp_out_char(&o, ' ');
		sp_dns_type_put(&o, type);
		at = end;
	}
	sp_msg_extra(&p->msg, QUESTION_LIST, sp_out_end(p->arena, &o));
}

/* The question, or of an announcement its first record. */
static void describe_question(struct sp_parse *p, const struct message *m)
{
	unsigned opcode = opcode_of(m);
	uint16_t type = m->type;
	struct dns_record r;
	if (!m->count[QUESTIONS] && m->records && sp_dns_record_at(m->in, m->records, &r))
		type = r.type;
	if (opcode != QUERY)
		sp_msg_extra(&p->msg, OPCODE, sp_msg_put(&p->msg, SP_SLOT_METHOD, sp_dns_opcode(p->arena, opcode)));
	else if (type)
		sp_msg_put(&p->msg, SP_SLOT_METHOD, sp_dns_type(p->arena, type));
	if (!m->count[QUESTIONS] && !type)
		return;
	struct sp_slice name = sp_msg_put(&p->msg, SP_SLOT_RESOURCE, name_at(p, m->in, DNS_HEADER));
	sp_msg_put(&p->msg, SP_SLOT_ENDPOINT, sp_dns_endpoint(p->arena, name));
	if (m->count[QUESTIONS] > 1)
		put_questions(p, m);
}

/* RFC 7871: the client's network, cut to its prefix. */
static void client_subnet(struct sp_parse *p, struct sp_slice option)
{
	uint8_t address[16] = {0};
	if (option.n < 4)
		return;
	size_t size = sp_be16(option.p) == 1 ? 4 : 16, n = option.n - 4;
	memcpy(address, option.p + 4, SP_MIN(n, size));
	struct sp_out o = sp_out_begin(p->arena, SP_ADDR_TEXT_MAX + 4);
	sp_out_address(&o, (struct sp_slice){address, size});
	sp_out_char(&o, '/');
	sp_out_u64(&o, option.p[2]);
	sp_msg_extra(&p->msg, ECS, sp_out_end(p->arena, &o));
}

static void extended_error(struct sp_parse *p, struct sp_slice option)
{
	if (option.n < 2)
		return;
	unsigned code = sp_be16(option.p);
	struct sp_slice name = sp_dns_extended_error(code), text = {option.p + 2, option.n - 2};
	if (text.n && !text.p[text.n - 1])
		text.n--; /* some end it with a NUL */
	text.n = SP_MIN(text.n, (size_t)ERROR_TEXT);
	if (!name.n)
		name = SP_JOIN(p->arena, SP_TEXT("Error "), sp_arena_u64(p->arena, code));
	sp_msg_put(&p->msg, SP_SLOT_MESSAGE, text.n ? SP_JOIN(p->arena, name, SP_TEXT(": "), text) : name);
}

static void read_opt(struct sp_parse *p, struct message *m, const struct dns_record *r)
{
	struct sp_cursor c = sp_cursor((struct sp_slice){m->in.p + r->data, r->n});
	m->rcode |= r->ttl >> 24 << 4;
	m->dnssec_ok = r->ttl & 0x8000;
	if (p->terse)
		return;
	sp_msg_extra(&p->msg, UDP_SIZE, sp_arena_u64(p->arena, r->class));
	while (sp_cursor_left(&c) >= 4) {
		unsigned code = sp_cursor_u16(&c);
		size_t n = sp_cursor_u16(&c);
		struct sp_slice option = {sp_cursor_take(&c, n), n};
		if (!option.p)
			break;
		if (code == OPT_ECS)
			client_subnet(p, option);
		else if (code == OPT_EDE)
			extended_error(p, option);
	}
}

/* Answers as text. Returns where they end, as sp_dns_record_at does. */
static inline size_t put_answers(struct sp_parse *p, const struct message *m, size_t at)
{
	struct sp_out o = sp_out_begin(p->arena, ANSWERS_TEXT);
	struct dns_record r;
	uint32_t ttl = UINT32_MAX;
	for (unsigned left = m->count[ANSWERS]; left && at && at < m->in.n; left--) {
		at = sp_dns_record_at(m->in, at, &r);
		if (!at)
			break;
		ttl = SP_MIN(ttl, r.ttl);
		if (sp_out_room(&o) < ANSWERS_ROOM)
			continue;
		if (o.p != o.start)
			sp_out_text(&o, ", ");
		sp_dns_record_put(m->in, &r, &o);
	}
	sp_msg_extra(&p->msg, ANSWERS_FIELD, sp_out_end(p->arena, &o));
	sp_msg_extra(&p->msg, ANSWER_COUNT, sp_arena_u64(p->arena, m->count[ANSWERS]));
	if (ttl != UINT32_MAX)
		sp_msg_extra(&p->msg, TTL, sp_arena_u64(p->arena, ttl));
	return at;
}

/* Answers, and the options behind them. Known answers of multicast DNS are no answer. */
static __attribute__((noinline)) void read_records(struct sp_parse *p, struct message *m)
{
	struct dns_record r, opt = {0};
	size_t at = m->records;
	unsigned passed = m->count[AUTHORITY];
	if (m->flags & QR && !p->terse)
		at = put_answers(p, m, at);
	else
		passed += m->count[ANSWERS];
	for (; passed && at && at < m->in.n; passed--)
		at = sp_dns_record_at(m->in, at, &r);
	for (unsigned left = m->count[ADDITIONAL]; left && at && at < m->in.n; left--) {
		at = sp_dns_record_at(m->in, at, &r);
		if (at && r.type == DNS_OPT)
			opt = r;
	}
	if (opt.data)
		read_opt(p, m, &opt);
}

/* As dig writes them. */
static void put_flags(struct sp_parse *p, const struct message *m)
{
	enum { EACH = 3, ALL = 7 * EACH, SHOWN = AA | TC | RD | RA | AD | CD };
	static const struct {
		uint16_t bit;
		char name[EACH];
	} known[] = {{AA, " aa"}, {TC, " tc"}, {RD, " rd"}, {RA, " ra"}, {AD, " ad"}, {CD, " cd"}};
	unsigned shown = m->flags & SHOWN;
	if (SP_LIKELY((shown == RD || shown == (RD | RA)) && !m->dnssec_ok)) { /* a client's, a resolver's */
		sp_msg_extra(&p->msg, FLAGS, shown == RD ? SP_TEXT("rd") : SP_TEXT("rd ra"));
		return;
	}
	uint8_t *text = sp_arena_get(p->arena, ALL);
	size_t n = 0;
	if (!text)
		return;
	for (unsigned i = 0; i < SP_ARRAY_SIZE(known); i++) {
		memcpy(text + n, known[i].name, EACH);
		n += m->flags & known[i].bit ? EACH : 0;
	}
	if (m->dnssec_ok)
		memcpy(text + n, " do", EACH);
	n += m->dnssec_ok ? EACH : 0;
	if (n)
		sp_msg_extra(&p->msg, FLAGS, (struct sp_slice){text + 1, n - 1});
}

static enum sp_status status_of(unsigned rcode)
{
	return !rcode ? SP_STATUS_OK : rcode == 1 || rcode == 3 ? SP_STATUS_CLIENT_ERROR : SP_STATUS_SERVER_ERROR;
}

/* `asked`: all that is in the question is known, and so is its number. */
static inline void describe_texts(struct sp_parse *p, struct message *m, bool asked)
{
	if (!asked) {
		describe_question(p, m);
		sp_msg_put(&p->msg, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, m->number));
	}
	if (opcode_of(m) != UPDATE || m->flags & QR)
		read_records(p, m);
	put_flags(p, m);
}

/* What a message pairs by, and of an answer whether its question is known. */
static uint64_t pairs_by(const struct sp_parse *p, const struct message *m, bool unasked, bool *asked)
{
	uint32_t tag;
	if (unasked)
		return answered_id(p, m, asked);
	uint64_t id = id_of(p->state, m);
	*asked = m->flags & QR && !p->terse && p->asked(p, id, &tag);
	return id;
}

static void describe(struct sp_parse *p, struct message *m)
{
	bool multicast = is_multicast(p, m), answer = m->flags & QR, asked = false;
	enum sp_msg_kind kind = multicast && !has_other_half(m) ? SP_MSG_ONEWAY
				: answer			? SP_MSG_RESPONSE
								: SP_MSG_REQUEST;
	struct sp_msg *msg = sp_msg_begin(p, kind, SP_PART_WHOLE);
	msg->flags = multicast ? SP_MSG_OPTIONAL : 0;
	msg->id = pairs_by(p, m, multicast && answer, &asked);
	if (multicast || p->server_port == MDNS_PORT)
		msg->app = SP_APP_MDNS;
	else if (p->server_port == LLMNR_PORT)
		msg->app = SP_APP_LLMNR;
	if (p->terse) { /* an answer's OPT record has a part of its code */
		if (answer && m->count[ADDITIONAL])
			read_records(p, m);
	} else {
		describe_texts(p, m, asked);
	}
	if (answer && (!multicast || asked || m->rcode)) {
		if (!p->terse)
			sp_msg_put(msg, SP_SLOT_CODE, sp_dns_rcode(p->arena, m->rcode));
		msg->status = (uint8_t)status_of(m->rcode);
	}
}

/* --- zone transfers */

/* The records from `at` on that are there. Returns the offset after them. */
static size_t pass_records(struct sp_slice in, size_t at, struct transfer *t)
{
	struct dns_record r;
	for (; t->answers; t->answers--) {
		size_t end = sp_dns_record_at(in, at, &r);
		if (!end)
			break;
		if (r.type == DNS_SOA && r.n >= 22) {
			size_t serial = sp_dns_name_skip(in, r.data);
			serial = serial ? sp_dns_name_skip(in, serial) : 0;
			uint32_t v = serial && in.n - serial >= 4 ? sp_be32(in.p + serial) : 0;
			if (!t->records)
				t->serial = v;
			else if (t->records == 1)
				t->incremental = true;
			t->soas += v == t->serial && t->soas < 3;
		}
		t->records++;
		at = end;
	}
	return at;
}

/* Its parts so far make up the whole: the first SOA record came again, and once more where changes were sent. */
static bool is_over(const struct transfer *t)
{
	return !t->answers && t->records > 1 && t->soas >= (t->incremental && t->records > 2 ? 3 : 2);
}

static enum sp_parse_result transfer_part(struct sp_parse *p, struct transfer *t, size_t used)
{
	bool over = is_over(t);
	t->left -= (uint32_t)used;
	if (!t->answers) { /* what follows them says nothing */
		p->want = t->left;
		t->left = 0;
	}
	if (over) {
		if (p->msg.part == SP_PART_MIDDLE)
			p->msg.part = SP_PART_TAIL;
		sp_msg_extra(&p->msg, ANSWER_COUNT, sp_arena_u64(p->arena, t->records));
		*t = (struct transfer){0};
	} else if (p->msg.part == SP_PART_WHOLE) {
		p->msg.part = SP_PART_HEAD;
	}
	return sp_parse_msg(p, used);
}

/* More records of a message that is longer than what is looked at at once. */
static enum sp_parse_result transfer_more(struct sp_parse *p, struct transfer *t)
{
	size_t n = SP_MIN(p->in.n, (size_t)t->left), need = SP_MIN(t->left, (uint32_t)SHOWN_MAX);
	if (n < need && !p->last)
		return sp_parse_more(p, need);
	size_t used = pass_records((struct sp_slice){p->in.p, n}, 0, t);
	if (!used) { /* a record of its own size, or nonsense: the message's end is a boundary again */
		t->answers = 0;
		used = n;
	}
	uint64_t id = t->id;
	sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_MIDDLE)->id = id;
	return transfer_part(p, t, used);
}

static enum sp_parse_result transfer(struct sp_parse *p, const struct message *m, size_t size)
{
	struct transfer *t = &((struct state *)p->state)->transfer;
	struct dns_record first;
	bool goes_on = t->open && t->id == p->msg.id;
	bool starts = m->records && m->count[ANSWERS] && sp_dns_record_at(m->in, m->records, &first) &&
		      first.type == DNS_SOA && !(m->type == DNS_IXFR && m->count[ANSWERS] == 1);
	if (!goes_on && !starts) {
		p->want = size - m->in.n;
		p->msg.flags = m->count[ANSWERS] ? SP_MSG_IF_ASKED : 0;
		return sp_parse_msg(p, 2 + m->in.n);
	}
	if (goes_on)
		sp_msg_begin(p, SP_MSG_RESPONSE, SP_PART_MIDDLE)->id = t->id;
	else
		*t = (struct transfer){.id = p->msg.id, .open = true};
	t->answers = m->count[ANSWERS];
	t->left = (uint32_t)size + 2;
	size_t at = pass_records(m->in, m->records, t);
	if (!m->records || (t->answers && size == m->in.n)) {
		t->answers = 0; /* it claims more than there is */
		at = m->in.n;
	}
	return transfer_part(p, t, 2 + at);
}

/* --- messages */

static bool is_transfer(const struct sp_parse *p, const struct message *m)
{
	const struct state *st = p->state;
	if (!(m->flags & QR) || m->rcode)
		return false;
	return m->type == DNS_AXFR || m->type == DNS_IXFR || (st->transfer.open && st->transfer.id == p->msg.id);
}

/* A length of two bytes before every message. */
static __attribute__((noinline)) enum sp_parse_result stream(struct sp_parse *p)
{
	struct state *st = p->state;
	if (st->transfer.left)
		return transfer_more(p, &st->transfer);
	if (p->in.n < 2)
		return sp_parse_more(p, 2);
	size_t size = sp_be16(p->in.p), shown = SP_MIN(size, (size_t)SHOWN_MAX);
	struct message m;
	if (size < DNS_HEADER)
		return SP_PARSE_BAD;
	if (p->in.n < 2 + shown)
		return sp_parse_more(p, 2 + shown);
	header_at((struct sp_slice){p->in.p + 2, shown}, &m);
	find_records(&m);
	describe(p, &m);
	if (is_transfer(p, &m))
		return transfer(p, &m, size);
	p->want = size - shown;
	return sp_parse_msg(p, 2 + shown);
}

/* A datagram with one question, of which nobody reads more than what it pairs by and how it ended. False: there is more
 * to it. */
static bool plain(struct sp_parse *p)
{
	struct sp_slice in = p->in;
	struct state *st = p->state;
	if (in.n < DNS_HEADER || p->server_port == MDNS_PORT || p->server_port == LLMNR_PORT)
		return false;
	uint16_t number = sp_be16(in.p), flags = sp_be16(in.p + 2), additional = sp_be16(in.p + 10);
	bool answer = flags & QR;
	size_t end = sp_dns_name_skip(in, DNS_HEADER);
	if (!number || sp_be16(in.p + 4) != 1 || !end || in.n - end < 4 || (answer && additional))
		return false;
	struct sp_slice name = {in.p + DNS_HEADER, end - DNS_HEADER};
	uint64_t id = sp_dns_name_hash(name, sp_be16(in.p + end)) << 16 | number;
	if (!answer)
		st->asked[st->next++ % ASKED] = id;
	struct sp_msg *m = sp_msg_begin(p, answer ? SP_MSG_RESPONSE : SP_MSG_REQUEST, SP_PART_WHOLE);
	m->id = id;
	m->status = answer ? (uint8_t)status_of(flags & 15) : SP_STATUS_NONE;
	return true;
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct message m;
	if (p->transport != SP_UDP)
		return stream(p);
	if (p->terse && plain(p))
		return sp_parse_msg(p, p->in.n);
	if (!header_at(p->in, &m))
		return sp_parse_skip(p, p->in.n, 0);
	find_records(&m);
	describe(p, &m);
	return sp_parse_msg(p, p->in.n);
}

/* --- is it DNS? */

static bool has_own_port(const struct sp_parse *p)
{
	return p->server_port == 53 || p->server_port == MDNS_PORT || p->server_port == LLMNR_PORT;
}

static bool is_common(unsigned opcode)
{
	return opcode == QUERY || opcode == NOTIFY || opcode == UPDATE;
}

static bool are_plausible_flags(const struct sp_parse *p, uint16_t flags)
{
	unsigned opcode = flags >> 11 & 15;
	if (flags & Z && !has_own_port(p))
		return false;
	if (!is_common(opcode))
		return p->server_port == 53 && opcode <= DSO;
	return flags & QR ? (flags & 15) <= 11 : !(flags & (RA | 15));
}

static bool is_plausible_header(const struct sp_parse *p, const struct message *m, size_t size)
{
	unsigned opcode = opcode_of(m);
	bool multicast = p->server_port == MDNS_PORT, query = !(m->flags & QR);
	size_t records = (size_t)m->count[ANSWERS] + m->count[AUTHORITY] + m->count[ADDITIONAL];
	if (!are_plausible_flags(p, m->flags))
		return false;
	if (!is_common(opcode))
		return true;
	if (DNS_HEADER + 5 * (size_t)m->count[QUESTIONS] + 11 * records > size && !has_own_port(p))
		return false;
	if (m->count[QUESTIONS] > 1 && !multicast && m->number)
		return false;
	if (!query)
		return true;
	if (!m->count[QUESTIONS])
		return false;
	/* Queries of multicast DNS have records: known answers, proposed names. */
	bool bare = opcode == QUERY && !multicast && m->number;
	return !bare || (!m->count[ANSWERS] && m->count[AUTHORITY] <= 1 && m->count[ADDITIONAL] <= 3);
}

static bool is_plausible_question(uint16_t type, uint16_t class)
{
	class &= (uint16_t)~CLASS_MDNS;
	return type && (type <= 261 || type == DNS_TA || type == DNS_DLV || type >= 65280) &&
	       (class == 1 || class == 3 || class == 4 || class == 254 || class == CLASS_ANY);
}

/* NetBIOS' name service has the same form: names of half an octet a letter. */
static bool is_netbios(const struct message *m)
{
	enum { NB = 32, NBSTAT = 33, ENCODED = 32 };
	const uint8_t *name = m->in.p + DNS_HEADER;
	if ((m->type != NB && m->type != NBSTAT) || *name != ENCODED)
		return false;
	for (unsigned i = 1; i <= ENCODED; i++)
		if (name[i] < 'A' || name[i] > 'P')
			return false;
	return true;
}

/* Of a message of `size` bytes, of which `in` is the beginning. */
static enum sp_probe look(struct sp_parse *p, struct sp_slice in, size_t size)
{
	struct message m;
	struct dns_record r;
	enum sp_probe if_short = in.n < size ? SP_PROBE_MAYBE : SP_PROBE_NO;
	if (in.n >= 4 && !are_plausible_flags(p, sp_be16(in.p + 2)))
		return SP_PROBE_NO;
	if (!header_at(in, &m))
		return if_short;
	if (!is_plausible_header(p, &m, size))
		return SP_PROBE_NO;
	size_t at = DNS_HEADER, records = (size_t)m.count[ANSWERS] + m.count[AUTHORITY] + m.count[ADDITIONAL];
	for (unsigned i = 0; i < SP_MIN(m.count[QUESTIONS], QUESTIONS_PROBED); i++) {
		uint16_t class;
		if (at < in.n && in.p[at] > DNS_LABEL_MAX && !i)
			return SP_PROBE_NO;
		at = question_end(in, at, &m.type, &class);
		if (!at)
			return if_short;
		if (!is_plausible_question(m.type, class) || is_netbios(&m))
			return SP_PROBE_NO;
	}
	if (m.count[QUESTIONS] ? !records && at != size : !records && size != DNS_HEADER)
		return has_own_port(p) ? SP_PROBE_YES : SP_PROBE_NO;
	if (records && m.count[QUESTIONS] <= QUESTIONS_PROBED && !sp_dns_record_at(in, at, &r))
		return has_own_port(p) ? SP_PROBE_YES : if_short;
	return m.count[QUESTIONS] || records || has_own_port(p) ? SP_PROBE_YES : SP_PROBE_MAYBE;
}

static enum sp_probe probe(struct sp_parse *p)
{
	struct sp_slice in = p->in;
	size_t size = in.n;
	if (p->transport != SP_UDP) {
		if (in.n < 2)
			return SP_PROBE_MAYBE;
		size = sp_be16(in.p);
		if (size < DNS_HEADER)
			return SP_PROBE_NO;
		in = (struct sp_slice){in.p + 2, SP_MIN(in.n - 2, size)};
	}
	enum sp_probe rc = look(p, in, size);
	if (rc == SP_PROBE_YES && sp_be16(in.p) && p->server_port != MDNS_PORT)
		p->reversed = !(in.p[2] & 0x80) == (p->side == SP_SERVER);
	return rc;
}

/* Where a whole message is. */
static size_t resync(struct sp_parse *p)
{
	struct state *st = p->state;
	struct sp_slice in = p->in;
	st->transfer = (struct transfer){0};
	if (p->transport == SP_UDP)
		return 0;
	for (size_t at = 0; at + 2 + DNS_HEADER <= in.n && at < SP_CARRY_MAX; at++) {
		struct sp_parse from = *p;
		from.in = (struct sp_slice){in.p + at, in.n - at};
		if (sp_be16(in.p + at) <= from.in.n - 2 && probe(&from) == SP_PROBE_YES)
			return at;
	}
	return SP_RESYNC_NONE;
}

static const uint16_t ports[] = {53, MDNS_PORT, LLMNR_PORT, 0};
static const uint16_t elsewhere[] = {MDNS_PORT, LLMNR_PORT, 0};

static const struct sp_start starts[] = {
	SP_START_ANY(SP_FROM_CLIENT | SP_FROM_SERVER),
	{0},
};

static const char *const fields[] = {
	[ANSWERS_FIELD] = "dns.answers",
	[ANSWER_COUNT] = "dns.answer_count",
	[FLAGS] = "dns.flags",
	[OPCODE] = "dns.opcode",
	[UDP_SIZE] = "dns.edns.udp_size",
	[ECS] = "dns.ecs",
	[TTL] = "dns.ttl",
	[QUESTION_LIST] = "dns.questions",
	NULL,
};

const struct sp_parser sp_dns_parser = {
	.name = "dns",
	.title = "DNS",
	.missing = "DNS over TLS, HTTPS and QUIC, which are encrypted; the changes that an UPDATE asks for; answers to "
		   "other "
		   "questions of a multicast message than its first",
	.app = SP_APP_DNS,
	.transports = SP_TCP | SP_UDP,
	.pairing = SP_PAIR_BY_ID,
	.state_size = sizeof(struct state),
	.timeout_s = 15,
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.elsewhere = elsewhere,
	.vectors = SP_VECTORS(sp_dns_vectors),
};

/* SPDX-License-Identifier: Apache-2.0 */
/* LDAP (RFC 4511) over TCP, and connectionless over UDP as Active Directory speaks it. A search's entries and its end
 * are one answer in many parts; entries are counted, not read. Values in filters are hidden, passwords never seen. */
#include "parsers/ldap.h"

enum {
	HEAD_MAX = 32,	  /* enough for a message's length, its number and the operation's tag and length */
	SHOWN_MAX = 4096, /* of a message that is read; what is longer is passed over */
	MESSAGE_MAX = 256 << 20,
	FILTER_TEXT = 512,
	DN_TEXT = 512,
	MESSAGE_TEXT = 256,
	SEARCHES = 8, /* at once on one connection, of which the entries are counted */
};

enum operation {
	BIND = 0x60,
	BIND_RESPONSE,
	UNBIND = 0x42,
	SEARCH = 0x63,
	SEARCH_ENTRY,
	SEARCH_DONE,
	MODIFY,
	MODIFY_RESPONSE,
	ADD,
	ADD_RESPONSE,
	DELETE = 0x4a,
	DELETE_RESPONSE = 0x6b,
	MODIFY_DN,
	MODIFY_DN_RESPONSE,
	COMPARE,
	COMPARE_RESPONSE,
	ABANDON = 0x50,
	SEARCH_REFERENCE = 0x73,
	EXTENDED = 0x77,
	EXTENDED_RESPONSE,
	INTERMEDIATE,
};

enum field { ENTRIES, SCOPE, FILTER, AUTHENTICATION, MATCHED, REFERRAL, OID };

/* A request's, for when its answer is read. */
enum tag { PLAIN, START_TLS, SASL_BIND };

struct search {
	uint32_t number, entries; /* 0: the place is free */
};

struct state {
	struct search search[SEARCHES];
	bool tls;  /* the next bytes are TLS' */
	bool sasl; /* they may be wrapped */
};

/* One message, and where its operation's content begins. */
struct message {
	uint8_t operation;
	uint32_t number;
	uint64_t size; /* all of it */
	struct sp_slice content;
};

static struct sp_slice cut(struct sp_slice s, size_t n)
{
	return (struct sp_slice){s.p, SP_MIN(s.n, n)};
}

/* --- requests */

/* The directory a name is in: its last parts that are dc=, o= or c=. */
static struct sp_slice suffix(struct sp_slice dn)
{
	size_t from = dn.n;
	for (size_t end = dn.n; end;) {
		size_t at = end;
		while (at && dn.p[at - 1] != ',')
			at--;
		struct sp_slice rdn = {dn.p + at, end - at};
		uint8_t first = rdn.n > 2 ? rdn.p[0] | 0x20 : 0;
		bool dc = rdn.n > 3 && first == 'd' && (rdn.p[1] | 0x20) == 'c' && rdn.p[2] == '=';
		if (!dc && !((first == 'o' || first == 'c') && rdn.p[1] == '='))
			break;
		from = at;
		if (!at)
			break;
		end = at - 1;
	}
	return dn.n ? (struct sp_slice){dn.p + from, dn.n - from} : dn;
}

static void name_object(struct sp_parse *p, struct sp_slice dn)
{
	struct sp_msg *m = &p->msg;
	struct sp_slice base = suffix(dn);
	sp_msg_put(m, SP_SLOT_RESOURCE, cut(dn, DN_TEXT));
	if (base.n && base.n < DN_TEXT)
		sp_msg_put(m, SP_SLOT_ENDPOINT, SP_JOIN(p->arena, sp_msg_slot(m, SP_SLOT_METHOD), SP_TEXT(" "), base));
}

static void describe_bind(struct sp_parse *p, struct sp_cursor *c)
{
	enum { SIMPLE = 0x80, SASL = 0xa3 };
	uint8_t tag;
	struct sp_slice credentials;
	sp_msg_put(&p->msg, SP_SLOT_VERSION, sp_arena_u64(p->arena, sp_ber_number(sp_ber_octets(c))));
	name_object(p, sp_ber_octets(c));
	if (!sp_ber_next(c, &tag, &credentials))
		return;
	struct sp_cursor sasl = sp_cursor(credentials);
	struct sp_slice mechanism = tag == SASL ? cut(sp_ber_octets(&sasl), 32) : (struct sp_slice){0};
	bool anonymous = tag == SIMPLE && !credentials.n;
	p->msg.tag = tag == SASL ? SASL_BIND : PLAIN;
	sp_msg_extra(&p->msg, AUTHENTICATION,
		     mechanism.n ? mechanism
		     : anonymous ? SP_TEXT("anonymous")
				 : SP_TEXT("simple"));
}

/* As an LDAP URL puts it, without attributes: base?scope?filter */
static void describe_search(struct sp_parse *p, struct sp_cursor *c)
{
	static const char *const scopes[] = {"base", "one", "sub", "children"};
	struct sp_msg *m = &p->msg;
	struct sp_slice base = cut(sp_ber_octets(c), DN_TEXT), filter, scope;
	unsigned s = sp_ber_number(sp_ber_octets(c));
	uint8_t tag;
	scope = s < SP_ARRAY_SIZE(scopes) ? sp_slice_of(scopes[s]) : sp_arena_u64(p->arena, s);
	for (unsigned i = 0; i < 4; i++) /* aliases, limits, types only */
		sp_ber_octets(c);
	struct sp_out o = sp_out_begin(p->arena, FILTER_TEXT);
	if (sp_ber_next(c, &tag, &filter))
		sp_ldap_filter_put(&o, tag, filter, p->reveal);
	filter = sp_out_end(p->arena, &o);
	sp_msg_put(m, SP_SLOT_RESOURCE, SP_JOIN(p->arena, base, SP_TEXT("?"), scope, SP_TEXT("?"), filter));
	/* What is asked for, not of whom: a filter's shape. */
	if (!p->reveal)
		sp_msg_put(m, SP_SLOT_ENDPOINT, SP_JOIN(p->arena, SP_TEXT("search "), filter));
	sp_msg_extra(m, SCOPE, scope);
	sp_msg_extra(m, FILTER, filter);
}

static void describe_extended(struct sp_parse *p, struct sp_cursor *c)
{
	static const struct {
		const char *oid, *name;
	} known[] = {
		{"1.3.6.1.4.1.1466.20037", "StartTLS"},
		{"1.3.6.1.4.1.4203.1.11.1", "PasswordModify"},
		{"1.3.6.1.4.1.4203.1.11.3", "WhoAmI"},
		{"1.3.6.1.1.8", "Cancel"},
	};
	struct sp_slice oid = cut(sp_ber_octets(c), 64);
	sp_msg_put(&p->msg, SP_SLOT_RESOURCE, oid);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(known); i++)
		if (sp_slice_is(oid, known[i].oid)) {
			sp_msg_put(&p->msg, SP_SLOT_RESOURCE, sp_slice_of(known[i].name));
			p->msg.tag = i ? PLAIN : START_TLS;
		}
	sp_msg_put(&p->msg, SP_SLOT_ENDPOINT,
		   SP_JOIN(p->arena, sp_msg_slot(&p->msg, SP_SLOT_METHOD), SP_TEXT(" "),
			   sp_msg_slot(&p->msg, SP_SLOT_RESOURCE)));
	sp_msg_extra(&p->msg, OID, oid);
}

static const char *request_name(uint8_t operation)
{
	switch (operation) {
	case BIND:
		return "bind";
	case UNBIND:
		return "unbind";
	case SEARCH:
		return "search";
	case MODIFY:
		return "modify";
	case ADD:
		return "add";
	case DELETE:
		return "delete";
	case MODIFY_DN:
		return "modifyDN";
	case COMPARE:
		return "compare";
	case ABANDON:
		return "abandon";
	case EXTENDED:
		return "extended";
	default:
		return NULL;
	}
}

static void request(struct sp_parse *p, const struct message *in)
{
	bool alone = in->operation == UNBIND || in->operation == ABANDON;
	struct sp_msg *m = sp_msg_begin(p, alone ? SP_MSG_ONEWAY : SP_MSG_REQUEST, SP_PART_WHOLE);
	struct sp_cursor c = sp_cursor(in->content);
	sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, sp_slice_of(request_name(in->operation))));
	switch (in->operation) {
	case BIND:
		describe_bind(p, &c);
		break;
	case SEARCH:
		describe_search(p, &c);
		break;
	case EXTENDED:
		describe_extended(p, &c);
		break;
	case DELETE:
		name_object(p, in->content);
		break;
	case ABANDON:
		sp_msg_put(m, SP_SLOT_RESOURCE, sp_arena_u64(p->arena, sp_ber_number(in->content)));
		break;
	case UNBIND:
		break;
	default:
		name_object(p, sp_ber_octets(&c));
	}
}

/* --- responses */

static enum sp_status status_of(unsigned code)
{
	switch (code) {
	case 0:	 /* success */
	case 5:	 /* compareFalse */
	case 6:	 /* compareTrue */
	case 10: /* referral */
	case 14: /* saslBindInProgress */
		return SP_STATUS_OK;
	case 1:	 /* operationsError */
	case 3:	 /* timeLimitExceeded */
	case 11: /* adminLimitExceeded */
	case 51: /* busy */
	case 52: /* unavailable */
	case 53: /* unwillingToPerform */
	case 54: /* loopDetect */
	case 80: /* other */
		return SP_STATUS_SERVER_ERROR;
	default:
		return SP_STATUS_CLIENT_ERROR;
	}
}

static struct sp_slice code_name(struct sp_parse *p, unsigned code)
{
	static const char *const names[] = {
		[0] = "success",
		[1] = "operationsError",
		[2] = "protocolError",
		[3] = "timeLimitExceeded",
		[4] = "sizeLimitExceeded",
		[5] = "compareFalse",
		[6] = "compareTrue",
		[7] = "authMethodNotSupported",
		[8] = "strongerAuthRequired",
		[10] = "referral",
		[11] = "adminLimitExceeded",
		[12] = "unavailableCriticalExtension",
		[13] = "confidentialityRequired",
		[14] = "saslBindInProgress",
		[16] = "noSuchAttribute",
		[17] = "undefinedAttributeType",
		[18] = "inappropriateMatching",
		[19] = "constraintViolation",
		[20] = "attributeOrValueExists",
		[21] = "invalidAttributeSyntax",
		[32] = "noSuchObject",
		[33] = "aliasProblem",
		[34] = "invalidDNSyntax",
		[36] = "aliasDereferencingProblem",
		[48] = "inappropriateAuthentication",
		[49] = "invalidCredentials",
		[50] = "insufficientAccessRights",
		[51] = "busy",
		[52] = "unavailable",
		[53] = "unwillingToPerform",
		[54] = "loopDetect",
		[64] = "namingViolation",
		[65] = "objectClassViolation",
		[66] = "notAllowedOnNonLeaf",
		[67] = "notAllowedOnRDN",
		[68] = "entryAlreadyExists",
		[69] = "objectClassModsProhibited",
		[71] = "affectsMultipleDSAs",
		[80] = "other",
	};
	return code < SP_ARRAY_SIZE(names) && names[code] ? sp_slice_of(names[code]) : sp_arena_u64(p->arena, code);
}

/* The place of a search; NULL: there is none left. */
static struct search *search_of(struct state *st, uint32_t number)
{
	struct search *place = NULL;
	for (unsigned i = 0; i < SEARCHES; i++) {
		if (st->search[i].entries && st->search[i].number == number)
			return &st->search[i];
		if (!st->search[i].entries)
			place = &st->search[i];
	}
	return place;
}

/* RFC 4511 4.1.9 */
static unsigned result(struct sp_parse *p, struct sp_slice content)
{
	enum { REFERRALS = 0xa3 };
	struct sp_msg *m = &p->msg;
	struct sp_cursor c = sp_cursor(content);
	struct sp_slice referrals;
	uint8_t tag;
	unsigned code = sp_ber_number(sp_ber_octets(&c));
	sp_msg_put(m, SP_SLOT_CODE, code_name(p, code));
	m->status = (uint8_t)status_of(code);
	sp_msg_extra(m, MATCHED, cut(sp_ber_octets(&c), DN_TEXT));
	struct sp_slice diagnostic = cut(sp_ber_octets(&c), MESSAGE_TEXT);
	while (diagnostic.n && !diagnostic.p[diagnostic.n - 1])
		diagnostic.n--;
	if (m->status != SP_STATUS_OK)
		sp_msg_put(m, SP_SLOT_MESSAGE, diagnostic);
	if (sp_ber_next(&c, &tag, &referrals) && tag == REFERRALS) {
		c = sp_cursor(referrals);
		sp_msg_extra(m, REFERRAL, cut(sp_ber_octets(&c), DN_TEXT));
	}
	return code;
}

static void response(struct sp_parse *p, struct state *st, const struct message *in)
{
	bool notice = in->operation == EXTENDED_RESPONSE && !in->number;
	struct search *search = search_of(st, in->number);
	bool begun = search && search->entries;
	uint32_t tag = PLAIN;
	struct sp_msg *m =
		sp_msg_begin(p, notice ? SP_MSG_ONEWAY : SP_MSG_RESPONSE, begun ? SP_PART_TAIL : SP_PART_WHOLE);
	if (notice)
		sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, SP_TEXT("notice")));
	unsigned code = result(p, in->content);
	if (in->operation == SEARCH_DONE)
		sp_msg_extra(m, ENTRIES, sp_arena_u64(p->arena, begun ? search->entries : 0));
	if (begun)
		*search = (struct search){0};
	if (code || !p->asked(p, in->number, &tag))
		return;
	st->tls |= tag == START_TLS && in->operation == EXTENDED_RESPONSE;
	st->sasl |= tag == SASL_BIND && in->operation == BIND_RESPONSE;
}

/* An entry, or where else to look: a part of the answer. False: it can't be told whose. */
static bool entry(struct sp_parse *p, struct state *st, const struct message *in)
{
	struct search *search = search_of(st, in->number);
	if (!search)
		return false;
	sp_msg_begin(p, SP_MSG_RESPONSE, search->entries ? SP_PART_MIDDLE : SP_PART_HEAD);
	*search = (struct search){in->number, search->entries + (search->entries != UINT32_MAX)};
	return true;
}

/* --- messages */

enum got { GOT, SHORT, WRONG };

/* Up to the operation's content. */
static enum got message_at(struct sp_slice in, struct message *m)
{
	struct sp_cursor c = sp_cursor(in);
	uint8_t tag, number_tag, number_size;
	uint64_t n, size;
	if (!in.n)
		return SHORT;
	if (*in.p != SEQUENCE)
		return WRONG;
	if (!sp_ber_head(&c, &tag, &n))
		return in.n < HEAD_MAX && !(in.n > 1 && (in.p[1] == 0x80 || in.p[1] > 0x84)) ? SHORT : WRONG;
	*m = (struct message){.size = n + (uint64_t)(c.p - in.p)};
	number_tag = sp_cursor_u8(&c);
	number_size = sp_cursor_u8(&c);
	if (n < 5 || m->size > MESSAGE_MAX || (!c.bad && (number_tag != INTEGER || !number_size || number_size > 4)))
		return WRONG;
	struct sp_slice number = {sp_cursor_take(&c, number_size), number_size};
	if (c.bad || !sp_ber_head(&c, &m->operation, &size))
		return in.n < SP_MIN(m->size, (uint64_t)HEAD_MAX) ? SHORT : WRONG;
	m->number = sp_ber_number(number);
	uint64_t at = (uint64_t)(c.p - in.p);
	if (at + size > m->size || at > in.n)
		return WRONG;
	m->content = (struct sp_slice){c.p, (size_t)SP_MIN(size, (uint64_t)(in.n - at))};
	return GOT;
}

static enum sp_parse_result parse(struct sp_parse *p)
{
	struct state *st = p->state;
	struct message in;
	if (st->tls)
		return sp_parse_switch(p, 0, SP_APP_TLS);
	if (st->sasl && *p->in.p != SEQUENCE)
		return sp_parse_skip(p, p->in.n, SP_TO_END);
	enum got got = message_at(p->in, &in);
	if (got != GOT)
		return got == SHORT ? sp_parse_more(p, p->in.n + 1) : SP_PARSE_BAD;
	bool is_entry = in.operation == SEARCH_ENTRY || in.operation == SEARCH_REFERENCE;
	size_t need = (size_t)SP_MIN(in.size, (uint64_t)SHOWN_MAX), used = (size_t)SP_MIN(in.size, (uint64_t)p->in.n);
	if (!is_entry && p->in.n < need)
		return sp_parse_more(p, need);
	if (!is_entry)
		used = need;
	in.content = cut(in.content, used - (size_t)(in.content.p - p->in.p));
	p->want = in.size - used;
	if (is_entry && !entry(p, st, &in))
		return sp_parse_skip(p, used, p->want);
	if (in.operation == INTERMEDIATE)
		sp_msg_begin(p, SP_MSG_INTERIM, SP_PART_WHOLE);
	else if (request_name(in.operation))
		request(p, &in);
	else if (!is_entry)
		response(p, st, &in);
	p->msg.id = in.number;
	sp_msg_put(&p->msg, SP_SLOT_CORRELATION, sp_arena_u64(p->arena, in.number));
	return sp_parse_msg(p, used);
}

static bool is_response(uint8_t operation)
{
	switch (operation) {
	case BIND_RESPONSE:
	case SEARCH_ENTRY:
	case SEARCH_DONE:
	case MODIFY_RESPONSE:
	case ADD_RESPONSE:
	case DELETE_RESPONSE:
	case MODIFY_DN_RESPONSE:
	case COMPARE_RESPONSE:
	case SEARCH_REFERENCE:
	case EXTENDED_RESPONSE:
	case INTERMEDIATE:
		return true;
	default:
		return false;
	}
}

static enum sp_probe probe(struct sp_parse *p)
{
	struct message in;
	enum got got = message_at(p->in, &in);
	if (got != GOT)
		return got == SHORT && !(p->transport == SP_UDP) ? SP_PROBE_MAYBE : SP_PROBE_NO;
	bool answer = is_response(in.operation);
	if (!answer && !request_name(in.operation))
		return SP_PROBE_NO;
	p->reversed = answer == (p->side == SP_CLIENT);
	return SP_PROBE_YES;
}

static size_t resync(struct sp_parse *p)
{
	struct state *st = p->state;
	if (p->side == SP_SERVER)
		memset(st->search, 0, sizeof st->search);
	for (size_t at = 0; at + 7 < p->in.n && at < SP_CARRY_MAX; at++) {
		struct sp_parse from = {.in = {p->in.p + at, p->in.n - at}, .side = p->side, .transport = SP_TCP};
		if (probe(&from) == SP_PROBE_YES && !from.reversed)
			return at;
	}
	return SP_RESYNC_NONE;
}

static const uint16_t ports[] = {389, 3268, 0};

static const struct sp_start starts[] = {
	{SEQUENCE << 8, 0xff00, SP_FROM_CLIENT | SP_FROM_SERVER},
	{0},
};

static const char *const fields[] = {
	[ENTRIES] = "ldap.entries",
	[SCOPE] = "ldap.scope",
	[FILTER] = "ldap.filter",
	[AUTHENTICATION] = "ldap.authentication",
	[MATCHED] = "ldap.matched_dn",
	[REFERRAL] = "ldap.referral",
	[OID] = "ldap.oid",
	NULL,
};

#ifdef SP_WITH_VECTORS
static const struct sp_vector vectors[] = {
	{
		.name = "bind, a search with two entries, unbind",
		.step = {SP_C("0\x1b\x02\x01\x01`\x16\x02\x01\x03\x04\x09"
			      "cn=a,dc=b\x80\x06secret"),
			 SP_S("0\x0c\x02\x01\x01"
			      "a\x07\x0a\x01\x00\x04\x00\x04\x00"),
			 SP_C("0=\x02\x01\x02"
			      "c8\x04\x04"
			      "dc="
			      "b\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\xa0\x1f\xa3\x07\x04\x01u"
			      "\x04\x02"
			      "al\xa2\x07\x87\x05phone\xa4\x0b\x04\x01n0\x06\x80\x01x\x82\x01y0\x00"),
			 SP_S("0\x0a\x02\x01\x02"
			      "d\x05\x04\x01x0\x00"
			      "0\x0b\x02\x01\x02"
			      "d\x06\x04\x02yy0\x00"),
			 SP_S("0\x0c\x02\x01\x02"
			      "e\x07\x0a\x01\x00\x04\x00\x04\x00"),
			 SP_C("0\x05\x02\x01\x03"
			      "B\x00")},
		.want = "> request app_version=3 method=bind resource=cn=a,dc=b endpoint=bind dc=b correlation=1 id=1 "
			"bytes=29 ldap.authentication=simple\n"
			"< response code=success correlation=1 status=ok id=1 bytes=14\n"
			"> request method=search resource=dc=b?sub?(&(u=?)(!(phone=*))(n=?*?)) endpoint=search "
			"(&(u=?)(!(phone=*))(n=?*?)) correlation=2 id=2 bytes=63 ldap.scope=sub "
			"ldap.filter=(&(u=?)(!(phone=*))(n=?*?))\n"
			"< response code=success correlation=2 status=ok id=2 bytes=39 ldap.entries=2\n"
			"> oneway method=unbind endpoint=unbind correlation=3 id=3 bytes=7\n",
	},
	{
		.name = "values shown; answers out of order; errors; abandon",
		.reveal = true,
		.step = {SP_C("0%\x02\x01\x04"
			      "c \x04\x00\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\xa9\x0b\x81\x03"
			      "1.2\x82\x01m\x83\x01v0\x00"
			      "0$\x02\x01\x05"
			      "c\x1f\x04\x04"
			      "dc=b\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\xa5\x06\x04\x01"
			      "a\x04\x01"
			      "10\x00"),
			 SP_S("0#\x02\x01\x05"
			      "e\x1e\x0a\x01 \x04\x04"
			      "dc=b\x04\x07no such\xa3\x0a\x04\x08ldap://x"),
			 SP_C("0\x06\x02\x01\x06P\x01\x04"),
			 SP_S("0\x10\x02\x01\x04"
			      "e\x0b\x0a\x01"
			      "3\x04\x00\x04\x04"
			      "busy")},
		.want = "> request method=search resource=?sub?(m:1.2:=v) endpoint=search correlation=4 id=4 bytes=39 "
			"ldap.scope=sub ldap.filter=(m:1.2:=v)\n"
			"> request method=search resource=dc=b?sub?(a>=1) endpoint=search correlation=5 id=5 bytes=38 "
			"ldap.scope=sub ldap.filter=(a>=1)\n"
			"< response code=noSuchObject message=no such correlation=5 status=client_error id=5 bytes=37 "
			"ldap.matched_dn=dc=b ldap.referral=ldap://x ldap.entries=0\n"
			"> oneway method=abandon resource=4 endpoint=abandon correlation=6 id=6 bytes=8\n"
			"< response code=busy message=busy correlation=4 status=server_error id=4 bytes=18 "
			"ldap.entries=0\n",
	},
	{
		.name = "modify, add, delete, rename, compare; an interim answer, a notice",
		.step = {SP_C("0\x12\x02\x01\x07"
			      "f\x0d\x04\x09"
			      "cn=a,dc=b0\x00"),
			 SP_S("0\x0c\x02\x01\x07g\x07\x0a\x01\x00\x04\x00\x04\x00"),
			 SP_C("0\x11\x02\x01\x08h\x0c\x04\x08"
			      "cn=c,o=b0\x00"),
			 SP_S("0\x0c\x02\x01\x08i\x07\x0a\x01"
			      "D\x04\x00\x04\x00"),
			 SP_C("0\x0e\x02\x01\x09J\x09"
			      "cn=a,dc=b"),
			 SP_S("0\x0c\x02\x01\x09k\x07\x0a\x01"
			      "2\x04\x00\x04\x00"),
			 SP_C("0\x19\x02\x01\x0al\x14\x04\x09"
			      "cn=a,dc=b\x04\x04"
			      "cn=d\x01\x01\xff"),
			 SP_S("0\x0c\x02\x01\x0am\x07\x0a\x01\x00\x04\x00\x04\x00"),
			 SP_C("0\x19\x02\x01\x0bn\x14\x04\x09"
			      "cn=d,dc=b0\x07\x04\x02pw\x04\x01x"),
			 SP_S("0\x0c\x02\x01\x0bo\x07\x0a\x01\x06\x04\x00\x04\x00"), SP_S("0\x05\x02\x01\x0by\x00"),
			 SP_S("0\x14\x02\x01\x00x\x0f\x0a\x01"
			      "4\x04\x00\x04\x03"
			      "bye\x8a\x03"
			      "1.2")},
		.want = "> request method=modify resource=cn=a,dc=b endpoint=modify dc=b correlation=7 id=7 bytes=20\n"
			"< response code=success correlation=7 status=ok id=7 bytes=14\n"
			"> request method=add resource=cn=c,o=b endpoint=add o=b correlation=8 id=8 bytes=19\n"
			"< response code=entryAlreadyExists correlation=8 status=client_error id=8 bytes=14\n"
			"> request method=delete resource=cn=a,dc=b endpoint=delete dc=b correlation=9 id=9 bytes=16\n"
			"< response code=insufficientAccessRights correlation=9 status=client_error id=9 bytes=14\n"
			"> request method=modifyDN resource=cn=a,dc=b endpoint=modifyDN dc=b correlation=10 id=10 "
			"bytes=27\n"
			"< response code=success correlation=10 status=ok id=10 bytes=14\n"
			"> request method=compare resource=cn=d,dc=b endpoint=compare dc=b correlation=11 id=11 "
			"bytes=27\n"
			"< response code=compareTrue correlation=11 status=ok id=11 bytes=14\n"
			"< interim correlation=11 id=11 bytes=7\n"
			"< oneway method=notice endpoint=notice code=unavailable message=bye correlation=0 "
			"status=server_error id=0 bytes=22\n",
	},
	{
		.name = "StartTLS",
		.step = {SP_C("0\x1d\x02\x01\x01w\x18\x80\x16"
			      "1.3.6.1.4.1.1466.20037"),
			 SP_S("0\x0c\x02\x01\x01x\x07\x0a\x01\x00\x04\x00\x04\x00"), SP_C("\x16\x03\x01")},
		.want = "> request method=extended resource=StartTLS endpoint=extended StartTLS correlation=1 id=1 "
			"bytes=31 ldap.oid=1.3.6.1.4.1.1466.20037\n"
			"< response code=success correlation=1 status=ok id=1 bytes=14\n"
			"> switch tls\n",
	},
	{
		.name = "SASL, wrapped from then on",
		.step = {SP_C("0\x1b\x02\x01\x01`\x16\x02\x01\x03\x04\x00\xa3\x0f\x04\x06GSSAPI\x04\x05token"),
			 SP_S("0\x0c\x02\x01\x01"
			      "a\x07\x0a\x01\x00\x04\x00\x04\x00"),
			 SP_C("\x00\x00\x00\x04"
			      "abcd"),
			 SP_S("\x00\x00\x00\x01x")},
		.want = "> request app_version=3 method=bind endpoint=bind correlation=1 id=1 bytes=29 "
			"ldap.authentication=GSSAPI\n"
			"< response code=success correlation=1 status=ok id=1 bytes=14\n",
	},
	{
		.name = "over UDP",
		.udp = true,
		.step = {SP_C("0%\x02\x01\x01"
			      "c "
			      "\x04\x00\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\x87\x0bobjectClass0"
			      "\x00"),
			 SP_S("0\x09\x02\x01\x01"
			      "d\x04\x04\x00"
			      "0\x00"
			      "0\x0c\x02\x01\x01"
			      "e\x07\x0a\x01\x00\x04\x00\x04\x00")},
		.want = "> request method=search resource=?sub?(objectClass=*) endpoint=search (objectClass=*) "
			"correlation=1 id=1 bytes=39 ldap.scope=sub ldap.filter=(objectClass=*)\n"
			"< response code=success correlation=1 status=ok id=1 bytes=25 ldap.entries=1\n",
	},
	{
		.name = "a filter in filters",
		.step = {SP_C(
			"0G\x02\x01\x01"
			"cB\x04\x04"
			"dc=b\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\xa2)\xa2'\xa2%\xa2#\xa2!"
			"\xa2\x1f\xa2\x1d\xa2\x1b\xa2\x19\xa2\x17\xa2\x15\xa2\x13\xa2\x11\xa2\x0f\xa2\x0d\xa2\x0b\xa2"
			"\x09\xa2\x07\xa2\x05\xa2\x03\x87\x01"
			"a0\x00")},
		.want = "> request method=search resource=dc=b?sub?(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!))))))))))))))))) "
			"endpoint=search (!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!))))))))))))))))) correlation=1 id=1 "
			"bytes=73 ldap.scope=sub ldap.filter=(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!)))))))))))))))))\n",
	},
	{0},
};
#endif

const struct sp_parser sp_ldap_parser = {
	.name = "ldap",
	.title = "LDAP",
	.missing = "what entries and modifications contain; controls; messages that SASL has signed or encrypted",
	.app = SP_APP_LDAP,
	.transports = SP_TCP | SP_UDP,
	.pairing = SP_PAIR_BY_ID,
	.state_size = sizeof(struct state),
	.ports = ports,
	.starts = starts,
	.fields = fields,
	.probe = probe,
	.parse = parse,
	.resync = resync,
	.vectors = SP_VECTORS(vectors),
};

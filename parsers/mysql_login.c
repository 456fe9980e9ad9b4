/* SPDX-License-Identifier: Apache-2.0 */
/* MySQL's log-in: the server's greeting, the client's answer to it, a change of user. What proves who somebody is is
 * passed over and goes nowhere. */
#include "parsers/mysql_priv.h"

bool sp_mysql_number(struct sp_slice *s, uint64_t *ret)
{
	static const uint8_t size_of[4] = {2, 3, 8, 0}; /* after 0xfc, 0xfd, 0xfe */
	if (!s->n || *s->p == 0xfb || *s->p == 0xff)
		return false;
	size_t size = *s->p < 0xfb ? 0 : size_of[*s->p - 0xfc];
	if (s->n < 1 + size)
		return false;
	uint64_t v = size ? 0 : *s->p;
	for (size_t i = size; i > 0; i--)
		v = v << 8 | s->p[i];
	s->p += 1 + size;
	s->n -= 1 + size;
	*ret = v;
	return true;
}

struct sp_slice sp_mysql_take(struct sp_slice *s, uint64_t n)
{
	if (n > s->n) {
		*s = (struct sp_slice){s->p, 0};
		return *s;
	}
	struct sp_slice ret = {s->p, (size_t)n};
	s->p += n;
	s->n -= (size_t)n;
	return ret;
}

struct sp_slice sp_mysql_text(struct sp_slice *s)
{
	const uint8_t *end = s->n ? memchr(s->p, 0, s->n) : NULL;
	if (!end)
		return sp_mysql_take(s, s->n);
	struct sp_slice ret = sp_mysql_take(s, (uint64_t)(end - s->p));
	sp_mysql_take(s, 1);
	return ret;
}

struct sp_slice sp_mysql_counted(struct sp_slice *s)
{
	uint64_t n;
	if (!sp_mysql_number(s, &n))
		n = UINT64_MAX;
	return sp_mysql_take(s, n);
}

void sp_mysql_next_database(struct sp_mysql *st, struct sp_slice name)
{
	st->next_n = (uint8_t)SP_MIN(name.n, (size_t)MYSQL_NAME_MAX);
	if (st->next_n)
		memcpy(st->next, name.p, st->next_n);
}

/* Protocol 10, and 9 of old; the version is text. */
bool sp_mysql_greeting(struct sp_mysql *st, struct sp_slice body)
{
	if (!body.n || (*body.p != 10 && *body.p != 9))
		return false;
	struct sp_slice s = {body.p + 1, body.n - 1}, version = sp_mysql_text(&s);
	if (!version.n || s.n < 12 || *version.p < '0' || *version.p > '9')
		return false;
	for (size_t i = 0; i < version.n; i++)
		if (version.p[i] < ' ' || version.p[i] > '~')
			return false;
	/* MariaDB puts this in front for the sake of replicas. */
	if (version.n > 6 && !memcmp(version.p, "5.5.5-", 6))
		sp_mysql_take(&version, 6);
	st->version_n = (uint8_t)SP_MIN(version.n, (size_t)MYSQL_VERSION_MAX);
	memcpy(st->version, version.p, st->version_n);
	st->mariadb = memmem(version.p, version.n, "MariaDB", 7);
	st->greeted = true;
	st->caps = UINT32_MAX;
	if (*body.p == 10 && s.n >= 15) /* thread, 8 bytes of a challenge, 0, capabilities */
		st->caps = mysql_u16(s.p + 13) | (s.n >= 20 ? (uint32_t)mysql_u16(s.p + 18) << 16 : 0);
	return true;
}

/* Of a client of which the server's greeting was not seen. */
bool sp_mysql_is_login(struct sp_slice body, uint32_t n)
{
	static const uint8_t zeros[19];
	return n >= 32 && body.n >= 32 && mysql_u32(body.p) & MYSQL_CAP_41 && !memcmp(body.p + 9, zeros, 19) &&
	       mysql_u32(body.p + 4) <= 1u << 30 && body.p[8];
}

/* Of what the client says about itself its program's name. */
static void attributes(struct sp_msg *m, struct sp_slice s)
{
	struct sp_slice all = sp_mysql_counted(&s);
	for (unsigned i = 0; i < 64 && all.n; i++) {
		struct sp_slice key = sp_mysql_counted(&all), value = sp_mysql_counted(&all);
		if (sp_slice_is(key, "program_name") || sp_slice_is(key, "program"))
			sp_msg_extra(m, MYSQL_PROGRAM, value);
	}
}

static void login_41(struct sp_mysql *st, struct sp_msg *m, struct sp_slice s, uint32_t caps)
{
	struct sp_slice database = {0};
	sp_mysql_take(&s, 32);
	sp_msg_extra(m, MYSQL_USER, sp_mysql_text(&s));
	if (caps & MYSQL_CAP_LENENC_AUTH)
		sp_mysql_counted(&s);
	else if (caps & MYSQL_CAP_SECURE)
		sp_mysql_take(&s, s.n ? 1u + *s.p : 0);
	else
		sp_mysql_text(&s);
	if (caps & MYSQL_CAP_DATABASE)
		database = sp_mysql_text(&s);
	if (caps & MYSQL_CAP_PLUGIN)
		sp_mysql_text(&s);
	if (caps & MYSQL_CAP_ATTRS)
		attributes(m, s);
	sp_msg_put(m, SP_SLOT_HOST, database);
	sp_mysql_next_database(st, database);
}

/* Before 4.1. */
static void login_320(struct sp_mysql *st, struct sp_msg *m, struct sp_slice s)
{
	sp_mysql_take(&s, 5);
	sp_msg_extra(m, MYSQL_USER, sp_mysql_text(&s));
	sp_mysql_text(&s);
	sp_msg_put(m, SP_SLOT_HOST, sp_mysql_text(&s));
	sp_mysql_next_database(st, sp_msg_slot(m, SP_SLOT_HOST));
}

enum sp_parse_result sp_mysql_login(struct sp_parse *p, struct sp_mysql *st, const struct mysql_packet *k)
{
	uint32_t caps = k->body.n >= 4 ? mysql_u32(k->body.p) : k->body.n >= 2 ? mysql_u16(k->body.p) : 0;
	bool is_41 = caps & MYSQL_CAP_41 && k->body.n >= 32;
	if (caps & MYSQL_CAP_TLS && (is_41 ? k->n == 32 : k->n <= 5))
		return sp_parse_switch(p, MYSQL_HEAD + k->n, SP_APP_TLS);
	struct sp_msg *m = sp_msg_begin(p, SP_MSG_REQUEST, SP_PART_WHOLE);
	sp_msg_put(m, SP_SLOT_METHOD, sp_msg_put(m, SP_SLOT_ENDPOINT, SP_TEXT("LOGIN")));
	m->tag = MYSQL_R_LOGIN;
	if (st->mariadb)
		sp_msg_extra(m, MYSQL_SYSTEM, SP_TEXT("mariadb"));
	if (is_41)
		login_41(st, m, k->body, caps);
	else
		login_320(st, m, k->body);
	st->caps = is_41 ? (st->greeted ? st->caps & caps : caps) : caps & 0xffff;
	if (st->greeted && st->mariadb)
		st->caps &= ~(uint32_t)(MYSQL_CAP_OPTIONAL_METADATA | MYSQL_CAP_ZSTD | MYSQL_CAP_QUERY_ATTRS);
	st->known = st->in_login = true;
	st->greeted = false;
	return sp_parse_msg(p, 0);
}

void sp_mysql_change_user(struct sp_parse *p, struct sp_mysql *st, struct sp_msg *m, struct sp_slice body)
{
	(void)p;
	struct sp_slice s = {body.p + 1, body.n - 1};
	sp_msg_extra(m, MYSQL_USER, sp_mysql_text(&s));
	if (!st->known || st->caps & MYSQL_CAP_SECURE)
		sp_mysql_take(&s, s.n ? 1u + *s.p : 0);
	else
		sp_mysql_text(&s);
	sp_msg_put(m, SP_SLOT_HOST, sp_mysql_text(&s));
	sp_mysql_next_database(st, sp_msg_slot(m, SP_SLOT_HOST));
}

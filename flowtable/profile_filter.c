/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/profile_filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/link/proto.h"

enum { PROTO, PORT, NET };

static const struct {
	const char *word;
	uint8_t proto;
} protocols[] = {
	{"tcp", SP_PROTO_TCP},	   {"udp", SP_PROTO_UDP},   {"icmp", SP_PROTO_ICMP},
	{"icmp6", SP_PROTO_ICMP6}, {"sctp", SP_PROTO_SCTP},
};

#define WORD_MAX 64

/* The next word of the text. False: there is none. */
static bool next_word(const char **text, char word[WORD_MAX])
{
	*text += strspn(*text, " \t");
	size_t n = strcspn(*text, " \t");
	snprintf(word, WORD_MAX, "%.*s", (int)SP_MIN(n, (size_t)WORD_MAX - 1), *text);
	*text += n;
	return n != 0;
}

static int refuse(struct sp_err *err, const char *word, const char *expected)
{
	return sp_err(err, -EINVAL, "'%s': expected %s", word, expected);
}

/* A number of at most `max`. */
static bool number(const char *word, unsigned long max, unsigned long *ret)
{
	char *end;
	errno = 0;
	*ret = strtoul(word, &end, 10);
	return *word >= '0' && *word <= '9' && !*end && !errno && *ret <= max;
}

static int read_net(struct sp_profile_term *t, char *word, struct sp_err *err)
{
	unsigned long bits = 128;
	char *slash = strchr(word, '/');
	if (slash)
		*slash++ = 0;
	int rc = sp_addr_parse(&t->addr, word);
	bool v4 = !rc && sp_addr_is_v4(&t->addr);
	if (rc || (slash && !number(slash, v4 ? 32 : 128, &bits)))
		return refuse(err, word, "an address, or ADDRESS/BITS");
	t->kind = NET;
	t->bits = (uint8_t)(slash && v4 ? bits + 96 : bits);
	return 0;
}

static int read_term(struct sp_profile_term *t, char word[WORD_MAX], const char **text, struct sp_err *err)
{
	char value[WORD_MAX];
	for (size_t i = 0; i < SP_ARRAY_SIZE(protocols); i++)
		if (!strcmp(word, protocols[i].word)) {
			t->kind = PROTO;
			t->proto = protocols[i].proto;
			return 0;
		}
	bool port = !strcmp(word, "port");
	if (!port && strcmp(word, "host") && strcmp(word, "net"))
		return refuse(err, word, "host, net, port, tcp, udp, icmp, icmp6, sctp, not");
	if (!next_word(text, value))
		return refuse(err, word, port ? "a port's number after it" : "an address after it");
	if (!port)
		return read_net(t, value, err);
	unsigned long v;
	if (!number(value, UINT16_MAX, &v))
		return refuse(err, value, "a port's number");
	t->kind = PORT;
	t->port = (uint16_t)v;
	return 0;
}

int sp_profile_filter_parse(struct sp_profile_filter *ret, const char *text, struct sp_err *err)
{
	char word[WORD_MAX];
	bool first = true;
	*ret = (struct sp_profile_filter){0};
	if (!next_word(&text, word))
		return 0;
	for (;;) {
		if (ret->n == SP_PROFILE_TERMS_MAX)
			return sp_err(err, -EINVAL, "expected %d conditions at most", SP_PROFILE_TERMS_MAX);
		struct sp_profile_term *t = &ret->term[ret->n++];
		*t = (struct sp_profile_term){.first = first};
		while (!strcmp(word, "not")) {
			t->negate = !t->negate;
			if (!next_word(&text, word))
				return refuse(err, "not", "a condition after it");
		}
		int rc = read_term(t, word, &text, err);
		if (rc)
			return rc;
		if (!next_word(&text, word))
			return 0;
		first = !strcmp(word, "or");
		if (!first && strcmp(word, "and"))
			return refuse(err, word, "and, or");
		if (!next_word(&text, word))
			return refuse(err, first ? "or" : "and", "a condition after it");
	}
}

static bool in_net(const struct sp_addr *a, const struct sp_profile_term *t)
{
	unsigned whole = t->bits / 8, rest = t->bits % 8;
	if (memcmp(a->b, t->addr.b, whole))
		return false;
	return !rest || !((a->b[whole] ^ t->addr.b[whole]) >> (8 - rest));
}

static bool holds(const struct sp_profile_term *t, const struct sp_flow_key *key)
{
	switch (t->kind) {
	case PROTO:
		return key->proto == t->proto;
	case PORT:
		return (key->lo_port == t->port || key->hi_port == t->port) &&
		       (key->proto == SP_PROTO_TCP || key->proto == SP_PROTO_UDP || key->proto == SP_PROTO_SCTP);
	default:
		return in_net(&key->lo, t) || in_net(&key->hi, t);
	}
}

bool sp_profile_filter_match(const struct sp_profile_filter *filter, const struct sp_flow_key *key)
{
	bool good = true;
	for (unsigned i = 0; i < filter->n; i++) {
		const struct sp_profile_term *t = &filter->term[i];
		if (i && t->first) {
			if (good)
				return true;
			good = true;
		}
		good = good && holds(t, key) != t->negate;
	}
	return good;
}

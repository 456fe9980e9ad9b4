/* SPDX-License-Identifier: Apache-2.0 */
/* Redis' commands as far as they differ from the ordinary one: NAME KEY VALUE... (https://redis.io/commands). */
#include "parsers/names.h"
#include "parsers/redis.h"
#include "parsers/words.h"

enum {
	/* Resource, and the endpoint behind it. */
	ROOM = 2 * REDIS_NAME_SHOWN + REDIS_ARGS_SHOWN * (REDIS_TEXT_SHOWN + 1) + 2 * REDIS_NAME_SHOWN + SP_NAME_ROOM +
	       16,
	SHORT_METHOD = 16,
};

static const struct redis_shape one_key = {.needs = 2, .first = 1, .last = 1, .step = 1};
static const struct redis_shape two_keys = {.needs = 3, .first = 1, .last = 2, .step = 1};
static const struct redis_shape all_keys = {.first = 1, .last = -1, .step = 1};
static const struct redis_shape keys_timeout = {.first = 1, .last = -2, .step = 1, .shown = 1};
static const struct redis_shape keys_path = {.first = 1, .last = -2, .step = 1};
static const struct redis_shape pairs = {.first = 1, .last = -1, .step = 2};
static const struct redis_shape triples = {.first = 1, .last = -1, .step = 3};
static const struct redis_shape operation_keys = {.first = 2, .last = -1, .step = 1, .shown = 1 << 1};
static const struct redis_shape counted = {.numkeys = 1};
static const struct redis_shape script = {.numkeys = 2};
static const struct redis_shape function = {.numkeys = 2, .shown = 1 << 1};
static const struct redis_shape into_counted = {.first = 1, .last = 1, .step = 1, .numkeys = 2};
static const struct redis_shape reading = {.streams = true};
static const struct redis_shape no_key = {.needs = 1};
static const struct redis_shape plain = {.shown = 1};
static const struct redis_shape container = {.needs = 2, .two_words = true};
static const struct redis_shape key_within = {.needs = 3, .two_words = true, .first = 2, .last = 2, .step = 1};
static const struct redis_shape settings = {.two_words = true, .shown = 1 << 2, .secret = true};
static const struct redis_shape hello = {.shown = 1 << 1, .secret = true};
static const struct redis_shape secret = {.secret = true};
static const struct redis_shape migrate = {
	.first = 3, .last = 3, .step = 1, .shown = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5, .secret = true};
static const struct redis_shape among_pushes = {.needs = 1, .effect = REDIS_AMONG_PUSHES};
static const struct redis_shape subscribe = {.first = 1, .last = -1, .step = 1, .effect = REDIS_SUBSCRIBES};
static const struct redis_shape unsubscribe = {.first = 1, .last = -1, .step = 1, .effect = REDIS_UNSUBSCRIBES};
static const struct redis_shape sync = {.shown = 1, .effect = REDIS_SYNCS};
static const struct redis_shape client = {.two_words = true, .shown = 1, .effect = REDIS_CLIENT};
static const struct redis_shape selecting = {.shown = 1, .effect = REDIS_SELECTS};

static const struct redis_shape *short_name(uint64_t word)
{
	switch (word) {
	case 'DEL':
		return &all_keys;
	case 'ACL':
		return &settings;
	case 'LCS':
		return &two_keys;
	case 'MGET':
		return &all_keys;
	case 'MSET':
		return &pairs;
	case 'AUTH':
		return &secret;
	case 'COPY':
		return &two_keys;
	case 'EVAL':
		return &script;
	case 'ECHO':
		return &no_key;
	case 'PING':
	case 'QUIT':
		return &among_pushes;
	case 'EXEC':
	case 'INFO':
	case 'KEYS':
	case 'ROLE':
	case 'SAVE':
	case 'SCAN':
	case 'TIME':
	case 'WAIT':
		return &plain;
	case 'SYNC':
		return &sync;
	default:
		return &one_key;
	}
}

static const struct redis_shape *keyless_name(uint64_t word)
{
	switch (word) {
	case SP_WORD('CONF', 'IG'):
	case SP_WORD('SENT', 'INEL'):
		return &settings;
	case SP_WORD('HELL', 'O'):
		return &hello;
	case SP_WORD('CLIE', 'NT'):
		return &client;
	case SP_WORD('SELE', 'CT'):
		return &selecting;
	case SP_WORD('PSYN', 'C'):
		return &sync;
	case SP_WORD('RESE', 'T'):
		return &among_pushes;
	case SP_WORD('CLUS', 'TER'):
	case SP_WORD('COMM', 'AND'):
	case SP_WORD('DEBU', 'G'):
	case SP_WORD('FUNC', 'TION'):
	case SP_WORD('LATE', 'NCY'):
	case SP_WORD('MODU', 'LE'):
	case SP_WORD('PUBS', 'UB'):
	case SP_WORD('REPL', 'CONF'):
	case SP_WORD('SCRI', 'PT'):
	case SP_WORD('SLOW', 'LOG'):
		return &container;
	case SP_WORD('ASKI', 'NG'):
	case SP_WORD('BGRE', 'WRIT'):
	case SP_WORD('BGSA', 'VE'):
	case SP_WORD('DBSI', 'ZE'):
	case SP_WORD('DISC', 'ARD'):
	case SP_WORD('FAIL', 'OVER'):
	case SP_WORD('FLUS', 'HALL'):
	case SP_WORD('FLUS', 'HDB'):
	case SP_WORD('FT._', 'LIST'):
	case SP_WORD('LAST', 'SAVE'):
	case SP_WORD('LOLW', 'UT'):
	case SP_WORD('MONI', 'TOR'):
	case SP_WORD('MULT', 'I'):
	case SP_WORD('RAND', 'OMKE'):
	case SP_WORD('READ', 'ONLY'):
	case SP_WORD('READ', 'WRIT'):
	case SP_WORD('REPL', 'ICAO'):
	case SP_WORD('SHUT', 'DOWN'):
	case SP_WORD('SLAV', 'EOF'):
	case SP_WORD('SWAP', 'DB'):
	case SP_WORD('UNWA', 'TCH'):
	case SP_WORD('WAIT', 'AOF'):
		return &plain;
	default:
		return NULL;
	}
}

static const struct redis_shape *keyed_name(uint64_t word)
{
	switch (word) {
	case SP_WORD('EXIS', 'TS'):
	case SP_WORD('PFCO', 'UNT'):
	case SP_WORD('PFME', 'RGE'):
	case SP_WORD('SDIF', 'F'):
	case SP_WORD('SDIF', 'FSTO'):
	case SP_WORD('SINT', 'ER'):
	case SP_WORD('SINT', 'ERST'):
	case SP_WORD('SUNI', 'ON'):
	case SP_WORD('SUNI', 'ONST'):
	case SP_WORD('TOUC', 'H'):
	case SP_WORD('UNLI', 'NK'):
	case SP_WORD('WATC', 'H'):
		return &all_keys;
	case SP_WORD('BLPO', 'P'):
	case SP_WORD('BRPO', 'P'):
	case SP_WORD('BZPO', 'PMAX'):
	case SP_WORD('BZPO', 'PMIN'):
		return &keys_timeout;
	case SP_WORD('BLMO', 'VE'):
	case SP_WORD('BRPO', 'PLPU'):
	case SP_WORD('LMOV', 'E'):
	case SP_WORD('RENA', 'ME'):
	case SP_WORD('RENA', 'MENX'):
	case SP_WORD('RPOP', 'LPUS'):
	case SP_WORD('SMOV', 'E'):
	case SP_WORD('ZRAN', 'GEST'):
		return &two_keys;
	case SP_WORD('MSET', 'NX'):
		return &pairs;
	case SP_WORD('BITO', 'P'):
		return &operation_keys;
	case SP_WORD('EVAL', '_RO'):
	case SP_WORD('BLMP', 'OP'):
	case SP_WORD('BZMP', 'OP'):
		return &script;
	case SP_WORD('EVAL', 'SHA'):
	case SP_WORD('EVAL', 'SHA_'):
	case SP_WORD('FCAL', 'L'):
	case SP_WORD('FCAL', 'L_RO'):
		return &function;
	case SP_WORD('LMPO', 'P'):
	case SP_WORD('SINT', 'ERCA'):
	case SP_WORD('ZDIF', 'F'):
	case SP_WORD('ZINT', 'ER'):
	case SP_WORD('ZINT', 'ERCA'):
	case SP_WORD('ZMPO', 'P'):
	case SP_WORD('ZUNI', 'ON'):
		return &counted;
	case SP_WORD('ZDIF', 'FSTO'):
	case SP_WORD('ZINT', 'ERST'):
	case SP_WORD('ZUNI', 'ONST'):
		return &into_counted;
	case SP_WORD('XREA', 'D'):
	case SP_WORD('XREA', 'DGRO'):
		return &reading;
	case SP_WORD('MEMO', 'RY'):
	case SP_WORD('OBJE', 'CT'):
	case SP_WORD('XGRO', 'UP'):
	case SP_WORD('XINF', 'O'):
		return &key_within;
	case SP_WORD('MIGR', 'ATE'):
		return &migrate;
	case SP_WORD('JSON', '.MGE'):
		return &keys_path;
	case SP_WORD('JSON', '.MSE'):
	case SP_WORD('TS.M', 'ADD'):
		return &triples;
	case SP_WORD('SUBS', 'CRIB'):
	case SP_WORD('PSUB', 'SCRI'):
	case SP_WORD('SSUB', 'SCRI'):
		return &subscribe;
	case SP_WORD('UNSU', 'BSCR'):
	case SP_WORD('PUNS', 'UBSC'):
	case SP_WORD('SUNS', 'UBSC'):
		return &unsubscribe;
	default:
		return NULL;
	}
}

void redis_classify(struct redis_command *c, bool reveal)
{
	struct sp_slice name = c->arg[0];
	uint64_t word = c->word = sp_word_upper(sp_word(name));
	if (name.n <= 4) {
		c->shape = short_name(word);
	} else {
		c->shape = keyed_name(word);
		c->shape = c->shape ? c->shape : keyless_name(word);
		c->shape = c->shape ? c->shape : &one_key;
	}
	uint32_t needs = reveal || !c->shape->needs ? REDIS_ARGS_SHOWN : c->shape->needs;
	c->needs = SP_MIN(c->args, needs);
}

/* A count of keys, small; 0: it is none. */
static uint32_t count_of(struct sp_slice s)
{
	uint32_t v = 0;
	for (size_t i = 0; i < s.n && i < 4; i++)
		v = s.p[i] >= '0' && s.p[i] <= '9' ? v * 10 + s.p[i] - '0' : 0;
	return v;
}

static bool is_word(struct sp_slice s, const char *upper)
{
	size_t n = strlen(upper);
	if (s.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((s.p[i] & ~0x20) != upper[i])
			return false;
	return true;
}

/* The argument that tells commands of one kind from others. */
struct key {
	uint32_t number; /* of the argument; 0: there is none */
	bool is_name;	 /* of a function: no key, it stands for itself */
	struct sp_slice text;
};

/* One bit an argument that is a key. */
static uint32_t keys_of(const struct redis_command *c)
{
	const struct redis_shape *shape = c->shape;
	uint32_t keys = 0, args = SP_MIN(c->args, (uint32_t)REDIS_ARGS_SHOWN);
	uint64_t last = shape->last < 0 ? c->args + (uint64_t)(int64_t)shape->last : (uint64_t)shape->last;
	for (uint32_t i = shape->first; i && i <= last && i < args; i += shape->step)
		keys |= 1U << i;
	if (shape->numkeys && shape->numkeys < c->n) {
		uint32_t n = count_of(c->arg[shape->numkeys]);
		for (uint32_t i = shape->numkeys + 1U; n-- && i < args; i++)
			keys |= 1U << i;
	}
	for (uint32_t i = 1; shape->streams && i < c->n; i++)
		if (is_word(c->arg[i], "STREAMS")) {
			uint32_t n = (c->args - 1 - i) / 2;
			while (n-- && ++i < args)
				keys |= 1U << i;
			break;
		}
	return keys;
}

static uint8_t *put_upper(uint8_t *to, struct sp_slice s)
{
	for (size_t i = 0; i < SP_MIN(s.n, (size_t)REDIS_NAME_SHOWN); i++)
		*to++ = s.p[i] >= 'a' && s.p[i] <= 'z' ? (uint8_t)(s.p[i] - 32) : s.p[i];
	return to;
}

/* The command's name: the beginning of it is there as a number. */
static uint8_t *put_name(uint8_t *to, const struct redis_command *c)
{
	size_t n = c->arg[0].n;
	uint64_t word = __builtin_bswap64(n < 8 ? c->word << 8 * (8 - n) : c->word);
	memcpy(to, &word, sizeof word);
	return n <= 8 ? to + n : put_upper(to + 8, (struct sp_slice){c->arg[0].p + 8, n - 8});
}

/* The arguments from `i` on, what may not be shown as a question mark. `key` is the number of one, and becomes the
 * place where it stands now, if it does. */
static uint8_t *put_arguments(uint8_t *to, const struct redis_command *c, uint32_t i, uint32_t shown, struct key *key)
{
	uint32_t end = SP_MIN(c->args, (uint32_t)REDIS_ARGS_SHOWN);
	for (; i < end; i++) {
		*to++ = ' ';
		if (i >= c->n || !(shown >> i & 1)) {
			*to++ = '?';
			continue;
		}
		struct sp_slice text = {c->arg[i].p, SP_MIN(c->arg[i].n, (size_t)REDIS_TEXT_SHOWN)};
		if (i == key->number)
			key->text = (struct sp_slice){to, text.n};
		to = sp_put(to, text);
	}
	return to;
}

/* The command, and what its first key has in common with others: names without parts may be anything. */
static inline __attribute__((always_inline)) void put_endpoint(struct sp_parse *p, uint8_t *to, struct sp_slice method,
							       const struct key *key)
{
	uint8_t *begin = to;
	bool several = false;
	if (key->text.p) {
		memmove(to, method.p, SHORT_METHOD); /* of constant size: there is room, of which both may be part */
		to = method.n <= SHORT_METHOD ? to + method.n : sp_put(to, method);
		*to++ = ' ';
		struct sp_name_end name = sp_name_write_seen(p->seen, to, key->text, !key->is_name);
		to = name.end;
		several = name.several || key->is_name;
	}
	sp_msg_put(&p->msg, SP_SLOT_ENDPOINT, several ? (struct sp_slice){begin, (size_t)(to - begin)} : method);
}

/* NAME KEY VALUE..., the ordinary one, with its key at hand. */
static inline void describe_ordinary(struct sp_parse *p, const struct redis_command *c, uint8_t *begin)
{
	uint32_t end = SP_MIN(c->args, (uint32_t)REDIS_ARGS_SHOWN);
	struct key key = {.number = 1, .text.n = SP_MIN(c->arg[1].n, (size_t)REDIS_TEXT_SHOWN)};
	uint8_t *to = put_name(begin, c);
	struct sp_slice method = sp_msg_put(&p->msg, SP_SLOT_METHOD, (struct sp_slice){begin, (size_t)(to - begin)});
	*to++ = ' ';
	key.text.p = to;
	to = sp_put(to, (struct sp_slice){c->arg[1].p, key.text.n});
	for (uint32_t i = 2; i < end; i++, to += 2)
		memcpy(to, " ?", 2);
	sp_msg_put(&p->msg, SP_SLOT_RESOURCE, (struct sp_slice){begin, (size_t)(to - begin)});
	put_endpoint(p, to, method, &key);
}

void redis_describe(struct sp_parse *p, const struct redis_command *c)
{
	const struct redis_shape *shape = c->shape;
	uint8_t *begin = sp_arena_get(p->arena, ROOM), *to = begin;
	if (!begin)
		return;
	if (SP_LIKELY(shape == &one_key && c->n > 1 && !p->reveal)) {
		describe_ordinary(p, c, begin);
		return;
	}
	uint32_t keys = keys_of(c), shown = keys | shape->shown, i = 1;
	struct key key = {.is_name = shape == &function};
	key.number = key.is_name ? 1 : keys ? (uint32_t)__builtin_ctz(keys) : 0;
	if (shape->shown & 1 || (p->reveal && !shape->secret))
		shown = UINT32_MAX;
	to = put_name(to, c);
	if (shape->two_words && c->n > 1) {
		*to++ = ' ';
		to = put_upper(to, c->arg[1]);
		i = 2;
	}
	struct sp_slice method = {begin, (size_t)(to - begin)};
	to = put_arguments(to, c, i, shown, &key);
	sp_msg_put(&p->msg, SP_SLOT_METHOD, method);
	sp_msg_put(&p->msg, SP_SLOT_RESOURCE, (struct sp_slice){begin, (size_t)(to - begin)});
	put_endpoint(p, to, method, &key);
}

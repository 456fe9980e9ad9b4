/* SPDX-License-Identifier: Apache-2.0 */
/* Redis' commands as far as they differ from the ordinary one: NAME KEY VALUE... (https://redis.io/commands). */
#include "base/cursor.h"
#include "parsers/names.h"
#include "parsers/redis.h"

/* Names are compared as numbers of up to eight letters; longer ones differ early enough. */
#pragma GCC diagnostic ignored "-Wmultichar"
#define SHIFT(b) ((b) > 0xffffff ? 32 : (b) > 0xffff ? 24 : (b) > 0xff ? 16 : 8)
#define WORD(a, b) ((uint64_t)(a) << SHIFT(b) | (b))

enum {
	/* Resource, and the endpoint behind it. */
	ROOM = 2 * REDIS_NAME_SHOWN + REDIS_ARGS_SHOWN * (REDIS_TEXT_SHOWN + 1) + 2 * REDIS_NAME_SHOWN + SP_NAME_ROOM +
	       16,
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

static inline uint64_t upper_case(uint64_t word)
{
	return word & ~((word & 0x4040404040404040) >> 1);
}

/* Up to eight letters in upper case, the last one in the lowest byte. */
static inline uint64_t word_of(struct sp_slice name)
{
	uint64_t word = 0;
	if (name.n > 8)
		word = sp_be64(name.p);
	else if (name.n >= 4) /* the two halves overlap in equal letters */
		word = (uint64_t)sp_be32(name.p) << 8 * (name.n - 4) | sp_be32(name.p + name.n - 4);
	else
		for (size_t i = 0; i < name.n; i++)
			word = word << 8 | name.p[i];
	return upper_case(word);
}

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
	case WORD('CONF', 'IG'):
	case WORD('SENT', 'INEL'):
		return &settings;
	case WORD('HELL', 'O'):
		return &hello;
	case WORD('CLIE', 'NT'):
		return &client;
	case WORD('SELE', 'CT'):
		return &selecting;
	case WORD('PSYN', 'C'):
		return &sync;
	case WORD('RESE', 'T'):
		return &among_pushes;
	case WORD('CLUS', 'TER'):
	case WORD('COMM', 'AND'):
	case WORD('DEBU', 'G'):
	case WORD('FUNC', 'TION'):
	case WORD('LATE', 'NCY'):
	case WORD('MODU', 'LE'):
	case WORD('PUBS', 'UB'):
	case WORD('REPL', 'CONF'):
	case WORD('SCRI', 'PT'):
	case WORD('SLOW', 'LOG'):
		return &container;
	case WORD('ASKI', 'NG'):
	case WORD('BGRE', 'WRIT'):
	case WORD('BGSA', 'VE'):
	case WORD('DBSI', 'ZE'):
	case WORD('DISC', 'ARD'):
	case WORD('FAIL', 'OVER'):
	case WORD('FLUS', 'HALL'):
	case WORD('FLUS', 'HDB'):
	case WORD('FT._', 'LIST'):
	case WORD('LAST', 'SAVE'):
	case WORD('LOLW', 'UT'):
	case WORD('MONI', 'TOR'):
	case WORD('MULT', 'I'):
	case WORD('RAND', 'OMKE'):
	case WORD('READ', 'ONLY'):
	case WORD('READ', 'WRIT'):
	case WORD('REPL', 'ICAO'):
	case WORD('SHUT', 'DOWN'):
	case WORD('SLAV', 'EOF'):
	case WORD('SWAP', 'DB'):
	case WORD('UNWA', 'TCH'):
	case WORD('WAIT', 'AOF'):
		return &plain;
	default:
		return NULL;
	}
}

static const struct redis_shape *keyed_name(uint64_t word)
{
	switch (word) {
	case WORD('EXIS', 'TS'):
	case WORD('PFCO', 'UNT'):
	case WORD('PFME', 'RGE'):
	case WORD('SDIF', 'F'):
	case WORD('SDIF', 'FSTO'):
	case WORD('SINT', 'ER'):
	case WORD('SINT', 'ERST'):
	case WORD('SUNI', 'ON'):
	case WORD('SUNI', 'ONST'):
	case WORD('TOUC', 'H'):
	case WORD('UNLI', 'NK'):
	case WORD('WATC', 'H'):
		return &all_keys;
	case WORD('BLPO', 'P'):
	case WORD('BRPO', 'P'):
	case WORD('BZPO', 'PMAX'):
	case WORD('BZPO', 'PMIN'):
		return &keys_timeout;
	case WORD('BLMO', 'VE'):
	case WORD('BRPO', 'PLPU'):
	case WORD('LMOV', 'E'):
	case WORD('RENA', 'ME'):
	case WORD('RENA', 'MENX'):
	case WORD('RPOP', 'LPUS'):
	case WORD('SMOV', 'E'):
	case WORD('ZRAN', 'GEST'):
		return &two_keys;
	case WORD('MSET', 'NX'):
		return &pairs;
	case WORD('BITO', 'P'):
		return &operation_keys;
	case WORD('EVAL', '_RO'):
	case WORD('BLMP', 'OP'):
	case WORD('BZMP', 'OP'):
		return &script;
	case WORD('EVAL', 'SHA'):
	case WORD('EVAL', 'SHA_'):
	case WORD('FCAL', 'L'):
	case WORD('FCAL', 'L_RO'):
		return &function;
	case WORD('LMPO', 'P'):
	case WORD('SINT', 'ERCA'):
	case WORD('ZDIF', 'F'):
	case WORD('ZINT', 'ER'):
	case WORD('ZINT', 'ERCA'):
	case WORD('ZMPO', 'P'):
	case WORD('ZUNI', 'ON'):
		return &counted;
	case WORD('ZDIF', 'FSTO'):
	case WORD('ZINT', 'ERST'):
	case WORD('ZUNI', 'ONST'):
		return &into_counted;
	case WORD('XREA', 'D'):
	case WORD('XREA', 'DGRO'):
		return &reading;
	case WORD('MEMO', 'RY'):
	case WORD('OBJE', 'CT'):
	case WORD('XGRO', 'UP'):
	case WORD('XINF', 'O'):
		return &key_within;
	case WORD('MIGR', 'ATE'):
		return &migrate;
	case WORD('JSON', '.MGE'):
		return &keys_path;
	case WORD('JSON', '.MSE'):
	case WORD('TS.M', 'ADD'):
		return &triples;
	case WORD('SUBS', 'CRIB'):
	case WORD('PSUB', 'SCRI'):
	case WORD('SSUB', 'SCRI'):
		return &subscribe;
	case WORD('UNSU', 'BSCR'):
	case WORD('PUNS', 'UBSC'):
	case WORD('SUNS', 'UBSC'):
		return &unsubscribe;
	default:
		return NULL;
	}
}

void redis_classify(struct redis_command *c, bool reveal)
{
	struct sp_slice name = c->arg[0];
	uint64_t word = c->word = word_of(name);
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

/* The arguments from `i` on, what may not be shown as a question mark. */
static uint8_t *put_arguments(uint8_t *to, const struct redis_command *c, uint32_t i, uint32_t shown)
{
	for (; i < SP_MIN(c->args, (uint32_t)REDIS_ARGS_SHOWN); i++) {
		*to++ = ' ';
		if (i < c->n && shown >> i & 1)
			to = sp_put(to, (struct sp_slice){c->arg[i].p, SP_MIN(c->arg[i].n, (size_t)REDIS_TEXT_SHOWN)});
		else
			*to++ = '?';
	}
	return to;
}

/* The command, and what its first key has in common with others: names without parts may be anything. */
static struct sp_slice endpoint(uint8_t *to, const struct redis_command *c, uint32_t keys, struct sp_slice method)
{
	bool named = c->shape == &function, several;
	uint32_t key = named ? 1 : keys ? (uint32_t)__builtin_ctz(keys) : UINT32_MAX;
	if (key >= c->n)
		return method;
	uint8_t *begin = to;
	to = sp_put(to, method);
	*to++ = ' ';
	to = sp_name_write(to, c->arg[key], !named, &several);
	return several || named ? (struct sp_slice){begin, (size_t)(to - begin)} : method;
}

void redis_describe(struct sp_parse *p, const struct redis_command *c)
{
	const struct redis_shape *shape = c->shape;
	uint8_t *begin = sp_arena_get(p->arena, ROOM), *to = begin;
	if (!begin)
		return;
	uint32_t keys = shape == &one_key ? 2 : keys_of(c), shown = keys | shape->shown, i = 1;
	if (shape->shown & 1 || (p->reveal && !shape->secret))
		shown = UINT32_MAX;
	to = put_name(to, c);
	if (shape->two_words && c->n > 1) {
		*to++ = ' ';
		to = put_upper(to, c->arg[1]);
		i = 2;
	}
	struct sp_slice method = {begin, (size_t)(to - begin)};
	to = put_arguments(to, c, i, shown);
	p->msg.slot[SP_SLOT_METHOD] = method;
	p->msg.slot[SP_SLOT_RESOURCE] = (struct sp_slice){begin, (size_t)(to - begin)};
	p->msg.slot[SP_SLOT_ENDPOINT] = endpoint(to, c, keys, method);
}

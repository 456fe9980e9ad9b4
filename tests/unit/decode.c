/* SPDX-License-Identifier: Apache-2.0 */
/* Decode against frames whose contents are known; more is derived from each: the frame before an unmapped page, every
 * prefix of it as a cut packet and as a short frame, and its answer. */
#include "parsers/link/decode.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "parsers/link/checksum.h"
#include "tests/check.h"
#include "tests/unit/decode_invariants.h"

#define NO_TUNNELS UINT16_MAX
#define FRAME_MAX 1024

struct vector {
	const char *name;
	uint8_t link;
	struct sp_decode_conf conf; /* what differs from the default */
	const char *hex, *expected;
};

static const struct vector vectors[] = {
#define V(name, link, conf, hex, expected) {name, SP_LINK_##link, {CONF conf}, hex, expected},
#define CONF(...) __VA_ARGS__
#include "tests/unit/decode_vectors.h"
#undef V
};

struct text {
	char s[640];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	t->n += (size_t)vsnprintf(t->s + t->n, sizeof t->s - t->n, fmt, ap);
	va_end(ap);
}

static void put_addr(struct text *t, const char *before, const struct sp_addr *a)
{
	char s[SP_ADDR_TEXT_MAX];
	put(t, "%s%.*s", before, (int)sp_addr_format(s, a), s);
}

static void put_offset(struct text *t, const char *name, uint16_t offset)
{
	if (offset != SP_NOOFS)
		put(t, " %s %u", name, offset);
}

static void put_layers(struct text *t, const struct sp_layers *l)
{
	for (unsigned i = 0; i < l->n_vlan; i++)
		put(t, " vlan %u", l->vlan[i]);
	for (unsigned i = 0; i < l->n_mpls; i++)
		put(t, " mpls %u", l->mpls[i]);
	for (unsigned i = 0; i < l->n_tunnel; i++) {
		const struct sp_tunnel *u = &l->tunnel[i];
		put(t, " %s", sp_tunnel_type_name(u->type));
		if (u->has_id)
			put(t, "=%u", u->id);
		if (u->has_addr) {
			put_addr(t, "(", &u->src);
			put_addr(t, ">", &u->dst);
			put(t, ")");
		}
	}
	if (l->omitted)
		put(t, " omitted %u", l->omitted);
}

/* Sender > receiver by the key, offsets, payload, what is special, layers. A protocol in brackets is the packet's, when
 * the key is of what it quotes. */
static struct text describe(const struct sp_batch *b)
{
	static const char *const flags[] = {"fragment", "later", "cut",	      "quoted", "no-ports",
					    "tunnel",	"l4cut", "offloaded", "reverse"};
	const struct sp_pkt *p = &b->pkt[0];
	const struct sp_flow_key *k = &b->key[0];
	struct text t = {.n = 0};
	if (p->reason != SP_DECODE_OK) {
		put(&t, "%s", sp_decode_reason_name(p->reason));
		return t;
	}
	bool r = p->flags & SP_PKT_REVERSE;
	put(&t, "%u", k->proto);
	if (p->proto != k->proto)
		put(&t, "[%u]", p->proto);
	put_addr(&t, " ", r ? &k->hi : &k->lo);
	put(&t, "#%u", r ? k->hi_port : k->lo_port);
	put_addr(&t, " > ", r ? &k->lo : &k->hi);
	put(&t, "#%u", r ? k->lo_port : k->hi_port);
	put_offset(&t, "l2", p->l2);
	put_offset(&t, "l3", p->l3);
	put_offset(&t, "l4", p->l4);
	put_offset(&t, "l7", p->l7);
	put(&t, " +%u ttl %u", p->l7_len, p->ttl);
	if (p->tcp_flags)
		put(&t, " tcp %02x", p->tcp_flags);
	for (unsigned i = 0; i < SP_ARRAY_SIZE(flags); i++)
		if (p->flags >> i & 1)
			put(&t, " %s", flags[i]);
	if (p->layers)
		put_layers(&t, &b->layers[p->layers - 1]);
	return t;
}

static size_t from_hex(uint8_t *out, const char *hex)
{
	size_t n = 0;
	for (; hex[0] && hex[1]; hex += 2)
		out[n++] = (uint8_t)((isdigit((unsigned char)hex[0]) ? hex[0] - '0' : hex[0] - 'a' + 10) << 4 |
				     (isdigit((unsigned char)hex[1]) ? hex[1] - '0' : hex[1] - 'a' + 10));
	return n;
}

static struct sp_decode_conf conf_of(const struct vector *v)
{
	struct sp_decode_conf c = sp_decode_conf_default();
	c.hash_key = 0x0123456789abcdef;
	c.mirror = v->conf.mirror;
	c.keep = v->conf.keep;
	c.verify_checksums = v->conf.verify_checksums;
	c.sliced = v->conf.sliced;
	if (v->conf.max_tunnels == NO_TUNNELS)
		c.max_tunnels = 0;
	return c;
}

static const struct sp_batch *decode_with(const struct sp_decode_conf *conf, const struct vector *v,
					  const uint8_t *data, uint32_t cap, uint32_t wire)
{
	static struct sp_batch b;
	static const uint32_t space[] = {0, 42};
	memset(&b, 0xa5, sizeof b);
	sp_batch_begin(&b);
	b.n = 1;
	b.pkt[0] = (struct sp_pkt){.data = data, .cap_len = cap, .wire_len = wire, .link = v->link, .point = 1};
	sp_decode_batch(conf, space, &b);
	const char *broken = decode_broken(conf, &b, 0);
	if (broken)
		printf("# %s, %u of %u bytes: %s\n", v->name, cap, wire, broken);
	CHECK(!broken);
	return &b;
}

static const struct sp_batch *decode(const struct vector *v, const uint8_t *data, uint32_t cap, uint32_t wire)
{
	struct sp_decode_conf conf = conf_of(v);
	return decode_with(&conf, v, data, cap, wire);
}

/* A frame that ends where memory does. */
static uint8_t *before_guard(const uint8_t *data, size_t n)
{
	static uint8_t *pages;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (!pages) {
		pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE))
			abort();
	}
	return memcpy(pages + page - n, data, n);
}

static void check_vectors(void)
{
	for (size_t i = 0; i < SP_ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];
		uint8_t frame[FRAME_MAX];
		size_t n = from_hex(frame, v->hex);
		struct text got = describe(decode(v, before_guard(frame, n), (uint32_t)n, (uint32_t)n));
		if (!CHECK_STR(got.s, v->expected))
			printf("# in \"%s\"\n", v->name);
		if (getenv("PRINT"))
			printf("%s\t%s\n", v->name, got.s);
	}
}

/* What is cut off must not change what is there: a packet that still has the conversation of the whole one has its
 * lengths, too. */
static void check_prefixes(void)
{
	for (size_t i = 0; i < SP_ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];
		uint8_t frame[FRAME_MAX];
		uint32_t n = (uint32_t)from_hex(frame, v->hex);
		const struct sp_batch whole = *decode(v, frame, n, n);
		for (uint32_t cut = 0; cut < n; cut++) {
			decode(v, before_guard(frame, cut), cut, cut);
			const struct sp_batch *b = decode(v, before_guard(frame, cut), cut, n);
			const struct sp_pkt *p = &b->pkt[0], *w = &whole.pkt[0];
			if (p->reason != SP_DECODE_OK || w->reason != SP_DECODE_OK || p->l3 != w->l3)
				continue;
			CHECK(p->flags & SP_PKT_CUT);
			if (p->l4 != SP_NOOFS && !((p->flags ^ w->flags) & SP_PKT_QUOTED))
				CHECK(!memcmp(&b->key[0], &whole.key[0], sizeof b->key[0]));
			if (p->l7 != SP_NOOFS)
				CHECK_EQ(p->l7_len, w->l7_len);
			if (p->l4 != SP_NOOFS && b->key[0].proto == 6 &&
			    !(p->flags & (SP_PKT_QUOTED | SP_PKT_FRAGMENT)))
				CHECK_EQ(!(p->flags & SP_PKT_L4_CUT), cut >= p->l4 + 20U);
		}
	}
}

/* Ordinary packets take a straight line, unless checksums are looked at: both ways lead to the same. */
static void check_both_ways(void)
{
	for (size_t i = 0; i < SP_ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];
		uint8_t frame[FRAME_MAX];
		uint32_t n = (uint32_t)from_hex(frame, v->hex);
		struct sp_decode_conf conf = conf_of(v);
		conf.verify_checksums = false;
		const struct sp_batch straight = *decode_with(&conf, v, frame, n, n);
		conf.verify_checksums = true;
		const struct sp_batch *walked = decode_with(&conf, v, frame, n, n);
		const struct sp_pkt *p = &straight.pkt[0];
		if (p->reason != walked->pkt[0].reason || p->reason != SP_DECODE_OK || p->l3 != walked->pkt[0].l3)
			continue; /* the sum is wrong, or one inside is */
		CHECK(!memcmp(p, &walked->pkt[0], sizeof *p));
		CHECK(!memcmp(&straight.key[0], &walked->key[0], sizeof straight.key[0]));
		CHECK_EQ(straight.sign[0], walked->sign[0]);
		CHECK(!p->layers || !memcmp(&straight.layers[0], &walked->layers[0], sizeof straight.layers[0]));
	}
}

static uint32_t dice(uint32_t sides)
{
	static uint64_t state = 1;
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(state >> 33) % sides;
}

/* Something that is nearly always an ordinary packet, and often not quite. Returns its length. */
static uint32_t random_frame(uint8_t frame[FRAME_MAX])
{
	static const uint8_t protos[] = {6, 6, 6, 17, 17, 50, 89};
	static const uint8_t udp_ports[][2] = {{0, 53}, {0x12, 0xb5}, {0x08, 0x68}, {0xc0, 0x01}}; /* VXLAN, GTP-U */
	uint32_t n = 60 + dice(60), l3 = 14;
	for (uint32_t i = 0; i < FRAME_MAX; i++)
		frame[i] = (uint8_t)dice(256);
	bool v6 = !dice(4);
	if (!dice(4)) {
		frame[12] = 0x81;
		frame[13] = 0;
		frame[14] &= dice(2) ? 0xff : 0xf0;
		frame[15] = dice(4) ? frame[15] : 0;
		l3 = 18;
	}
	frame[l3 - 2] = v6 ? 0x86 : 0x08;
	frame[l3 - 1] = v6 ? 0xdd : 0;
	uint8_t *ip = frame + l3, *l4 = ip + (v6 ? 40 : 20), proto = protos[dice(SP_ARRAY_SIZE(protos))];
	ip[0] = dice(20) ? (v6 ? 0x60 : 0x45) : (uint8_t)dice(256);
	uint32_t len = n - l3 - (v6 ? 40 : 0) + (dice(10) ? 0 : dice(40)) - (dice(4) ? 0 : dice(30));
	ip[v6 ? 4 : 2] = (uint8_t)(len >> 8);
	ip[v6 ? 5 : 3] = (uint8_t)len;
	ip[v6 ? 6 : 9] = proto;
	if (!v6) {
		ip[6] = dice(20) ? 0x40 : ip[6];
		ip[7] = dice(20) ? 0 : ip[7];
		if (!dice(8))
			memcpy(ip + 16, ip + 12, 4);
	}
	if (proto == 6)
		l4[12] = dice(20) ? (uint8_t)((5 + dice(4)) << 4) : l4[12];
	else if (dice(20))
		memcpy(l4 + 2 * dice(2), udp_ports[dice(SP_ARRAY_SIZE(udp_ports))], 2);
	len = n - (uint32_t)(l4 - frame) - (dice(4) ? 0 : dice(30));
	if (proto == 17) {
		l4[4] = (uint8_t)(len >> 8);
		l4[5] = (uint8_t)len;
	}
	if (!v6) {
		ip[10] = ip[11] = 0;
		uint32_t header = (ip[0] & 15) * 4u;
		uint16_t sum = (uint16_t)~sp_checksum_fold(sp_checksum_add(0, ip, header));
		ip[10] = (uint8_t)(sum >> 8);
		ip[11] = (uint8_t)sum;
	}
	return n;
}

/* The same for many more packets than there are vectors: with checksums that nobody may look at. */
static void check_both_ways_at_random(void)
{
	static const uint32_t space[] = {0, 42};
	static struct sp_batch b[2];
	static uint8_t frame[FRAME_MAX];
	unsigned good = 0;
	for (unsigned i = 0; i < 300000; i++) {
		uint32_t n = random_frame(frame), cap = dice(4) ? n : dice(n + 1);
		const uint8_t *data = before_guard(frame, cap);
		for (unsigned way = 0; way < 2; way++) {
			struct sp_decode_conf conf = sp_decode_conf_default();
			conf.verify_checksums = way;
			sp_batch_begin(&b[way]);
			b[way].n = 1;
			b[way].pkt[0] = (struct sp_pkt){
				.data = data, .cap_len = cap, .wire_len = n, .point = 1, .flags = SP_PKT_CSUM_PENDING};
			sp_decode_batch(&conf, space, &b[way]);
			b[way].pkt[0].flags &= (uint16_t)~SP_PKT_CSUM_PENDING;
			CHECK(!decode_broken(&conf, &b[way], 0));
		}
		const struct sp_pkt *p = &b[0].pkt[0];
		bool same = !memcmp(p, &b[1].pkt[0], sizeof *p) && b[0].sign[0] == b[1].sign[0];
		if (p->reason == SP_DECODE_OK)
			same &= !memcmp(&b[0].key[0], &b[1].key[0], sizeof b->key[0]) &&
				(!p->layers || !memcmp(&b[0].layers[0], &b[1].layers[0], sizeof b->layers[0]));
		good += p->reason == SP_DECODE_OK && p->l4 != SP_NOOFS;
		if (!CHECK(same)) {
			printf("# frame %u\n", i);
			return;
		}
	}
	CHECK(good > 100000);
}

static void swap_bytes(uint8_t *a, uint8_t *b, size_t n)
{
	for (; n; n--, a++, b++) {
		uint8_t t = *a;
		*a = *b;
		*b = t;
	}
}

/* The answer to a packet: addresses and ports of the innermost conversation change places. */
static void answer(uint8_t *frame, const struct sp_pkt *p)
{
	bool v6 = frame[p->l3] >> 4 == 6;
	uint8_t *ip = frame + p->l3 + (v6 ? 8 : 12);
	swap_bytes(ip, ip + (v6 ? 16 : 4), v6 ? 16 : 4);
	if (!(p->flags & SP_PKT_NO_PORTS))
		swap_bytes(frame + p->l4, frame + p->l4 + 2, 2);
}

static void check_both_directions(void)
{
	for (size_t i = 0; i < SP_ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];
		uint8_t frame[FRAME_MAX];
		uint32_t n = (uint32_t)from_hex(frame, v->hex);
		const struct sp_batch there = *decode(v, frame, n, n);
		const struct sp_pkt *p = &there.pkt[0];
		if (p->reason != SP_DECODE_OK || p->flags & SP_PKT_QUOTED)
			continue;
		answer(frame, p);
		const struct sp_batch *back = decode(v, frame, n, n);
		CHECK(!memcmp(&back->key[0], &there.key[0], sizeof there.key[0]));
		CHECK_EQ(back->pkt[0].hash, p->hash);
		CHECK_EQ(back->pkt[0].flags ^ p->flags, SP_PKT_REVERSE);
	}
}

static const struct vector *named(const char *name)
{
	for (size_t i = 0; i < SP_ARRAY_SIZE(vectors); i++)
		if (!strcmp(vectors[i].name, name))
			return &vectors[i];
	printf("# no vector \"%s\"\n", name);
	abort();
}

static struct sp_batch decode_named(const char *name)
{
	const struct vector *v = named(name);
	static uint8_t frame[FRAME_MAX];
	uint32_t n = (uint32_t)from_hex(frame, v->hex);
	return *decode(v, frame, n, n);
}

static uint32_t space_of(const char *name)
{
	return decode_named(name).pkt[0].space;
}

static void check_spaces(void)
{
	CHECK_EQ(space_of("ipv4 tcp"), 42);
	CHECK_EQ(space_of("priority tag is no vlan"), 42);
	CHECK_EQ(space_of("mpls ipv4"), 42);
	CHECK(space_of("vlan") != 42);
	CHECK(space_of("vxlan") != 42);
	CHECK(space_of("vxlan") != space_of("vxlan in vxlan with a vlan"));
	CHECK_EQ(space_of("vxlan"), space_of("vxlan, old linux port"));
	CHECK_EQ(space_of("vxlan"), space_of("vxlan over ipv6"));
	/* identifiers that differ by direction do not count */
	CHECK_EQ(space_of("erspan 2"), space_of("erspan 1"));
	CHECK_EQ(space_of("l2tp 2 data"), space_of("l2tp 3 over ip, sublayer"));
	CHECK(space_of("gre bridging with a key") != space_of("nvgre"));
	/* mirror transport leaves no trace, its own VLANs included */
	CHECK_EQ(space_of("erspan is mirror transport"), 42);
	CHECK_EQ(space_of("vxlan is mirror transport"), space_of("vlan 6"));
}

static void check_own_key(void)
{
	struct sp_batch b = decode_named("icmp port unreachable");
	struct sp_decode_conf conf = conf_of(named("icmp port unreachable"));
	CHECK(b.pkt[0].flags & SP_PKT_QUOTED);
	CHECK_EQ(b.key[0].proto, 17);
	sp_decode_icmp_own_key(conf.hash_key, &b.pkt[0], &b.key[0]);
	struct text t = describe(&b);
	CHECK_STR(t.s, "1 198.51.100.7#0 > 192.0.2.1#771 l2 0 l3 14 l4 34 l7 42 +34 ttl 64 no-ports reverse");
	CHECK_EQ(b.pkt[0].hash, (uint32_t)sp_flow_key_hash(&b.key[0], conf.hash_key));
}

static void check_fragments(void)
{
	struct sp_batch b = decode_named("first fragment");
	struct sp_fragment f = sp_decode_fragment(&b.pkt[0]);
	CHECK(f.id == 7 && f.offset == 0 && f.len == 32 && f.at == 34 && f.more && !f.v6);
	b = decode_named("later fragment");
	f = sp_decode_fragment(&b.pkt[0]);
	CHECK(f.id == 7 && f.offset == 32 && f.len == 20 && f.at == 34 && !f.more);
	b = decode_named("ipv6 later fragment");
	f = sp_decode_fragment(&b.pkt[0]);
	CHECK(f.id == 99 && f.offset == 32 && f.len == 20 && f.at == 62 && !f.more && f.v6);
}

/* The table takes buckets from one end of the hash and tags from the other: both ends must spread keys that differ as
 * little as those of neighbouring flows do. With as many keys as slots, a random hash leaves 1/e of them empty. */
static void check_hash_spread(void)
{
	enum { BITS = 16, SLOTS = 1 << BITS };
	static uint8_t low[SLOTS], high[SLOTS];
	for (unsigned way = 0; way < 4; way++) {
		memset(low, 0, sizeof low);
		memset(high, 0, sizeof high);
		for (uint32_t i = 0; i < SLOTS; i++) {
			struct sp_flow_key k = {.proto = 6, .lo_port = 80, .hi_port = 1024};
			sp_addr_parse(&k.lo, way == 3 ? "2001:db8::1" : "10.0.0.1");
			sp_addr_parse(&k.hi, way == 3 ? "2001:db8::2" : "10.0.0.2");
			if (way == 0)
				k.hi_port = (uint16_t)i;
			else if (way == 1)
				k.space = i;
			else
				memcpy(k.hi.b + 13, &i, 2);
			uint32_t h = (uint32_t)sp_flow_key_hash(&k, 0);
			low[h & (SLOTS - 1)] = 1;
			high[h >> (32 - BITS)] = 1;
		}
		unsigned n_low = 0, n_high = 0;
		for (uint32_t i = 0; i < SLOTS; i++) {
			n_low += low[i];
			n_high += high[i];
		}
		if (!CHECK(n_low > SLOTS * 62 / 100 && n_high > SLOTS * 62 / 100))
			printf("# way %u: %u and %u of %u slots used\n", way, n_low, n_high, SLOTS);
	}
}

int main(void)
{
	RUN(check_vectors);
	RUN(check_prefixes);
	RUN(check_both_ways);
	RUN(check_both_ways_at_random);
	RUN(check_both_directions);
	RUN(check_spaces);
	RUN(check_own_key);
	RUN(check_fragments);
	RUN(check_hash_spread);
	return check_done();
}

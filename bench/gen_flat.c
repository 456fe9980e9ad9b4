/* SPDX-License-Identifier: Apache-2.0 */
/* `flows` and `calls`: no clock but the packet number, exact by construction. */
#include "bench/gen_app.h"

#include <stdlib.h>

#define OPAQUE_UDP_PORT 9999

/* A connection or a pair of UDP ports of either kind: 2 million of them are kept, so it is small. */
struct flat {
	uint32_t nxt[2]; /* sequence number; UDP: only the IP identification */
	uint32_t tsval[2];
	uint32_t client_ip, server_ip;
	uint32_t left; /* calls */
	uint16_t client_port, server_port;
	uint8_t phase, app;
};

static struct gen_pair pair_of(const struct flat *f)
{
	return (struct gen_pair){.ip = {f->client_ip, f->server_ip},
				 .port = {f->client_port, f->server_port},
				 .ip_id = {(uint16_t)f->nxt[0], (uint16_t)f->nxt[1]},
				 .app = f->app};
}

static struct gen_truth *truth_of(struct gen_out *out, const struct flat *f)
{
	struct gen_pair pair = pair_of(f);
	return gen_truth_of(out, &pair);
}

static void send(struct gen_out *out, struct flat *f, enum gen_dir dir, uint8_t flags, uint64_t t,
		 const struct gen_bytes *b)
{
	struct gen_pair pair = pair_of(f);
	f->tsval[dir] += 3;
	struct gen_seg s = {.t_ns = t,
			    .seq = f->nxt[dir],
			    .ack = flags & GEN_ACK ? f->nxt[!dir] : 0,
			    .tsval = f->tsval[dir],
			    .tsecr = flags & GEN_ACK ? f->tsval[!dir] : 0,
			    .window = GEN_WINDOW,
			    .dir = dir,
			    .flags = flags,
			    .n = b ? (uint32_t)b->n : 0,
			    .p = b ? b->p : NULL};
	gen_tcp(out, &pair, &s);
	f->nxt[dir] += s.n + !!(flags & (GEN_SYN | GEN_FIN));
}

static void datagram(struct gen_out *out, struct flat *f, enum gen_dir dir, uint64_t t, const struct gen_bytes *b)
{
	struct gen_pair pair = pair_of(f);
	f->nxt[dir]++;
	gen_udp(out, &pair, dir, t, b->p, (uint32_t)b->n);
}

static void init(struct flat *f, struct gen_rng *rng, uint32_t i, uint8_t app, uint16_t port)
{
	*f = (struct flat){.client_ip = 0x0a000000u + (i / 28000 << 8) + 1 + i % 200,
			   .server_ip = 0xac100000u + i % 4096 + 1,
			   .client_port = (uint16_t)(32768 + i % 28000),
			   .server_port = port,
			   .app = app};
	for (int d = 0; d < 2; d++) {
		f->nxt[d] = (uint32_t)gen_next(rng);
		f->tsval[d] = (uint32_t)gen_next(rng);
	}
}

static bool is_udp(const struct flat *f)
{
	return f->server_port == 53 || f->server_port == OPAQUE_UDP_PORT;
}

/* One pair of ends, on which `times` flows lived one after another. */
static void count_flow(struct gen_out *out, const struct flat *f, uint64_t times)
{
	struct gen_truth *t = truth_of(out, f);
	t->tuples++;
	t->flows += times;
	*(is_udp(f) ? &t->udp_flows : &t->tcp_flows) += times;
}

/* Client's or server's bytes of a call: small, as a key and a value would be. */
static void request(struct gen_bytes *b, struct gen_rng *rng, struct gen_call *call, uint8_t app)
{
	b->n = 0;
	call->id = gen_below(rng, 1000000);
	switch (app) {
	case GEN_HTTP:
		gen_printf(
			b,
			"GET /item/%u HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n",
			call->id);
		break;
	case GEN_REDIS:
		gen_printf(b, "*2\r\n$3\r\nGET\r\n$10\r\nkey:%06u\r\n", call->id);
		break;
	case GEN_DNS:
		gen_dns_request(b, rng, call, false);
		break;
	default:
		gen_put_noise(b, rng, gen_range(rng, 30, 100));
	}
}

static void response(struct gen_bytes *b, struct gen_rng *rng, const struct gen_call *call, uint8_t app)
{
	b->n = 0;
	switch (app) {
	case GEN_HTTP:
		gen_printf(b, "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 6\r\n\r\n%06u", call->id);
		break;
	case GEN_REDIS:
		gen_printf(b, "$16\r\nvalue-%010u\r\n", call->id);
		break;
	case GEN_DNS:
		gen_dns_response(b, call);
		break;
	default:
		gen_put_noise(b, rng, gen_range(rng, 30, 100));
	}
}

static void shuffle(uint32_t *order, uint32_t n, struct gen_rng *rng)
{
	for (uint32_t i = n; i > 1; i--) {
		uint32_t k = gen_below(rng, i), v = order[i - 1];
		order[i - 1] = order[k];
		order[k] = v;
	}
}

/* Five passes over all flows, each in a fresh order: SYN, SYN-ACK, ACK, request, response; UDP in the last two. Nobody
 * waits longer than 5 s for a handshake: its passes take 5.1 s of the 30, and half of the flows go first in each of
 * them. */
#define SPAN_NS UINT64_C(30000000000)
#define OPENING_NS UINT64_C(5100000000)
struct flows {
	struct gen_out *out;
	struct flat *flat;
	uint32_t *order;
	uint32_t n;
	uint64_t t, open_step, step;
	struct gen_bytes bytes;
};

static void flows_packet(struct flows *r, uint32_t i, int pass)
{
	static const uint8_t flags[] = {GEN_SYN, GEN_SYN | GEN_ACK, GEN_ACK, GEN_ACK | GEN_PSH, GEN_ACK | GEN_PSH};
	struct flat *f = &r->flat[i];
	bool udp = is_udp(f);
	if (udp && pass < 3)
		return;
	enum gen_dir dir = pass == 1 || pass == 4 ? GEN_S2C : GEN_C2S;
	if (pass >= 3) {
		struct gen_rng rng = {(uint64_t)i * 2654435761u}; /* the same call for both halves */
		struct gen_call call;
		request(&r->bytes, &rng, &call, f->app);
		if (pass == 4)
			response(&r->bytes, &rng, &call, f->app);
		else if (f->app != GEN_OPAQUE)
			truth_of(r->out, f)->requests[f->app]++;
	}
	r->t += pass < 3 ? r->open_step : r->step / 2 + gen_next(&r->out->rng) % r->step;
	if (udp)
		datagram(r->out, f, dir, r->t, &r->bytes);
	else
		send(r->out, f, dir, flags[pass], r->t, pass >= 3 ? &r->bytes : NULL);
}

/* The mix of 2.1 million: of 21 flows 17 are TCP (every second HTTP) and 4 UDP (every second DNS). Fewer flows get as
 * many generations as make up the packets: every connection begins again on its own ports, with new sequence numbers.
 */
void gen_flows(struct gen_out *out, const struct gen_args *args)
{
	uint32_t n = (uint32_t)(args->flows ? args->flows : 2100000), tcp = 0;
	struct flows r = {
		.out = out, .flat = gen_alloc(n * sizeof *r.flat), .order = gen_alloc(n * sizeof *r.order), .n = n};
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = i % 21, pair = i / 21;
		bool udp = k >= 17, named = (k + pair) % 2;
		r.order[i] = i;
		init(&r.flat[i], &out->rng, i, named ? (udp ? GEN_DNS : GEN_HTTP) : GEN_OPAQUE,
		     udp ? (named ? 53 : OPAQUE_UDP_PORT) : (named ? 80 : 5000));
		tcp += !udp;
	}
	uint64_t once = (uint64_t)tcp * 5 + (uint64_t)(n - tcp) * 2, want = args->packets ? args->packets : 9300000;
	uint64_t generations = want > once ? (want + once / 2) / once : 1;
	r.open_step = OPENING_NS / ((uint64_t)tcp * 3 * generations);
	r.step = (SPAN_NS - OPENING_NS) / ((uint64_t)n * 2 * generations);
	for (uint64_t g = 0; g < generations; g++) {
		shuffle(r.order, n, &out->rng);
		for (int pass = 0; pass < 5; pass++) {
			uint32_t half = pass < 3 ? n / 2 : 0;
			shuffle(r.order, half, &out->rng);
			shuffle(r.order + half, n - half, &out->rng);
			for (uint32_t i = 0; i < n; i++)
				flows_packet(&r, r.order[i], pass);
		}
		for (uint32_t i = 0; i < n; i++)
			for (int d = 0; d < 2; d++)
				r.flat[i].nxt[d] += UINT32_C(0x40000000) + gen_below(&out->rng, 1 << 20);
	}
	for (uint32_t i = 0; i < n; i++)
		count_flow(out, &r.flat[i], is_udp(&r.flat[i]) ? 1 : generations);
	free(r.flat);
	free(r.order);
	free(r.bytes.p);
}

enum { SYN, SYN_ACK, ACK, REQUEST, RESPONSE, RESPONSE_ACK, FIN, FIN_BACK, LAST_ACK, OVER };

/* The next packet of a conversation. Returns false after its last one. */
static bool calls_packet(struct gen_out *out, struct flat *f, struct gen_call *call, uint64_t t, struct gen_bytes *b)
{
	switch (f->phase++) {
	case SYN:
		send(out, f, GEN_C2S, GEN_SYN, t, NULL);
		break;
	case SYN_ACK:
		send(out, f, GEN_S2C, GEN_SYN | GEN_ACK, t, NULL);
		break;
	case REQUEST:
		request(b, &out->rng, call, f->app);
		truth_of(out, f)->requests[f->app]++;
		if (f->app == GEN_DNS)
			datagram(out, f, GEN_C2S, t, b);
		else
			send(out, f, GEN_C2S, GEN_ACK | GEN_PSH, t, b);
		break;
	case RESPONSE:
		response(b, &out->rng, call, f->app);
		f->left--;
		if (f->app == GEN_DNS) {
			datagram(out, f, GEN_S2C, t, b);
			f->phase = f->left ? REQUEST : OVER;
		} else {
			send(out, f, GEN_S2C, GEN_ACK | GEN_PSH, t, b);
		}
		break;
	case ACK:
	case LAST_ACK:
		send(out, f, GEN_C2S, GEN_ACK, t, NULL);
		break;
	case RESPONSE_ACK:
		send(out, f, GEN_C2S, GEN_ACK, t, NULL);
		f->phase = f->left ? REQUEST : FIN;
		break;
	case FIN:
		send(out, f, GEN_C2S, GEN_FIN | GEN_ACK, t, NULL);
		break;
	case FIN_BACK:
		send(out, f, GEN_S2C, GEN_FIN | GEN_ACK, t, NULL);
		break;
	}
	return f->phase != OVER;
}

void gen_calls(struct gen_out *out, const struct gen_args *args)
{
	static const struct {
		uint8_t app;
		uint16_t port;
	} apps[3] = {{GEN_HTTP, 80}, {GEN_REDIS, 6379}, {GEN_DNS, 53}};
	uint32_t n = (uint32_t)(args->flows ? args->flows : 6000);
	/* Three of them make 12 packets beside their calls, and 8 a call. */
	double packets = args->packets ? (double)args->packets : 3224000, each = (packets / n * 3 - 12) / 8 + 0.5;
	struct flat *flat = gen_alloc(n * sizeof *flat);
	struct gen_call *call = gen_alloc(n * sizeof *call);
	uint32_t *live = gen_alloc(n * sizeof *live);
	for (uint32_t i = 0; i < n; i++) {
		init(&flat[i], &out->rng, i, apps[i % 3].app, apps[i % 3].port);
		flat[i].left = each < 1 ? 1 : (uint32_t)each;
		flat[i].phase = flat[i].app == GEN_DNS ? REQUEST : SYN;
		live[i] = i;
		count_flow(out, &flat[i], 1);
	}
	struct gen_bytes bytes = {0};
	for (uint64_t t = 0; n;) {
		uint32_t k = gen_below(&out->rng, n), i = live[k];
		t += 2000 + gen_below(&out->rng, 8000);
		if (!calls_packet(out, &flat[i], &call[i], t, &bytes))
			live[k] = live[--n];
	}
	free(bytes.p);
	free(live);
	free(call);
	free(flat);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* `mix` and `small`: what a tap in front of a few servers sees in 18 or 20 seconds. `http`, `pipeline`, `selects`,
 * `names` and `idle`: one protocol alone. */
#include "bench/gen_stream.h"

#include <stdlib.h>

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define SEC UINT64_C(1000000000)

enum { PLAIN, PIPELINED, ONE_SHOT, SHORT, SHORT_PIPELINED, STAYS_OPEN };

#define HTTP_BODY 10000
#define HTTP_SHORT_BODY 200

/* One sort of conversation: how many, how many exchanges in all, and when. */
struct class
{
	enum gen_app app;
	uint8_t style;
	uint16_t port;
	uint32_t conns, exchanges;
	uint64_t starts_within, pace_max; /* ns */
};

static const struct class mix_classes[] = {
	{GEN_HTTP, PLAIN, 80, 3287, 29869, 16500 * MS, 120 * MS},
	{GEN_REDIS, PLAIN, 6379, 800, 180000, 14000 * MS, 20 * MS},
	{GEN_REDIS, PIPELINED, 6379, 290, 37000, 14000 * MS, 20 * MS},
	{GEN_MYSQL, PLAIN, 3306, 78, 127000, 1500 * MS, SEC},
	{GEN_TLS, PLAIN, 443, 920, 7400, 16000 * MS, 100 * MS},
	{GEN_DNS, PLAIN, 53, 157, 54000, SEC, SEC},
};

static const struct class small_classes[] = {
	{GEN_REDIS, SHORT, 6379, 100, 1020000, SEC, SEC},
	{GEN_REDIS, ONE_SHOT, 6379, 20000, 20000, 19500 * MS, SEC},
	{GEN_DNS, SHORT, 53, 6000, 600000, SEC, SEC},
};

static const struct class http_class = {GEN_HTTP, SHORT, 80, 200, 40000, SEC, SEC};
static const struct class pipeline_class = {GEN_REDIS, SHORT_PIPELINED, 6379, 100, 100000, SEC, SEC};
static const struct class selects_class = {GEN_MYSQL, SHORT, 3306, 100, 400000, SEC, SEC};
static const struct class names_class = {GEN_DNS, SHORT, 53, 2000, 1000000, SEC, SEC};
static const struct class idle_class = {GEN_HTTP, STAYS_OPEN, 80, 300000, 300000, 17 * SEC, SEC};

struct begin {
	uint64_t at;
	uint32_t serial;
	uint8_t class;
};

struct run {
	struct gen_out *out;
	const struct class *classes;
	struct begin *begin;
	uint32_t n, next;
	uint64_t end;
	double busy; /* exchanges to make, of those in the table */
};

static int by_start(const void *a, const void *b)
{
	const struct begin *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->serial < y->serial ? -1 : 1;
}

static struct gen_conv *start(void *ctx)
{
	struct run *run = ctx;
	if (run->next == run->n)
		return NULL;
	const struct begin *b = &run->begin[run->next++];
	const struct class *class = &run->classes[b->class];
	struct gen_conv *c = gen_alloc(sizeof *c);
	gen_conv_init(c, run->out, b->at);
	c->kind = b->class;
	c->udp = class->app == GEN_DNS;
	/* Client and port from the serial number: no two conversations share a tuple. */
	c->pair = (struct gen_pair){
		.ip = {0x0a010000u + b->serial % 250 + (b->serial / 250 % 200 << 8), 0x0a020000u + class->app + 10},
		.port = {(uint16_t)(32768 + (b->serial / 50000 * 250 + b->serial) % 28000), class->port},
		.app = class->app};
	double mean = (double)class->exchanges * run->busy / class->conns;
	c->left = mean < 1.5 ? 1 : 1 + gen_below(&c->rng, (uint32_t)(2 * mean - 1));
	if (class->style == SHORT || class->style == SHORT_PIPELINED)
		c->left = (uint32_t)(mean + 0.5);
	c->pace = class->pace_max;
	c->truth = gen_truth_of(run->out, &c->pair);
	c->truth->tuples++;
	if (c->udp) {
		c->truth->flows++;
		c->truth->udp_flows++;
	}
	return c;
}

/* Idle time until the next exchange, so that the conversation ends when the capture does. */
static uint64_t wait(const struct run *run, struct gen_conv *c)
{
	uint64_t taken = c->far[0] + c->far[1] + 3 * MS, pace = c->now < run->end ? (run->end - c->now) / c->left : 0;
	pace = pace > c->pace ? c->pace : pace > taken ? pace - taken : 0;
	return 20 * US + pace / 5 + gen_next(&c->rng) % (pace * 8 / 5 + 1);
}

static uint64_t service(struct gen_conv *c)
{
	return gen_below(&c->rng, 50) ? gen_range(&c->rng, 50, 2000) * US : gen_range(&c->rng, 2, 90) * MS;
}

static enum gen_mishap mishap(struct gen_conv *c)
{
	uint32_t p = gen_below(&c->rng, 1000);
	return p < 35	? GEN_LOST_BEHIND
	       : p < 45 ? GEN_LOST_TAIL
	       : p < 55 ? GEN_LOST_BEFORE
	       : p < 98 ? GEN_ZERO_WINDOW
			: GEN_NONE;
}

static void count(struct gen_conv *c, const struct gen_call *call)
{
	c->truth->requests[c->pair.app]++;
	c->truth->errors[c->pair.app] += call->error;
}

/* One half of an exchange a call: the request on even steps, the answer on odd ones. */
static bool http(struct run *run, struct gen_conv *c)
{
	bool last = c->left == 1;
	if (c->step++ % 2 == 0) {
		gen_http_request(&c->bytes, &c->rng, c->call, last);
		count(c, c->call);
		gen_conv_send(c, GEN_C2S, service(c), GEN_NONE);
		return true;
	}
	gen_http_response(&c->bytes, &c->rng, c->call, last);
	gen_conv_send(c, GEN_S2C, last ? 100 * US : wait(run, c), mishap(c));
	c->left--;
	return true;
}

static bool http_alone(struct run *run, struct gen_conv *c, uint32_t body)
{
	if (c->step++ % 2 == 0) {
		gen_http_get(&c->bytes, &c->rng, c->call);
		count(c, c->call);
		gen_conv_send(c, GEN_C2S, service(c), GEN_NONE);
		return true;
	}
	gen_http_body(&c->bytes, &c->rng, body);
	c->left--;
	gen_conv_send(c, GEN_S2C, c->left ? wait(run, c) : 100 * US, GEN_NONE);
	return true;
}

static void short_request(struct gen_conv *c, struct gen_call *call)
{
	call->id = gen_below(&c->rng, 100000);
	call->verb = call->id & 1;
	call->error = false;
	if (call->verb)
		gen_printf(&c->bytes, "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000%06u\r\n$16\r\nxxxxxxxx%08x\r\n", call->id,
			   call->id);
	else
		gen_printf(&c->bytes, "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000%06u\r\n", call->id);
}

static bool redis(struct run *run, struct gen_conv *c, uint8_t style)
{
	bool full_size = style == PLAIN || style == PIPELINED;
	if (c->step++ % 2 == 0) {
		c->batch = style == PIPELINED ? 8 : style == SHORT_PIPELINED ? 16 : 1;
		for (uint32_t i = 0; i < c->batch; i++) {
			if (full_size)
				gen_redis_request(&c->bytes, &c->rng, &c->call[i]);
			else
				short_request(c, &c->call[i]);
			count(c, &c->call[i]);
		}
		gen_conv_send(c, GEN_C2S, gen_range(&c->rng, 10, 200) * US, GEN_NONE);
		return true;
	}
	for (uint32_t i = 0; i < c->batch; i++) {
		if (full_size)
			gen_redis_response(&c->bytes, &c->rng, &c->call[i]);
		else if (c->call[i].verb)
			gen_printf(&c->bytes, "+OK\r\n");
		else
			gen_printf(&c->bytes, "$16\r\nxxxxxxxx%08x\r\n", c->call[i].id);
	}
	c->left--;
	gen_conv_send(c, GEN_S2C, c->left ? wait(run, c) : 100 * US, GEN_NONE);
	return true;
}

static bool mysql(struct run *run, struct gen_conv *c, uint8_t style)
{
	switch (c->step++) {
	case 0:
		gen_mysql_greeting(&c->bytes, &c->rng);
		gen_conv_send(c, GEN_S2C, 300 * US, GEN_NONE);
		return true;
	case 1:
		gen_mysql_login(&c->bytes, &c->rng);
		gen_conv_send(c, GEN_C2S, 200 * US, GEN_NONE);
		return true;
	case 2:
		gen_mysql_ok(&c->bytes, 2);
		gen_conv_send(c, GEN_S2C, wait(run, c), GEN_NONE);
		return true;
	case 3:
		if (style == SHORT)
			gen_mysql_select(&c->bytes, &c->rng, c->call);
		else
			gen_mysql_request(&c->bytes, &c->rng, c->call);
		count(c, c->call);
		gen_conv_send(c, GEN_C2S, service(c), GEN_NONE);
		return true;
	}
	gen_mysql_response(&c->bytes, &c->rng, c->call);
	gen_conv_send(c, GEN_S2C, wait(run, c), GEN_NONE);
	c->left--;
	c->step = 3;
	return true;
}

static bool tls(struct run *run, struct gen_conv *c)
{
	if (!c->step)
		c->call->id = gen_below(&c->rng, 100000);
	if (c->step < 3) {
		gen_tls_handshake(&c->bytes, &c->rng, c->call, (int)c->step);
		if (c->step == 2)
			count(c, c->call);
		gen_conv_send(c, c->step == 1 ? GEN_S2C : GEN_C2S, gen_range(&c->rng, 100, 900) * US, GEN_NONE);
		c->step++;
		return true;
	}
	if (c->step++ % 2) {
		gen_tls_data(&c->bytes, &c->rng, gen_range(&c->rng, 80, 900));
		gen_conv_send(c, GEN_C2S, service(c), GEN_NONE);
		return true;
	}
	gen_tls_data(&c->bytes, &c->rng, gen_range(&c->rng, 300, 34000));
	c->left--;
	gen_conv_send(c, GEN_S2C, c->left ? wait(run, c) : 100 * US, mishap(c));
	return true;
}

static bool dns(struct run *run, struct gen_conv *c, uint8_t style)
{
	if (!c->left)
		return false;
	if (c->step++ % 2 == 0) {
		gen_dns_request(&c->bytes, &c->rng, c->call, style != SHORT);
		count(c, c->call);
		gen_conv_datagram(c, GEN_C2S, c->now);
		c->now += gen_range(&c->rng, 40, 3000) * US;
		return true;
	}
	gen_dns_response(&c->bytes, c->call);
	gen_conv_datagram(c, GEN_S2C, c->now);
	c->now += wait(run, c);
	c->left--;
	return true;
}

static bool more(void *ctx, struct gen_conv *c)
{
	struct run *run = ctx;
	const struct class *class = &run->classes[c->kind];
	if (class->app == GEN_DNS)
		return dns(run, c, class->style);
	if (c->closed)
		return false;
	if (!c->left) {
		if (class->style == STAYS_OPEN)
			return false;
		if (class->app == GEN_MYSQL) {
			gen_mysql_quit(&c->bytes);
			gen_conv_send(c, GEN_C2S, 50 * US, GEN_NONE);
		}
		gen_conv_close(c, class->app == GEN_HTTP ? GEN_S2C : GEN_C2S);
		c->closed = true;
		return true;
	}
	if (!c->step)
		gen_conv_open(c);
	switch (class->app) {
	case GEN_HTTP:
		return class->style == SHORT	    ? http_alone(run, c, HTTP_BODY)
		       : class->style == STAYS_OPEN ? http_alone(run, c, HTTP_SHORT_BODY)
						    : http(run, c);
	case GEN_REDIS:
		return redis(run, c, class->style);
	case GEN_MYSQL:
		return mysql(run, c, class->style);
	default:
		return tls(run, c);
	}
}

static void run_classes(struct gen_out *out, const struct gen_args *args, const struct class *table, uint32_t n,
			uint64_t end, double packets, double flows)
{
	double conns = args->flows ? (double)args->flows / flows : 1,
	       busy = args->packets ? (double)args->packets / packets : 1;
	struct class *classes = gen_alloc(n * sizeof *classes);
	struct run run = {.out = out, .classes = classes, .end = end, .busy = busy};
	for (uint32_t i = 0; i < n; i++) {
		classes[i] = table[i];
		double want = table[i].conns * conns + 0.5;
		classes[i].conns = want < 1 ? 1 : (uint32_t)want;
		/* One exchange is the least that a conversation has: a small capture of many has fewer of them. */
		double most = classes[i].exchanges * busy + 1;
		if (classes[i].conns > most)
			classes[i].conns = (uint32_t)most;
		run.n += classes[i].conns;
	}
	run.begin = gen_alloc(run.n * sizeof *run.begin);
	uint32_t serial = 0;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < classes[i].conns; k++, serial++)
			run.begin[serial] =
				(struct begin){gen_next(&out->rng) % classes[i].starts_within, serial, (uint8_t)i};
	qsort(run.begin, run.n, sizeof *run.begin, by_start);
	struct gen_schedule schedule = {start, more, &run};
	gen_run(out, &schedule);
	free(run.begin);
	free(classes);
}

void gen_mix(struct gen_out *out, const struct gen_args *args)
{
	run_classes(out, args, mix_classes, sizeof mix_classes / sizeof *mix_classes, 17800 * MS, 1775000, 5532);
}

void gen_small(struct gen_out *out, const struct gen_args *args)
{
	run_classes(out, args, small_classes, sizeof small_classes / sizeof *small_classes, 19800 * MS, 3400000, 26100);
}

static void run_alone(struct gen_out *out, const struct gen_args *args, const struct class *class, double packets)
{
	run_classes(out, args, class, 1, 17800 * MS, packets, class->conns);
}

void gen_http(struct gen_out *out, const struct gen_args *args)
{
	run_alone(out, args, &http_class, 474000);
}

void gen_pipeline(struct gen_out *out, const struct gen_args *args)
{
	run_alone(out, args, &pipeline_class, 201000);
}

void gen_selects(struct gen_out *out, const struct gen_args *args)
{
	run_alone(out, args, &selects_class, 805000);
}

void gen_names(struct gen_out *out, const struct gen_args *args)
{
	run_alone(out, args, &names_class, 2000000);
}

void gen_idle(struct gen_out *out, const struct gen_args *args)
{
	run_alone(out, args, &idle_class, 1503000);
}

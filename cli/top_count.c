/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "cli/top.h"

#define PLACES 262144	  /* names that are told apart, each way */
#define PLACES_FLOWS 8192 /* flows for a page, of which some are shown */
#define HISTS_MAX 65536

const char *const sp_top_by_name[SP_TOP_BYS] = {
#define X(sym, name, names, size) [SP_TOP_##sym] = name,
	SP_TOP_BY(X)
#undef X
};

const char *const sp_top_by_names[SP_TOP_BYS] = {
#define X(sym, name, names, size) [SP_TOP_##sym] = names,
	SP_TOP_BY(X)
#undef X
};

const char *const sp_top_sort_name[SP_TOP_SORTS] = {
#define X(sym, name) [SP_TOP_SORT_##sym] = name,
	SP_TOP_SORT(X)
#undef X
};

static const size_t name_size[SP_TOP_BYS] = {
#define X(sym, name, names, size) [SP_TOP_##sym] = size,
	SP_TOP_BY(X)
#undef X
};

#define NAME_MAX_ 192

/* --- lines --- */

#define KEYS(X)                                                                                                        \
	X(flow_id)                                                                                                     \
	X(point)                                                                                                       \
	X(start_ns)                                                                                                    \
	X(end_ns)                                                                                                      \
	X(client_ip)                                                                                                   \
	X(client_port)                                                                                                 \
	X(server_ip)                                                                                                   \
	X(server_port)                                                                                                 \
	X(proto)                                                                                                       \
	X(app_proto)                                                                                                   \
	X(packets_c2s)                                                                                                 \
	X(packets_s2c)                                                                                                 \
	X(bytes_c2s)                                                                                                   \
	X(bytes_s2c)                                                                                                   \
	X(retrans_c2s)                                                                                                 \
	X(retrans_s2c)                                                                                                 \
	X(zero_window_c2s)                                                                                             \
	X(zero_window_s2c)                                                                                             \
	X(close_reason)                                                                                                \
	X(failure)                                                                                                     \
	X(rrt_us)                                                                                                      \
	X(method)                                                                                                      \
	X(endpoint)                                                                                                    \
	X(status)                                                                                                      \
	X(request_bytes)                                                                                               \
	X(response_bytes)

enum key {
#define X(name) K_##name,
	KEYS(X)
#undef X
		KEYS_N
};

static struct sp_json_keys keys = {
	.name =
		{
#define X(name) [K_##name] = #name,
			KEYS(X)
#undef X
		},
	.n = KEYS_N,
};
static_assert(KEYS_N <= SP_JSON_KEYS_MAX, "");

/* A line's values that are wanted. */
struct line {
	const struct sp_json *j;
	uint32_t v[KEYS_N];
};

static bool read_line(struct line *l, const struct sp_json *j)
{
	l->j = j;
	sp_json_pick(j, 1, &keys, l->v);
	return l->v[K_flow_id] && l->v[K_client_ip] && l->v[K_server_ip];
}

static uint64_t number(const struct line *l, enum key key)
{
	return sp_json_number(l->j, l->v[key]);
}

static bool is(const struct line *l, enum key key, const char *text)
{
	const struct sp_json_value *v = &l->j->v[l->v[key]];
	return v->n == strlen(text) && !memcmp(l->j->text + v->at, text, v->n);
}

/* --- names --- */

struct name {
	_Alignas(8) char s[NAME_MAX_]; /* or a flow's key */
	size_t n, room;
};

static void put(struct name *name, const char *text, size_t n)
{
	n = SP_MIN(n, name->room - 1 - name->n);
	memcpy(name->s + name->n, text, n);
	name->n += n;
}

/* A value as it stands in the line; those with escapes are rare. */
static void put_value(struct name *name, const struct line *l, enum key key)
{
	const struct sp_json_value *v = &l->j->v[l->v[key]];
	const char *text = l->j->text + v->at;
	char plain[NAME_MAX_];
	if (!l->v[key])
		return;
	if (!memchr(text, '\\', v->n)) {
		put(name, text, v->n);
		return;
	}
	sp_json_string(l->j, l->v[key], plain, sizeof plain);
	put(name, plain, strlen(plain));
}

static void put_endpoint(struct name *name, const struct line *l, enum key ip, enum key port)
{
	bool v6 = memchr(l->j->text + l->j->v[l->v[ip]].at, ':', l->j->v[l->v[ip]].n);
	if (v6 && l->v[port])
		put(name, "[", 1);
	put_value(name, l, ip);
	if (v6 && l->v[port])
		put(name, "]", 1);
	if (l->v[port])
		put(name, ":", 1);
	put_value(name, l, port);
}

/* "http GET /orders/{id}"; many endpoints begin with the method themselves. */
static void put_call(struct name *name, const struct line *l)
{
	const struct sp_json_value *method = &l->j->v[l->v[K_method]], *endpoint = &l->j->v[l->v[K_endpoint]];
	bool begins =
		endpoint->n >= method->n && !memcmp(l->j->text + endpoint->at, l->j->text + method->at, method->n);
	put_value(name, l, K_app_proto);
	if (l->v[K_method] && !begins) {
		put(name, " ", 1);
		put_value(name, l, K_method);
	}
	if (l->v[K_endpoint]) {
		put(name, " ", 1);
		put_value(name, l, K_endpoint);
	}
}

static void make_name(struct name *name, const struct line *l, enum sp_top_by by)
{
	memset(name->s, 0, name_size[by]);
	name->n = 0;
	name->room = name_size[by];
	switch (by) {
	case SP_TOP_CLIENT:
		put_value(name, l, K_client_ip);
		break;
	case SP_TOP_SERVER:
		put_value(name, l, K_server_ip);
		break;
	case SP_TOP_SERVICE:
		put_endpoint(name, l, K_server_ip, K_server_port);
		put(name, "/", 1);
		put_value(name, l, K_proto);
		break;
	case SP_TOP_ENDPOINT:
		put_call(name, l);
		break;
	case SP_TOP_POINT:
		put_value(name, l, K_point);
		break;
	default:
		put_value(name, l, K_flow_id);
		put(name, " ", 1);
		put_value(name, l, K_point);
		put(name, " ", 1);
		put_endpoint(name, l, K_client_ip, K_client_port);
		put(name, " > ", 3);
		put_endpoint(name, l, K_server_ip, K_server_port);
		break;
	}
}

/* A flow's key is short: most flows come once, and are forgotten before anybody asks for their name. */
struct flow_key {
	uint64_t flow_id, who;
};

struct flow_value {
	struct sp_top_counts counts;
	char name[NAME_MAX_];
};

static struct flow_key flow_key(const struct line *l)
{
	static const uint8_t part[] = {K_point, K_client_ip, K_client_port, K_server_ip, K_server_port, K_proto};
	struct flow_key key = {number(l, K_flow_id), 0};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(part); i++) {
		const struct sp_json_value *v = &l->j->v[l->v[part[i]]];
		key.who = sp_hash_bytes(l->j->text + v->at, v->n, key.who + SP_HASH_K0 + i);
	}
	return key;
}

static size_t key_size(enum sp_top_by by)
{
	return by == SP_TOP_FLOW ? sizeof(struct flow_key) : name_size[by];
}

const char *sp_top_name(const struct sp_top *top, enum sp_top_by by, uint32_t i)
{
	if (by != SP_TOP_FLOW)
		return sp_topk_key(top->by[by], i);
	return ((const struct flow_value *)sp_topk_value(top->by[by], i))->name;
}

/* --- counts --- */

static void give_back(void *arg, void *value)
{
	struct sp_top *top = arg;
	struct sp_top_counts *c = value;
	top->hists -= c->rrt.many != NULL;
	free(c->rrt.many);
}

/* False: there is no room. */
static bool add_time(struct sp_top *top, struct sp_top_times *times, uint32_t us)
{
	times->max_us = SP_MAX(times->max_us, us);
	if (!times->many && times->n < SP_TOP_TIMES_FEW) {
		times->few[times->n++] = us;
		return true;
	}
	if (!times->many) {
		times->many = top->hists < HISTS_MAX ? calloc(1, sizeof *times->many) : NULL;
		if (!times->many)
			return false;
		top->hists++;
		for (uint32_t i = 0; i < times->n; i++)
			sp_hist_add(times->many, times->few[i], 1);
	}
	sp_hist_add(times->many, us, 1);
	return true;
}

static void settle(struct sp_top_times *times)
{
	uint32_t *us = times->few, n = times->n;
	if (times->many) {
		times->p50_us = sp_hist_percentile(times->many, 50);
		times->p95_us = sp_hist_percentile(times->many, 95);
		return;
	}
	for (uint32_t i = 1; i < n; i++)
		for (uint32_t k = i; k && us[k - 1] > us[k]; k--) {
			uint32_t other = us[k];
			us[k] = us[k - 1];
			us[k - 1] = other;
		}
	times->p50_us = n ? us[(n * 50 + 99) / 100 - 1] : 0;
	times->p95_us = n ? us[(n * 95 + 99) / 100 - 1] : 0;
}

int sp_top_init(struct sp_top *top, enum sp_top_by by, enum sp_top_sort sort)
{
	*top = (struct sp_top){.sort = sort, .start_ns = UINT64_MAX};
	sp_json_keys_init(&keys);
	for (unsigned i = 0; i < SP_TOP_BYS; i++) {
		if (by != SP_TOP_BYS && by != i)
			continue;
		uint32_t places = i == SP_TOP_FLOW && by != i ? PLACES_FLOWS : PLACES;
		top->by[i] = sp_topk_new(places, key_size(i),
					 i == SP_TOP_FLOW ? sizeof(struct flow_value) : sizeof(struct sp_top_counts));
		if (!top->by[i]) {
			sp_top_free(top);
			return -ENOMEM;
		}
		sp_topk_on_evict(top->by[i], give_back, top);
	}
	return 0;
}

void sp_top_free(struct sp_top *top)
{
	for (unsigned by = 0; by < SP_TOP_BYS; by++) {
		for (uint32_t i = 0; top->by[by] && i < sp_topk_n(top->by[by]); i++)
			give_back(top, sp_topk_value(top->by[by], i));
		sp_topk_free(top->by[by]);
	}
	free(top->all.rrt.many);
	*top = (struct sp_top){0};
}

static uint64_t score(const struct sp_top_counts *c, enum sp_top_sort sort)
{
	switch (sort) {
	case SP_TOP_SORT_BYTES:
		return c->bytes;
	case SP_TOP_SORT_PACKETS:
		return c->packets;
	case SP_TOP_SORT_FLOWS:
		return c->flows;
	case SP_TOP_SORT_CALLS:
		return c->calls;
	case SP_TOP_SORT_ERRORS:
		return sp_top_errors(c);
	case SP_TOP_SORT_LATENCY:
		return c->rrt.p95_us;
	case SP_TOP_SORT_RETRANS:
		return c->retrans;
	case SP_TOP_SORT_FAILURES:
		return c->failures;
	default:
		return c->zero_window;
	}
}

/* What a record weighs when names compete for room: by its order, or, for all orders together and for percentiles,
 * which are no sums, what is rare more than what is not. */
static uint64_t weight(const struct sp_top *top, const struct sp_top_counts *c)
{
	if (top->sort == SP_TOP_SORTS || top->sort == SP_TOP_SORT_LATENCY)
		return c->packets + 16 * c->calls + 64 * (c->failures + sp_top_errors(c) + c->retrans);
	return score(c, top->sort);
}

static void add(struct sp_top_counts *to, const struct sp_top_counts *c)
{
	to->flows += c->flows;
	to->failures += c->failures;
	to->packets += c->packets;
	to->bytes += c->bytes;
	to->retrans += c->retrans;
	to->zero_window += c->zero_window;
	to->calls += c->calls;
	to->client_errors += c->client_errors;
	to->server_errors += c->server_errors;
	to->timeouts += c->timeouts;
	if (c->app[0])
		memcpy(to->app, c->app, sizeof to->app);
}

/* A page shows the biggest flows. */
static struct sp_top_counts *flow(struct sp_top *top, const struct line *l, const struct flow_key *key,
				  const struct sp_top_counts *c)
{
	uint64_t heavy = top->sort == SP_TOP_SORTS ? c->bytes : weight(top, c);
	struct flow_value *value = sp_topk_add_heavy(top->by[SP_TOP_FLOW], key, heavy);
	if (!value)
		return NULL;
	if (!value->name[0]) {
		struct name name;
		make_name(&name, l, SP_TOP_FLOW);
		memcpy(value->name, name.s, sizeof value->name);
	}
	return &value->counts;
}

/* Adds a record under all its names, whose memory is asked for together. `rrt_us`: NULL when there was no response;
 * `message_bytes`: what counts for an endpoint, whose records have no others. */
static void count(struct sp_top *top, const struct line *l, struct sp_top_counts *c, const uint64_t *rrt_us,
		  uint64_t message_bytes)
{
	struct name name[SP_TOP_BYS];
	bool wanted[SP_TOP_BYS];
	add(&top->all, c);
	if (rrt_us)
		add_time(top, &top->all.rrt, (uint32_t)SP_MIN(*rrt_us, UINT32_MAX));
	for (unsigned by = 0; by < SP_TOP_BYS; by++) {
		wanted[by] = top->by[by] && (c->calls || by != SP_TOP_ENDPOINT);
		if (!wanted[by])
			continue;
		if (by == SP_TOP_FLOW)
			memcpy(name[by].s, &(struct flow_key[]){flow_key(l)}, sizeof(struct flow_key));
		else
			make_name(&name[by], l, by);
		sp_topk_prefetch(top->by[by], name[by].s, false);
	}
	for (unsigned by = 0; by < SP_TOP_BYS; by++)
		if (wanted[by])
			sp_topk_prefetch(top->by[by], name[by].s, true);
	for (unsigned by = 0; by < SP_TOP_BYS; by++) {
		if (!wanted[by])
			continue;
		if (c->calls)
			c->bytes = by == SP_TOP_ENDPOINT ? message_bytes : 0;
		struct sp_top_counts *to = by == SP_TOP_FLOW ? flow(top, l, (const struct flow_key *)name[by].s, c)
							     : sp_topk_add(top->by[by], name[by].s, weight(top, c));
		if (!to)
			continue;
		add(to, c);
		if (rrt_us && !add_time(top, &to->rrt, (uint32_t)SP_MIN(*rrt_us, UINT32_MAX)))
			top->untimed[by] = true;
	}
}

static void put_app(struct sp_top_counts *c, const struct line *l)
{
	const struct sp_json_value *v = &l->j->v[l->v[K_app_proto]];
	memcpy(c->app, l->j->text + v->at, SP_MIN(v->n, sizeof c->app - 1));
}

bool sp_top_flow(struct sp_top *top, const struct sp_json *j)
{
	struct line l;
	if (!read_line(&l, j))
		return false;
	bool ended = !is(&l, K_close_reason, "active");
	struct sp_top_counts c = {
		.flows = ended,
		.failures = ended && l.v[K_failure] && !is(&l, K_failure, "none"),
		.packets = number(&l, K_packets_c2s) + number(&l, K_packets_s2c),
		.bytes = number(&l, K_bytes_c2s) + number(&l, K_bytes_s2c),
		.retrans = number(&l, K_retrans_c2s) + number(&l, K_retrans_s2c),
		.zero_window = number(&l, K_zero_window_c2s) + number(&l, K_zero_window_s2c),
	};
	put_app(&c, &l);
	top->start_ns = SP_MIN(top->start_ns, number(&l, K_start_ns));
	top->end_ns = SP_MAX(top->end_ns, number(&l, K_end_ns));
	count(top, &l, &c, NULL, 0);
	return true;
}

bool sp_top_request(struct sp_top *top, const struct sp_json *j)
{
	struct line l;
	if (!read_line(&l, j))
		return false;
	struct sp_top_counts c = {
		.calls = 1,
		.client_errors = is(&l, K_status, "client_error"),
		.server_errors = is(&l, K_status, "server_error"),
		.timeouts = is(&l, K_status, "timeout"),
	};
	uint64_t rrt_us = number(&l, K_rrt_us);
	put_app(&c, &l);
	count(top, &l, &c, l.v[K_rrt_us] ? &rrt_us : NULL, number(&l, K_request_bytes) + number(&l, K_response_bytes));
	return true;
}

/* --- results --- */

void sp_top_settle(struct sp_top *top)
{
	settle(&top->all.rrt);
	for (unsigned by = 0; by < SP_TOP_BYS; by++)
		for (uint32_t i = 0; top->by[by] && i < sp_topk_n(top->by[by]); i++)
			settle(&((struct sp_top_counts *)sp_topk_value(top->by[by], i))->rrt);
}

#define X(sym, name)                                                                                                   \
	static uint64_t score_##sym(const struct sp_topk *t, uint32_t i)                                               \
	{                                                                                                              \
		return score(sp_topk_value(t, i), SP_TOP_SORT_##sym);                                                  \
	}
SP_TOP_SORT(X)
#undef X

uint32_t sp_top_best(const struct sp_top *top, enum sp_top_by by, enum sp_top_sort sort, uint32_t n, uint32_t *ret)
{
	static uint64_t (*const scores[])(const struct sp_topk *, uint32_t) = {
#define X(sym, name) [SP_TOP_SORT_##sym] = score_##sym,
		SP_TOP_SORT(X)
#undef X
	};
	return sp_topk_best(top->by[by], n, scores[sort], ret);
}

bool sp_top_exact(const struct sp_top *top, enum sp_top_by by)
{
	return !sp_topk_evictions(top->by[by]) && !top->untimed[by];
}

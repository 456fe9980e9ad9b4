/* SPDX-License-Identifier: Apache-2.0 */
/* Calls in the summary: how many of each protocol and how long they took, the slowest ones, the endpoints that clients
 * waited for longest in all, and what failed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/summary.h"

#define ENDPOINTS 4096
#define FAILURES 1024

int sp_summary_calls_init(struct sp_summary *s)
{
	s->calls = calloc(SP_APP_MAX, sizeof *s->calls);
	s->endpoints = sp_topk_new(ENDPOINTS, sizeof(struct sp_summary_call_key), sizeof(struct sp_summary_calls));
	s->failures = sp_topk_new(FAILURES, sizeof(struct sp_summary_failure_key), sizeof(struct sp_summary_call));
	return s->calls && s->endpoints && s->failures ? 0 : -ENOMEM;
}

void sp_summary_calls_free(struct sp_summary *s)
{
	free(s->calls);
	sp_topk_free(s->endpoints);
	sp_topk_free(s->failures);
}

/* Zero-ended, cut. `out` is zeroed. */
static void put(char *out, size_t size, struct sp_slice s)
{
	size_t at = strlen(out);
	memcpy(out + at, s.p, SP_MIN(s.n, size - 1 - at));
}

/* "GET /orders/{id}"; many endpoints begin with the method themselves. */
static void put_what(char *out, size_t size, const struct sp_request_record *r)
{
	struct sp_slice method = sp_texts_slot(&r->texts, SP_SLOT_METHOD),
			endpoint = sp_texts_slot(&r->texts, SP_SLOT_ENDPOINT);
	bool begins = endpoint.n >= method.n && !memcmp(endpoint.p, method.p, method.n);
	if (!begins) {
		put(out, size, method);
		put(out, size, (struct sp_slice){(const uint8_t *)" ", endpoint.n ? 1 : 0});
	}
	put(out, size, endpoint.n ? endpoint : method.n && begins ? method : endpoint);
}

static void add(struct sp_summary_calls *c, const struct sp_request_record *r)
{
	c->calls++;
	c->client_errors += r->status == SP_STATUS_CLIENT_ERROR;
	c->server_errors += r->status == SP_STATUS_SERVER_ERROR;
	c->timeouts += r->status == SP_STATUS_TIMEOUT;
	if (!r->has_rrt)
		return;
	c->waited_us += r->rrt_us;
	sp_hist_add(&c->rrt, (uint32_t)SP_MIN(r->rrt_us, UINT32_MAX), 1);
}

static void describe(struct sp_summary_call *c, const struct sp_request_record *r)
{
	struct sp_slice message = sp_texts_slot(&r->texts, SP_SLOT_MESSAGE);
	*c = (struct sp_summary_call){
		.pair = {.client = r->client_ip,
			 .server = r->server_ip,
			 .start_ns = r->start_ns,
			 .client_port = r->client_port,
			 .server_port = r->server_port,
			 .point = r->point,
			 .proto = r->proto,
			 .has_ports = r->has_ports},
		.rrt_us = r->rrt_us,
		.app = r->app_proto,
	};
	put_what(c->what, sizeof c->what, r);
	put(c->code, sizeof c->code, sp_texts_slot(&r->texts, SP_SLOT_CODE));
	if (message.n) {
		put(c->code, sizeof c->code, SP_TEXT(" "));
		put(c->code, sizeof c->code, message);
	}
}

static void slowest(struct sp_summary *s, const struct sp_request_record *r)
{
	struct sp_summary_call *list = s->slowest_call;
	unsigned i = SP_SUMMARY_SLOWEST;
	if (!r->has_rrt || r->rrt_us <= list[i - 1].rrt_us)
		return;
	for (; i && list[i - 1].rrt_us < r->rrt_us; i--)
		if (i < SP_SUMMARY_SLOWEST)
			list[i] = list[i - 1];
	describe(&list[i], r);
}

static void failure(struct sp_summary *s, const struct sp_request_record *r)
{
	struct sp_summary_failure_key key = {.app = r->app_proto, .status = r->status};
	if (r->status != SP_STATUS_CLIENT_ERROR && r->status != SP_STATUS_SERVER_ERROR &&
	    r->status != SP_STATUS_TIMEOUT)
		return;
	put_what(key.endpoint, sizeof key.endpoint, r);
	put(key.code, sizeof key.code, sp_texts_slot(&r->texts, SP_SLOT_CODE));
	struct sp_summary_call *example = sp_topk_add(s->failures, &key, 1);
	if (!example->pair.start_ns)
		describe(example, r);
}

void sp_summary_request(struct sp_summary *s, const struct sp_request_record *r)
{
	struct sp_summary_call_key key = {.app = r->app_proto};
	s->requests++;
	add(&s->calls[r->app_proto], r);
	put_what(key.endpoint, sizeof key.endpoint, r);
	add(sp_topk_add(s->endpoints, &key, r->rrt_us + 1), r);
	slowest(s, r);
	failure(s, r);
}

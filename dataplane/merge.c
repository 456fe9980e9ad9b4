/* SPDX-License-Identifier: Apache-2.0 */
/* Captures merged by time: a binary heap over the times of their next packets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/capture_impl.h"

/* More captures than this share the buffers that this many would have. */
#define FULL_SIZE_CAPTURES 16u
#define BUFFER_MIN ((size_t)64 << 10)

struct input {
	uint64_t ts; /* of pkt[i] */
	uint32_t order;
	uint32_t i, n;
	uint32_t call;	  /* the merge's, when this was last refilled */
	uint64_t mark[2]; /* where the capture stood at the last two calls that refilled it */
	struct sp_capture *capture;
	struct sp_pkt pkt[SP_BATCH_MAX];
};

struct sp_merge {
	struct sp_capture **captures; /* all of them, to close */
	unsigned n_captures;
	struct input *inputs;
	struct input **heap; /* those with packets left */
	unsigned n;
	uint32_t call;
	bool started;
};

static bool before(const struct input *a, const struct input *b)
{
	return a->ts != b->ts ? a->ts < b->ts : a->order < b->order;
}

static void sift_down(struct sp_merge *m, unsigned i)
{
	struct input *x = m->heap[i];
	for (unsigned child; (child = 2 * i + 1) < m->n; i = child) {
		if (child + 1 < m->n && before(m->heap[child + 1], m->heap[child]))
			child++;
		if (!before(m->heap[child], x))
			break;
		m->heap[i] = m->heap[child];
	}
	m->heap[i] = x;
}

/* Packets that the call before handed out may have been read at the call before that one that refilled: so far back the
 * capture has to keep its bytes. */
static void keep_bytes(const struct sp_merge *m, struct input *in)
{
	if (in->call == m->call)
		return;
	in->call = m->call;
	in->capture->source.keep = in->mark[1];
	in->mark[1] = in->mark[0];
	in->mark[0] = sp_capture_offset(in->capture);
}

/* Reads the input's next packets when it has none left. False at its end. */
static bool refill(const struct sp_merge *m, struct input *in)
{
	if (in->i == in->n) {
		keep_bytes(m, in);
		in->n = sp_capture_next(in->capture, in->pkt, SP_BATCH_MAX);
		in->i = 0;
	}
	if (in->n)
		in->ts = in->pkt[in->i].ts_ns;
	return in->n;
}

static void start(struct sp_merge *m)
{
	for (unsigned i = 0; i < m->n_captures; i++)
		if (refill(m, &m->inputs[i]))
			m->heap[m->n++] = &m->inputs[i];
	for (unsigned i = m->n / 2; i-- > 0;)
		sift_down(m, i);
	m->started = true;
}

/* Captures that have to share keep less in memory each. */
static void share(struct sp_source *source, unsigned n)
{
	if (n > FULL_SIZE_CAPTURES)
		source->buffer = SP_MAX(source->buffer * FULL_SIZE_CAPTURES / n, BUFFER_MIN);
}

int sp_merge_new(struct sp_merge **ret, struct sp_capture **captures, unsigned n)
{
	struct sp_merge *m = calloc(1, sizeof *m);
	if (m) {
		m->captures = calloc(n + 1, sizeof(struct sp_capture *));
		m->inputs = n > 1 ? calloc(n, sizeof *m->inputs) : NULL;
		m->heap = n > 1 ? calloc(n, sizeof(struct input *)) : NULL;
	}
	if (!m || !m->captures || (n > 1 && (!m->inputs || !m->heap))) {
		for (unsigned i = 0; i < n; i++)
			sp_capture_close(captures[i]);
		sp_merge_free(m);
		return -ENOMEM;
	}
	m->n_captures = n;
	for (unsigned i = 0; i < n; i++) {
		m->captures[i] = captures[i];
		if (n > 1) {
			m->inputs[i].capture = captures[i];
			m->inputs[i].order = i;
		}
		share(&captures[i]->source, n);
	}
	*ret = m;
	return 0;
}

unsigned sp_merge_read(struct sp_merge *m, struct sp_batch *batch)
{
	if (m->n_captures == 1)
		return sp_capture_read(m->captures[0], batch);
	m->call++;
	if (!m->started)
		start(m);
	unsigned n = 0;
	while (n < SP_BATCH_MAX && m->n) {
		struct input *in = m->heap[0];
		batch->pkt[n++] = in->pkt[in->i++];
		if (!refill(m, in))
			m->heap[0] = m->heap[--m->n];
		if (m->n)
			sift_down(m, 0);
	}
	sp_batch_begin(batch);
	return batch->n = n;
}

void sp_merge_free(struct sp_merge *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->n_captures; i++)
		sp_capture_close(m->captures[i]);
	free(m->captures);
	free(m->inputs);
	free(m->heap);
	free(m);
}

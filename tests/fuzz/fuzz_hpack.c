/* SPDX-License-Identifier: Apache-2.0 */
/* HPACK: header blocks – a byte with the length and the bytes – one after the other through one table. Where nghttp2
 * is there it reads the same: what it accepts is read in the same way here. Settings, the first byte: 1 entries were
 * missed before every fourth block, so that only harm is looked for; 2 little scratch memory; 4 no table. */
#include <stdlib.h>
#include <string.h>

#include "parsers/hpack.h"
#ifdef HAVE_NGHTTP2
#include <nghttp2/nghttp2.h>
#endif

enum { MISSED = 1, LITTLE = 2, NO_TABLE = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool good)
{
	if (!good)
		abort();
}

/* Reads every byte, so that a sanitizer sees a slice that is not there. */
static void read_all(struct sp_slice s)
{
	unsigned sum = 0;
	for (size_t i = 0; i < s.n; i++)
		sum += s.p[i];
	demand(sum <= 255 * s.n);
}

static bool good_table(const struct sp_hpack *h)
{
	return h->size <= SP_HPACK_BYTES && h->tail <= SP_HPACK_BYTES && h->count <= SP_HPACK_ENTRIES;
}

#ifdef HAVE_NGHTTP2
/* A block by nghttp2, field by field beside ours. True: it is content with all of it. */
static bool same_as_nghttp2(nghttp2_hd_inflater *other, struct sp_hpack *h, struct sp_arena *a, const uint8_t *p,
			    size_t n)
{
	struct sp_slice in = {p, n};
	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(other, &nv, &flags, p, n, 1);
		if (used < 0)
			return false;
		p += used;
		n -= (size_t)used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT) {
			struct sp_hpack_field f;
			a->n = 0;
			demand(in.n && sp_hpack_next(h, &in, a, &f) == SP_HPACK_FIELD);
			struct sp_slice value = sp_hpack_value(&f, a);
			size_t shown = nv.valuelen < SP_HPACK_VALUE_MAX ? nv.valuelen : SP_HPACK_VALUE_MAX;
			demand(!f.name_unknown && !f.value_unknown && good_table(h));
			demand(f.name.n == nv.namelen && !memcmp(f.name.p, nv.name, nv.namelen));
			demand(value.n == shown && !memcmp(value.p, nv.value, shown));
		}
		if (flags & NGHTTP2_HD_INFLATE_FINAL) {
			struct sp_hpack_field f;
			demand(!in.n || sp_hpack_next(h, &in, a, &f) == SP_HPACK_NONE);
			return nghttp2_hd_inflate_end_headers(other) == 0;
		}
		if (!used && !(flags & NGHTTP2_HD_INFLATE_EMIT))
			return false;
	}
}

static void compare(const uint8_t *data, size_t size)
{
	static uint8_t scratch[1 << 16];
	nghttp2_hd_inflater *other;
	struct sp_hpack h = {0};
	struct sp_arena a = {.p = scratch, .size = sizeof scratch};
	if (nghttp2_hd_inflate_new(&other))
		return;
	for (size_t at = 0; at < size;) {
		size_t n = data[at] < size - at - 1 ? data[at] : size - at - 1;
		if (!same_as_nghttp2(other, &h, &a, data + at + 1, n))
			break;
		at += 1 + n;
	}
	nghttp2_hd_inflate_del(other);
}
#else
static void compare(const uint8_t *data, size_t size)
{
}
#endif

/* Whatever comes, in blocks of exactly their size, after damage, too. */
static void harm(uint8_t settings, const uint8_t *data, size_t size)
{
	static uint8_t scratch[1 << 16];
	struct sp_hpack h = {0};
	unsigned blocks = 0;
	for (size_t at = 0; at < size; blocks++) {
		size_t n = data[at] < size - at - 1 ? data[at] : size - at - 1;
		uint8_t *copy = malloc(n ? n : 1);
		memcpy(copy, data + at + 1, n);
		at += 1 + n;
		struct sp_slice in = {copy, n};
		struct sp_arena a = {.p = scratch, .size = settings & LITTLE ? 64 : sizeof scratch};
		if (settings & MISSED && blocks % 4 == 3)
			sp_hpack_forget(&h);
		while (in.n) {
			struct sp_hpack_field f;
			struct sp_slice before = in;
			enum sp_hpack_got got = sp_hpack_next(settings & NO_TABLE ? NULL : &h, &in, &a, &f);
			demand(good_table(&h));
			if (got == SP_HPACK_SHORT)
				demand(f.need > in.n);
			if (got != SP_HPACK_FIELD)
				break;
			demand(in.n < before.n);
			read_all(f.name);
			read_all(sp_hpack_value(&f, &a));
		}
		free(copy);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	compare(data + 1, size - 1);
	harm(data[0], data + 1, size - 1);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Names in their low-cardinality form, and the same out of what was seen of names like them; endpoints of DNS names. */
#include <ctype.h>

#include "parsers/dns.h"
#include "parsers/names.h"
#include "tests/check.h"

#define NAME_LEN 40
#define BEHIND SP_NAME_SEEN_MAX /* that may be read */

static struct sp_names_seen seen;

struct form {
	char text[SP_NAME_ROOM + 1];
	bool several;
};

static struct form form_of(const char *name, bool last_is_id, bool remembered)
{
	struct form f = {0};
	uint8_t padded[NAME_LEN + BEHIND], out[SP_NAME_ROOM];
	size_t n = strlen(name);
	memset(padded, '7', sizeof padded); /* digits: they must not count */
	memcpy(padded, name, n);
	struct sp_slice s = {padded, n};
	struct sp_name_end end =
		remembered ? sp_name_write_seen(&seen, out, s, last_is_id) : sp_name_write(out, s, last_is_id);
	memcpy(f.text, out, (size_t)(end.end - out));
	f.several = end.several;
	return f;
}

static void forms(void)
{
	static const struct {
		const char *name, *form;
		bool last_is_id;
	} cases[] = {
		{"user:1234", "user:{id}", true},
		{"user:alice", "user:{id}", true},
		{"user:alice", "user:alice", false},
		{"user:12:cart", "user:{id}:cart", true},
		{"v1:orders42", "v1:orders{id}", false},
		{"v1:orders4", "v1:{id}", true},
		{"orders4", "orders4", true},
		{"job:6f1e8a90", "job:{id}", false},
		{"12345", "{id}", false},
		{"", "", false},
	};
	for (size_t i = 0; i < SP_ARRAY_SIZE(cases); i++)
		for (unsigned remembered = 0; remembered < 3; remembered++) {
			struct form f = form_of(cases[i].name, cases[i].last_is_id, remembered);
			CHECK_STR(f.text, cases[i].form);
			CHECK_EQ(f.several, strchr(cases[i].name, ':') != NULL);
		}
}

static uint32_t random_state = 1;

static uint32_t below(uint32_t n)
{
	random_state = random_state * UINT32_C(1664525) + UINT32_C(1013904223);
	return (random_state >> 8) % n;
}

/* Of few letters, so that many look alike. */
static void make_name(char *name)
{
	static const char letters[] = "0011223456789aafgx::-/.";
	size_t n = below(NAME_LEN);
	for (size_t i = 0; i < n; i++)
		name[i] = letters[below(sizeof letters - 1)];
	name[n] = 0;
}

/* One byte of it becomes another one, mostly a digit another digit. */
static void change(char *name)
{
	size_t n = strlen(name), at = n ? below((uint32_t)n) : 0;
	if (n)
		name[at] = below(8) ? (char)('0' + below(10)) : 'e';
}

static void remembered_or_not_is_the_same(void)
{
	unsigned wrong = 0;
	for (unsigned i = 0; i < 20000; i++) {
		char name[NAME_LEN + 1];
		make_name(name);
		for (unsigned j = 0; j < 8; j++, change(name)) {
			bool last_is_id = below(2);
			struct form a = form_of(name, last_is_id, false), b = form_of(name, last_is_id, true);
			wrong += strcmp(a.text, b.text) || a.several != b.several;
		}
	}
	CHECK_EQ(wrong, 0);
}

static void few_forms_serve_many_names(void)
{
	char name[NAME_LEN + 1];
	memset(&seen, 0, sizeof seen);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "user:%08u:cart", i);
		CHECK_STR(form_of(name, true, true).text, "user:{id}:cart");
	}
	unsigned kept = 0;
	for (unsigned i = 0; i < SP_NAMES_SEEN; i++)
		kept += seen.seen[i].n != 0;
	CHECK_EQ(kept, 1);
}

static void without_memory(void)
{
	uint8_t out[SP_NAME_ROOM], name[6 + BEHIND] = "user:1";
	struct sp_name_end end = sp_name_write_seen(NULL, out, (struct sp_slice){name, 6}, true);
	CHECK_EQ(end.end - out, 9);
	CHECK(end.several && !memcmp(out, "user:{id}", 9));
}

/* Of a name of the DNS, which stands in the arena as there. */
static void endpoint_of(const char *name, bool capitals, char *ret)
{
	uint8_t room[256];
	struct sp_arena a = {room, 0, sizeof room};
	struct sp_slice copy = sp_arena_copy(&a, sp_slice_of(name));
	for (size_t i = 0; capitals && i < copy.n; i++)
		room[i] = (uint8_t)toupper(room[i]);
	struct sp_slice endpoint = sp_dns_endpoint(&a, copy);
	memcpy(ret, endpoint.p, endpoint.n);
	ret[endpoint.n] = 0;
}

/* Names in lower case mostly have a way of their own, others never. */
static void endpoints_do_not_see_capitals(void)
{
	static const char *const labels[] = {"a",     "shop",	 "co",	"com",		"uk",	"example",
					     "_tcp",  "_",	 "0a9", "2001",		"web-", "x\\.y",
					     "local", "host535", "de",	"deadbeef12-34"};
	unsigned wrong = 0;
	for (unsigned i = 0; i < 20000; i++) {
		char name[80] = "", a[80], b[80];
		for (unsigned n = below(5); n < 5; n++) {
			strcat(name, labels[below(SP_ARRAY_SIZE(labels))]);
			strcat(name, n < 4 ? "." : "");
		}
		endpoint_of(name, false, a);
		endpoint_of(name, true, b);
		wrong += strcmp(a, b) != 0;
	}
	CHECK_EQ(wrong, 0);
}

int main(void)
{
	RUN(forms);
	RUN(remembered_or_not_is_the_same);
	RUN(few_forms_serve_many_names);
	RUN(without_memory);
	RUN(endpoints_do_not_see_capitals);
	return check_done();
}

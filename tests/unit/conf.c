/* SPDX-License-Identifier: Apache-2.0 */
/* The loader: values, ranges, every error with its line, bounds; the default file that follows from rows. */
#include "conf/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/time.h"
#include "tests/check.h"

struct inner {
	uint64_t wait;
	bool on;
};

struct entry {
	char name[8];
	uint64_t n;
	struct inner inner;
	struct sp_conf_list list; /* of struct inner */
};

struct all {
	bool flag;
	uint64_t number, duration, size, mask;
	char text[16];
	int word;
	struct sp_conf_uints ports;
	struct inner inner;
	struct sp_conf_list list;
};

static const char *const words[] = {"red", "green", "blue", NULL};

#define AT(type_, member) .offset = offsetof(struct type_, member)
static const struct sp_conf_row inner_rows[] = {
	{"wait", SP_CONF_DURATION, AT(inner, wait), .max = 3600 * SP_NS_PER_SEC, .fallback = "1s"},
	{"on", SP_CONF_BOOL, AT(inner, on), .fallback = "no"},
	{0},
};
static const struct sp_conf_row entry_rows[] = {
	{"name", SP_CONF_STRING, AT(entry, name), .max = 8, .doc = "What it is called."},
	{"n", SP_CONF_UINT, AT(entry, n), .max = 9, .fallback = "3", .unit = "things"},
	{"inner", SP_CONF_MAP, AT(entry, inner), .rows = inner_rows},
	{"list", SP_CONF_LIST, AT(entry, list), .max = 2, .rows = inner_rows, .size = sizeof(struct inner)},
	{0},
};
static const struct sp_conf_row rows[] = {
	{"flag", SP_CONF_BOOL, AT(all, flag), .fallback = "yes", .reloadable = true, .doc = "A flag."},
	{"number", SP_CONF_UINT, AT(all, number), .min = 1, .max = 100, .fallback = "7", .unit = "apples"},
	{"duration", SP_CONF_DURATION, AT(all, duration), .max = 3600 * SP_NS_PER_SEC, .fallback = "90s"},
	{"size", SP_CONF_SIZE, AT(all, size), .min = 1024, .fallback = "64KiB"},
	{"mask", SP_CONF_WORDS, AT(all, mask), .words = words, .fallback = "[red, blue]"},
	{"text", SP_CONF_STRING, AT(all, text), .max = 16, .fallback = "*"},
	{"word", SP_CONF_ENUM, AT(all, word), .words = words, .fallback = "green"},
	{"ports", SP_CONF_UINTS, AT(all, ports), .min = 1, .max = 65535, .fallback = "[80, 443]"},
	{"inner", SP_CONF_MAP, AT(all, inner), .rows = inner_rows, .reloadable = true, .doc = "Inside."},
	{"list", SP_CONF_LIST, AT(all, list), .max = 3, .rows = entry_rows, .size = sizeof(struct entry),
	 .doc = "Entries."},
	{0},
};
#undef AT

static struct sp_conf *conf;
static char *messages;

/* Loads a text as file "f" and keeps what it said. */
static const struct all *load_n(const char *text, size_t n)
{
	static size_t size;
	FILE *real = stderr;
	sp_conf_free(conf);
	conf = NULL;
	free(messages);
	messages = NULL;
	stderr = open_memstream(&messages, &size);
	int rc = sp_conf_load_text(&conf, "f", text, n, rows, sizeof(struct all));
	fclose(stderr);
	stderr = real;
	CHECK(rc == 0 || rc == -EINVAL);
	CHECK(!rc == !*messages);
	CHECK(!rc == !!conf);
	return conf ? sp_conf_get(conf) : NULL;
}

static const struct all *load(const char *text)
{
	return load_n(text, strlen(text));
}

static bool says(const char *text, const char *want)
{
	load(text);
	bool ok = messages && strstr(messages, want);
	if (!ok)
		printf("# it said: %s# not: %s\n", messages ? messages : "\n", want);
	return ok;
}

static void defaults(void)
{
	static const char *const empty[] = {"", "# nothing\n", "---\n", "~\n", "list:\ninner:\n"};
	for (size_t i = 0; i < SP_ARRAY_SIZE(empty); i++) {
		const struct all *a = load(empty[i]);
		if (!CHECK(a))
			return;
		CHECK(a->flag && a->number == 7 && a->duration == 90 * SP_NS_PER_SEC && a->size == 65536);
		CHECK(a->mask == 5 && a->word == 1 && a->ports.n == 2 && a->ports.v[1] == 443);
		CHECK(a->inner.wait == SP_NS_PER_SEC && !a->inner.on && a->list.n == 0);
		CHECK_STR(a->text, "*");
	}
}

static void values(void)
{
	const struct all *a = load("flag: false\nnumber: 100\nduration: 250 ms\nsize: 1GiB\nmask: [green]\n"
				   "text: 'gr\xc3\xbc\xc3\x9f: #1'\nword: blue\nports: [1, 65535]\n"
				   "inner: {wait: 0, on: on}\n"
				   "list:\n  - name: a\n    n: 0\n  - name: \"b b\"\n    inner:\n      wait: 10us\n"
				   "    list: [{on: yes}, {wait: 1h}]\n");
	if (!CHECK(a))
		return;
	CHECK(!a->flag && a->number == 100 && a->duration == 250 * SP_NS_PER_MS && a->size == 1 << 30);
	CHECK(a->mask == 2 && a->word == 2 && a->ports.n == 2 && a->ports.v[0] == 1 && a->ports.v[1] == 65535);
	CHECK(a->inner.wait == 0 && a->inner.on);
	CHECK_STR(a->text, "gr\xc3\xbc\xc3\x9f: #1");
	if (!CHECK_EQ(a->list.n, 2))
		return;
	const struct entry *e = a->list.v;
	CHECK_STR(e[0].name, "a");
	CHECK(e[0].n == 0 && e[0].inner.wait == SP_NS_PER_SEC && e[0].list.n == 0);
	CHECK_STR(e[1].name, "b b");
	CHECK(e[1].n == 3 && e[1].inner.wait == 10 * SP_NS_PER_US && e[1].list.n == 2);
	const struct inner *i = e[1].list.v;
	CHECK(i[0].on && i[0].wait == SP_NS_PER_SEC && !i[1].on && i[1].wait == 3600 * SP_NS_PER_SEC);
}

static void bad_values(void)
{
	CHECK(says("\nnumber: 0\n", "spantap: f:2: number: \"0\", expected a whole number from 1 to 100\n"));
	CHECK(says("number: 101\n", "f:1: number: \"101\", expected"));
	CHECK(says("number: -1\n", "f:1: number: \"-1\", expected"));
	CHECK(says("number: 1.5\n", "f:1: number: \"1.5\", expected"));
	CHECK(says("number: 99999999999999999999999\n", "f:1: number: \"99999999999999999999999\", expected"));
	CHECK(says("number:\n", "f:1: number: no value, expected a whole number"));
	CHECK(says("number: [1]\n", "f:1: number: a list, expected a whole number"));
	CHECK(says("duration: 5\n", "f:1: duration: \"5\", expected a duration with its unit (10us, 200ms, 5s, 1m, 2h) "
				    "from 0 to 1h\n"));
	CHECK(says("duration: 61m\n", "f:1: duration: \"61m\", expected"));
	CHECK(says("duration: 5 parsecs\n", "f:1: duration: \"5 parsecs\", expected"));
	CHECK(says("duration: 18446744073709551615s\n", "f:1: duration: \""));
	CHECK(says("size: 1023\n", "f:1: size: \"1023\", expected a size (512, 64KiB, 1GiB) at least 1KiB\n"));
	CHECK(says("size: 64kb\n", "f:1: size: \"64kb\", expected"));
	CHECK(says("flag: maybe\n", "f:1: flag: \"maybe\", expected yes or no\n"));
	CHECK(says("word: yellow\n", "f:1: word: \"yellow\", expected one of red, green, blue\n"));
	CHECK(says("mask: [red, yellow]\n",
		   "f:1: mask: \"yellow\", expected a list of words, any of red, green, blue\n"));
	CHECK(says("mask: red\n", "f:1: mask: \"red\", expected a list"));
	CHECK(says("ports: [1,\n 0]\n", "f:2: ports: \"0\", expected a list of whole numbers from 1 to 65535\n"));
	CHECK(says("text: 0123456789abcdef\n", "f:1: text: \"0123456789abcdef\", expected text of at most 15 bytes\n"));
	CHECK(says("text: \"a\\0b\"\n", "f:1: text: \"a?b\", expected"));
	CHECK(says("inner: 5\n", "f:1: inner: \"5\", expected settings (name: value)\n"));
	CHECK(says("list: {name: a}\n", "f:1: list: a map, expected a list\n"));
	CHECK(says("list: [a]\n", "f:1: list[0]: expected settings (name: value)\n"));
	CHECK(says("list:\n  - n: 1\n", "f:2: list[0].name: missing, expected text of at most 7 bytes\n"));
	CHECK(says("- a\n", "f:1: expected settings (name: value)\n"));
	CHECK(says("just text\n", "f:1: expected settings (name: value)\n"));
}

static void names(void)
{
	CHECK(says("nubmer: 1\n", "f:1: unknown key \"nubmer\", expected \"number\"?\n"));
	CHECK(says("inner:\n  wiat: 1s\n", "f:2: inner: unknown key \"wiat\", expected \"wait\"?\n"));
	CHECK(says("inner:\n  zzzzzzz: 1s\n", "f:2: inner: unknown key \"zzzzzzz\", expected one of wait, on\n"));
	CHECK(says("list:\n  - name: a\n  - name: b\n    inner: {no: 1}\n",
		   "f:4: list[1].inner: unknown key \"no\", "));
	CHECK(says("number: 1\nflag: yes\nnumber: 2\n", "f:3: number: given twice, first in line 1\n"));
	CHECK(says("[a]: 1\n", "f:1: a key is a list or a map, expected a name\n"));
}

/* One load says everything that is wrong. */
static void every_error(void)
{
	load("number: x\nflga: yes\nlist:\n  - name: much too long\n    n: 10\n  - n: 1\n");
	CHECK_STR(messages, "spantap: f:1: number: \"x\", expected a whole number from 1 to 100\n"
			    "spantap: f:2: unknown key \"flga\", expected \"flag\"?\n"
			    "spantap: f:4: list[0].name: \"much too long\", expected text of at most 7 bytes\n"
			    "spantap: f:5: list[0].n: \"10\", expected a whole number from 0 to 9\n"
			    "spantap: f:6: list[1].name: missing, expected text of at most 7 bytes\n");
}

static void not_yaml(void)
{
	CHECK(says("number: 1\nflag: [yes\n", "spantap: f:"));
	CHECK(strstr(messages, "not YAML: "));
	CHECK(says("a: b: c\n", "f:1: not YAML: "));
	CHECK(says("flag: [yes]\n\tnumber: 1\n", "f:2: not YAML: "));
	CHECK(says("flag: &a yes\n", "f:1: anchors (&name) are not supported"));
	CHECK(says("flag: yes\nnumber: *a\n", "f:2: "));
	CHECK(says("flag: !!bool yes\n", "f:1: tags (!name) are not supported"));
	CHECK(says("flag: yes\n---\nflag: no\n", "f:2: a second document, expected one\n"));
}

/* Bytes on which the parser is known to loop. */
static void not_text(void)
{
	static const char loops[] = "?Y.ML 1.2\n---\n? [a\x01\0\0\n";
	CHECK(!load_n(loops, sizeof loops - 1));
	CHECK_STR(messages, "spantap: f:3: byte 0x01, expected UTF-8 text\n");
	CHECK(says("flag: yes\ntext: \xff\n", "f:2: byte 0xff, expected UTF-8 text\n"));
	CHECK(says("text: \xc3", "f:1: byte 0xc3, expected"));
	CHECK(says("text: \xed\xa0\x80\n", "f:1: byte 0xed, expected"));
	CHECK(says("text: \xf4\x90\x80\x80\n", "f:1: byte 0xf4, expected"));
	CHECK(load("\xef\xbb\xbfnumber: 5\r\ntext: \xf0\x9f\x98\x80\r\n"));
}

static void bounds(void)
{
	char deep[256] = "";
	for (int i = 0; i < 60; i++)
		strcat(deep, "[");
	CHECK(says(deep, "f:1: nested too deep, expected at most 16 levels\n"));
	CHECK(says("list: [{name: a}, {name: b}, {name: c}, {name: d}]\n",
		   "f:1: list: too many entries, expected at most 3\n"));
	char many[512] = "ports: [1";
	for (int i = 0; i < 64; i++)
		strcat(many, ",1");
	strcat(many, "]\n");
	CHECK(says(many, "f:1: ports: too many entries, expected at most 64\n"));
	size_t n = 1024 * 1024 + 1;
	char *large = malloc(n);
	memset(large, '\n', n);
	CHECK(!load_n(large, n));
	CHECK(strstr(messages, "f:1: the file is too large"));
	CHECK(load_n(large, n - 1));
	for (size_t i = 0; i + 3 < n; i += 3)
		memcpy(large + i, "q:\n", 3);
	CHECK(!load_n(large, n - 2));
	CHECK(strstr(messages, "spantap: f: 349425 more errors\n"));
	free(large);
}

static void files(void)
{
	struct sp_conf *c = NULL;
	char path[] = "/tmp/spantap-conf-XXXXXX";
	int fd = mkstemp(path);
	CHECK(write(fd, "number: 5\n", 10) == 10);
	close(fd);
	CHECK(!sp_conf_load(&c, path, rows, sizeof(struct all)));
	CHECK(c && ((const struct all *)sp_conf_get(c))->number == 5);
	sp_conf_free(c);
	unlink(path);
	CHECK(!sp_conf_load(&c, NULL, rows, sizeof(struct all)));
	CHECK(((const struct all *)sp_conf_get(c))->number == 7);
	sp_conf_free(c);
	FILE *real = stderr;
	stderr = fopen("/dev/null", "w");
	CHECK_EQ(sp_conf_load(&c, path, rows, sizeof(struct all)), -ENOENT);
	CHECK_EQ(sp_conf_load(&c, "/tmp", rows, sizeof(struct all)), -EISDIR);
	fclose(stderr);
	stderr = real;
}

static void fixed_changes(void)
{
	static const struct {
		const char *text, *names;
		unsigned n;
	} cases[] = {
		{"", "", 0},
		{"number: 7\nports: [80, 443]", "", 0},
		{"flag: no\ninner: {wait: 2s}", "", 0},
		{"number: 8\ntext: x\nflag: no", "number, text", 2},
		{"ports: [80]\nmask: []\nsize: 1MiB\nword: red\nduration: 1s", "duration, size, mask, word, ports", 5},
		{"list: [{name: a}]", "list", 1},
	};
	struct sp_conf *old, *now;
	char text[128];
	CHECK(!sp_conf_load(&old, NULL, rows, sizeof(struct all)));
	for (size_t i = 0; i < SP_ARRAY_SIZE(cases); i++) {
		CHECK(!sp_conf_load_text(&now, "f", cases[i].text, strlen(cases[i].text), rows, sizeof(struct all)));
		CHECK_EQ(sp_conf_fixed_changes(old, now, text, sizeof text), cases[i].n);
		CHECK_STR(text, cases[i].names);
		sp_conf_free(now);
	}
	sp_conf_free(old);
	CHECK(!sp_conf_load_text(&old, "f", "list: [{name: a}]", 17, rows, sizeof(struct all)));
	CHECK(!sp_conf_load_text(&now, "f", "list: [{name: b}]", 17, rows, sizeof(struct all)));
	CHECK_EQ(sp_conf_fixed_changes(old, now, text, 4), 1); /* cut, not overrun */
	CHECK_STR(text, "lis");
	sp_conf_free(now);
	sp_conf_free(old);
}

/* The printed file loads, and says nothing but defaults. */
static void default_file(void)
{
	char *text, changed[64];
	size_t n;
	FILE *out = open_memstream(&text, &n);
	sp_conf_print_default(out, rows);
	fclose(out);
	struct sp_conf *old, *now;
	CHECK(!sp_conf_load(&old, NULL, rows, sizeof(struct all)));
	if (CHECK(!sp_conf_load_text(&now, "printed", text, n, rows, sizeof(struct all)))) {
		CHECK_EQ(sp_conf_fixed_changes(old, now, changed, sizeof changed), 0);
		sp_conf_free(now);
	}
	sp_conf_free(old);
	static const char *const parts[] = {
		"\n# A flag. (yes or no) Reloadable.\nflag: yes\n",
		"\n# (1 to 100 apples)\nnumber: 7\n",
		"\n# (0 to 1h)\nduration: 90s\n",
		"\n# (any of red, green, blue)\nmask: [red, blue]\n",
		"\ntext: \"*\"\n",
		"\nports: [80, 443]\n",
		"\n# Inside.\ninner:\n  # (0 to 1h) Reloadable.\n  wait: 1s\n",
		"\n# Entries.\nlist: []\n",
	};
	for (size_t i = 0; i < SP_ARRAY_SIZE(parts); i++)
		if (!CHECK(strstr(text, parts[i])))
			printf("# missing: %s# in: %s\n", parts[i], text);
	free(text);
}

int main(void)
{
	RUN(defaults);
	RUN(values);
	RUN(bad_values);
	RUN(names);
	RUN(every_error);
	RUN(not_yaml);
	RUN(not_text);
	RUN(bounds);
	RUN(files);
	RUN(fixed_changes);
	RUN(default_file);
	sp_conf_free(conf);
	free(messages);
	return check_done();
}

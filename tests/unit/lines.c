/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"
#include "tests/check.h"

static bool read_text(struct sp_json *j, const char *text)
{
	return sp_json_read(j, text, strlen(text));
}

/* Quotes and escapes at every distance from the beginning: strings are read sixteen bytes at a time. */
static void strings_of_every_length(void)
{
	struct sp_json j = {0};
	for (unsigned before = 0; before < 40; before++)
		for (unsigned after = 0; after < 40; after++) {
			char text[160], want[160], got[160], b[41] = {0}, a[41] = {0};
			memset(b, 'b', before);
			memset(a, 'a', after);
			snprintf(text, sizeof text, "{\"%s\":\"%s\\\"%s\\\\\",\"n\":[1,{}]}", b, b, a);
			snprintf(want, sizeof want, "%s\"%s\\", b, a);
			if (!CHECK(read_text(&j, text)))
				break;
			sp_json_string(&j, sp_json_get(&j, 1, b), got, sizeof got);
			CHECK_STR(got, want);
			/* And cut short anywhere. */
			for (size_t n = strlen(text) - 1; n; n--)
				CHECK(!sp_json_read(&j, text, n));
		}
	sp_json_free(&j);
}

static void thousandths(void)
{
	static const struct {
		const char *text;
		int64_t value;
	} some[] = {
		{"0", 0},
		{"12", 12000},
		{"12.5", 12500},
		{"-0.001", -1},
		{"1.0009", 1000},
		{"-7.25", -7250},
		{"\"12\"", 0},
		{"true", 0},
		{"9223372036854775", INT64_C(9223372036854775000)},
		{"9223372036854776", 0},
		{"99999999999999999999", 0},
	};
	struct sp_json j = {0};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(some); i++) {
		char text[64];
		snprintf(text, sizeof text, "{\"t\":%s}", some[i].text);
		CHECK(read_text(&j, text));
		CHECK_EQ(sp_json_thousandths(&j, sp_json_get(&j, 1, "t")), some[i].value);
	}
	CHECK_EQ(sp_json_thousandths(&j, 0), 0);
	sp_json_free(&j);
}

static void members_in_one_walk(void)
{
	static struct sp_json_keys keys = {.name = {"a", "bytes_c2s", "bytes_s2c", "missing", "c"}, .n = 5};
	uint32_t v[5];
	struct sp_json j = {0};
	sp_json_keys_init(&keys);
	CHECK(read_text(&j, "{\"\":9,\"bytes_s2c\":2,\"x\":{\"a\":7},\"c\":\"\",\"a\":1,\"bytes_c2s\":3}"));
	sp_json_pick(&j, 1, &keys, v);
	CHECK_EQ(sp_json_number(&j, v[0]), 1);
	CHECK_EQ(sp_json_number(&j, v[1]), 3);
	CHECK_EQ(sp_json_number(&j, v[2]), 2);
	CHECK_EQ(v[3], 0);
	CHECK(v[4] && j.v[v[4]].type == '"');
	sp_json_free(&j);
}

static char dir[] = "/tmp/spantap-lines-XXXXXX";
static struct sp_folder folder;

static void put(FILE *f, const char *text)
{
	fputs(text, f);
	fflush(f);
}

static void a_file_that_grows(void)
{
	struct sp_lines l;
	char path[64];
	snprintf(path, sizeof path, "%s/x", dir);
	CHECK_EQ(sp_lines_open(&l, &folder, "x"), -ENOENT);
	FILE *f = fopen(path, "w");
	CHECK_EQ(sp_lines_open(&l, &folder, "x"), 0);
	l.grows = true;
	CHECK_EQ(sp_lines_next(&l), 0);
	put(f, "{\"n\":1}\n{\"n\":");
	CHECK_EQ(sp_lines_next(&l), 1);
	CHECK_EQ(sp_lines_next(&l), 0);
	put(f, "2}");
	CHECK_EQ(sp_lines_next(&l), 0);
	put(f, "\nx\n{\"n\":3}\n");
	CHECK_EQ(sp_lines_next(&l), 1);
	CHECK_EQ(sp_json_get_number(&l.json, 1, "n"), 2);
	CHECK_EQ(sp_lines_next(&l), 1);
	CHECK_EQ(sp_json_get_number(&l.json, 1, "n"), 3);
	CHECK_EQ(sp_lines_next(&l), 0);
	CHECK_EQ(l.taken, 3);
	CHECK_EQ(l.damaged, 1);
	fclose(f);
	CHECK_EQ(sp_lines_close(&l, 0, "tests"), SP_EXIT_DAMAGED);
	unlink(path);
}

/* Longer than any line of ours: passed over without being held. */
static void a_line_without_end(void)
{
	struct sp_lines l;
	char path[64], piece[4096];
	snprintf(path, sizeof path, "%s/x", dir);
	FILE *f = fopen(path, "w");
	memset(piece, 'x', sizeof piece);
	for (size_t n = 0; n < 5 * (size_t)SP_LINE_MAX; n += sizeof piece)
		fwrite(piece, 1, sizeof piece, f);
	put(f, "\n{\"n\":1}\n{\"n\":2}");
	fclose(f);
	CHECK_EQ(sp_lines_open(&l, &folder, "x"), 0);
	CHECK_EQ(sp_lines_next(&l), 1);
	CHECK_EQ(sp_lines_next(&l), 1);
	CHECK_EQ(sp_json_get_number(&l.json, 1, "n"), 2);
	CHECK_EQ(sp_lines_next(&l), 0);
	CHECK_EQ(l.damaged, 1);
	CHECK(l.room <= 3 * (size_t)SP_LINE_MAX);
	CHECK_EQ(sp_lines_close(&l, -EIO, "tests"), SP_EXIT_FAILED);
	unlink(path);
}

int main(void)
{
	struct sp_err err;
	if (!mkdtemp(dir) || sp_folder_init(&folder, dir, &err))
		return 1;
	RUN(strings_of_every_length);
	RUN(thousandths);
	RUN(members_in_one_walk);
	RUN(a_file_that_grows);
	RUN(a_line_without_end);
	rmdir(dir);
	return check_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests: a program with a few functions that say CHECK(…), run by RUN(function) from main, which ends with
 * `return check_done();`. Output is TAP, one line a function; a failed check says where and goes on. */
#ifndef SP_TESTS_CHECK_H
#define SP_TESTS_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned check_failed_, check_runs_, check_bad_runs_;

static inline bool check_(bool ok, const char *what, const char *file, int line)
{
	if (!ok) {
		check_failed_++;
		printf("# %s:%d: failed: %s\n", file, line, what);
	}
	return ok;
}

static inline bool check_eq_(int64_t a, int64_t b, const char *what, const char *file, int line)
{
	if (a != b) {
		check_failed_++;
		printf("# %s:%d: failed: %s: %" PRId64 " (0x%" PRIx64 "), expected %" PRId64 " (0x%" PRIx64 ")\n", file,
		       line, what, a, (uint64_t)a, b, (uint64_t)b);
	}
	return a == b;
}

static inline bool check_str_(const char *a, const char *b, const char *what, const char *file, int line)
{
	bool ok = a && b ? !strcmp(a, b) : a == b;
	if (!ok) {
		check_failed_++;
		printf("# %s:%d: failed: %s: \"%s\", expected \"%s\"\n", file, line, what, a ? a : "(null)",
		       b ? b : "(null)");
	}
	return ok;
}

/* Each yields whether it held: `if (!CHECK(p)) return;` where the rest makes no sense without. */
#define CHECK(cond) check_(!!(cond), #cond, __FILE__, __LINE__)
#define CHECK_EQ(got, want) check_eq_((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)
#define CHECK_STR(got, want) check_str_((got), (want), #got, __FILE__, __LINE__)

static inline void check_end_run_(const char *name)
{
	printf("%s %u - %s\n", check_failed_ ? "not ok" : "ok", ++check_runs_, name);
	fflush(stdout);
	check_bad_runs_ += !!check_failed_;
	check_failed_ = 0;
}

#define RUN(fn) ((fn)(), check_end_run_(#fn))

/* Says "skipped" by name, for what this machine cannot do. */
#define SKIP(name, why) (printf("ok %u - %s # SKIP %s\n", ++check_runs_, (name), (why)))

/* The exit status. Checks outside RUN count as one more test. */
static inline int check_done(void)
{
	if (check_failed_ || !check_runs_)
		check_end_run_("checks");
	printf("1..%u\n", check_runs_);
	return check_bad_runs_ ? 1 : 0;
}

#endif

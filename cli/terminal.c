/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_USUAL 100
#define WIDTH_MIN 40
#define WIDTH_MAX 400

static bool is_utf8(void)
{
	static const char *const variable[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (unsigned i = 0; i < SP_ARRAY_SIZE(variable); i++) {
		const char *locale = getenv(variable[i]);
		if (locale && *locale)
			return strcasestr(locale, "utf-8") || strcasestr(locale, "utf8");
	}
	return false;
}

static unsigned width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	long n = columns ? strtol(columns, NULL, 10) : 0;
	if (n <= 0 && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		n = size.ws_col;
	if (n <= 0)
		n = WIDTH_USUAL;
	return (unsigned)SP_MIN(SP_MAX(n, (long)WIDTH_MIN), (long)WIDTH_MAX);
}

struct sp_terminal sp_terminal(void)
{
	bool is_one = isatty(STDOUT_FILENO);
	return (struct sp_terminal){
		.is_one = is_one,
		.colour = is_one && !getenv("NO_COLOR"),
		.utf8 = is_utf8(),
		.width = width(),
	};
}

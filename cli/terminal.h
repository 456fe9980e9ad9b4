/* SPDX-License-Identifier: Apache-2.0 */
/* What standard output can show. */
#ifndef SP_CLI_TERMINAL_H
#define SP_CLI_TERMINAL_H

#include "base/base.h"

struct sp_terminal {
	bool is_one;	/* a person is there to see it */
	bool colour;	/* it is one, and NO_COLOR is not set */
	bool utf8;	/* by the locale's name in the environment */
	unsigned width; /* COLUMNS, else the terminal's, else 100 */
};

struct sp_terminal sp_terminal(void);

#endif

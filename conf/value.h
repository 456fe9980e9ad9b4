/* SPDX-License-Identifier: Apache-2.0 */
/* One setting's text and its value, and the words for what is expected. */
#ifndef SP_CONF_VALUE_H
#define SP_CONF_VALUE_H

#include "conf/conf.h"

/* Reads the text of a scalar setting into the member of `base` that the row describes. False: not what is expected. */
bool sp_conf_value(void *base, const struct sp_conf_row *row, const char *text, size_t n);

/* A whole number within the row's range, as in SP_CONF_UINT. */
bool sp_conf_uint(uint64_t *ret, const struct sp_conf_row *row, const char *text);

/* Index of a word in the row's list, -1 when it is not there. */
int sp_conf_word(const struct sp_conf_row *row, const char *text);

/* "a duration from 1s to 1h, such as 60s". Returns out. */
char *sp_conf_expected(char *out, size_t size, const struct sp_conf_row *row);

/* "1s to 1h", "yes or no", "one of a, b"; empty where nothing need be said. Returns out. */
char *sp_conf_range(char *out, size_t size, const struct sp_conf_row *row);

/* The row's upper bound: 0 in a row means none. */
static inline uint64_t sp_conf_max(const struct sp_conf_row *row)
{
	return row->max ? row->max : UINT64_MAX;
}

#endif

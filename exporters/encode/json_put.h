/* SPDX-License-Identifier: Apache-2.0 */
/* What objects of stitched records are built of: each member with a comma before it, the first of which becomes what
 * opens the object. The caller has reserved room. Private to the JSON encoders. */
#ifndef SP_EXPORTERS_ENCODE_JSON_PUT_H
#define SP_EXPORTERS_ENCODE_JSON_PUT_H

#include "exporters/encode/json_fields.h"

#define NUMBER_MAX (32 + SP_DECIMAL_MAX)
#define POINT_MAX (6 * SP_POINT_NAME_MAX + 16)

static inline char *put_quoted(char *p, const char *key, const char *text, size_t n)
{
	*p++ = ',';
	*p++ = '"';
	p = sp_json_text(p, key);
	PUT("\":\"");
	p = sp_put_json_string(p, text, n);
	*p++ = '"';
	return p;
}

static inline char *put_word(char *p, const char *key, const char *word)
{
	return put_quoted(p, key, word, strlen(word));
}

static inline char *put_number(char *p, const char *key, uint64_t v)
{
	*p++ = ',';
	*p++ = '"';
	p = sp_json_text(p, key);
	PUT("\":");
	return sp_put_u64(p, v);
}

static inline char *put_point(char *p, const char *key, const struct sp_points *points, uint32_t index)
{
	const struct sp_point *point = sp_json_point(points, index);
	return point ? put_word(p, key, point->name) : p;
}

/* The first comma becomes what opens an object. */
#define OBJECT(p, open) for (char *begin_ = (p), *once_ = begin_; once_; *begin_ = (open), *(p)++ = '}', once_ = NULL)

#endif

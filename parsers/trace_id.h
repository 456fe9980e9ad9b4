/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers of traces in whatever form a header carries them. */
#ifndef SP_PARSERS_TRACE_ID_H
#define SP_PARSERS_TRACE_ID_H

#include "base/slice.h"

/* The 64 bits that all forms of an identifier have in common, never 0. False: it is none of the known forms, or empty,
 * and stands for itself. */
bool sp_trace_id_bits(struct sp_slice id, uint64_t *bits);

/* Whether two identifiers, neither of them empty, are of one trace. */
bool sp_trace_id_same(struct sp_slice a, struct sp_slice b);

#endif

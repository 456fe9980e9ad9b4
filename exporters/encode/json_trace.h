/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SP_EXPORTERS_ENCODE_JSON_TRACE_H
#define SP_EXPORTERS_ENCODE_JSON_TRACE_H

#include "exporters/exporter.h"
#include "stitch/stitch.h"

void sp_json_trace(struct sp_buf *out, const struct sp_trace *trace, const struct sp_points *points, bool tagged);
void sp_json_path(struct sp_buf *out, const struct sp_path *path, const struct sp_points *points, bool tagged);

#endif

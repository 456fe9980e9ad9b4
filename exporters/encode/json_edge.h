/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SP_EXPORTERS_ENCODE_JSON_EDGE_H
#define SP_EXPORTERS_ENCODE_JSON_EDGE_H

#include "exporters/exporter.h"
#include "stitch/stitch.h"

void sp_json_edge(struct sp_buf *out, const struct sp_edge *edge, const struct sp_points *points, bool tagged);
void sp_json_losses(struct sp_buf *out, const struct sp_edge_losses *losses, const struct sp_points *points,
		    bool tagged);
void sp_json_clock(struct sp_buf *out, const struct sp_clock *clock, const struct sp_points *points, bool tagged);

#endif

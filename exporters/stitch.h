/* SPDX-License-Identifier: Apache-2.0 */
/* The stitcher as an exporter: it takes records as they are, and what it makes of them goes to a sink behind it. */
#ifndef SP_EXPORTERS_STITCH_H
#define SP_EXPORTERS_STITCH_H

#include "exporters/exporter.h"
#include "stitch/stitch.h"

/* For sp_hub_add, together. `behind` is taken, also when it fails; NULL without memory. `tagged`: as of the encoders.
 * `live`: time goes on without records. `stats`, which is the caller's, is filled when the sink is closed. */
const struct sp_encoder *sp_stitch_encoder(const struct sp_stitch_conf *conf);
struct sp_sink *sp_stitch_sink_new(const struct sp_stitch_conf *conf, const struct sp_points *points,
				   struct sp_sink *behind, bool tagged, bool live, struct sp_stitch_stats *stats);

/* The same without a sink behind: `told`, whose ctx is not NULL, is told. */
struct sp_sink *sp_stitch_sink_telling(const struct sp_stitch_conf *conf, const struct sp_points *points,
				       const struct sp_stitch_told *told, struct sp_stitch_stats *stats);

#endif

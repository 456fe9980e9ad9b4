/* SPDX-License-Identifier: Apache-2.0 */
/* Network Profiles as JSON Lines. Private to the JSON encoders. */
#ifndef SP_EXPORTERS_ENCODE_JSON_PROFILE_H
#define SP_EXPORTERS_ENCODE_JSON_PROFILE_H

#include "exporters/exporter.h"

void sp_json_profile(struct sp_buf *out, const struct sp_profile_record *r, const struct sp_points *points,
		     bool tagged);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Messages for people, on standard error, one a line: "spantap: …". Never called on the packet path. */
#ifndef SP_BASE_LOG_H
#define SP_BASE_LOG_H

void sp_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif

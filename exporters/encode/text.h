/* SPDX-License-Identifier: Apache-2.0 */
/* Values as text, for encoders: every function writes at `p`, where the caller has reserved room, and returns the end.
 * Some store up to 8 bytes past the end they return: reserve SP_TEXT_SLACK more. */
#ifndef SP_EXPORTERS_ENCODE_TEXT_H
#define SP_EXPORTERS_ENCODE_TEXT_H

#include <string.h>

#include "base/base.h"
#include "base/decimal.h"

#define SP_TEXT_SLACK SP_DECIMAL_SLACK

/* "1:" is not included. Standard base64 of 20 bytes: 28 characters. */
char *sp_put_base64_20(char *p, const uint8_t *bytes);

/* Inside of a JSON string (RFC 8259 section 7): escaped, invalid UTF-8 becomes U+FFFD. At most 6 bytes for each. */
char *sp_put_json_string(char *p, const char *text, size_t n);

/* "aa:bb:cc:dd:ee:ff" */
char *sp_put_mac(char *p, const uint8_t mac[6]);

#endif

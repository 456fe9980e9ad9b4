/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT's reason codes and the properties of version 5. */
#ifndef SP_PARSERS_MQTT_H
#define SP_PARSERS_MQTT_H

#include "base/cursor.h"
#include "parsers/parser.h"

enum { MQTT_3_1 = 3, MQTT_3_1_1 = 4, MQTT_5 = 5, MQTT_TEXT_SHOWN = 256 };

enum mqtt_field {
	MQTT_SYSTEM,
	MQTT_DESTINATION,
	MQTT_CLIENT_ID,
	MQTT_USER,
	MQTT_BODY_SIZE,
	MQTT_QOS,
	MQTT_RETAIN,
	MQTT_DUPLICATE,
	MQTT_BATCH, /* how many topics, of several */
	MQTT_WILL_TOPIC,
	MQTT_KEEP_ALIVE,
	MQTT_RESPONSE_TOPIC,
	MQTT_CONTENT_TYPE,
	MQTT_AUTHENTICATION,
	MQTT_SERVER_REFERENCE,
	MQTT_FIELDS
};

/* A string with its length before it. */
struct sp_slice mqtt_string(struct sp_cursor *c);

/* A number of one to four bytes of seven bits. */
uint32_t mqtt_number(struct sp_cursor *c);

/* Reads the properties at the cursor. `tell`: fills in what they say of p->msg; else they belong to a will. Returns the
 * topic's alias, 0: there is none. */
uint16_t mqtt_properties(struct sp_parse *p, struct sp_cursor *c, bool tell);

/* Code, status and, where no property said more, the name of a reason. `connack`: as before version 5. */
void mqtt_reason(struct sp_parse *p, uint8_t reason, bool connack);

#endif

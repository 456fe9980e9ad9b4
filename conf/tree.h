/* SPDX-License-Identifier: Apache-2.0 */
/* A YAML document as a small tree with line numbers. Only what a configuration needs: one document, no anchors, aliases
 * or tags, keys are plain text; size and depth are bounded, so that no file makes the loader work for long. */
#ifndef SP_CONF_TREE_H
#define SP_CONF_TREE_H

#include "conf/report.h"

#define SP_CONF_FILE_MAX (1024 * 1024)
#define SP_CONF_DEPTH_MAX 16

enum sp_conf_node_kind { SP_CONF_SCALAR, SP_CONF_SEQUENCE, SP_CONF_MAPPING };

struct sp_conf_node {
	enum sp_conf_node_kind kind;
	int line;
	bool null;		    /* a scalar that says nothing: empty, ~ or null, not quoted */
	char *text;		    /* of a scalar, with a final NUL */
	size_t n;		    /* its length: it may hold NULs */
	struct sp_conf_node *child; /* first entry of a sequence; first key of a mapping */
	struct sp_conf_node *next;  /* entry or key */
	struct sp_conf_node *value; /* of a key */
};

/* NULL for an empty document, or when there were errors: the report has them. */
struct sp_conf_node *sp_conf_tree(const char *text, size_t n, struct sp_conf_report *report);
void sp_conf_tree_free(struct sp_conf_node *node);

#endif

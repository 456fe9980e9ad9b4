/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/tree.h"

#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

struct builder {
	struct fy_parser *parser;
	struct fy_diag *diag;
	struct sp_conf_report *report;
};

void sp_conf_tree_free(struct sp_conf_node *node)
{
	while (node) {
		struct sp_conf_node *next = node->next;
		sp_conf_tree_free(node->child);
		sp_conf_tree_free(node->value);
		free(node->text);
		free(node);
		node = next;
	}
}

static int line_of(struct fy_event *event)
{
	const struct fy_mark *mark = fy_event_start_mark(event);
	return mark ? mark->line + 1 : 1;
}

/* At start and at reload: without memory for this there is nothing left to save. */
static void *need(size_t size)
{
	void *p = calloc(1, size);
	if (!p)
		abort();
	return p;
}

static struct sp_conf_node *new_node(enum sp_conf_node_kind kind, struct fy_event *event)
{
	struct sp_conf_node *node = need(sizeof *node);
	node->kind = kind;
	node->line = line_of(event);
	return node;
}

static struct sp_conf_node *scalar(struct fy_event *event)
{
	struct sp_conf_node *node = new_node(SP_CONF_SCALAR, event);
	struct fy_token *token = event->scalar.value;
	const char *text = token ? fy_token_get_text(token, &node->n) : NULL;
	if (!text)
		text = "";
	node->text = need(node->n + 1);
	memcpy(node->text, text, node->n);
	bool plain = !token || fy_token_scalar_style(token) == FYSS_PLAIN;
	node->null = plain && (!node->n || !strcmp(node->text, "~") || !strcmp(node->text, "null"));
	return node;
}

/* What YAML offers and a configuration does without. */
static bool refused(struct builder *b, struct fy_event *event)
{
	const char *what = NULL;
	if (event->type == FYET_ALIAS)
		what = "aliases (*name)";
	else if (fy_event_get_anchor_token(event))
		what = "anchors (&name)";
	else if (fy_event_get_tag_token(event))
		what = "tags (!name)";
	if (what)
		sp_conf_error(b->report, line_of(event), NULL, "%s are not supported, expected the value itself", what);
	return what;
}

static struct sp_conf_node *build(struct builder *b, struct fy_event *event, unsigned depth);

/* The next node, NULL at the end of the collection that is open, or after an error. */
static struct sp_conf_node *build_next(struct builder *b, unsigned depth)
{
	struct fy_event *event = fy_parser_parse(b->parser);
	if (!event)
		return NULL;
	struct sp_conf_node *node = build(b, event, depth);
	fy_parser_event_free(b->parser, event);
	return node;
}

static void build_sequence(struct builder *b, struct sp_conf_node *node, unsigned depth)
{
	for (struct sp_conf_node **end = &node->child; (*end = build_next(b, depth + 1)); end = &(*end)->next)
		;
}

static void build_mapping(struct builder *b, struct sp_conf_node *node, unsigned depth)
{
	struct sp_conf_node **end = &node->child, *key;
	while ((key = *end = build_next(b, depth + 1))) {
		end = &key->next;
		if (key->kind != SP_CONF_SCALAR)
			sp_conf_error(b->report, key->line, NULL, "a key is a list or a map, expected a name");
		key->value = build_next(b, depth + 1);
		if (!key->value)
			break; /* the parser has said why */
	}
}

static struct sp_conf_node *build(struct builder *b, struct fy_event *event, unsigned depth)
{
	/* After an error nothing more is built: what follows would only be guesses. */
	if (refused(b, event) || b->report->errors)
		return NULL;
	if (depth > SP_CONF_DEPTH_MAX) {
		sp_conf_error(b->report, line_of(event), NULL, "nested too deep, expected at most %d levels",
			      SP_CONF_DEPTH_MAX);
		return NULL;
	}
	struct sp_conf_node *node;
	switch (event->type) {
	case FYET_SCALAR:
		return scalar(event);
	case FYET_SEQUENCE_START:
		node = new_node(SP_CONF_SEQUENCE, event);
		build_sequence(b, node, depth);
		return node;
	case FYET_MAPPING_START:
		node = new_node(SP_CONF_MAPPING, event);
		build_mapping(b, node, depth);
		return node;
	default:
		return NULL;
	}
}

static void report_syntax(struct builder *b)
{
	void *at = NULL;
	struct fy_diag_error *e;
	bool any = false;
	while ((e = fy_diag_errors_iterate(b->diag, &at))) {
		int n = (int)strcspn(e->msg, "\n");
		sp_conf_error(b->report, e->line > 0 ? e->line : 1, NULL, "not YAML: %.*s", n, e->msg);
		any = true;
	}
	if (!any && !b->report->errors)
		sp_conf_error(b->report, 1, NULL, "not YAML");
}

static struct sp_conf_node *build_document(struct builder *b)
{
	struct sp_conf_node *root = NULL;
	struct fy_event *event;
	unsigned documents = 0;
	while (!b->report->errors && (event = fy_parser_parse(b->parser))) {
		if (event->type == FYET_DOCUMENT_START && documents++)
			sp_conf_error(b->report, line_of(event), NULL, "a second document, expected one");
		else if (event->type == FYET_DOCUMENT_START)
			root = build_next(b, 1);
		fy_parser_event_free(b->parser, event);
	}
	if (fy_parser_get_stream_error(b->parser) || fy_diag_got_error(b->diag))
		report_syntax(b);
	return root;
}

/* Bytes of the UTF-8 character at p that YAML 1.2 allows in a stream, 0 when it is none (RFC 3629). */
static size_t character(const unsigned char *p, const unsigned char *end)
{
	if (*p < 0x80)
		return (*p >= 0x20 && *p != 0x7f) || *p == '\t' || *p == '\n' || *p == '\r';
	size_t n = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	uint32_t c = *p & (0xffu >> (n + 1));
	if (*p < 0xc2 || *p > 0xf4 || n > (size_t)(end - p))
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};
	return c < least[n] || (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff || c > 0x10ffff ? 0 : n;
}

/* The parser may loop for ever on bytes that are not text (libfyaml 0.7.12): it sees none. */
static bool is_text(const char *text, size_t n, struct sp_conf_report *report)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + n;
	int line = 1;
	for (size_t m; p < end; p += m) {
		line += *p == '\n';
		m = character(p, end);
		if (!m) {
			sp_conf_error(report, line, NULL, "byte 0x%02x, expected UTF-8 text", *p);
			return false;
		}
	}
	return true;
}

struct sp_conf_node *sp_conf_tree(const char *text, size_t n, struct sp_conf_report *report)
{
	const struct fy_diag_cfg quiet = {.level = FYET_ERROR, .module_mask = ~0u};
	struct builder b = {.report = report, .diag = fy_diag_create(&quiet)};
	struct sp_conf_node *root = NULL;
	if (n > SP_CONF_FILE_MAX) {
		sp_conf_error(report, 1, NULL, "the file is too large, expected at most %d bytes", SP_CONF_FILE_MAX);
	} else if (is_text(text, n, report) && b.diag) {
		fy_diag_set_collect_errors(b.diag, true);
		const struct fy_parse_cfg cfg = {.flags = FYPCF_JSON_NONE | FYPCF_DEFAULT_VERSION_1_2, .diag = b.diag};
		b.parser = fy_parser_create(&cfg);
	}
	if (b.parser && n && !fy_parser_set_string(b.parser, text, n))
		root = build_document(&b);
	if (b.parser)
		fy_parser_destroy(b.parser);
	fy_diag_destroy(b.diag);
	if (report->errors) {
		sp_conf_tree_free(root);
		root = NULL;
	}
	return root;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* How captures and their interfaces become observation points. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/capture_impl.h"

/* "before/name#k", cut to what a point's name may be; the number tells names apart and is never cut. */
static void compose(char *out, const char *before, const char *name, unsigned k)
{
	char text[512], number[16] = "";
	if (k > 1)
		snprintf(number, sizeof number, "#%u", k);
	snprintf(text, sizeof text, "%s%s%s", before, *before ? "/" : "", name);
	int room = SP_POINT_NAME_MAX - 1 - (int)strlen(number);
	snprintf(out, SP_POINT_NAME_MAX, "%.*s%s", room, text, number);
}

static bool taken(const struct sp_points *points, const char *name)
{
	uint32_t n = atomic_load_explicit(&points->n, memory_order_relaxed);
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(points->point[i].name, name))
			return true;
	return false;
}

/* The last component of a path's directory part: "b" of "a/b/x.pcap". Empty when there is none. */
static void directory(char *out, size_t size, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *start = slash;
	while (start && start > path && start[-1] != '/')
		start--;
	snprintf(out, size, "%.*s", slash ? (int)(slash - start) : 0, start ? start : "");
	if (!strcmp(out, ".") || !strcmp(out, ".."))
		*out = 0;
}

/* Adds a point under a name that no other point has: "name", "directory/name", "name#2", … Returns its index or
 * -ENOSPC. */
static int add_unique(struct sp_capture *c, const char *name)
{
	char text[SP_POINT_NAME_MAX], dir[256];
	compose(text, "", name, 1);
	directory(dir, sizeof dir, c->path);
	if (taken(c->points, text) && *dir)
		compose(text, dir, name, 1);
	for (unsigned k = 2; k <= SP_POINTS_MAX && taken(c->points, text); k++)
		compose(text, "", name, k);
	return sp_points_add_beside(c->points, text, c->kind, &c->box);
}

static bool cut_extension(char *name, const char *const *extensions)
{
	char *dot = strrchr(name, '.');
	if (!dot || dot == name)
		return false;
	for (; *extensions; extensions++)
		if (!strcmp(dot, *extensions)) {
			*dot = 0;
			return true;
		}
	return false;
}

static void base_name(char *out, size_t size, const char *path)
{
	static const char *const packed[] = {".gz", ".zst", ".zstd", ".lz4", NULL};
	static const char *const format[] = {".pcap", ".pcapng", ".cap", ".dump", ".dmp", NULL};
	const char *slash = strrchr(path, '/');
	snprintf(out, size, "%s", slash ? slash + 1 : path);
	cut_extension(out, packed);
	cut_extension(out, format);
}

uint16_t sp_capture_file_point(struct sp_capture *c)
{
	if (!c->has_point) {
		int point = add_unique(c, c->base);
		/* With the table full, the packets go to a point of the same file rather than to another's. */
		c->point = point >= 0 ? (uint16_t)point : c->n_known ? c->known[0].point : 0;
		c->has_point = true;
	}
	return c->point;
}

int sp_capture_name_file(struct sp_capture *c, const char *name, struct sp_err *err)
{
	if (atomic_load_explicit(&c->points->n, memory_order_relaxed) == SP_POINTS_MAX)
		return sp_err(err, -ENOSPC, "%s: there are %u observation points already, and no room for more",
			      c->path, SP_POINTS_MAX);
	if (!name) {
		base_name(c->base, sizeof c->base, c->path);
		return 0;
	}
	c->point = (uint16_t)sp_points_add(c->points, name, c->kind);
	c->has_point = c->one_point = true;
	return 0;
}

/* How many interfaces of the section have the same name, up to this one. */
static unsigned occurrence(const struct sp_capture *c, uint32_t index)
{
	unsigned k = 1;
	for (uint32_t i = 0; i < index; i++)
		k += !strcmp(c->interfaces[i].name, c->interfaces[index].name);
	return k;
}

static struct sp_capture_known *find_known(struct sp_capture *c, const char *name, unsigned k)
{
	for (uint32_t i = 0; i < c->n_known; i++)
		if (c->known[i].k == k && !strcmp(c->known[i].name, name))
			return &c->known[i];
	return NULL;
}

/* The point of an interface: the one that it had in an earlier section, or a new one. */
static uint16_t interface_point(struct sp_capture *c, uint32_t index, bool alone)
{
	/* Interfaces without end must not use up the points of other files, nor the time to compare their names. */
	if (c->one_point || index >= SP_CAPTURE_POINTS_MAX)
		return sp_capture_file_point(c);
	const char *name = c->interfaces[index].name;
	unsigned k = occurrence(c, index);
	struct sp_capture_known *known = find_known(c, name, k);
	if (known)
		return known->point;
	if (!c->known)
		c->known = calloc(SP_CAPTURE_POINTS_MAX, sizeof *c->known);
	if (!c->known || c->n_known == SP_CAPTURE_POINTS_MAX)
		return sp_capture_file_point(c);
	int point = -1;
	if (!alone) {
		char own[64], full[512];
		compose(own, "", name, k);
		snprintf(full, sizeof full, "%s/%s", c->base, own);
		point = add_unique(c, full);
	}
	known = &c->known[c->n_known];
	known->point = point >= 0 ? (uint16_t)point : sp_capture_file_point(c);
	known->k = (uint16_t)k;
	snprintf(known->name, sizeof known->name, "%s", name);
	c->n_known++;
	return known->point;
}

void sp_capture_name_interfaces(struct sp_capture *c)
{
	/* Only a file whose first section describes a single interface is that interface. */
	bool alone = !c->n_known && c->n_interfaces == 1;
	for (; c->n_named < c->n_interfaces; c->n_named++)
		c->interfaces[c->n_named].point = interface_point(c, c->n_named, alone);
}

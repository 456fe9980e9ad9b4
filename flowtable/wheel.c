/* SPDX-License-Identifier: Apache-2.0 */
#include "flowtable/wheel.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

/* Stale entries live for one turn at most; four entries a flow leave room for connections that come and go within it.
 */
int sp_wheel_init(struct sp_wheel *w, uint64_t max_flows)
{
	*w = (struct sp_wheel){.n_pages = 1};
	uint64_t pages = max_flows * 4 / SP_WHEEL_PAGE_FLOWS + 2 * SP_WHEEL_SLOTS;
	w->max_pages = (uint32_t)SP_MIN(pages, UINT32_MAX);
	w->page = sp_mem_map(w->max_pages * sizeof *w->page, 0);
	return w->page ? 0 : -ENOMEM;
}

void sp_wheel_reset(struct sp_wheel *w)
{
	memset(w->slot, 0, sizeof w->slot);
	w->n_pages = 1;
	w->free_page = 0;
}

void sp_wheel_free(struct sp_wheel *w)
{
	sp_mem_unmap(w->page, w->max_pages * sizeof *w->page);
	w->page = NULL;
}

static uint32_t page_new(struct sp_wheel *w)
{
	uint32_t p = w->free_page;
	if (p)
		w->free_page = w->page[p].next;
	else if (w->n_pages < w->max_pages)
		p = w->n_pages++;
	return p;
}

bool sp_wheel_add(struct sp_wheel *w, uint64_t tick, uint32_t flow)
{
	uint32_t *slot = &w->slot[tick % SP_WHEEL_SLOTS];
	if (!*slot || w->page[*slot].n == SP_WHEEL_PAGE_FLOWS) {
		uint32_t p = page_new(w);
		if (!p)
			return false;
		w->page[p].next = *slot;
		w->page[p].n = 0;
		*slot = p;
	}
	struct sp_wheel_page *page = &w->page[*slot];
	page->flow[page->n++] = flow;
	return true;
}

uint32_t sp_wheel_take(struct sp_wheel *w, uint64_t now_ns)
{
	uint64_t now = sp_wheel_tick_of(now_ns);
	if (!w->started) {
		w->started = true;
		w->tick = now;
	}
	/* Who is looked at may ask for another turn at once, so a jump of years would be made turn by turn. Slots and
	 * the numbers that flows remember repeat: whole cycles can be left out, up to one turn before the present. */
	if (now > w->tick + SP_WHEEL_SLOTS)
		w->tick += (now - w->tick - SP_WHEEL_SLOTS) / SP_WHEEL_CYCLE * SP_WHEEL_CYCLE;
	/* After a gap longer than a turn every slot is due once; the ticks in between hold nothing else. */
	if (now > w->tick + SP_WHEEL_SLOTS) {
		for (uint64_t t = w->tick + 1; t <= w->tick + SP_WHEEL_SLOTS; t++) {
			uint32_t p = w->slot[t % SP_WHEEL_SLOTS];
			if (!p)
				continue;
			w->slot[t % SP_WHEEL_SLOTS] = 0;
			w->tick = t;
			return p;
		}
		w->tick = now;
	}
	while (w->tick < now) {
		w->tick++;
		uint32_t p = w->slot[w->tick % SP_WHEEL_SLOTS];
		if (p) {
			w->slot[w->tick % SP_WHEEL_SLOTS] = 0;
			return p;
		}
	}
	return 0;
}

uint32_t sp_wheel_give(struct sp_wheel *w, uint32_t page)
{
	uint32_t next = w->page[page].next;
	w->page[page].next = w->free_page;
	w->free_page = page;
	return next;
}

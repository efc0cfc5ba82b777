/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_LEARN_H
#define XDPVS_LEARN_H

/* What ARP and neighbour discovery teach the neighbour table. */

#include "fib.h"

enum learn_flags {
	LEARN_CREATE = 1 << 0,	/* also a neighbour nobody asked for yet */
	LEARN_KEEP = 1 << 1,	/* a MAC already known wins (NA without override, RFC 4861 7.2.5) */
	LEARN_CONFIRM = 1 << 2, /* the message bears no MAC: it only confirms the one known */
};

/*
 * Enters a MAC and makes the neighbour reachable, unless its entry is static. The daemon hears of a neighbour that
 * became usable or moved. A MAC is only written when it differs, so that frames leaving meanwhile see it whole.
 */
static __noinline void neighbour_learn(struct neighbour_key *key, const __u8 *mac, __u32 flags)
{
	__u32 at = flags & LEARN_CREATE ? neighbour_get(key) : neighbour_find(key);
	struct neighbour *n = neighbour_at(at);
	bool known;

	if (!n || n->flags & NEIGHBOUR_STATIC)
		return;
	known = neighbour_usable(n);
	if (flags & LEARN_CONFIRM) {
		if (!known)
			return;
	} else if (!known || !mac_equal(n->dmac, mac)) {
		if (known && flags & LEARN_KEEP)
			return;
		mac_copy(n->dmac, mac);
		known = false;
	}
	n->updated = now_ticks();
	n->state = NEIGHBOUR_REACHABLE;
	if (!known)
		event_send(EVENT_NEIGHBOUR_LEARNED, key, mac);
}

#endif

/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_NEIGHBOUR_UPDATE_H
#define XDPVS_NEIGHBOUR_UPDATE_H

/* The daemon's hand on the neighbour table: claims, changes and frees slots by the same rules as XDP does. */

#include "fib.h"

SEC("syscall")
int neighbour_update(struct neighbour_args *args)
{
	struct neighbour_key key = { .device = args->device, .af = args->af };
	struct device *device;
	struct neighbour *n;
	__u32 at;

	copy16(key.addr, args->addr);
	at = args->remove ? neighbour_find(&key) : neighbour_get(&key);
	n = neighbour_at(at);
	args->index = at;
	if (at == NO_NEXT_HOP || !n) {
		args->index = args->remove ? -2 : -1;
		return 0;
	}
	if (args->remove) {
		n->state = NEIGHBOUR_NONE;
		n->generation++;
		__sync_lock_test_and_set(&n->tag, tag_of(SLOT_TOMBSTONE, 0));
		return 0;
	}
	device = device_at(args->device);
	if (device) {
		n->mtu = device->mtu;
		mac_copy(n->smac, device->mac);
	}
	if (args->set_mac) {
		mac_copy(n->dmac, args->mac);
		n->updated = bpf_ktime_get_ns() >> TICK_SHIFT;
		n->state = args->state;
	} else if (args->state) {
		/* A MAC learned meanwhile is not taken back to an earlier state. */
		if (args->state >= NEIGHBOUR_REACHABLE || n->state < NEIGHBOUR_REACHABLE)
			n->state = args->state;
	}
	n->flags = (n->flags & ~args->clear_flags) | args->set_flags;
	return 0;
}

#endif

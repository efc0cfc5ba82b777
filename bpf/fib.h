/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_FIB_H
#define XDPVS_FIB_H

/*
 * Routes and neighbours. A next hop is named by its slot in neighbours and the slot's generation, so that a
 * connection notices when the slot has come to mean another neighbour. The neighbour holds all a frame needs to
 * leave: MACs, tag and port.
 */

#include "conn.h"
#include "device.h"

#define NO_NEXT_HOP (~0U)

struct neighbour_key {
	__u8 addr[16];
	__u32 device;
	__u32 af;
};

struct fib_query {
	__u8 addr[16]; /* destination */
	__u32 af;
	/* out */
	__u32 flags; /* enum route_flags */
	__u32 mtu;
	struct neighbour_key key; /* whom to send to */
};

static __always_inline struct neighbour *neighbour_at(__u32 index)
{
	return bpf_map_lookup_elem(&neighbours, &index);
}

static __always_inline __u32 neighbour_hash(const struct settings *set, const struct neighbour_key *key)
{
	const __u32 *a = (const __u32 *)key->addr, *k = set->secret;
	__u64 h;

	h = (__u64)(__u32)(a[0] + k[0]) * (__u32)(a[1] + k[1]);
	h += (__u64)(__u32)(a[2] + k[2]) * (__u32)(a[3] + k[3]);
	h += (__u64)(__u32)(key->device + k[4]) * (__u32)(key->af + k[5]);
	return mix64(h);
}

static __always_inline bool neighbour_matches(const struct neighbour *n, const struct neighbour_key *key)
{
	const __u64 *a = (const __u64 *)n->addr, *b = (const __u64 *)key->addr;

	return n->device == key->device && n->af == key->af && a[0] == b[0] && a[1] == b[1];
}

/* Slot of a neighbour, NO_NEXT_HOP if unknown. */
__noinline __u32 neighbour_find(struct neighbour_key *key)
{
	struct settings *set = settings_get();
	__u32 hash, home;

	if (!key || !set)
		return NO_NEXT_HOP;
	hash = neighbour_hash(set, key);
	home = hash % MAX_NEIGHBOURS;
	for (__u32 i = 0; i < NEIGHBOUR_WINDOW; i++) {
		struct neighbour *n = neighbour_at(home + i);
		__u64 tag;

		if (!n)
			return NO_NEXT_HOP;
		tag = *(volatile __u64 *)&n->tag;
		if (tag == tag_of(SLOT_LIVE, hash) && neighbour_matches(n, key))
			return home + i;
		if (tag == 0)
			return NO_NEXT_HOP;
	}
	return NO_NEXT_HOP;
}

/*
 * Slot of a neighbour, made in state NONE if there is none; NO_NEXT_HOP if the window is full or the device is
 * unknown. Slots never become empty again, so nothing moves behind a lookup's back; two CPUs that make the same
 * neighbour at once both end up with the one nearer to home.
 */
__noinline __u32 neighbour_get(struct neighbour_key *key)
{
	struct settings *set = settings_get();
	struct device *device, *port;
	struct neighbour *n = NULL;
	__u32 hash, home, at, found;

	if (!key || !set)
		return NO_NEXT_HOP;
	at = neighbour_find(key);
	if (at != NO_NEXT_HOP)
		return at;
	device = device_at(key->device);
	if (!device || device->kind == DEVICE_NONE)
		return NO_NEXT_HOP;
	port = device_at(device->port);
	if (!port)
		return NO_NEXT_HOP;

	hash = neighbour_hash(set, key);
	home = hash % MAX_NEIGHBOURS;
	for (__u32 i = 0; i < NEIGHBOUR_WINDOW; i++) {
		struct neighbour *slot = neighbour_at(home + i);
		__u64 tag;

		if (!slot)
			return NO_NEXT_HOP;
		tag = *(volatile __u64 *)&slot->tag;
		if (tag && tag_kind(tag) != SLOT_TOMBSTONE)
			continue;
		if (__sync_val_compare_and_swap(&slot->tag, tag, tag_of(SLOT_BUSY, hash)) == tag) {
			n = slot;
			at = home + i;
			break;
		}
	}
	if (!n)
		return NO_NEXT_HOP;
	copy16(n->addr, key->addr);
	n->device = key->device;
	n->af = key->af;
	n->state = NEIGHBOUR_NONE;
	n->generation++;
	n->mtu = device->mtu;
	__builtin_memset(n->dmac, 0, sizeof(n->dmac));
	mac_copy(n->smac, device->mac);
	n->port = device->port;
	n->vlan = device->vlan;
	n->ifindex = port->ifindex;
	n->updated = 0;
	n->flags = 0;
	__sync_lock_test_and_set(&n->tag, tag_of(SLOT_LIVE, hash));

	found = neighbour_find(key);
	if (found != at && found != NO_NEXT_HOP) {
		__sync_lock_test_and_set(&n->tag, tag_of(SLOT_TOMBSTONE, 0));
		return found;
	}
	return at;
}

static __always_inline bool neighbour_usable(const struct neighbour *n)
{
	return n->state >= NEIGHBOUR_REACHABLE;
}

static __always_inline __u32 next_hop_of(const struct neighbour *n, __u32 index)
{
	return (__u32)n->generation << 16 | index;
}

/* The neighbour a next hop names, NULL when it is gone, has become another, or is unresolved. */
static __always_inline struct neighbour *next_hop_get(__u32 next_hop)
{
	struct neighbour *n = neighbour_at(next_hop & 0xffff);

	if (!n || n->generation != next_hop >> 16 || !neighbour_usable(n) || tag_kind(n->tag) != SLOT_LIVE)
		return NULL;
	return n;
}

/* Longest prefix of a destination. 0 and the out fields, or -1 without route. */
__noinline int fib_lookup(struct fib_query *q)
{
	struct route *route;

	if (!q)
		return -1;
	if (q->af == AF_INET4) {
		struct route4_key key = { .prefix_length = 32 };

		__builtin_memcpy(key.addr, q->addr, 4);
		route = bpf_map_lookup_elem(&routes4, &key);
	} else {
		struct route6_key key = { .prefix_length = 128 };

		copy16(key.addr, q->addr);
		route = bpf_map_lookup_elem(&routes6, &key);
	}
	if (!route)
		return -1;
	q->flags = route->flags;
	q->mtu = route->mtu;
	q->key.device = route->device;
	q->key.af = q->af;
	copy16(q->key.addr, route->flags & ROUTE_GATEWAY ? route->gateway : q->addr);
	return 0;
}

static __noinline void event_send(__u32 kind, struct neighbour_key *key, const __u8 *mac)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return; /* the daemon is away or busy; it scans the table anyway */
	event->kind = kind;
	event->device = key->device;
	copy16(event->addr, key->addr);
	event->af = key->af;
	event->pad = 0;
	if (mac)
		mac_copy(event->mac, mac);
	else
		__builtin_memset(event->mac, 0, sizeof(event->mac));
	bpf_ringbuf_submit(event, 0);
}

/*
 * Next hop towards an address by route and neighbour table. A neighbour that is not resolved is asked for by an
 * event, and its (unusable) next hop returned. NO_NEXT_HOP: no route, a route to ourselves, or the table is full.
 */
__noinline __u32 next_hop_resolve(struct fib_query *q)
{
	struct neighbour *n;
	__u32 at;

	if (!q || fib_lookup(q) || q->flags & (ROUTE_LOCAL | ROUTE_KNI))
		return NO_NEXT_HOP;
	at = neighbour_get(&q->key);
	if (at == NO_NEXT_HOP)
		return NO_NEXT_HOP;
	n = neighbour_at(at);
	if (!n)
		return NO_NEXT_HOP;
	if (n->state == NEIGHBOUR_NONE)
		event_send(EVENT_NEIGHBOUR_WANTED, &q->key, NULL);
	return next_hop_of(n, at);
}

/*
 * Next hop back to where a client's packet came from: the MAC it bears, on the device it came by. Serves clients
 * without a route and on-link ones not resolved yet (DPVS's fast-xmit, for that case). The entry is apart from the
 * neighbour table proper, so data packets teach us no ARP.
 */
__noinline __u32 next_hop_reverse(struct neighbour_key *key)
{
	struct neighbour *n;
	__u32 at;

	if (!key || key->addr[0] & 1)
		return NO_NEXT_HOP;
	at = neighbour_get(key);
	n = neighbour_at(at);
	if (!n)
		return NO_NEXT_HOP;
	if (n->state != NEIGHBOUR_REACHABLE) {
		mac_copy(n->dmac, key->addr);
		n->flags = NEIGHBOUR_REVERSE;
		n->state = NEIGHBOUR_REACHABLE;
	}
	n->updated = now_ticks();
	return next_hop_of(n, at);
}

#endif

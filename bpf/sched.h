/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_SCHED_H
#define XDPVS_SCHED_H

/*
 * Choosing a server. Schedulers are Python, which lays their choices out as entries of `schedules`; here a counter or
 * a hash walks them. Only wlc needs live counts and scans.
 */

#include "conn.h"

#define SCHED_TRIES 256 /* entries looked at while servers are overloaded */

static __always_inline struct dest *dest_at(__u32 id)
{
	return bpf_map_lookup_elem(&dests, &id);
}

static __always_inline struct dest_conns *dest_conns_at(__u32 id)
{
	return bpf_map_lookup_elem(&dest_conns, &id);
}

/* 0, or why the server cannot take a connection. */
static __always_inline int dest_refuses(__u32 id)
{
	struct dest_conns *counts = dest_conns_at(id);
	struct dest *dest = dest_at(id);

	if (!dest || !counts)
		return DROP_INTERNAL;
	if (dest->weight <= 0)
		return DROP_NO_DEST;
	if (dest->max_conn && counts->active + counts->inactive >= dest->max_conn)
		return DROP_DEST_OVERLOAD;
	return 0;
}

/*
 * Entries from `turn` on until one can take the connection; dest id, or minus a drop reason. Goes once round the
 * schedule, in steps if it is long: neighbours may all be the same server, of great weight and full.
 */
__noinline int schedule_walk(__u32 base, __u32 length, __u64 turn)
{
	__u32 step = length / SCHED_TRIES + 1;
	int reason = DROP_NO_DEST;

	for (__u32 i = 0; i < SCHED_TRIES; i++) {
		__u32 entry = base + (__u32)((turn + i * step) % length);
		__u32 *id;

		if (i * step >= length)
			break;
		id = bpf_map_lookup_elem(&schedules, &entry);
		if (!id)
			return -DROP_INTERNAL;
		reason = dest_refuses(*id);
		if (!reason)
			return *id;
	}
	return -reason;
}

/* Weighted least connections: least (active * 256 + inactive) / weight, first of equals (DPVS ip_vs_wlc.c). */
__noinline int schedule_wlc(__u32 base, __u32 length)
{
	__u64 best_load = 0, best_weight = 0;
	int best = -DROP_NO_DEST;

	for (__u32 i = 0; i < WLC_DESTS; i++) {
		struct dest_conns *counts;
		__u32 entry = base + i, *id;
		struct dest *dest;
		__u64 load;

		if (i >= length)
			break;
		id = bpf_map_lookup_elem(&schedules, &entry);
		if (!id)
			break;
		counts = dest_conns_at(*id);
		dest = dest_at(*id);
		if (!counts || !dest || dest->weight <= 0)
			continue;
		if (dest->max_conn && counts->active + counts->inactive >= dest->max_conn) {
			if (!best_weight)
				best = -DROP_DEST_OVERLOAD;
			continue;
		}
		load = counts->active * 256 + counts->inactive;
		if (!best_weight || load * best_weight < best_load * dest->weight) {
			best = *id;
			best_load = load;
			best_weight = dest->weight;
		}
	}
	return best;
}

/* The server for a client's connection; dest id, or minus a drop reason. */
static __always_inline int dest_select(const struct service *service, const struct conn_key *client)
{
	const __u32 *s = (const __u32 *)client->saddr;
	struct service_counters *counters;
	__u32 id = service->id;

	if (!service->schedule_length)
		return -DROP_NO_DEST;
	switch (service->schedule_kind) {
	case SCHEDULE_SEQUENCE:
		counters = bpf_map_lookup_elem(&service_counters, &id);
		if (!counters)
			return -DROP_INTERNAL;
		return schedule_walk(service->schedule_base, service->schedule_length,
				     __sync_fetch_and_add(&counters->scheduled, 1));
	case SCHEDULE_WLC:
		return schedule_wlc(service->schedule_base, service->schedule_length);
	case SCHEDULE_HASH:
		/* Not keyed: two balancers of one cluster choose the same server for a client. */
		return schedule_walk(service->schedule_base, service->schedule_length,
				     mix64((__u64)(s[0] ^ s[2]) << 32 | (s[1] ^ s[3])));
	}
	return -DROP_NO_DEST;
}

#endif

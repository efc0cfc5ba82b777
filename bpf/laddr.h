/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_LADDR_H
#define XDPVS_LADDR_H

/*
 * Local addresses and ports of FullNAT. A port must be unique per (server, local address): each CPU hands out its own
 * residue of the port range, so no two can hand out the same, and asks the connection table whether one is free.
 * Uniqueness is per server, so one local address serves 64511 connections to each (DPVS: 64511 in 16 buckets).
 */

#include "conn.h"

#define LADDR_TRIES 16 /* local addresses, as DPVS's sapool */
#define PORT_TRIES 32  /* ports of each */

static __always_inline struct laddr *laddr_at(__u32 index)
{
	return bpf_map_lookup_elem(&laddrs, &index);
}

/* A free port of the local address in key->daddr towards the server in key->saddr; 0 if none was found. */
__noinline __u32 laddr_port(struct conn_key *key, __u32 id)
{
	struct laddr_stats *stats = bpf_map_lookup_elem(&laddr_stats, &id);
	__u32 *next = bpf_map_lookup_elem(&laddr_ports, &id);
	struct settings *set = settings_get();
	__u32 cpu, ports;

	if (!key || !stats || !next || !set || !set->cpus)
		return 0;
	cpu = bpf_get_smp_processor_id() % set->cpus;
	ports = (PORT_MAX - PORT_MIN + 1 - cpu + set->cpus - 1) / set->cpus;
	for (int i = 0; i < PORT_TRIES; i++) {
		__u32 port = PORT_MIN + (*next)++ % ports * set->cpus + cpu;

		key->dport = bpf_htons(port);
		if (conn_find(key) == NO_SLOT)
			return port;
		__sync_fetch_and_add(&stats->conflicts, 1);
	}
	__sync_fetch_and_add(&stats->misses, 1);
	return 0;
}

/* Fills daddr and dport of the reply's key; the id of the local address, or minus a drop reason. */
__noinline int laddr_claim(struct service *service, struct conn_key *key)
{
	struct service_counters *counters;
	__u32 base, length, id;
	__u64 turn;

	if (!service || !key)
		return -DROP_INTERNAL;
	base = key->af == AF_INET4 ? service->laddr4_base : service->laddr6_base;
	length = key->af == AF_INET4 ? service->laddr4_length : service->laddr6_length;
	id = service->id;
	counters = bpf_map_lookup_elem(&service_counters, &id);
	if (!length || !counters)
		return -DROP_NO_LADDR;
	turn = __sync_fetch_and_add(&counters->laddr, 1);
	for (__u32 i = 0; i < LADDR_TRIES && i < length; i++) {
		struct laddr *laddr = laddr_at(base + (__u32)((turn + i) % length));

		if (!laddr)
			return -DROP_INTERNAL;
		copy16(key->daddr, laddr->addr);
		if (laddr_port(key, laddr->id))
			return laddr->id;
	}
	return -DROP_NO_PORT;
}

#endif

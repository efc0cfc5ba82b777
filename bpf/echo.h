/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_ECHO_H
#define XDPVS_ECHO_H

/*
 * Echo requests to an address of the ingress device are answered here (DPVS src/icmp.c, src/ipv6/icmp6.c). Contract:
 * called for PARSED_ICMP packets; NEXT if it is not an echo request to us. Multicast and broadcast ones are left to
 * the host: there is no choosing a source address here.
 */

#include "icmp_types.h"

/* An address of the device, or a host route to ourselves by it: DPVS wants destination and ingress device equal. */
static __noinline bool echo_is_for_us(struct pkt *pkt)
{
	struct neighbour_key key = { .device = pkt->device, .af = pkt->key.af };
	struct fib_query q = { .af = pkt->key.af };

	copy16(key.addr, pkt->key.daddr);
	if (address_is_ours(&key))
		return true;
	if (!address_is_unicast(pkt->key.daddr, pkt->key.af))
		return false;
	copy16(q.addr, pkt->key.daddr);
	return !fib_lookup(&q) && q.flags & ROUTE_LOCAL && q.key.device == pkt->device;
}

static __always_inline __u8 reply_ttl(void)
{
	struct settings *set = settings_get();

	return set && set->default_ttl ? set->default_ttl : DEFAULT_TTL;
}

static __always_inline int echo_answer(struct pkt *pkt, void *data, void *end, struct icmp_header *icmp)
{
	__u16 old = *(__u16 *)icmp;

	swap_macs(data);
	if (pkt->key.af == AF_INET4) {
		struct iphdr *ip = data + l3_of(pkt);

		if ((void *)(ip + 1) > end)
			return drop(DROP_TRUNCATED);
		__builtin_memcpy(&ip->saddr, pkt->key.daddr, 4);
		__builtin_memcpy(&ip->daddr, pkt->key.saddr, 4);
		ip->ttl = reply_ttl();
		ipv4_set_checksum(ip);
		icmp->type = ICMP_ECHO_REPLY;
	} else {
		struct ipv6hdr *ip = data + l3_of(pkt);

		if ((void *)(ip + 1) > end)
			return drop(DROP_TRUNCATED);
		copy16(&ip->saddr, pkt->key.daddr);
		copy16(&ip->daddr, pkt->key.saddr);
		ip->hop_limit = reply_ttl();
		icmp->type = ICMPV6_ECHO_REPLY;
	}
	icmp->checksum = csum_update(icmp->checksum, old, *(__u16 *)icmp);
	return reflect(pkt);
}

static __noinline int echo_input(struct pkt *pkt)
{
	void *data = pkt_data(pkt), *end = pkt_end(pkt);
	struct icmp_header *icmp = data + l4_of(pkt);

	if (data + sizeof(struct ethhdr) > end || (void *)(icmp + 1) > end)
		return drop(DROP_TRUNCATED);
	if (icmp->type != (pkt->key.af == AF_INET4 ? ICMP_ECHO : ICMPV6_ECHO) || icmp->code)
		return NEXT;
	if (!pkt->for_us || !echo_is_for_us(pkt))
		return NEXT;
	if (!address_is_unicast(pkt->key.saddr, pkt->key.af))
		return drop(DROP_BAD_ADDRESS);
	if (!icmp_checksum_ok(pkt))
		return drop(DROP_BAD_CHECKSUM);

	data = pkt_data(pkt);
	end = pkt_end(pkt);
	icmp = data + l4_of(pkt);
	if (data + sizeof(struct ethhdr) > end || (void *)(icmp + 1) > end)
		return drop(DROP_TRUNCATED);
	return echo_answer(pkt, data, end, icmp);
}

#endif

/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_ICMP_TYPES_H
#define XDPVS_ICMP_TYPES_H

/* Numbers of ICMP (RFC 792, 1812) and ICMPv6 (RFC 4443), and the checksum both have. */

#include "reflect.h"

#define ICMP_ECHO_REPLY 0
#define ICMP_UNREACHABLE 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12

#define ICMP_HOST_UNREACHABLE 1 /* codes of ICMP_UNREACHABLE */
#define ICMP_PROTOCOL_UNREACHABLE 2
#define ICMP_PORT_UNREACHABLE 3
#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMP_HOST_PROHIBITED 10

#define ICMPV6_UNREACHABLE 1
#define ICMPV6_PACKET_TOO_BIG 2
#define ICMPV6_TIME_EXCEEDED 3
#define ICMPV6_PARAMETER_PROBLEM 4
#define ICMPV6_ECHO 128 /* smaller types are errors */
#define ICMPV6_ECHO_REPLY 129
#define ICMPV6_REDIRECT 137

#define ICMPV6_NO_ROUTE 0 /* codes of ICMPV6_UNREACHABLE */
#define ICMPV6_PROHIBITED 1
#define ICMPV6_PORT_UNREACHABLE 4
#define ICMPV6_BAD_NEXT_HEADER 1 /* code of ICMPV6_PARAMETER_PROBLEM */

#define IPV6_MIN_MTU 1280
#define IPV4_MIN_MTU 68

static __always_inline __u32 icmp_length(const struct pkt *pkt)
{
	return pkt->ip_length - (pkt->l4_offset - pkt->l3_offset);
}

/* Whether the checksum of the whole message is right; as parse() left the packet. */
static __noinline bool icmp_checksum_ok(struct pkt *pkt)
{
	__u32 length = icmp_length(pkt);
	__s64 sum = l4_csum(pkt->ctx, l4_of(pkt), length);
	__u64 all = 0;

	if (pkt->key.af == AF_INET6) {
		all = csum_pseudo(length, IPPROTO_ICMPV6);
		all = csum_add(csum_add(all, pkt->key.saddr, 4), pkt->key.daddr, 4);
	}
	return sum >= 0 && csum_fold(all + sum) == 0xffff;
}

#endif

/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_ICMP_TRANSLATE_H
#define XDPVS_ICMP_TRANSLATE_H

/*
 * What an ICMP error says, in the words of the other family: RFC 7915, 4.2 and 5.2. Global functions over a small
 * struct, so that the verifier walks the tables once. -1: the other family has no such error, drop it.
 */

#include "icmp_types.h"

#define HEADER_DIFFERENCE 20 /* IPv6's over IPv4's */
#define MTU_UNLIMITED 0xffff

struct icmp_meaning {
	__u32 type;
	__u32 code;
	__u32 value;	     /* second word, host order: MTU, pointer */
	__u32 quoted_length; /* of the packet the error is about, by its own header */
	__u32 mtu;	     /* of the next hop towards the receiver of the error */
	__u32 allowance;     /* bytes the data path adds to the receiver's packets */
};

/* RFC 1191, 7: the largest likely MTU below the length of a packet that did not fit. */
static __always_inline __u32 mtu_plateau(__u32 length)
{
	if (length > 32000)
		return 32000;
	if (length > 17914)
		return 17914;
	if (length > 8166)
		return 8166;
	if (length > 4352)
		return 4352;
	if (length > 2002)
		return 2002;
	if (length > 1492)
		return 1492;
	return IPV6_MIN_MTU - HEADER_DIFFERENCE;
}

/* Towards an IPv6 sender of packets that are too big for IPv4; never below IPv6's minimum. */
static __always_inline __u32 mtu_4to6(const struct icmp_meaning *m)
{
	__u32 mtu = m->value & 0xffff;

	mtu = (mtu ?: mtu_plateau(m->quoted_length)) + HEADER_DIFFERENCE;
	if (mtu > m->mtu)
		mtu = m->mtu;
	return mtu > IPV6_MIN_MTU + m->allowance ? mtu - m->allowance : IPV6_MIN_MTU;
}

static __always_inline __u32 mtu_6to4(const struct icmp_meaning *m)
{
	__u32 mtu = m->value;

	if (mtu > MTU_UNLIMITED)
		mtu = MTU_UNLIMITED;
	mtu -= HEADER_DIFFERENCE;
	return mtu > m->mtu ? m->mtu : mtu;
}

/* Within a family only what we add is taken off. 0 (routers before RFC 1191) stays 0. */
static __always_inline __u32 mtu_less(__u32 mtu, __u32 allowance, __u32 least)
{
	if (mtu <= least || !allowance)
		return mtu;
	return mtu > least + allowance ? mtu - allowance : least;
}

static __always_inline int unreachable_4to6(struct icmp_meaning *m)
{
	__u32 code = m->code;

	m->type = ICMPV6_UNREACHABLE;
	m->value = 0;
	m->code = ICMPV6_NO_ROUTE;
	if (code == ICMP_PROTOCOL_UNREACHABLE) {
		m->type = ICMPV6_PARAMETER_PROBLEM;
		m->code = ICMPV6_BAD_NEXT_HEADER;
		m->value = offsetof(struct ipv6hdr, nexthdr);
	} else if (code == ICMP_PORT_UNREACHABLE) {
		m->code = ICMPV6_PORT_UNREACHABLE;
	} else if (code == 9 || code == ICMP_HOST_PROHIBITED || code == 13 || code == 15) {
		m->code = ICMPV6_PROHIBITED;
	} else if (code == 14 || code > 15) {
		return -1; /* host precedence violation, unknown */
	}
	return 0;
}

/* Where a field of the IPv4 header is in IPv6's (figure 3). */
static __always_inline int pointer_4to6(__u32 pointer)
{
	if (pointer <= 1)
		return pointer;
	if (pointer <= 3)
		return offsetof(struct ipv6hdr, payload_len);
	if (pointer == 8)
		return offsetof(struct ipv6hdr, hop_limit);
	if (pointer == 9)
		return offsetof(struct ipv6hdr, nexthdr);
	if (pointer >= 12 && pointer <= 15)
		return offsetof(struct ipv6hdr, saddr);
	if (pointer >= 16 && pointer <= 19)
		return offsetof(struct ipv6hdr, daddr);
	return -1;
}

/* The way back (figure 6). */
static __always_inline int pointer_6to4(__u32 pointer)
{
	if (pointer <= 1)
		return pointer;
	if (pointer == 4 || pointer == 5)
		return offsetof(struct iphdr, tot_len);
	if (pointer == 6)
		return offsetof(struct iphdr, protocol);
	if (pointer == 7)
		return offsetof(struct iphdr, ttl);
	if (pointer >= 8 && pointer <= 23)
		return offsetof(struct iphdr, saddr);
	if (pointer >= 24 && pointer <= 39)
		return offsetof(struct iphdr, daddr);
	return -1;
}

__noinline int icmp_4to6(struct icmp_meaning *m)
{
	int pointer;

	if (!m)
		return -1;
	switch (m->type) {
	case ICMP_UNREACHABLE:
		if (m->code != ICMP_FRAGMENTATION_NEEDED)
			return unreachable_4to6(m);
		m->value = mtu_4to6(m);
		m->type = ICMPV6_PACKET_TOO_BIG;
		m->code = 0;
		return 0;
	case ICMP_TIME_EXCEEDED:
		m->type = ICMPV6_TIME_EXCEEDED;
		m->value = 0;
		return m->code > 1 ? -1 : 0;
	case ICMP_PARAMETER_PROBLEM:
		pointer = pointer_4to6(m->value >> 24);
		if (pointer < 0 || (m->code != 0 && m->code != 2))
			return -1;
		m->type = ICMPV6_PARAMETER_PROBLEM;
		m->code = 0;
		m->value = pointer;
		return 0;
	}
	return -1;
}

static __always_inline int parameter_6to4(struct icmp_meaning *m)
{
	int pointer = pointer_6to4(m->value);

	if (m->code == ICMPV6_BAD_NEXT_HEADER) {
		m->type = ICMP_UNREACHABLE;
		m->code = ICMP_PROTOCOL_UNREACHABLE;
		m->value = 0;
		return 0;
	}
	if (m->code || pointer < 0)
		return -1;
	m->type = ICMP_PARAMETER_PROBLEM;
	m->value = (__u32)pointer << 24;
	return 0;
}

__noinline int icmp_6to4(struct icmp_meaning *m)
{
	if (!m)
		return -1;
	switch (m->type) {
	case ICMPV6_UNREACHABLE:
		if (m->code > ICMPV6_PORT_UNREACHABLE)
			return -1;
		if (m->code == ICMPV6_PORT_UNREACHABLE)
			m->code = ICMP_PORT_UNREACHABLE;
		else if (m->code == ICMPV6_PROHIBITED)
			m->code = ICMP_HOST_PROHIBITED;
		else
			m->code = ICMP_HOST_UNREACHABLE;
		m->type = ICMP_UNREACHABLE;
		m->value = 0;
		return 0;
	case ICMPV6_PACKET_TOO_BIG:
		if (m->value < IPV6_MIN_MTU)
			return -1; /* to be ignored, RFC 8201 4 */
		m->value = mtu_6to4(m);
		m->type = ICMP_UNREACHABLE;
		m->code = ICMP_FRAGMENTATION_NEEDED;
		return 0;
	case ICMPV6_TIME_EXCEEDED:
		m->type = ICMP_TIME_EXCEEDED;
		m->value = 0;
		return m->code > 1 ? -1 : 0;
	case ICMPV6_PARAMETER_PROBLEM:
		return parameter_6to4(m);
	}
	return -1;
}

/* An error that stays in its family. */
static __always_inline void icmp_same_family(struct icmp_meaning *m, __u8 af)
{
	if (af == AF_INET4 && m->type == ICMP_UNREACHABLE && m->code == ICMP_FRAGMENTATION_NEEDED)
		m->value = (m->value & 0xffff0000) | mtu_less(m->value & 0xffff, m->allowance, IPV4_MIN_MTU);
	else if (af == AF_INET6 && m->type == ICMPV6_PACKET_TOO_BIG)
		m->value = mtu_less(m->value, m->allowance, IPV6_MIN_MTU);
}

#endif

/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_PARSE_H
#define XDPVS_PARSE_H

/*
 * From frame to struct pkt. Contract: after parse() returned NEXT, l3_offset is that of the IP (or other) header,
 * ip_length does not exceed the frame, and for PARSED_L4 packets the L4 header up to its minimal size is inside the
 * frame and key names the flow. Offsets stay valid until a stage moves the start of the packet.
 *
 * Pointers into the packet are never kept in struct pkt: each stage takes them from ctx and checks bounds beside
 * the read.
 */

#include "csum.h"
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>

#define IP_FRAGMENT_MASK 0x3fff /* MF and offset */
#define IP_DF 0x4000
#define MAX_L4_OFFSET (18 + 60)

/* Common to ICMP and ICMPv6. linux/icmp.h drags in the C library. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 rest; /* id and sequence, mtu, pointer, … by type */
};

struct vlan_header {
	__be16 tci;
	__be16 ethertype;
};

enum parsed {
	PARSED_OTHER,	 /* not IP: ethertype tells */
	PARSED_IP,	 /* IP, no more known (other protocol) */
	PARSED_FRAGMENT, /* any fragment; addresses of key are set */
	PARSED_OPTIONS,	 /* IPv4 options or IPv6 extension headers before TCP, UDP or ICMP; addresses of key are set */
	PARSED_L4,	 /* plain TCP or UDP; key is complete */
	PARSED_ICMP,	 /* plain ICMP or ICMPv6; addresses of key are set */
};

struct pkt {
	struct xdp_md *ctx;
	__u32 port;	     /* device id of the ingress port */
	__u32 device;	     /* of the port or the VLAN on it; the port's where the tag is nobody's */
	struct conn_key key; /* proto and af are set for every IP packet */
	__be16 ethertype;    /* behind the tag */
	__u16 vlan;	     /* id of the tag, 0 = none */
	__u32 l3_offset;
	__u32 l4_offset;
	__u32 ip_length; /* whole IP packet */
	__u8 parsed;	 /* enum parsed */
	__u8 ttl;
	__u8 tcp_flags;
	__u8 for_us;  /* the frame's destination is the device's own MAC */
	__u8 toa_due; /* xmit_fullnat.h: the server may look for a TOA in it */
};

/* Words that may alias anything: clang makes byte copies of memcpy() on types of smaller alignment. */
typedef __u32 __attribute__((__may_alias__)) any32;
typedef __u16 __attribute__((__may_alias__)) any16;

static __always_inline void copy16(void *to, const void *from)
{
	const any32 *source = from;
	any32 *target = to;

	target[0] = source[0];
	target[1] = source[1];
	target[2] = source[2];
	target[3] = source[3];
}

static __always_inline void *pkt_data(const struct pkt *pkt)
{
	return (void *)(long)pkt->ctx->data;
}

static __always_inline void *pkt_end(const struct pkt *pkt)
{
	return (void *)(long)pkt->ctx->data_end;
}

static __always_inline int parse_l4(struct pkt *pkt, void *l4, void *end)
{
	if (pkt->key.proto == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;

		if ((void *)(tcp + 1) > end || pkt->ip_length < pkt->l4_offset - pkt->l3_offset + sizeof(*tcp))
			return drop(DROP_TRUNCATED);
		if (tcp->doff < 5 || pkt->ip_length < pkt->l4_offset - pkt->l3_offset + tcp->doff * 4)
			return drop(DROP_BAD_HEADER);
		pkt->key.sport = tcp->source;
		pkt->key.dport = tcp->dest;
		pkt->tcp_flags = ((__u8 *)tcp)[13];
		pkt->parsed = PARSED_L4;
	} else if (pkt->key.proto == IPPROTO_UDP) {
		struct udphdr *udp = l4;

		if ((void *)(udp + 1) > end || pkt->ip_length < pkt->l4_offset - pkt->l3_offset + sizeof(*udp))
			return drop(DROP_TRUNCATED);
		if (bpf_ntohs(udp->len) < sizeof(*udp) ||
		    bpf_ntohs(udp->len) > pkt->ip_length - (pkt->l4_offset - pkt->l3_offset))
			return drop(DROP_BAD_HEADER);
		pkt->key.sport = udp->source;
		pkt->key.dport = udp->dest;
		pkt->parsed = PARSED_L4;
	} else if (pkt->key.proto == (pkt->key.af == AF_INET4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
		if (l4 + sizeof(struct icmp_header) > end ||
		    pkt->ip_length < pkt->l4_offset - pkt->l3_offset + sizeof(struct icmp_header))
			return drop(DROP_TRUNCATED);
		pkt->parsed = PARSED_ICMP;
	} else {
		pkt->parsed = PARSED_IP;
	}
	return NEXT;
}

static __always_inline int parse_ipv4(struct pkt *pkt, void *data, void *end)
{
	struct iphdr *ip = data + pkt->l3_offset;

	if ((void *)(ip + 1) > end)
		return drop(DROP_TRUNCATED);
	if (unlikely(ip->version != 4 || ip->ihl < 5))
		return drop(DROP_BAD_HEADER);
	pkt->ip_length = bpf_ntohs(ip->tot_len);
	if (unlikely(pkt->ip_length < ip->ihl * 4 || (void *)ip + pkt->ip_length > end))
		return drop(DROP_BAD_HEADER);

	pkt->key.af = AF_INET4;
	pkt->key.proto = ip->protocol;
	*(__u32 *)pkt->key.saddr = ip->saddr;
	*(__u32 *)pkt->key.daddr = ip->daddr;
	pkt->ttl = ip->ttl;
	pkt->l4_offset = pkt->l3_offset + sizeof(*ip);
	if (unlikely(ip->ihl != 5)) {
		pkt->l4_offset = pkt->l3_offset + ip->ihl * 4;
		pkt->parsed = ip->frag_off & bpf_htons(IP_FRAGMENT_MASK) ? PARSED_FRAGMENT : PARSED_OPTIONS;
		return NEXT;
	}
	if (unlikely(csum_fold(csum_add(0, ip, sizeof(*ip) / 4)) != 0xffff))
		return drop(DROP_BAD_CHECKSUM);
	if (unlikely(ip->frag_off & bpf_htons(IP_FRAGMENT_MASK))) {
		pkt->parsed = PARSED_FRAGMENT;
		return NEXT;
	}
	return parse_l4(pkt, ip + 1, end);
}

static __always_inline bool is_extension_header(__u8 next_header)
{
	return next_header == IPPROTO_HOPOPTS || next_header == IPPROTO_ROUTING || next_header == IPPROTO_DSTOPTS ||
	       next_header == IPPROTO_AH;
}

static __always_inline int parse_ipv6(struct pkt *pkt, void *data, void *end)
{
	struct ipv6hdr *ip = data + pkt->l3_offset;

	if ((void *)(ip + 1) > end)
		return drop(DROP_TRUNCATED);
	if (unlikely(ip->version != 6))
		return drop(DROP_BAD_HEADER);
	pkt->ip_length = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	if (unlikely((void *)ip + pkt->ip_length > end))
		return drop(DROP_BAD_HEADER);

	pkt->key.af = AF_INET6;
	pkt->key.proto = ip->nexthdr;
	copy16(pkt->key.saddr, &ip->saddr);
	copy16(pkt->key.daddr, &ip->daddr);
	pkt->ttl = ip->hop_limit;
	pkt->l4_offset = pkt->l3_offset + sizeof(*ip);
	if (unlikely(ip->nexthdr == IPPROTO_FRAGMENT)) {
		pkt->parsed = PARSED_FRAGMENT;
		return NEXT;
	}
	if (unlikely(is_extension_header(ip->nexthdr))) {
		pkt->parsed = PARSED_OPTIONS;
		return NEXT;
	}
	return parse_l4(pkt, ip + 1, end);
}

/* Ethernet, at most one 802.1Q tag, then IP and L4. Frames of other kinds come back as PARSED_OTHER. */
static __always_inline int parse(struct pkt *pkt)
{
	void *data = pkt_data(pkt), *end = pkt_end(pkt);
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return drop(DROP_TRUNCATED);
	pkt->ethertype = eth->h_proto;
	pkt->l3_offset = sizeof(*eth);
	if (eth->h_proto == bpf_htons(ETH_P_8021Q)) {
		struct vlan_header *tag = (void *)(eth + 1);

		if ((void *)(tag + 1) > end)
			return drop(DROP_TRUNCATED);
		pkt->vlan = bpf_ntohs(tag->tci) & 0x0fff;
		pkt->ethertype = tag->ethertype;
		pkt->l3_offset += sizeof(*tag);
	}
	if (pkt->ethertype == bpf_htons(ETH_P_IP))
		return parse_ipv4(pkt, data, end);
	if (pkt->ethertype == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(pkt, data, end);
	pkt->parsed = PARSED_OTHER;
	return NEXT;
}

#endif

/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_TCP_RESET_H
#define XDPVS_TCP_RESET_H

/*
 * A segment of a connection we do not have (any more): the client learns at once, by a reset (RFC 9293, 3.10.7.1), as
 * with DPVS. Only segments with ACK are answered, never a reset, and no more than ICMP errors may be sent.
 */

#include "icmp_error.h"
#include "tcp_state.h"

static __always_inline void reset_ipv4(struct iphdr *ip, const struct pkt *pkt)
{
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = 0;
	ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(struct tcphdr));
	ip->id = 0;
	ip->frag_off = bpf_htons(IP_DF);
	ip->ttl = ICMP_ERROR_TTL;
	ip->protocol = IPPROTO_TCP;
	__builtin_memcpy(&ip->saddr, pkt->key.daddr, 4);
	__builtin_memcpy(&ip->daddr, pkt->key.saddr, 4);
	ipv4_set_checksum(ip);
}

static __always_inline void reset_ipv6(struct ipv6hdr *ip, const struct pkt *pkt)
{
	*(__be32 *)ip = bpf_htonl(6U << 28);
	ip->payload_len = bpf_htons(sizeof(struct tcphdr));
	ip->nexthdr = IPPROTO_TCP;
	ip->hop_limit = ICMP_ERROR_TTL;
	copy16(&ip->saddr, pkt->key.daddr);
	copy16(&ip->daddr, pkt->key.saddr);
}

static __always_inline void reset_tcp(struct tcphdr *tcp, const struct pkt *pkt)
{
	__be32 seq = tcp->ack_seq;
	__u64 sum = csum_pseudo(sizeof(*tcp), IPPROTO_TCP);

	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->source = pkt->key.dport;
	tcp->dest = pkt->key.sport;
	tcp->seq = seq;
	tcp->doff = sizeof(*tcp) / 4;
	tcp->rst = 1;
	sum = csum_add(csum_add(sum, pkt->key.saddr, 4), pkt->key.daddr, 4);
	tcp->check = ~csum_fold(csum_add(sum, tcp, sizeof(*tcp) / 4));
}

/* Turns the frame into the reset of its own connection; the reason is counted in any case. */
static __noinline int tcp_reset(struct pkt *pkt, __u32 reason)
{
	__u32 header = pkt->key.af == AF_INET4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	struct xdp_md *ctx = pkt->ctx;
	__u32 wanted = l3_of(pkt) + header + sizeof(struct tcphdr);
	__u32 length = frame_length(ctx);
	void *data, *end, *l3;

	drop(reason);
	if (!(pkt->tcp_flags & TCP_ACK) || pkt->tcp_flags & TCP_RST || !icmp_rate_allows())
		return XDP_DROP;
	if (bpf_xdp_adjust_tail(ctx, (int)wanted - (int)length))
		return XDP_DROP;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	l3 = data + l3_of(pkt);
	if (data + sizeof(struct ethhdr) > end)
		return XDP_DROP;
	swap_macs(data);
	if (pkt->key.af == AF_INET4) {
		struct iphdr *ip = l3;
		struct tcphdr *tcp = (void *)(ip + 1);

		if ((void *)(tcp + 1) > end)
			return XDP_DROP;
		reset_ipv4(ip, pkt);
		reset_tcp(tcp, pkt);
	} else {
		struct ipv6hdr *ip = l3;
		struct tcphdr *tcp = (void *)(ip + 1);

		if ((void *)(tcp + 1) > end)
			return XDP_DROP;
		reset_ipv6(ip, pkt);
		reset_tcp(tcp, pkt);
	}
	return reflect(pkt);
}

#endif

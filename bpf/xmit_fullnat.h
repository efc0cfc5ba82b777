/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_XMIT_FULLNAT_H
#define XDPVS_XMIT_FULLNAT_H

/*
 * FullNAT between any two families: client to vip becomes laddr to server, and back (reference dataplane 2.2, 2.4,
 * 2.7, 6.1). The IP header is small and written anew; the payload never moves: growing or shrinking (other family,
 * tag, TOA) moves the start of the frame, and with a TOA the 20 bytes of the TCP header.
 *
 * L4 checksums change by what was changed, so that a wrong one stays wrong.
 */

#include "csum.h"
#include "icmp.h"
#include "tcp_options.h"
#include "tcp_state.h"
#include "transmit.h"

#define TOA_LENGTH_V4 8
#define TOA_LENGTH_V6 20
#define L3_OFFSET_MASK 0x1f

/* What of the old IP header survives; read before the frame's start moves. */
struct ip_fields {
	__be32 flow; /* IPv6: version, class and label */
	__be16 id;
	__be16 fragment; /* flags */
	__u8 class;
	__u8 ttl; /* already decremented */
};

struct toa4 {
	__u8 kind;
	__u8 length;
	__be16 port;
	__be32 addr;
};

struct toa6 {
	__u8 kind;
	__u8 length;
	__be16 port;
	__u8 addr[16];
};

static __always_inline __u32 ip_header_length(__u8 af)
{
	return af == AF_INET4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

static __always_inline __u32 sum_replace32(__u32 sum, __be32 old, __be32 new)
{
	return sum + (~old & 0xffff) + (~old >> 16) + (new & 0xffff) + (new >> 16);
}

static __always_inline __be32 word_at(const void *from, __u32 index)
{
	return ((const __be32 *)from)[index];
}

/* Applies a difference to a checksum field: HC' = ~(~HC + m) (RFC 1624, eqn 3). */
static __always_inline __u16 checksum_add(__u16 checksum, __u32 difference)
{
	return ~csum_fold((__u64)(__u16)~checksum + difference);
}

static __always_inline void read_ip(void *l3, __u8 af, struct ip_fields *ip)
{
	if (af == AF_INET4) {
		struct iphdr *ip4 = l3;

		ip->id = ip4->id;
		ip->fragment = ip4->frag_off;
		ip->class = ip4->tos;
		ip->ttl = ip4->ttl - 1;
		ip->flow = 0;
	} else {
		struct ipv6hdr *ip6 = l3;

		ip->flow = *(__be32 *)ip6;
		ip->class = bpf_ntohl(ip->flow) >> 20;
		ip->ttl = ip6->hop_limit - 1;
		ip->id = 0;
		ip->fragment = 0;
	}
}

static __always_inline void write_ipv4(struct iphdr *ip, const struct conn *conn, const struct ip_fields *from,
				       __u32 length, bool nat64)
{
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = from->class;
	ip->tot_len = bpf_htons(length);
	ip->id = from->id;
	ip->frag_off = nat64 ? bpf_htons(IP_DF) : from->fragment;
	ip->ttl = from->ttl;
	ip->protocol = conn->key.proto;
	ip->saddr = *(__be32 *)conn->saddr;
	ip->daddr = *(__be32 *)conn->daddr;
	ipv4_set_checksum(ip);
}

static __always_inline void write_ipv6(struct ipv6hdr *ip, const struct conn *conn, const struct ip_fields *from,
				       __u32 length, bool nat64)
{
	*(__be32 *)ip = nat64 ? bpf_htonl(6U << 28 | (__u32)from->class << 20) : from->flow;
	ip->payload_len = bpf_htons(length - sizeof(*ip));
	ip->nexthdr = conn->key.proto;
	ip->hop_limit = from->ttl;
	copy16(&ip->saddr, conn->saddr);
	copy16(&ip->daddr, conn->daddr);
}

/* Remembers how far the server is; what an old segment says does not take it back. */
static __always_inline void server_progress(const struct pkt *pkt, struct conn *conn, const struct tcphdr *tcp)
{
	__u32 payload = pkt->ip_length - (pkt->l4_offset - pkt->l3_offset) - tcp->doff * 4;
	__u32 next = bpf_ntohl(tcp->seq) + payload + !!(pkt->tcp_flags & (TCP_SYN | TCP_FIN));

	if (pkt->tcp_flags & TCP_SYN || (__s32)(next - conn->next_seq) > 0)
		conn->next_seq = next;
	if (pkt->tcp_flags & TCP_ACK &&
	    (pkt->tcp_flags & TCP_SYN || (__s32)(bpf_ntohl(tcp->ack_seq) - conn->last_ack) > 0))
		conn->last_ack = bpf_ntohl(tcp->ack_seq);
}

/* A client's segment in which the server may look for a TOA: until the client acknowledges data. */
static __always_inline bool toa_is_due(const struct pkt *pkt, const struct conn *conn, const struct tcphdr *tcp)
{
	return bpf_ntohl(tcp->ack_seq) == conn->first_ack && conn->first_ack && !(pkt->tcp_flags & (TCP_SYN | TCP_RST));
}

/* TCP edits that do not move anything; the difference for the checksum. toa is the length of ours, 0 = none. */
static __always_inline __u32 tcp_rewrite(struct xdp_md *ctx, const struct pkt *pkt, struct conn *conn,
					 struct tcphdr *tcp, __u32 l4_offset, bool inbound, __u32 toa)
{
	struct tcp_edit edit = {
		.offset = l4_offset + sizeof(*tcp) + toa,
		.length = tcp->doff * 4 - sizeof(*tcp) - toa,
	};
	__u32 sum = conn->l4_delta, delta = conn->seq_delta;
	bool syn = pkt->tcp_flags & TCP_SYN;

	tcp->source = conn->sport;
	tcp->dest = conn->dport;
	if (inbound) {
		__be32 seq = bpf_htonl(bpf_ntohl(tcp->seq) + delta);

		sum = sum_replace32(sum, tcp->seq, seq);
		tcp->seq = seq;
		edit.no_timestamp = syn;
		/* Also where ours does not fit, or clients could make it so and send one of their own. */
		edit.no_toa = syn || pkt->toa_due;
		if (!edit.no_toa)
			return sum;
	} else {
		server_progress(pkt, conn, tcp);
		if (pkt->tcp_flags & TCP_ACK) {
			__be32 ack = bpf_htonl(bpf_ntohl(tcp->ack_seq) - delta);

			sum = sum_replace32(sum, tcp->ack_seq, ack);
			tcp->ack_seq = ack;
		}
		edit.sack_less = delta;
		if (syn) {
			struct conn *peer = conn_at(conn->peer);

			edit.mss_less =
				conn->flags & CONN_NAT64 || conn->key.af == AF_INET6 ? TOA_LENGTH_V6 : TOA_LENGTH_V4;
			if (peer && pkt->tcp_flags & TCP_ACK)
				peer->first_ack = bpf_ntohl(tcp->seq) + 1;
		}
	}
	if (edit.length && !tcp_options_edit(ctx, &edit))
		sum += edit.checksum;
	return sum;
}

/*
 * Puts the client's address in as the first TCP option (kmod/toa's layout). `tcp` has room for it in front of its
 * options; base is the header as it was. Returns the difference for the checksum.
 */
static __always_inline __u32 toa_write(struct tcphdr *tcp, const struct pkt *pkt, __u8 af)
{
	__u32 sum;

	if (af == AF_INET4) {
		struct toa4 *toa = (void *)(tcp + 1);

		toa->kind = TCPOPT_TOA;
		toa->length = TOA_LENGTH_V4;
		toa->port = pkt->key.sport;
		toa->addr = *(__be32 *)pkt->key.saddr;
		sum = csum_fold(csum_add(0, toa, sizeof(*toa) / 4));
	} else {
		struct toa6 *toa = (void *)(tcp + 1);

		toa->kind = TCPOPT_TOA;
		toa->length = TOA_LENGTH_V6;
		toa->port = pkt->key.sport;
		copy16(toa->addr, pkt->key.saddr);
		sum = csum_fold(csum_add(0, toa, sizeof(*toa) / 4));
	}
	return sum;
}

/* The checksum of an IPv4 UDP packet that came without; IPv6 must have one (RFC 7915, 4.5). 0 if it cannot be had. */
static __always_inline __u16 udp4_checksum(struct pkt *pkt, __u32 length)
{
	__s64 sum = l4_csum(pkt->ctx, (pkt->l3_offset & L3_OFFSET_MASK) + sizeof(struct iphdr), length);
	__u16 check;

	if (sum < 0)
		return 0;
	check = ~csum_fold(csum_add_address(csum_add_address(sum, pkt->key.saddr, AF_INET4), pkt->key.daddr, AF_INET4) +
			   csum_pseudo(length, IPPROTO_UDP));
	return check ?: 0xffff;
}

static __always_inline __u32 toa_length(const struct pkt *pkt, const struct conn *conn, const struct tcphdr *tcp,
					__u32 ip_length, __u32 mtu)
{
	__u32 length = pkt->key.af == AF_INET4 ? TOA_LENGTH_V4 : TOA_LENGTH_V6;

	return tcp->doff * 4 + length > 60 || ip_length + length > mtu ? 0 : length;
}

/* Looks the next hop up again if the connection's has gone: with luck, xmit finds a better one. */
static __noinline void next_hop_renew(__u32 index)
{
	struct conn *conn = conn_at(index);
	struct fib_query q = {};
	__u32 next_hop;

	if (!conn || next_hop_get(conn->next_hop))
		return;
	copy16(q.addr, conn->daddr);
	q.af = conn->flags & CONN_NAT64 ? AF_INET4 + AF_INET6 - conn->key.af : conn->key.af;
	next_hop = next_hop_resolve(&q);
	if (next_hop != NO_NEXT_HOP)
		conn->next_hop = next_hop;
}

/* Packets that would live too long or do not fit: answered by an ICMP error. NEXT for all others. */
static __noinline int xmit_refused(struct pkt *pkt, __u32 index)
{
	struct conn *conn = conn_at(index);
	__u32 mtu, out_af;
	struct neighbour *n;

	if (!conn)
		return drop(DROP_INTERNAL);
	if (pkt->ttl <= 1)
		return icmp_error_send(pkt, pkt->key.af == AF_INET4 ? ICMP_TIME_EXCEEDED : ICMPV6_TIME_EXCEEDED, 0, 0,
				       DROP_TTL);
	n = next_hop_get(conn->next_hop);
	if (!n)
		return drop(DROP_NO_NEIGHBOUR);
	out_af = conn->flags & CONN_NAT64 ? AF_INET4 + AF_INET6 - pkt->key.af : pkt->key.af;
	/* What fits here, in the sender's family. */
	mtu = n->mtu + ip_header_length(pkt->key.af) - ip_header_length(out_af);
	if (pkt->ip_length <= mtu)
		return NEXT;
	if (pkt->key.af == AF_INET4)
		return icmp_error_send(pkt, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, mtu, DROP_MTU);
	return icmp_error_send(pkt, ICMPV6_PACKET_TOO_BIG, 0, mtu, DROP_MTU);
}

/* in_af and out_af are constants at each call, so that each pair of families becomes straight code. */
static __always_inline int xmit_families(struct pkt *pkt, struct conn *conn, __u8 in_af, __u8 out_af)
{
	bool inbound = conn->flags & CONN_INBOUND, nat64 = in_af != out_af;
	struct xdp_md *ctx = pkt->ctx;
	void *data = pkt_data(pkt), *end = pkt_end(pkt), *header;
	__u32 l3 = pkt->l3_offset & L3_OFFSET_MASK;
	__u32 length = pkt->ip_length - ip_header_length(in_af) + ip_header_length(out_af);
	__u32 toa = 0, new_l3, sum = 0;
	struct ip_fields ip;
	struct neighbour *n;
	struct tcphdr base = {};
	int grow;

	n = next_hop_get(conn->next_hop);
	if (unlikely(!n))
		return drop(DROP_NO_NEIGHBOUR);
	header = data + l3;
	if (header + ip_header_length(in_af) + sizeof(struct udphdr) > end)
		return drop(DROP_TRUNCATED);
	read_ip(header, in_af, &ip);

	if (pkt->key.proto == IPPROTO_TCP) {
		struct tcphdr *tcp = header + ip_header_length(in_af);

		if ((void *)(tcp + 1) > end)
			return drop(DROP_TRUNCATED);
		if (inbound && toa_is_due(pkt, conn, tcp)) {
			pkt->toa_due = true;
			toa = toa_length(pkt, conn, tcp, length, n->mtu);
			if (toa) {
				base = *tcp;
				length += toa;
			}
		}
	} else {
		struct udphdr *udp = header + ip_header_length(in_af);

		if (!udp->check && in_af == AF_INET6)
			return drop(DROP_NAT64_CHECKSUM);
		if (!udp->check && nat64) {
			udp->check = udp4_checksum(pkt, bpf_ntohs(udp->len));
			if (!udp->check)
				return drop(DROP_BAD_HEADER);
		}
	}

	new_l3 = l2_length(n);
	grow = (int)(new_l3 + ip_header_length(out_af) + toa) - (int)(l3 + ip_header_length(in_af));
	if (grow && bpf_xdp_adjust_head(ctx, -grow))
		return drop(DROP_ADJUST);
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	header = data + new_l3;
	if (data + sizeof(struct ethhdr) + sizeof(struct vlan_header) > end ||
	    header + ip_header_length(out_af) + sizeof(struct udphdr) > end)
		return drop(DROP_TRUNCATED);

	write_l2(data, n, bpf_htons(out_af == AF_INET4 ? ETH_P_IP : ETH_P_IPV6));
	if (out_af == AF_INET4)
		write_ipv4(header, conn, &ip, length, nat64);
	else
		write_ipv6(header, conn, &ip, length, nat64);

	header += ip_header_length(out_af);
	if (pkt->key.proto == IPPROTO_TCP) {
		struct tcphdr *tcp = header;

		if (toa && (void *)(tcp + 1) + (in_af == AF_INET4 ? TOA_LENGTH_V4 : TOA_LENGTH_V6) <= end) {
			*tcp = base;
			sum = toa_write(tcp, pkt, in_af);
			/* The data offset grew, and the pseudo header's length. */
			tcp->doff = base.doff + toa / 4;
			sum = sum_replace32(sum, word_at(&base, 3), word_at(tcp, 3)) + bpf_htons(toa);
			tcp->check = checksum_add(base.check, sum);
		}
		if ((void *)(tcp + 1) > end)
			return drop(DROP_TRUNCATED);
		sum = tcp_rewrite(ctx, pkt, conn, tcp, new_l3 + ip_header_length(out_af), inbound, toa);
		tcp->check = checksum_add(tcp->check, sum);
	} else {
		struct udphdr *udp = header;

		udp->source = conn->sport;
		udp->dest = conn->dport;
		if (udp->check) {
			udp->check = checksum_add(udp->check, conn->l4_delta);
			if (!udp->check)
				udp->check = 0xffff;
		}
	}
	return transmit(ctx, n);
}

/*
 * Most packets: same family, same tag or none, no TOA, no TCP option to edit. Everything stays where it is, and nothing
 * is called: a call costs 5 ns and more where returns are mitigated. NEXT if the packet is not of this kind.
 */
static __always_inline int xmit_in_place(struct pkt *pkt, struct conn *conn, __u8 af)
{
	struct neighbour *n = next_hop_get(conn->next_hop);
	struct xdp_md *ctx = pkt->ctx;
	void *data = pkt_data(pkt), *end = pkt_end(pkt), *header, *l4;
	__u32 l3 = pkt->l3_offset & L3_OFFSET_MASK, sum = conn->l4_delta;

	if (conn->flags & CONN_NAT64 || !n || l2_length(n) != l3 || pkt->ttl <= 1 || pkt->ip_length > n->mtu)
		return NEXT;
	header = data + l3;
	l4 = header + ip_header_length(af);
	if (data + sizeof(struct ethhdr) + sizeof(struct vlan_header) > end)
		return NEXT;
	if (pkt->key.proto == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;
		__be32 number;

		if ((void *)(tcp + 1) > end || pkt->tcp_flags & TCP_SYN)
			return NEXT;
		if (conn->flags & CONN_INBOUND) {
			if (bpf_ntohl(tcp->ack_seq) == conn->first_ack)
				return NEXT;
			number = bpf_htonl(bpf_ntohl(tcp->seq) + conn->seq_delta);
			sum = sum_replace32(sum, tcp->seq, number);
			tcp->seq = number;
		} else {
			if (tcp->doff != 5)
				return NEXT;
			server_progress(pkt, conn, tcp);
			if (pkt->tcp_flags & TCP_ACK) {
				number = bpf_htonl(bpf_ntohl(tcp->ack_seq) - conn->seq_delta);
				sum = sum_replace32(sum, tcp->ack_seq, number);
				tcp->ack_seq = number;
			}
		}
		tcp->source = conn->sport;
		tcp->dest = conn->dport;
		tcp->check = checksum_add(tcp->check, sum);
	} else {
		struct udphdr *udp = l4;

		if ((void *)(udp + 1) > end || (!udp->check && af == AF_INET6))
			return NEXT;
		udp->source = conn->sport;
		udp->dest = conn->dport;
		if (udp->check)
			udp->check = checksum_add(udp->check, sum) ?: 0xffff;
	}
	if (af == AF_INET4) {
		struct iphdr *ip = header;

		ip->saddr = *(__be32 *)conn->saddr;
		ip->daddr = *(__be32 *)conn->daddr;
		ip->ttl--;
		ipv4_set_checksum(ip);
	} else {
		struct ipv6hdr *ip = header;

		copy16(&ip->saddr, conn->saddr);
		copy16(&ip->daddr, conn->daddr);
		ip->hop_limit--;
	}
	write_l2(data, n, bpf_htons(af == AF_INET4 ? ETH_P_IP : ETH_P_IPV6));
	return transmit(ctx, n);
}

static __noinline int xmit_fullnat4(struct pkt *pkt, __u32 index)
{
	struct conn *conn = conn_at(index);

	if (!conn)
		return drop(DROP_INTERNAL);
	if (unlikely(conn->flags & CONN_NAT64))
		return xmit_families(pkt, conn, AF_INET4, AF_INET6);
	return xmit_families(pkt, conn, AF_INET4, AF_INET4);
}

static __noinline int xmit_fullnat6(struct pkt *pkt, __u32 index)
{
	struct conn *conn = conn_at(index);

	if (!conn)
		return drop(DROP_INTERNAL);
	if (conn->flags & CONN_NAT64)
		return xmit_families(pkt, conn, AF_INET6, AF_INET4);
	return xmit_families(pkt, conn, AF_INET6, AF_INET6);
}

#endif

/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_ICMP_RELATED_H
#define XDPVS_ICMP_RELATED_H

/*
 * ICMP errors about packets of a connection, translated and passed on to the other end (reference dataplane 1.10).
 *
 * An error quotes a packet as we sent it. Turned round, the quoted flow is that of the packets coming the other way,
 * so their slot is the one to look for, and its rewrite names who must hear of it: saddr becomes the error's source,
 * daddr its destination, and in the quoted packet, which runs against the error, daddr is the source.
 *
 * Contract: called for PARSED_ICMP packets; NEXT if the packet is no error or about no connection of ours. Neither
 * state nor age of the connection change.
 *
 * Beyond DPVS: errors cross NAT64 (RFC 7915), the quoted L4 checksum stays right, and the MTU told to a client leaves
 * room for the TOA.
 */

#include "icmp_translate.h"

#define TOA_LENGTH_V4 8
#define TOA_LENGTH_V6 20
#define TCP_FLAG_ACK 0x10
#define FORWARDING_FULLNAT 5
#define QUOTED_LEAST 8 /* bytes of L4 every error quotes, RFC 792 */

/* An IP header, read before the frame's start moves and written anew. */
struct ip_image {
	__be32 flow; /* IPv6: version, class and label */
	__be16 id;
	__be16 fragment;
	__u16 payload; /* bytes behind the header, by the header */
	__u8 class;
	__u8 ttl;
};

struct related {
	__u32 index; /* slot of the packets that run against the quoted one */
	__u32 l4;    /* offset of the quoted packet's ports */
	__u32 quote; /* bytes quoted from there on */
	__u8 out_af;
	__u8 options; /* the quoted header has some */
	__u8 misdirected;
	__u8 pad;
	struct ip_image outer;
	struct ip_image inner;
	struct icmp_meaning meaning;
};

struct quoted_ports {
	__be16 source;
	__be16 dest;
	__be32 word; /* TCP: sequence number; UDP: length and checksum */
};

static __always_inline __u32 ip_header_size(__u8 af)
{
	return af == AF_INET4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

static __always_inline bool address_equal(const __u8 *a, const __u8 *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]));
}

static __always_inline __u8 related_out_af(const struct conn *conn)
{
	return conn->flags & CONN_NAT64 ? AF_INET4 + AF_INET6 - conn->key.af : conn->key.af;
}

static __always_inline void image_of_ipv4(struct ip_image *image, const struct iphdr *ip)
{
	image->id = ip->id;
	image->fragment = ip->frag_off;
	image->payload = bpf_ntohs(ip->tot_len) - sizeof(*ip);
	image->class = ip->tos;
	image->ttl = ip->ttl;
}

static __always_inline void image_of_ipv6(struct ip_image *image, const struct ipv6hdr *ip)
{
	image->flow = *(__be32 *)ip;
	image->payload = bpf_ntohs(ip->payload_len);
	image->class = bpf_ntohl(image->flow) >> 20;
	image->ttl = ip->hop_limit;
}

static __always_inline bool is_connection_error(__u8 af, __u8 type)
{
	if (af == AF_INET4)
		return type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH || type == ICMP_TIME_EXCEEDED ||
		       type == ICMP_PARAMETER_PROBLEM;
	return type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER_PROBLEM;
}

/* Outer and quoted IPv4 header; key gets the quoted flow turned round. */
static __always_inline bool related_read_ipv4(struct pkt *pkt, struct related *r, struct conn_key *key)
{
	void *data = pkt_data(pkt), *end = pkt_end(pkt);
	struct iphdr *outer = data + l3_of(pkt);
	struct iphdr *inner = data + l4_of(pkt) + sizeof(struct icmp_header);

	if ((void *)(outer + 1) > end || (void *)(inner + 1) > end)
		return false;
	if (inner->version != 4 || inner->ihl < 5 || inner->frag_off & bpf_htons(0x1fff))
		return false; /* fragments but the first have no ports */
	image_of_ipv4(&r->outer, outer);
	image_of_ipv4(&r->inner, inner);
	r->meaning.quoted_length = bpf_ntohs(inner->tot_len);
	r->options = inner->ihl > 5;
	r->l4 = l4_of(pkt) + sizeof(struct icmp_header) + inner->ihl * 4;
	key->proto = inner->protocol;
	__builtin_memcpy(key->saddr, &inner->daddr, 4);
	__builtin_memcpy(key->daddr, &inner->saddr, 4);
	return true;
}

static __always_inline bool related_read_ipv6(struct pkt *pkt, struct related *r, struct conn_key *key)
{
	void *data = pkt_data(pkt), *end = pkt_end(pkt);
	struct ipv6hdr *outer = data + l3_of(pkt);
	struct ipv6hdr *inner = data + l4_of(pkt) + sizeof(struct icmp_header);

	if ((void *)(outer + 1) > end || (void *)(inner + 1) > end || inner->version != 6)
		return false;
	image_of_ipv6(&r->outer, outer);
	image_of_ipv6(&r->inner, inner);
	r->meaning.quoted_length = bpf_ntohs(inner->payload_len) + sizeof(*inner);
	r->l4 = l4_of(pkt) + sizeof(struct icmp_header) + sizeof(*inner);
	key->proto = inner->nexthdr;
	copy16(key->saddr, &inner->daddr);
	copy16(key->daddr, &inner->saddr);
	return true;
}

/* Reads the error and finds its connection; false if it is about none. */
static __noinline bool related_find(struct pkt *pkt, struct related *r)
{
	void *data = pkt_data(pkt), *end = pkt_end(pkt);
	struct icmp_header *icmp = data + l4_of(pkt);
	struct conn_key key = {};
	struct quoted_ports *ports;
	__u32 stop = l3_of(pkt) + pkt->ip_length;

	if ((void *)(icmp + 1) > end || !is_connection_error(pkt->key.af, icmp->type))
		return false;
	r->meaning.type = icmp->type;
	r->meaning.code = icmp->code;
	r->meaning.value = bpf_ntohl(icmp->rest);
	key.af = pkt->key.af;
	if (!(key.af == AF_INET4 ? related_read_ipv4(pkt, r, &key) : related_read_ipv6(pkt, r, &key)))
		return false;
	if (key.proto != IPPROTO_TCP && key.proto != IPPROTO_UDP)
		return false;
	ports = data + (r->l4 & 255);
	if (r->l4 + QUOTED_LEAST > stop || (void *)(ports + 1) > end)
		return false;
	r->quote = stop - r->l4;
	key.sport = ports->dest;
	key.dport = ports->source;
	r->index = conn_find(&key);
	r->misdirected = !address_equal(key.daddr, pkt->key.daddr);
	return r->index != NO_SLOT;
}

/*
 * RFC 4884 appends an extension behind a quote whose length the header then tells, in other places and units for each
 * family: across families it is cut off (RFC 7915 leaves that open).
 */
static __always_inline void related_cut_extension(struct related *r, __u8 af)
{
	__u32 quoted = af == AF_INET4 ? (r->meaning.value >> 16 & 0xff) * 4 : (r->meaning.value >> 24) * 8;
	__u32 least = ip_header_size(af) + QUOTED_LEAST;

	if (af == AF_INET4 && r->meaning.type == ICMP_SOURCE_QUENCH)
		return;
	if (af == AF_INET6 && r->meaning.type != ICMPV6_UNREACHABLE && r->meaning.type != ICMPV6_TIME_EXCEEDED)
		return;
	if (quoted >= least && quoted - ip_header_size(af) < r->quote)
		r->quote = quoted - ip_header_size(af);
}

/* What the data path adds to the packets of the error's receiver: the TOA, for clients of FullNAT over TCP. */
static __always_inline __u32 related_allowance(const struct conn *conn, __u8 out_af)
{
	__u32 dest_index = conn->dest;
	struct dest *dest;

	if (conn->flags & CONN_INBOUND || conn->key.proto != IPPROTO_TCP)
		return 0;
	dest = bpf_map_lookup_elem(&dests, &dest_index);
	if (!dest || dest->forwarding != FORWARDING_FULLNAT)
		return 0;
	return out_af == AF_INET4 ? TOA_LENGTH_V4 : TOA_LENGTH_V6;
}

static __noinline __u32 related_next_hop(struct conn *conn)
{
	struct fib_query q = { .af = related_out_af(conn) };

	copy16(q.addr, conn->daddr);
	return next_hop_resolve(&q);
}

/* Sum of what rewriting changes in the quoted packet's pseudo header and ports. */
static __always_inline __u64 addresses_sum(const void *saddr, const void *daddr)
{
	return csum_add(csum_add(0, saddr, 4), daddr, 4);
}

/*
 * The quoted ports, and of TCP the number we shifted, so that the end recognises its packet. Sequence numbers of the
 * client were shifted on their way to the server, acknowledgements of the server on their way to the client.
 */
static __noinline int related_rewrite_l4(struct pkt *pkt, const struct related *r, const struct conn *conn)
{
	void *data = pkt_data(pkt), *end = pkt_end(pkt);
	struct quoted_ports *ports = data + (r->l4 & 127);
	struct tcphdr *tcp = (void *)ports;
	__u64 old = addresses_sum(conn->key.saddr, conn->key.daddr);
	__u64 new = addresses_sum(conn->saddr, conn->daddr);
	bool inbound = conn->flags & CONN_INBOUND;

	if ((void *)(ports + 1) > end)
		return drop(DROP_TRUNCATED);
	old += (__u64)ports->source + ports->dest;
	ports->source = conn->dport;
	ports->dest = conn->sport;
	new += (__u64)ports->source + ports->dest;
	if (conn->key.proto == IPPROTO_UDP) {
		struct udphdr *udp = (void *)ports;

		if (udp->check)
			udp->check = csum_update(udp->check, old, new) ?: 0xffff;
		return NEXT;
	}
	if (!inbound) {
		old += tcp->seq;
		tcp->seq = bpf_htonl(bpf_ntohl(tcp->seq) - conn->seq_delta);
		new += tcp->seq;
	}
	if (r->quote < offsetof(struct tcphdr, urg_ptr) || (void *)&tcp->urg_ptr > end)
		return NEXT;
	if (inbound && ((__u8 *)tcp)[13] & TCP_FLAG_ACK) {
		old += tcp->ack_seq;
		tcp->ack_seq = bpf_htonl(bpf_ntohl(tcp->ack_seq) + conn->seq_delta);
		new += tcp->ack_seq;
	}
	tcp->check = csum_update(tcp->check, old, new);
	return NEXT;
}

static __always_inline void write_image_ipv4(struct iphdr *ip, const struct ip_image *from, __u8 proto, bool nat64)
{
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = from->class;
	ip->tot_len = bpf_htons(from->payload + sizeof(*ip));
	ip->id = from->id;
	ip->frag_off = nat64 ? bpf_htons(IP_DF) : from->fragment;
	ip->ttl = from->ttl;
	ip->protocol = proto;
}

static __always_inline void write_image_ipv6(struct ipv6hdr *ip, const struct ip_image *from, __u8 proto, bool nat64)
{
	*(__be32 *)ip = nat64 ? bpf_htonl(6U << 28 | (__u32)from->class << 20) : from->flow;
	ip->payload_len = bpf_htons(from->payload);
	ip->nexthdr = proto;
	ip->hop_limit = from->ttl;
}

static __always_inline void write_icmp(struct icmp_header *icmp, const struct icmp_meaning *m)
{
	icmp->type = m->type;
	icmp->code = m->code;
	icmp->checksum = 0;
	icmp->rest = bpf_htonl(m->value);
}

static __always_inline int related_write_ipv4(void *header, void *end, const struct related *r, const struct conn *conn)
{
	struct iphdr *outer = header, *inner;
	struct icmp_header *icmp = (void *)(outer + 1);
	bool nat64 = conn->flags & CONN_NAT64;

	inner = (void *)(icmp + 1);
	if ((void *)(inner + 1) > end)
		return -1;
	write_image_ipv4(outer, &r->outer, IPPROTO_ICMP, nat64);
	outer->saddr = *(__be32 *)conn->saddr;
	outer->daddr = *(__be32 *)conn->daddr;
	ipv4_set_checksum(outer);
	write_icmp(icmp, &r->meaning);
	write_image_ipv4(inner, &r->inner, conn->key.proto, nat64);
	inner->saddr = *(__be32 *)conn->daddr;
	inner->daddr = *(__be32 *)conn->saddr;
	ipv4_set_checksum(inner);
	return 0;
}

static __always_inline int related_write_ipv6(void *header, void *end, const struct related *r, const struct conn *conn)
{
	struct ipv6hdr *outer = header, *inner;
	struct icmp_header *icmp = (void *)(outer + 1);
	bool nat64 = conn->flags & CONN_NAT64;

	inner = (void *)(icmp + 1);
	if ((void *)(inner + 1) > end)
		return -1;
	write_image_ipv6(outer, &r->outer, IPPROTO_ICMPV6, nat64);
	copy16(&outer->saddr, conn->saddr);
	copy16(&outer->daddr, conn->daddr);
	write_icmp(icmp, &r->meaning);
	write_image_ipv6(inner, &r->inner, conn->key.proto, nat64);
	copy16(&inner->saddr, conn->daddr);
	copy16(&inner->daddr, conn->saddr);
	return 0;
}

/* The frame's start and end where the new headers and the quote will have them. */
static __always_inline int related_resize(struct xdp_md *ctx, const struct related *r, __s32 headers)
{
	__s32 length;

	if (bpf_xdp_adjust_head(ctx, (__s32)(r->l4 & 127) - headers))
		return -1;
	length = frame_length(ctx);
	if (length == headers + (__s32)r->quote)
		return 0;
	return bpf_xdp_adjust_tail(ctx, headers + (__s32)r->quote - length);
}

static __always_inline int related_set_checksum(struct xdp_md *ctx, const struct conn *conn, __u32 l4, __u32 length,
						__u8 af)
{
	__s64 sum = l4_csum(ctx, l4, length);
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct icmp_header *icmp = data + l4;
	__u64 pseudo = 0;

	if (sum < 0 || (void *)(icmp + 1) > end)
		return -1;
	if (af == AF_INET6)
		pseudo = csum_pseudo(length, IPPROTO_ICMPV6) + addresses_sum(conn->saddr, conn->daddr);
	icmp->checksum = ~csum_fold(pseudo + sum);
	return 0;
}

/* Headers anew in front of the quoted ports, then out. */
static __noinline int related_send(struct pkt *pkt, struct related *r, const struct conn *conn,
				   const struct neighbour *n)
{
	__u32 size = ip_header_size(r->out_af), l3 = l2_length(n);
	__u32 most = r->out_af == AF_INET6 && n->mtu > IPV6_MIN_MTU ? IPV6_MIN_MTU : n->mtu;
	__u32 fixed = 2 * size + sizeof(struct icmp_header), message;
	struct xdp_md *ctx = pkt->ctx;
	void *data, *end;

	if (most < fixed + QUOTED_LEAST)
		return drop(DROP_MTU);
	if (r->quote > most - fixed)
		r->quote = most - fixed; /* a shorter quote is an error still */
	message = sizeof(struct icmp_header) + size + r->quote;
	r->outer.payload = message;
	r->outer.ttl--;
	if (related_resize(ctx, r, l3 + fixed))
		return drop(DROP_ADJUST);
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + sizeof(struct ethhdr) + sizeof(struct vlan_header) > end)
		return drop(DROP_TRUNCATED);
	write_l2(data, n, bpf_htons(r->out_af == AF_INET4 ? ETH_P_IP : ETH_P_IPV6));
	if (r->out_af == AF_INET4 ? related_write_ipv4(data + l3, end, r, conn)
				  : related_write_ipv6(data + l3, end, r, conn))
		return drop(DROP_TRUNCATED);
	if (related_set_checksum(ctx, conn, l3 + size, message, r->out_af))
		return drop(DROP_TRUNCATED);
	return transmit(ctx, n);
}

static __always_inline void related_count(const struct conn *conn, __u32 bytes)
{
	__u32 dest = conn->dest;
	struct traffic_stats *stats = bpf_map_lookup_elem(&dest_stats, &dest);

	if (!stats)
		return;
	if (conn->flags & CONN_INBOUND) {
		stats->in_packets++;
		stats->in_bytes += bytes;
	} else {
		stats->out_packets++;
		stats->out_bytes += bytes;
	}
}

/* Says the error as its receiver can understand it; -1 if he cannot. */
static __always_inline int related_translate(struct related *r, const struct conn *conn, const struct neighbour *n)
{
	__u8 af = conn->key.af;

	r->meaning.mtu = n->mtu;
	r->meaning.allowance = related_allowance(conn, r->out_af);
	if (af == r->out_af) {
		icmp_same_family(&r->meaning, af);
		return 0;
	}
	related_cut_extension(r, af);
	return af == AF_INET4 ? icmp_4to6(&r->meaning) : icmp_6to4(&r->meaning);
}

static __noinline int icmp_error_input(struct pkt *pkt)
{
	struct related r = {};
	struct neighbour *n;
	struct conn *conn;
	__u32 next_hop;
	int verdict;

	if (!pkt->for_us || !related_find(pkt, &r))
		return NEXT;
	conn = conn_at(r.index);
	if (!conn)
		return drop(DROP_INTERNAL);
	if (r.options)
		return drop(DROP_IP_OPTIONS);
	/* The one who sent the quoted packet must be the one addressed, or the error is made up. */
	if (r.misdirected || !icmp_checksum_ok(pkt))
		return drop(DROP_ICMP_UNRELATED);
	if (pkt->ttl <= 1)
		return drop(DROP_TTL);
	r.out_af = related_out_af(conn);
	n = next_hop_get(conn->next_hop);
	if (!n) {
		next_hop = related_next_hop(conn);
		if (next_hop == NO_NEXT_HOP)
			return drop(DROP_NO_ROUTE);
		n = next_hop_get(next_hop);
		if (!n)
			return drop(DROP_NO_NEIGHBOUR);
	}
	if (related_translate(&r, conn, n))
		return drop(DROP_ICMP_UNRELATED);
	verdict = related_rewrite_l4(pkt, &r, conn);
	if (verdict != NEXT)
		return verdict;
	related_count(conn, pkt->ip_length);
	return related_send(pkt, &r, conn, n);
}

#endif

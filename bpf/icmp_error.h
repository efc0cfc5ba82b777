/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_ICMP_ERROR_H
#define XDPVS_ICMP_ERROR_H

/*
 * ICMP errors of our own. Contract: icmp_error_send() is given a packet as parse() left it, not yet rewritten, and
 * the reason it is not forwarded, which is counted in any case. The frame itself becomes the error and goes back where
 * it came from, without route or neighbour; its source is the address the sender wrote to, as DPVS does for local
 * addresses only.
 */

#include "icmp_types.h"

#define NSEC_PER_SEC 1000000000ULL
#define ICMP_ERROR_LENGTH 576 /* whole IPv4 packet, RFC 1812 4.3.2.3 */
#define ICMP_ERROR_TTL 64
#define IPV4_OFFSET_MASK 0x1fff
#define IPV6_OFFSET_MASK 0xfff8

/* Credit to send errors in nanoseconds: grows with time up to a second's, an error costs 1 s / rate. */
struct icmp_bucket {
	__u64 credit;
	__u64 updated;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct icmp_bucket);
} icmp_buckets SEC(".maps");

struct ipv6_fragment {
	__u8 next_header;
	__u8 reserved;
	__be16 offset;
	__be32 id;
};

static __always_inline bool icmp_rate_allows(void)
{
	__u32 zero = 0;
	struct icmp_bucket *bucket = bpf_map_lookup_elem(&icmp_buckets, &zero);
	struct settings *set = settings_get();
	__u64 now, credit, cost;

	if (!bucket || !set || !set->icmp_errors_per_second)
		return false;
	now = bpf_ktime_get_coarse_ns();
	credit = bucket->credit + (now - bucket->updated);
	if (credit > NSEC_PER_SEC)
		credit = NSEC_PER_SEC;
	cost = NSEC_PER_SEC / set->icmp_errors_per_second;
	bucket->updated = now;
	bucket->credit = credit >= cost ? credit - cost : credit;
	return credit >= cost;
}

static __always_inline bool icmp4_may_complain(struct pkt *pkt, void *data, void *end)
{
	struct iphdr *ip = data + l3_of(pkt);
	__u8 *type = data + l4_of(pkt);

	if ((void *)(ip + 1) > end || ip->frag_off & bpf_htons(IPV4_OFFSET_MASK))
		return false;
	if (ip->protocol != IPPROTO_ICMP)
		return true;
	return (void *)(type + 1) <= end && *type == ICMP_ECHO;
}

/* Behind extension headers other than the fragment's may be an ICMP error: say nothing. */
static __always_inline bool icmp6_may_complain(struct pkt *pkt, void *data, void *end)
{
	__u8 *type = data + l4_of(pkt);
	struct ipv6_fragment *fragment = (void *)type;

	if (pkt->parsed == PARSED_OPTIONS)
		return false;
	if (pkt->parsed == PARSED_FRAGMENT)
		return (void *)(fragment + 1) <= end && !(fragment->offset & bpf_htons(IPV6_OFFSET_MASK)) &&
		       fragment->next_header != IPPROTO_ICMPV6;
	if (pkt->key.proto != IPPROTO_ICMPV6)
		return true;
	return (void *)(type + 1) <= end && *type >= ICMPV6_ECHO && *type != ICMPV6_REDIRECT;
}

/* Whom no error may go to, and what none may be about: RFC 1122 3.2.2, RFC 4443 2.4(e). */
static __always_inline bool icmp_may_complain(struct pkt *pkt)
{
	void *data = pkt_data(pkt), *end = pkt_end(pkt);
	__u8 af = pkt->key.af;

	if (!pkt->for_us || (af != AF_INET4 && af != AF_INET6))
		return false;
	if (!address_is_unicast(pkt->key.saddr, af) || !address_is_unicast(pkt->key.daddr, af))
		return false;
	return af == AF_INET4 ? icmp4_may_complain(pkt, data, end) : icmp6_may_complain(pkt, data, end);
}

static __always_inline __u32 icmp_error_room(const struct pkt *pkt)
{
	return (pkt->key.af == AF_INET4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) + sizeof(struct icmp_header);
}

/* How much of the packet the error quotes: all that fits into its own size. */
static __always_inline __u32 icmp_error_quote(const struct pkt *pkt)
{
	__u32 most = pkt->key.af == AF_INET4 ? ICMP_ERROR_LENGTH : IPV6_MIN_MTU;

	most -= icmp_error_room(pkt);
	return pkt->ip_length < most ? pkt->ip_length : most;
}

/* Moves the L2 header in front of the room made for the error's headers, MACs turned round, tag kept. */
static __noinline int icmp_error_make_room(struct pkt *pkt)
{
	__u8 l2[sizeof(struct ethhdr) + sizeof(struct vlan_header)];
	__s32 room = icmp_error_room(pkt), wanted = l3_of(pkt) + room + icmp_error_quote(pkt);
	struct xdp_md *ctx = pkt->ctx;
	void *data = pkt_data(pkt), *end = pkt_end(pkt);

	if (data + sizeof(l2) > end)
		return -1;
	__builtin_memcpy(l2, data, sizeof(l2));
	if (bpf_xdp_adjust_head(ctx, -room))
		return -1;
	if (bpf_xdp_adjust_tail(ctx, wanted - frame_length(ctx)))
		return -1;
	data = pkt_data(pkt);
	end = pkt_end(pkt);
	if (data + sizeof(l2) > end)
		return -1;
	__builtin_memcpy(data, l2, sizeof(l2)); /* without tag its last 4 bytes are overwritten by the IP header */
	swap_macs(data);
	return 0;
}

/* The quoted header is just behind; its TOS goes over as RFC 1812 4.3.2.5 says, at precedence internetwork control. */
static __noinline int icmp4_error_headers(struct pkt *pkt, __u32 type, __u32 code, __u32 value)
{
	void *data = pkt_data(pkt), *end = pkt_end(pkt);
	struct iphdr *ip = data + l3_of(pkt), *quoted;
	struct icmp_header *icmp = (void *)(ip + 1);

	quoted = (void *)(icmp + 1);
	if ((void *)(quoted + 1) > end)
		return -1;
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = (quoted->tos & 0x1e) | 0xc0;
	ip->tot_len = bpf_htons(icmp_error_room(pkt) + icmp_error_quote(pkt));
	ip->id = 0;
	ip->frag_off = bpf_htons(IP_DF);
	ip->ttl = ICMP_ERROR_TTL;
	ip->protocol = IPPROTO_ICMP;
	__builtin_memcpy(&ip->saddr, pkt->key.daddr, 4);
	__builtin_memcpy(&ip->daddr, pkt->key.saddr, 4);
	ipv4_set_checksum(ip);
	icmp->type = type;
	icmp->code = code;
	icmp->checksum = 0;
	icmp->rest = bpf_htonl(value);
	return 0;
}

static __noinline int icmp6_error_headers(struct pkt *pkt, __u32 type, __u32 code, __u32 value)
{
	void *data = pkt_data(pkt), *end = pkt_end(pkt);
	struct ipv6hdr *ip = data + l3_of(pkt);
	struct icmp_header *icmp = (void *)(ip + 1);

	if ((void *)(icmp + 1) > end)
		return -1;
	*(__be32 *)ip = bpf_htonl(6U << 28);
	ip->payload_len = bpf_htons(sizeof(*icmp) + icmp_error_quote(pkt));
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = ICMP_ERROR_TTL;
	copy16(&ip->saddr, pkt->key.daddr);
	copy16(&ip->daddr, pkt->key.saddr);
	icmp->type = type;
	icmp->code = code;
	icmp->checksum = 0;
	icmp->rest = bpf_htonl(value);
	return 0;
}

static __noinline int icmp_error_checksum(struct pkt *pkt)
{
	__u32 l4 = l3_of(pkt) + icmp_error_room(pkt) - sizeof(struct icmp_header);
	__u32 length = sizeof(struct icmp_header) + icmp_error_quote(pkt);
	__s64 sum = l4_csum(pkt->ctx, l4, length);
	void *data = pkt_data(pkt), *end = pkt_end(pkt);
	struct icmp_header *icmp = data + (l4 & 63);

	if (sum < 0 || (void *)(icmp + 1) > end)
		return -1;
	if (pkt->key.af == AF_INET6) {
		sum += csum_pseudo(length, IPPROTO_ICMPV6);
		sum = csum_add(csum_add(sum, pkt->key.saddr, 4), pkt->key.daddr, 4);
	}
	icmp->checksum = ~csum_fold(sum);
	return 0;
}

/*
 * Tells the sender why its packet is not forwarded, if that is allowed and within the rate. value is the second word
 * of the message in host order: the MTU of "fragmentation needed" and "packet too big", else 0. Returns XDP_TX, or
 * XDP_DROP without an error.
 */
static __noinline int icmp_error_send(struct pkt *pkt, __u32 type, __u32 code, __u32 value, __u32 reason)
{
	drop(reason);
	if (!icmp_may_complain(pkt) || !icmp_rate_allows())
		return XDP_DROP;
	if (icmp_error_make_room(pkt))
		return XDP_DROP;
	if (pkt->key.af == AF_INET4 ? icmp4_error_headers(pkt, type, code, value)
				    : icmp6_error_headers(pkt, type, code, value))
		return XDP_DROP;
	return icmp_error_checksum(pkt) ? XDP_DROP : reflect(pkt);
}

#endif

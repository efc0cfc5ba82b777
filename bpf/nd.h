/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_ND_H
#define XDPVS_ND_H

/*
 * Neighbour discovery (RFC 4861): solicitations for an address of the ingress device are answered here, and teach who
 * asked; advertisements teach the neighbour table and still go to the host. Contract: called for PARSED_ICMP packets;
 * NEXT if it is not neighbour discovery or MLD.
 *
 * Beyond DPVS (src/ipv6/ndisc.c): a solicitation without link-layer address is answered too (to the frame's sender),
 * so duplicate address detection by others finds our addresses; the override bit is honoured.
 */

#include "icmp_types.h"
#include "learn.h"

#define MLD_QUERY 130
#define MLD_DONE 132
#define ND_ROUTER_SOLICIT 133
#define ND_SOLICIT 135
#define ND_ADVERT 136
#define MLD2_REPORT 143

#define ND_SOLICITED 0x40000000
#define ND_OVERRIDE 0x20000000
#define ND_OPTION_SOURCE 1
#define ND_OPTION_TARGET 2
#define ND_OPTIONS 8 /* looked at */
#define ND_MAX_LENGTH 1024

struct nd_message {
	struct icmp_header icmp; /* rest: flags of an advertisement */
	__u8 target[16];
};

struct nd_option {
	__u8 type;
	__u8 length; /* in 8 bytes */
	__u8 mac[6];
};

struct nd_advert {
	struct ipv6hdr ip;
	struct nd_message message;
	struct nd_option option;
};

/* What a message says, taken out of the packet because answering moves its end. */
struct nd_facts {
	struct neighbour_key source;
	struct neighbour_key target;
	__u8 destination[16];
	__u32 flags;
	__u8 type;
	__u8 has_mac;
	__u8 pad[2];
	__u8 option_mac[8]; /* six bytes each, aligned since MACs on the stack are compared by words */
	__u8 frame_mac[8];
	__u8 own_mac[8];
};

/*
 * Takes the link-layer address option out of the options in [at, stop); -1 if they are broken (RFC 4861 4.6: length 0,
 * or beyond the message). A global function, as is nd_is_valid(): what they look at must not multiply the states of
 * what follows.
 */
__noinline int nd_find_mac(struct xdp_md *ctx, struct nd_facts *facts, __u32 at, __u32 stop)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u8 type;

	if (!facts)
		return -1;
	type = facts->type == ND_SOLICIT ? ND_OPTION_SOURCE : ND_OPTION_TARGET;
	for (__u32 i = 0; i < ND_OPTIONS && at + sizeof(struct nd_option) <= stop; i++) {
		struct nd_option *option = data + (at & (2 * ND_MAX_LENGTH - 1));

		if ((void *)(option + 1) > end)
			return -1;
		if (!option->length || at + option->length * 8 > stop)
			return -1;
		if (option->type == type && option->length == 1 && !mac_is_multicast(option->mac) &&
		    !mac_is_zero(option->mac)) {
			mac_copy(facts->option_mac, option->mac);
			facts->has_mac = 1;
			return 0;
		}
		at += option->length * 8;
	}
	return 0;
}

/* ff02::1:ff00:0/104 with the address' last 24 bits */
static __always_inline bool is_solicited_node(const __u8 *group)
{
	const __u32 *word = (const __u32 *)group;

	return word[0] == bpf_htonl(0xff020000) && !word[1] && word[2] == bpf_htonl(1) && group[12] == 0xff;
}

/* The checks of RFC 4861 7.1.1 and 7.1.2, beyond hop limit, code and checksum. */
__noinline int nd_is_valid(const struct nd_facts *facts)
{
	bool probe;

	if (!facts || !ipv6_is_unicast(facts->target.addr) || ipv6_is_loopback(facts->source.addr) ||
	    ipv6_is_multicast(facts->source.addr))
		return 0;
	probe = ipv6_is_unspecified(facts->source.addr);
	if (facts->type == ND_SOLICIT)
		return !probe || (is_solicited_node(facts->destination) && !facts->has_mac);
	return !probe && !(facts->flags & ND_SOLICITED && ipv6_is_multicast(facts->destination));
}

/*
 * Makes the frame an advertisement of the target and nothing else. Whoever probes from :: is told by ff02::1, as
 * nobody has the address he asks from (RFC 4861 7.2.4).
 */
static __noinline int nd_answer(struct pkt *pkt, const struct nd_facts *facts)
{
	bool probe = ipv6_is_unspecified(facts->source.addr);
	struct xdp_md *ctx = pkt->ctx;
	struct nd_advert *advert;
	struct ethhdr *eth;
	__u32 wanted = l3_of(pkt) + sizeof(*advert);
	__u32 length = sizeof(*advert) - sizeof(advert->ip);
	void *data, *end;
	__u64 sum;

	if (bpf_xdp_adjust_tail(ctx, (__s32)wanted - frame_length(ctx)))
		return drop(DROP_ADJUST);
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	advert = data + l3_of(pkt);
	if ((void *)(eth + 1) > end || (void *)(advert + 1) > end)
		return drop(DROP_TRUNCATED);

	mac_copy(eth->h_source, facts->own_mac);
	if (probe) {
		*(__u32 *)eth->h_dest = bpf_htonl(0x33330000);
		*(__u16 *)(eth->h_dest + 4) = bpf_htons(1);
	} else {
		mac_copy(eth->h_dest, facts->has_mac ? facts->option_mac : facts->frame_mac);
	}
	*(__u32 *)&advert->ip = bpf_htonl(6U << 28);
	advert->ip.payload_len = bpf_htons(length);
	advert->ip.nexthdr = IPPROTO_ICMPV6;
	advert->ip.hop_limit = 255;
	copy16(&advert->ip.saddr, facts->target.addr);
	if (probe) {
		__u32 *group = (__u32 *)&advert->ip.daddr;

		group[0] = bpf_htonl(0xff020000);
		group[1] = 0;
		group[2] = 0;
		group[3] = bpf_htonl(1);
	} else {
		copy16(&advert->ip.daddr, facts->source.addr);
	}
	advert->message.icmp.type = ND_ADVERT;
	advert->message.icmp.code = 0;
	advert->message.icmp.checksum = 0;
	advert->message.icmp.rest = bpf_htonl(probe ? ND_OVERRIDE : ND_OVERRIDE | ND_SOLICITED);
	copy16(advert->message.target, facts->target.addr);
	advert->option.type = ND_OPTION_TARGET;
	advert->option.length = 1;
	mac_copy(advert->option.mac, facts->own_mac);
	sum = csum_add(csum_pseudo(length, IPPROTO_ICMPV6), &advert->ip.saddr, 8);
	sum = csum_add(sum, &advert->message, (sizeof(*advert) - sizeof(advert->ip)) / 4);
	advert->message.icmp.checksum = ~csum_fold(sum);
	return reflect(pkt);
}

static __always_inline int nd_solicit(struct pkt *pkt, struct nd_facts *facts)
{
	if (!address_is_ours(&facts->target))
		return to_host(pkt);
	if (!ipv6_is_unspecified(facts->source.addr)) {
		if (address_is_ours(&facts->source))
			event_send(EVENT_DAD_CONFLICT, &facts->source, facts->frame_mac);
		else if (facts->has_mac)
			neighbour_learn(&facts->source, facts->option_mac, LEARN_CREATE);
	}
	return nd_answer(pkt, facts);
}

static __always_inline int nd_advert(struct pkt *pkt, struct nd_facts *facts)
{
	__u32 how = 0;

	if (address_is_ours(&facts->target)) {
		event_send(EVENT_DAD_CONFLICT, &facts->target, facts->has_mac ? facts->option_mac : facts->frame_mac);
		return to_host(pkt);
	}
	if (!(facts->flags & ND_OVERRIDE))
		how |= LEARN_KEEP;
	if (!facts->has_mac)
		how |= LEARN_CONFIRM;
	else if (pkt->for_us)
		how |= LEARN_CREATE;
	/* Without an address it only confirms, and only what we asked for (RFC 4861 7.2.5). */
	if (facts->has_mac || facts->flags & ND_SOLICITED)
		neighbour_learn(&facts->target, facts->option_mac, how);
	return to_host(pkt);
}

static __always_inline bool is_nd(__u8 type)
{
	return type >= ND_ROUTER_SOLICIT && type <= ICMPV6_REDIRECT;
}

static __always_inline bool is_mld(__u8 type)
{
	return (type >= MLD_QUERY && type <= MLD_DONE) || type == MLD2_REPORT;
}

static __noinline int nd_input(struct pkt *pkt)
{
	void *data = pkt_data(pkt), *end = pkt_end(pkt);
	struct nd_message *message = data + l4_of(pkt);
	struct device *device = device_at(pkt->device);
	struct nd_facts facts = {};
	struct ethhdr *eth = data;
	__u32 length = pkt->ip_length - sizeof(struct ipv6hdr);

	if (pkt->key.proto != IPPROTO_ICMPV6 || pkt->key.af != AF_INET6)
		return NEXT;
	if ((void *)(eth + 1) > end || (void *)(&message->icmp + 1) > end)
		return drop(DROP_TRUNCATED);
	facts.type = message->icmp.type;
	if (is_mld(facts.type))
		return to_host(pkt);
	if (!is_nd(facts.type))
		return NEXT;
	if (pkt->ttl != 255 || message->icmp.code)
		return drop(DROP_ND_INVALID);
	if (facts.type != ND_SOLICIT && facts.type != ND_ADVERT)
		return to_host(pkt);
	if (!device)
		return drop(DROP_INTERNAL);
	if ((!pkt->for_us && !mac_is_multicast(eth->h_dest)) || mac_equal(eth->h_source, device->mac))
		return to_host(pkt); /* between others, or our own come back */
	if (length < sizeof(*message) || length > ND_MAX_LENGTH || (void *)(message + 1) > end)
		return drop(DROP_ND_INVALID);

	facts.flags = bpf_ntohl(message->icmp.rest);
	facts.source.device = facts.target.device = pkt->device;
	facts.source.af = facts.target.af = AF_INET6;
	copy16(facts.source.addr, pkt->key.saddr);
	copy16(facts.target.addr, message->target);
	mac_copy(facts.frame_mac, eth->h_source);
	mac_copy(facts.own_mac, device->mac);
	copy16(facts.destination, pkt->key.daddr);
	if (nd_find_mac(pkt->ctx, &facts, l4_of(pkt) + sizeof(*message), l3_of(pkt) + pkt->ip_length) ||
	    !nd_is_valid(&facts) || !icmp_checksum_ok(pkt))
		return drop(DROP_ND_INVALID);
	return facts.type == ND_SOLICIT ? nd_solicit(pkt, &facts) : nd_advert(pkt, &facts);
}

#endif

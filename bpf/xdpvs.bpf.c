// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * xdpvs: the data plane, one XDP program on every port.
 *
 * A frame passes parse → device → connection → schedule → transmit. Established connections are the fast path and
 * come first; what is not a connection's is looked at by the slow path: new connections, ARP and neighbour discovery,
 * echo, ICMP errors of connections. The rest belongs to the host.
 */

#include "arp.h"
#include "clock.h"
#include "connect.h"
#include "echo.h"
#include "icmp.h"
#include "kni.h"
#include "nd.h"
#include "neighbour_update.h"
#include "sweep.h"
#include "tcp_reset.h"
#include "xmit_fullnat.h"

/* Enums user space needs, kept in the BTF by these. */
#define ANCHOR(name) const enum name *unused_##name __attribute__((unused))
ANCHOR(address_family);
ANCHOR(limits);
ANCHOR(slot_kind);
ANCHOR(conn_flags);
ANCHOR(tcp_state);
ANCHOR(udp_state);
ANCHOR(schedule_kind);
ANCHOR(forwarding);
ANCHOR(device_kind);
ANCHOR(device_flags);
ANCHOR(route_flags);
ANCHOR(neighbour_state);
ANCHOR(neighbour_flags);
ANCHOR(settings_flags);
ANCHOR(event_kind);
ANCHOR(drop_reason);
const struct event *unused_event __attribute__((unused));
const struct expired_conn *unused_expired_conn __attribute__((unused));

static __always_inline void traffic_count(const struct conn *conn, __u32 bytes)
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

/* A connection of a service with expire-quiescent whose server is gone or at weight 0 (reference dataplane 3.7). */
static __noinline bool conn_quiesced(__u32 index)
{
	struct conn *conn = conn_at(index), *peer;
	struct dest *dest;
	__u32 at, long_ago;

	if (!conn)
		return false;
	dest = dest_at(conn->dest);
	if (dest && dest->weight > 0)
		return false;
	at = conn->peer;
	peer = conn_at(at);
	long_ago = now_ticks() - (1U << 30);
	conn->last_seen = long_ago;
	if (peer)
		peer->last_seen = long_ago;
	return true;
}

/* A packet of a connection: state, age, counters, then out. */
static __always_inline int forward(struct pkt *pkt, const struct settings *set, struct conn *conn, __u32 index)
{
	bool inbound = conn->flags & CONN_INBOUND;
	__u32 now = now_ticks_fast(set);
	int verdict;
	__u8 next;

	if (unlikely(conn->flags & CONN_QUIESCENT) && conn_quiesced(index))
		return drop(DROP_EXPIRE_QUIESCENT);
	if (pkt->key.proto == IPPROTO_TCP)
		next = tcp_next(conn->state, pkt->tcp_flags, inbound);
	else
		next = udp_next(conn->state, inbound);
	if (unlikely(next != conn->state))
		conn_change_state(index, next);
	if (conn->last_seen != now)
		conn->last_seen = now;
	traffic_count(conn, pkt->ip_length);
	if (pkt->key.af == AF_INET4)
		verdict = xmit_in_place(pkt, conn, AF_INET4);
	else
		verdict = xmit_in_place(pkt, conn, AF_INET6);
	if (likely(verdict != NEXT))
		return verdict;
	next_hop_renew(index);
	verdict = xmit_refused(pkt, index);
	if (verdict != NEXT)
		return verdict;
	return pkt->key.af == AF_INET4 ? xmit_fullnat4(pkt, index) : xmit_fullnat6(pkt, index);
}

/* A packet without connection: makes one and names its slot, or the packet is none of ours. */
static __noinline int schedule_packet(struct pkt *pkt, __u32 *slot)
{
	void *data = pkt_data(pkt), *end = pkt_end(pkt), *l4 = data + (pkt->l4_offset & 0x7f);
	bool tcp = pkt->key.proto == IPPROTO_TCP;
	struct settings *set = settings_get();
	struct connect_request *request;
	struct ethhdr *eth = data;
	__u32 zero = 0;

	request = bpf_map_lookup_elem(&connect_requests, &zero);
	if (!set || !request)
		return drop(DROP_INTERNAL);
	if (!service_find(&pkt->key)) {
		if (tcp && set->flags & SETTING_DEFENCE_TCP && vip_has(&pkt->key, IPPROTO_TCP))
			return drop(DROP_DEFENCE_TCP);
		if (!tcp && set->flags & SETTING_DEFENCE_UDP && !vip_has(&pkt->key, IPPROTO_UDP) &&
		    vip_has(&pkt->key, IPPROTO_TCP))
			return drop(DROP_DEFENCE_UDP);
		return NEXT;
	}
	if (tcp && (pkt->tcp_flags & (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST)) != TCP_SYN)
		return set->flags & SETTING_DEFENCE_TCP ? drop(DROP_DEFENCE_TCP) : tcp_reset(pkt, DROP_TCP_NO_CONN);
	if ((void *)(eth + 1) > end || l4 + sizeof(struct udphdr) > end)
		return drop(DROP_TRUNCATED);
	request->client = pkt->key;
	request->device = pkt->device;
	mac_copy(request->source, eth->h_source);
	request->seq = tcp ? bpf_ntohl(((__be32 *)l4)[1]) : 0;
	connect(request);
	if (request->slot == NO_SLOT)
		return drop(request->reason);
	*slot = request->slot;
	return NEXT;
}

/* Packets of which no flow could be read: not forwarded, and kept from the host if they are for a service. */
static __always_inline int refuse_unreadable(struct pkt *pkt, __u32 reason)
{
	if (vip_has(&pkt->key, IPPROTO_TCP) || vip_has(&pkt->key, IPPROTO_UDP))
		return drop(reason);
	return to_host(pkt);
}

static __noinline int slow_path(struct pkt *pkt)
{
	struct settings *set = settings_get();
	int verdict;

	if (pkt->ethertype == bpf_htons(ETH_P_ARP))
		return arp_input(pkt);
	if (pkt->parsed == PARSED_ICMP) {
		if (pkt->for_us) {
			verdict = icmp_error_input(pkt);
			if (verdict != NEXT)
				return verdict;
			verdict = echo_input(pkt);
			if (verdict != NEXT)
				return verdict;
		}
		if (pkt->key.af == AF_INET6) {
			verdict = nd_input(pkt);
			if (verdict != NEXT)
				return verdict;
		}
	}
	if (pkt->for_us && pkt->parsed == PARSED_FRAGMENT)
		return refuse_unreadable(pkt, DROP_FRAGMENT);
	if (pkt->for_us && pkt->parsed == PARSED_OPTIONS)
		return refuse_unreadable(pkt, DROP_IP_OPTIONS);
	if (set && set->flags & SETTING_KNI_OFF)
		return drop(DROP_KNI_OFF);
	return to_host(pkt);
}

SEC("xdp")
int xdpvs(struct xdp_md *ctx)
{
	struct pkt pkt = { .ctx = ctx };
	struct settings *set = settings_get();
	struct conn *conn;
	__u32 index = 0;
	int verdict;

	if (!set)
		return XDP_PASS;
	verdict = parse(&pkt);
	if (verdict != NEXT)
		return verdict;
	verdict = device_input(&pkt);
	if (verdict != NEXT)
		return verdict;
	if (unlikely(pkt.key.af == AF_INET6 && set->flags & SETTING_IPV6_OFF))
		return drop(DROP_IPV6_OFF);
	if (likely(pkt.parsed == PARSED_L4 && pkt.for_us)) {
		conn = conn_lookup(set, &pkt.key, &index);
		if (unlikely(!conn)) {
			index = NO_SLOT;
			verdict = schedule_packet(&pkt, &index);
			if (verdict != NEXT)
				return verdict;
			conn = conn_at(index);
		}
		if (likely(conn))
			return forward(&pkt, set, conn, index);
	}
	return slow_path(&pkt);
}

char _license[] SEC("license") = "Dual MIT/GPL";

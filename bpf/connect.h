/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_CONNECT_H
#define XDPVS_CONNECT_H

/*
 * A client's first packet: service, server, next hops, local port, two slots (reference dataplane 3.2). Whatever
 * fails is undone; established connections never notice.
 */

#include "laddr.h"
#include "reflect.h"
#include "sched.h"
#include "tcp_state.h"
#include "transmit.h"

#define SERVICE_EXPIRE_QUIESCENT 0x10

static __always_inline struct service *service_find(const struct conn_key *key)
{
	struct service_key vip = { .port = key->dport, .proto = key->proto, .af = key->af };

	copy16(vip.addr, key->daddr);
	return bpf_map_lookup_elem(&services, &vip);
}

/* Does any service of this protocol have the address? */
static __always_inline bool vip_has(const struct conn_key *key, __u8 proto)
{
	struct service_key vip = { .proto = proto, .af = key->af };

	copy16(vip.addr, key->daddr);
	return bpf_map_lookup_elem(&vips, &vip) != NULL;
}

/* What rewriting addresses and ports of `from` into those of `to`, either way round, adds to an L4 checksum. */
static __always_inline __u16 rewrite_difference(const struct conn_key *from, const struct conn_key *to)
{
	__u64 old = csum_add(0, from->saddr, 9); /* both addresses and both ports */

	return csum_fold(csum_add(0, to->saddr, 9) + (__u16)~csum_fold(old));
}

/*
 * Initial sequence number towards the server: keyed hash of the flow plus a clock of 64 ns, so that a local port used
 * again soon starts above what the server's TIME_WAIT remembers (DPVS src/ipvs/ip_vs_proto_tcp.c, RFC 6528).
 */
static __always_inline __u32 isn_of(const struct settings *set, const struct conn_key *reply)
{
	return (__u32)(conn_hash(set, reply) ^ set->secret[10]) + (__u32)(now_ns_fast(set) >> 6);
}

/* All a new connection is made from, so that connect() needs no packet and the verifier sees it once. */
struct connect_request {
	struct conn_key client;
	__u32 device;	/* the packet came by */
	__u32 seq;	/* of a TCP SYN, host order */
	__u8 source[6]; /* MAC the packet bears */
	__u8 pad[2];
	/* out */
	__u32 slot;
	__u32 reason; /* enum drop_reason, if slot is NO_SLOT */
	/* on the way */
	struct conn_key reply; /* server to local address */
	struct fib_query query;
	__u32 dest;
	__u32 service;
	__u32 service_flags;
	__u32 timeout;
	__u32 laddr_id;
	__u32 in_next_hop;
	__u32 out_next_hop;
};

/* Too large for the stack. XDP does not interrupt itself on a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct connect_request);
} connect_requests SEC(".maps");

/* Next hop for the replies: the client's route, or back where its packet came from. */
static __always_inline __u32 client_next_hop(struct connect_request *request)
{
	struct fib_query *q = &request->query;
	struct neighbour *n;
	__u32 at;

	copy16(q->addr, request->client.saddr);
	q->af = request->client.af;
	if (!fib_lookup(q) && !(q->flags & (ROUTE_LOCAL | ROUTE_KNI))) {
		at = neighbour_find(&q->key);
		n = neighbour_at(at);
		if (n && neighbour_usable(n))
			return next_hop_of(n, at);
	}
	__builtin_memset(&q->key, 0, sizeof(q->key));
	mac_copy(q->key.addr, request->source);
	q->key.device = request->device;
	q->key.af = AF_MAC;
	return next_hop_reverse(&q->key);
}

/* Writes a claimed slot for packets with `key`, which are to leave as the reverse of `other`. */
static __noinline void conn_fill(struct conn *conn, const struct conn_key *key, const struct conn_key *other, __u32 now)
{
	conn->key = *key;
	copy16(conn->saddr, other->daddr);
	copy16(conn->daddr, other->saddr);
	conn->sport = other->dport;
	conn->dport = other->sport;
	conn->l4_delta = rewrite_difference(key, other);
	conn->state = 0;
	conn->first_ack = 0;
	conn->next_seq = 0;
	conn->last_ack = 0;
	conn->last_seen = now;
}

/* Claims and publishes both slots; the inbound one, or minus a drop reason. */
__noinline int conn_create(struct connect_request *request)
{
	struct settings *set = settings_get();
	struct conn_key *client, *reply;
	struct conn *in, *out;
	__u64 in_hash, out_hash;
	__u32 in_at, out_at, nearer, flags, now;

	if (!set || !request)
		return -DROP_INTERNAL;
	client = &request->client;
	reply = &request->reply;
	out_hash = conn_hash(set, reply);
	in_hash = conn_hash(set, client);
	out_at = conn_claim(set, out_hash);
	if (out_at == NO_SLOT)
		return -DROP_CONN_FULL;
	out = conn_at(out_at);
	if (!out)
		return -DROP_INTERNAL;
	in_at = conn_claim(set, in_hash);
	in = conn_at(in_at);
	if (in_at == NO_SLOT || !in) {
		conn_unclaim(out);
		return -DROP_CONN_FULL;
	}

	flags = CONN_INACTIVE | (client->af != reply->af ? CONN_NAT64 : 0) |
		(request->service_flags & SERVICE_EXPIRE_QUIESCENT ? CONN_QUIESCENT : 0);
	now = now_ticks_fast(set);
	conn_fill(in, client, reply, now);
	conn_fill(out, reply, client, now);
	in->flags = flags | CONN_INBOUND;
	out->flags = flags;
	in->peer = out_at;
	out->peer = in_at;
	in->next_hop = request->in_next_hop;
	out->next_hop = request->out_next_hop;
	in->dest = out->dest = request->dest;
	in->service = out->service = request->service;
	in->timeout = out->timeout = request->timeout;
	in->laddr_id = out->laddr_id = request->laddr_id;
	in->seq_delta = out->seq_delta = client->proto == IPPROTO_TCP ? isn_of(set, reply) - request->seq : 0;
	conn_publish(out, out_hash);
	conn_publish(in, in_hash);

	nearer = conn_nearer(in_at, in_hash);
	if (nearer != NO_SLOT) {
		conn_retire(in, now);
		conn_retire(out, now);
		return nearer == UNSETTLED ? -DROP_CONN_RACE : -(int)DROP_REASON_MAX - (int)nearer;
	}
	return in_at;
}

static __always_inline int connect_refused(struct connect_request *request, __u32 reason)
{
	request->slot = NO_SLOT;
	request->reason = reason;
	return 0;
}

/* A connection for the request's client, or the reason for none. */
__noinline int connect(struct connect_request *request)
{
	struct service *service;
	struct dest_conns *counts;
	struct traffic_stats *stats;
	struct dest *dest;
	int result;

	if (!request)
		return 0;
	service = service_find(&request->client);
	if (!service)
		return connect_refused(request, DROP_INTERNAL);
	if (!address_is_unicast(request->client.saddr, request->client.af)) /* RFC 1122 3.2.1.3, RFC 4291 2.7 */
		return connect_refused(request, DROP_BAD_ADDRESS);
	result = dest_select(service, &request->client);
	if (result < 0)
		return connect_refused(request, -result);
	request->dest = result;
	dest = dest_at(request->dest);
	counts = dest_conns_at(request->dest);
	stats = bpf_map_lookup_elem(&dest_stats, &request->dest);
	if (!dest || !counts || !stats)
		return connect_refused(request, DROP_INTERNAL);
	if (dest->forwarding != FORWARDING_FULLNAT)
		return connect_refused(request, DROP_FORWARDING_MODE);

	copy16(request->reply.saddr, dest->addr);
	request->reply.sport = dest->port;
	request->reply.proto = request->client.proto;
	request->reply.af = dest->af;
	*(__u16 *)request->reply.pad = 0;
	copy16(request->query.addr, dest->addr);
	request->query.af = dest->af;
	request->in_next_hop = next_hop_resolve(&request->query);
	if (!next_hop_get(request->in_next_hop))
		return connect_refused(request,
				       request->in_next_hop == NO_NEXT_HOP ? DROP_NO_ROUTE : DROP_NO_NEIGHBOUR);
	request->out_next_hop = client_next_hop(request);
	if (request->out_next_hop == NO_NEXT_HOP)
		return connect_refused(request, DROP_NEIGHBOUR_FULL);

	/* Counted before the limit is looked at, so that CPUs together cannot exceed it. */
	if (__sync_fetch_and_add(&counts->inactive, 1) + counts->active >= dest->max_conn && dest->max_conn) {
		__sync_fetch_and_add(&counts->refused, 1);
		result = -DROP_DEST_OVERLOAD;
		goto undo;
	}
	request->service = service->id;
	request->service_flags = service->flags;
	request->timeout = service->conn_timeout;
	result = laddr_claim(service, &request->reply);
	if (result < 0)
		goto undo;
	request->laddr_id = result;
	result = conn_create(request);
	if (result < 0)
		goto undo;
	request->slot = result;
	stats->conns++;
	return 0;
undo:
	__sync_fetch_and_add(&counts->inactive, -1);
	if (-result < (int)DROP_REASON_MAX)
		return connect_refused(request, -result);
	request->slot = -result - (int)DROP_REASON_MAX; /* another CPU made it, use that one */
	return 0;
}

#endif

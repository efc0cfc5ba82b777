/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_SWEEP_H
#define XDPVS_SWEEP_H

/*
 * Expiry. The daemon runs `sweep` over the whole table, highest slots first, about once a second (design: decision 8).
 * An inbound slot decides for its connection; the other slot follows it. Free slots at the end of a run of slots
 * become empty again, so that lookups stay short; going downwards they all do in one pass.
 */

#include "tcp_state.h"

#define TICKS_PER_SECOND (1000000000ULL >> TICK_SHIFT)
/* A quarter of the range of ticks, 104 days: ages are compared as signed, and conn_quiesced() makes some this old. */
#define MAX_TIMEOUT_TICKS ((1U << 30) - 1)

static __always_inline __u32 timeout_ticks(const struct settings *set, const struct conn *conn)
{
	__u32 state = conn->state & 15, seconds;
	__u64 ticks;

	if (conn->key.proto == IPPROTO_TCP) {
		seconds = set->tcp_timeout[state];
		if (state == TCP_STATE_ESTABLISHED && conn->timeout)
			seconds = conn->timeout;
	} else {
		seconds = conn->timeout ?: set->udp_timeout[state & 3];
	}
	if (!state)
		seconds = set->init_timeout;
	ticks = ((__u64)seconds * 1000000000ULL) >> TICK_SHIFT;
	return ticks < MAX_TIMEOUT_TICKS ? ticks : MAX_TIMEOUT_TICKS;
}

/* Tells the daemon whom to reset. A full ring loses it: then the ends find out by themselves. */
static __always_inline void conn_report(const struct conn *in, const struct conn *out)
{
	struct expired_conn *report;

	if (in->key.proto != IPPROTO_TCP || in->state != TCP_STATE_ESTABLISHED || !out->next_seq)
		return;
	report = bpf_ringbuf_reserve(&expired_conns, sizeof(*report), 0);
	if (!report)
		return;
	report->client = in->key;
	report->reply = out->key;
	report->client_next_hop = out->next_hop;
	report->server_next_hop = in->next_hop;
	report->client_seq = out->next_seq;
	report->server_seq = out->last_ack;
	bpf_ringbuf_submit(report, BPF_RB_NO_WAKEUP);
}

/* Gives back the connection's place in its server's counts, once. */
static __always_inline void conn_uncount(struct conn *conn)
{
	__u32 dest = conn->dest, old = *conn_status_word(conn);
	struct dest_conns *counts = bpf_map_lookup_elem(&dest_conns, &dest);

	if (old >> 8 & CONN_DEAD)
		return;
	/* Lost to a packet that changes the state at this moment: then it is alive, and a later pass looks again. */
	if (__sync_val_compare_and_swap(conn_status_word(conn), old, old | CONN_DEAD << 8) != old || !counts)
		return;
	if (old >> 8 & CONN_INACTIVE)
		__sync_fetch_and_add(&counts->inactive, -1);
	else
		__sync_fetch_and_add(&counts->active, -1);
}

/* Outcomes of a slot, which add up: 16 bits for each count of a run. */
#define SWEPT_NOTHING 0ULL
#define SWEPT_LIVE 1ULL
#define SWEPT_EXPIRED (1ULL << 16)
#define SWEPT_FREED (1ULL << 32)
#define SWEPT_USED (1ULL << 48) /* not empty before */
#define SWEPT_MASK 0xffff

static __always_inline __u64 sweep_live(struct settings *set, struct conn *conn, __u32 index, __u32 now)
{
	struct conn *peer;
	__u32 at = conn->peer;

	if (!(conn->flags & CONN_INBOUND)) {
		/* Its connection is the inbound slot's business, unless the creator could not publish that one. */
		if ((__s32)(now - conn->last_seen) < (__s32)(timeout_ticks(set, conn) + 2 * TICKS_PER_SECOND))
			return SWEPT_NOTHING;
		peer = conn_at(at);
		if (peer && peer->peer == index && tag_kind(peer->tag) == SLOT_LIVE)
			return SWEPT_NOTHING;
		conn_retire(conn, now);
		return SWEPT_NOTHING;
	}
	if ((__s32)(now - conn->last_seen) <= (__s32)timeout_ticks(set, conn))
		return SWEPT_LIVE;
	peer = conn_at(at);
	if (peer && peer->peer == index && tag_kind(peer->tag) == SLOT_LIVE &&
	    (__s32)(now - peer->last_seen) <= (__s32)timeout_ticks(set, conn))
		return SWEPT_LIVE;
	conn_uncount(conn);
	if (!(conn->flags & CONN_DEAD))
		return SWEPT_LIVE;
	if (peer && peer->peer == index && tag_kind(peer->tag) == SLOT_LIVE) {
		conn_report(conn, peer);
		conn_retire(peer, now);
	}
	conn_retire(conn, now);
	return SWEPT_EXPIRED;
}

/* Makes a free slot empty if the one behind it is. Looks again afterwards: see conn_claim(). */
static __always_inline void sweep_empty(struct conn *conn, __u64 tag, __u32 index)
{
	struct conn *behind = conn_at(index + 1);

	if (behind && *(volatile __u64 *)&behind->tag)
		return;
	if (__sync_val_compare_and_swap(&conn->tag, tag, 0) != tag)
		return;
	if (behind && *(volatile __u64 *)&behind->tag)
		__sync_val_compare_and_swap(&conn->tag, 0, tag_of(SLOT_TOMBSTONE, 0));
}

__noinline __u64 sweep_slot(__u32 index, __u32 now)
{
	struct settings *set = settings_get();
	struct conn *conn = conn_at(index);
	__u64 tag;

	if (!conn || !set)
		return SWEPT_NOTHING;
	tag = *(volatile __u64 *)&conn->tag;
	switch (tag_kind(tag)) {
	case SLOT_LIVE:
		return sweep_live(set, conn, index, now);
	case SLOT_DYING:
		if ((__s32)(now - conn->last_seen) < DYING_TICKS)
			return SWEPT_NOTHING;
		if (__sync_val_compare_and_swap(&conn->tag, tag, tag_of(SLOT_TOMBSTONE, 0)) != tag)
			return SWEPT_NOTHING;
		sweep_empty(conn, tag_of(SLOT_TOMBSTONE, 0), index);
		return SWEPT_FREED;
	case SLOT_TOMBSTONE:
		sweep_empty(conn, tag, index);
		return SWEPT_NOTHING;
	}
	return SWEPT_NOTHING;
}

/* Whether a slot needs no closer look: most are empty, or live and seen within the last second. */
static __always_inline bool sweep_passes_by(const struct conn *conn, __u32 now, __u64 *outcomes)
{
	__u64 tag = *(volatile const __u64 *)&conn->tag;

	if (!tag)
		return true;
	*outcomes += SWEPT_USED;
	if (tag_kind(tag) != SLOT_LIVE || (__s32)(now - conn->last_seen) >= (__s32)TICKS_PER_SECOND)
		return false;
	*outcomes += conn->flags & CONN_INBOUND; /* SWEPT_LIVE, without a branch */
	return true;
}

/*
 * Slots last, last - 1, … of one block. A whole block without anything in use loses its mark: taken away before looking
 * and given back if anything was found, so that a claim under way, which marks after claiming, is not forgotten.
 */
__noinline __u64 sweep_block(__u32 last, __u32 count, __u32 now)
{
	__u32 block = last / SWEEP_BLOCK;
	__u32 *mark = bpf_map_lookup_elem(&conn_blocks, &block);
	__u64 outcomes = 0, used;

	if (!mark || !*mark)
		return 0;
	if (count == SWEEP_BLOCK)
		__sync_lock_test_and_set(mark, 0);
	for (__u32 i = 0; i < SWEEP_BLOCK; i++) {
		struct conn *conn;

		if (i >= count)
			break;
		conn = conn_at(last - i);
		if (!conn)
			break;
		if (!sweep_passes_by(conn, now, &outcomes))
			outcomes += sweep_slot(last - i, now);
	}
	/* Without a branch, which would have the verifier tell apart all ways to get here. */
	used = outcomes >> 48;
	__sync_fetch_and_or(mark, (used | -used) >> 63);
	return outcomes;
}

SEC("syscall")
int sweep(struct sweep_args *args)
{
	__u32 now = bpf_ktime_get_ns() >> TICK_SHIFT, last = args->last, left = args->count;
	__u64 outcomes = 0;

	if (left > last + 1)
		left = last + 1;
	for (__u32 i = 0; i <= SWEEP_SLOTS / SWEEP_BLOCK; i++) {
		__u32 count = last % SWEEP_BLOCK + 1;

		if (count > left)
			count = left;
		if (!count)
			break;
		outcomes += sweep_block(last, count, now);
		last -= count;
		left -= count;
	}
	args->live = outcomes & SWEPT_MASK;
	args->expired = outcomes >> 16 & SWEPT_MASK;
	args->freed = outcomes >> 32 & SWEPT_MASK;
	return 0;
}

#endif

/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_CONN_H
#define XDPVS_CONN_H

/*
 * The connection table: open addressing in one array, a slot per direction (design: decision 6).
 *
 * Contract. A lookup starts at the hash's home and ends at the first empty slot or after CONN_WINDOW slots. Claiming
 * is a compare-and-swap of the tag to busy, then the body, then the tag to live. Only the sweep makes a slot empty;
 * it does so knowing that a claim may be under way behind it, see conn_claim(). Nobody frees a slot that an XDP run
 * may still hold: live becomes dying, and a pass at least DYING_TICKS later frees it.
 */

#include "parse.h"

#define DYING_TICKS 16 /* 134 ms, longer than any XDP run */
#define NO_SLOT (~0U)
#define UNSETTLED (~0U - 1)
#define SETTLE_SPINS 1024

static __always_inline struct settings *settings_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

static __always_inline struct conn *conn_at(__u32 index)
{
	return bpf_map_lookup_elem(&conns, &index);
}

static __always_inline __u64 tag_of(__u32 kind, __u32 hash)
{
	return (__u64)kind << 32 | hash;
}

static __always_inline __u32 tag_kind(__u64 tag)
{
	return tag >> 32;
}

/* Final mixing of MurmurHash3: every bit of the sum reaches every bit of the result. */
static __always_inline __u64 mix64(__u64 h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	h ^= h >> 33;
	return h;
}

/*
 * NH of UMAC (RFC 4418, 5.2.2) over the key's 32-bit words: almost universal, so without the secret nobody can choose
 * flows that meet in one window. The upper half of the result picks the home, the lower half tags the slot.
 */
static __always_inline __u64 conn_hash(const struct settings *set, const struct conn_key *key)
{
	const __u32 *s = (const __u32 *)key->saddr, *d = (const __u32 *)key->daddr, *k = set->secret;
	__u32 ports = (__u32)key->sport << 16 | key->dport;
	__u32 kind = (__u32)key->proto << 8 | key->af;
	__u64 h;

	h = (__u64)(__u32)(s[0] + k[0]) * (__u32)(d[0] + k[1]);
	h += (__u64)(__u32)(ports + k[2]) * (__u32)(kind + k[3]);
	if (key->af == AF_INET6) {
		h += (__u64)(__u32)(s[1] + k[4]) * (__u32)(d[1] + k[5]);
		h += (__u64)(__u32)(s[2] + k[6]) * (__u32)(d[2] + k[7]);
		h += (__u64)(__u32)(s[3] + k[8]) * (__u32)(d[3] + k[9]);
	}
	return mix64(h);
}

static __always_inline __u32 conn_home(const struct settings *set, __u64 hash)
{
	return (hash >> 32) * set->conn_slots >> 32;
}

static __always_inline bool conn_key_equal(const struct conn_key *a, const struct conn_key *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

static __always_inline struct conn *conn_lookup(const struct settings *set, const struct conn_key *key, __u32 *index)
{
	__u64 hash = conn_hash(set, key);
	__u64 live = tag_of(SLOT_LIVE, hash);
	__u32 home = conn_home(set, hash);

	for (__u32 i = 0; i < CONN_WINDOW; i++) {
		__u32 at = home + i;
		struct conn *conn = conn_at(at);
		__u64 tag;

		if (!conn)
			return NULL;
		tag = *(volatile __u64 *)&conn->tag;
		if (tag == live && conn_key_equal(&conn->key, key)) {
			*index = at;
			return conn;
		}
		if (tag == 0)
			return NULL;
	}
	return NULL;
}

/* Slot of a key, NO_SLOT if there is none. A global function: the verifier looks at it once, not per caller. */
__noinline __u32 conn_find(struct conn_key *key)
{
	struct settings *set = settings_get();
	__u32 index = NO_SLOT;

	if (!key || !set)
		return NO_SLOT;
	conn_lookup(set, key, &index);
	return index;
}

/* A claimed slot that was never published. */
static __always_inline void conn_unclaim(struct conn *conn)
{
	__sync_lock_test_and_set(&conn->tag, tag_of(SLOT_TOMBSTONE, 0));
}

/* Has the sweep look at the slot's block. After the claim: the sweep takes the mark away before it looks. */
static __always_inline void conn_mark_block(__u32 index)
{
	__u32 block = index / SWEEP_BLOCK;
	__u32 *used = bpf_map_lookup_elem(&conn_blocks, &block);

	if (used && !*used)
		*used = 1;
}

/* Makes the first free slot from home on busy; NO_SLOT if the whole window is taken. */
__noinline __u32 conn_claim_free(__u32 home, __u64 busy)
{
	for (__u32 i = 0; i < CONN_WINDOW; i++) {
		struct conn *conn = conn_at(home + i);
		__u64 tag;

		if (!conn)
			return NO_SLOT;
		tag = *(volatile __u64 *)&conn->tag;
		if (tag && tag_kind(tag) != SLOT_TOMBSTONE)
			continue;
		if (__sync_val_compare_and_swap(&conn->tag, tag, busy) == tag) {
			conn_mark_block(home + i);
			return home + i;
		}
	}
	return NO_SLOT;
}

/* Makes an empty slot between home and `mine` busy; NO_SLOT if there is none, as nearly always. */
__noinline __u32 conn_claim_gap(__u32 home, __u32 mine, __u64 busy)
{
	for (__u32 i = 0; i < CONN_WINDOW; i++) {
		struct conn *conn = conn_at(home + i);

		if (!conn || home + i >= mine)
			return NO_SLOT;
		if (*(volatile __u64 *)&conn->tag == 0 && __sync_val_compare_and_swap(&conn->tag, 0, busy) == 0) {
			conn_mark_block(home + i);
			return home + i;
		}
	}
	return NO_SLOT;
}

/*
 * Takes the first free slot of the hash's window, NO_SLOT if all are taken. The slot is busy until published.
 *
 * The sweep may have made a slot before ours empty while we passed it, which would hide ours: look again, and if so
 * take that one. The sweep looks at the slot behind after emptying; one of the two sees the other.
 */
static __always_inline __u32 conn_claim(const struct settings *set, __u64 hash)
{
	__u64 busy = tag_of(SLOT_BUSY, hash);
	__u32 home = conn_home(set, hash);
	__u32 mine = conn_claim_free(home, busy), gap;
	struct conn *conn;

	if (mine == NO_SLOT || mine == home)
		return mine;
	gap = conn_claim_gap(home, mine, busy);
	if (gap == NO_SLOT)
		return mine;
	conn = conn_at(mine);
	if (conn)
		conn_unclaim(conn);
	return gap;
}

/* Tag of a slot, waiting while another CPU is writing its body: some hundred instructions. */
__noinline __u64 conn_settled(__u32 index)
{
	struct conn *conn = conn_at(index);
	__u64 tag = 0;

	if (!conn)
		return 0;
	for (__u32 i = 0; i < SETTLE_SPINS; i++) {
		tag = *(volatile __u64 *)&conn->tag;
		if (tag_kind(tag) != SLOT_BUSY)
			break;
	}
	return tag;
}

/*
 * Another live slot with the key of the slot `mine`, nearer to home than it; NO_SLOT if mine is the nearest. Whoever is
 * further from home passed the nearer slot when that was busy or live already, so it sees it here, at the latest after
 * waiting; the nearer one need not look for those behind it. UNSETTLED if waiting was in vain (its CPU is held up):
 * then the further one must yield too.
 */
__noinline __u32 conn_nearer(__u32 mine, __u64 hash)
{
	struct settings *set = settings_get();
	struct conn *own = conn_at(mine);
	__u32 home;

	if (!set || !own)
		return NO_SLOT;
	home = conn_home(set, hash);
	for (__u32 i = 0; i < CONN_WINDOW; i++) {
		struct conn *conn = conn_at(home + i);
		__u64 tag;

		if (!conn || home + i == mine)
			return NO_SLOT;
		tag = *(volatile __u64 *)&conn->tag;
		if (tag == tag_of(SLOT_BUSY, hash))
			tag = conn_settled(home + i);
		if (tag == tag_of(SLOT_BUSY, hash))
			return UNSETTLED;
		if (tag == tag_of(SLOT_LIVE, hash) && conn_key_equal(&conn->key, &own->key))
			return home + i;
	}
	return NO_SLOT;
}

static __always_inline void conn_publish(struct conn *conn, __u64 hash)
{
	__sync_lock_test_and_set(&conn->tag, tag_of(SLOT_LIVE, hash));
}

/* Takes a slot out of sight; the sweep frees it when no run can hold it any more. */
static __always_inline void conn_retire(struct conn *conn, __u32 now)
{
	__u64 tag = conn->tag;

	conn->last_seen = now;
	__sync_val_compare_and_swap(&conn->tag, tag, tag_of(SLOT_DYING, tag));
}

/* state and flags (and l4_delta, which never changes) as one word that changes atomically. */
static __always_inline __u32 *conn_status_word(struct conn *conn)
{
	return (__u32 *)&conn->state;
}

static __always_inline __u32 status_word(__u8 state, __u8 flags)
{
	return (__u32)flags << 8 | state;
}

#endif

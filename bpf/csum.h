/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_CSUM_H
#define XDPVS_CSUM_H

/*
 * Internet checksums (RFC 1071, RFC 1624). Sums are of words as they lie in memory, so nothing is swapped: the sum of
 * an intact message is 0xffff, and what goes into a checksum field is the complement of the sum of the rest.
 */

#include "verdict.h"
#include <linux/ip.h>

#include <bpf/bpf_endian.h>

#define CSUM_BLOCK 64
#define CSUM_MAX_OFFSET 255
#define CSUM_TAIL_MASK 0x3fff
#define CSUM_BLOCKS 160 /* 10240 bytes: more than any frame XDP sees in one piece */

/* Headers are summed right after their fields were written: words that may be any of those. */
typedef __u32 __attribute__((__may_alias__)) csum_word;

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* Adds `words` 32-bit words, a constant number. */
static __always_inline __u64 csum_add(__u64 sum, const void *from, __u32 words)
{
	const csum_word *word = from;

#pragma unroll
	for (__u32 i = 0; i < words; i++)
		sum += word[i];
	return sum;
}

static __always_inline __u64 csum_add_address(__u64 sum, const void *address, __u8 af)
{
	return csum_add(sum, address, af == AF_INET4 ? 1 : 4);
}

/* Pseudo header of IPv6 (RFC 8200, 8.1) and IPv4 alike, without the addresses. */
static __always_inline __u64 csum_pseudo(__u32 length, __u8 proto)
{
	return (__u64)bpf_htons(length) + bpf_htons(proto);
}

/* Checksum field after sum `old` became `new` in what it covers (RFC 1624, eqn. 3). */
static __always_inline __u16 csum_update(__u16 check, __u64 old, __u64 new)
{
	return ~csum_fold((__u64)(__u16)~check + (__u16)~csum_fold(old) + new);
}

static __always_inline void ipv4_set_checksum(struct iphdr *ip)
{
	ip->check = 0;
	ip->check = ~csum_fold(csum_add(0, ip, sizeof(*ip) / 4));
}

/* Keeps clang from reshaping pointer comparisons and differences in ways the verifier refuses. */
#define keep_in_register(variable) asm volatile("" : "+r"(variable))

static __always_inline __s32 frame_length(struct xdp_md *ctx)
{
	__s64 length = (void *)(long)ctx->data_end - (void *)(long)ctx->data;

	keep_in_register(length);
	return length;
}

/* The rest of l4_csum(), less than a block; by itself, or the verifier would walk it behind each block. */
__noinline __s64 l4_csum_tail(struct xdp_md *ctx, __u32 offset, __u32 length)
{
	void *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u64 sum = 0;

	if (offset > CSUM_MAX_OFFSET + CSUM_BLOCK * CSUM_BLOCKS || length >= CSUM_BLOCK)
		return -1;
	keep_in_register(offset); /* which the verifier forgot if it was spilled, so bound it again */
	at += offset & CSUM_TAIL_MASK;
	for (__u32 i = 0; i < CSUM_BLOCK / 4 && length >= 4; i++) {
		keep_in_register(at);
		if (at + 4 > end)
			return -1;
		sum += *(csum_word *)at;
		at += 4;
		length -= 4;
	}
	if (length & 2) {
		if (at + 2 > end)
			return -1;
		sum += *(__u16 *)at;
		at += 2;
	}
	if (length & 1) {
		if (at + 1 > end)
			return -1;
		sum += *(__u8 *)at;
	}
	return sum;
}

/*
 * Folded sum of `length` bytes from `offset` on, -1 if they are not all inside the frame. Global functions, both: the
 * verifier walks their loops once, not per caller.
 */
__noinline __s64 l4_csum(struct xdp_md *ctx, __u32 offset, __u32 length)
{
	__u32 blocks = length / CSUM_BLOCK;
	void *at, *end;
	__s64 sum;

	if (offset > CSUM_MAX_OFFSET || blocks > CSUM_BLOCKS)
		return -1;
	sum = l4_csum_tail(ctx, offset + blocks * CSUM_BLOCK, length % CSUM_BLOCK);
	if (sum < 0)
		return -1;
	at = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	keep_in_register(offset);
	at += offset & CSUM_MAX_OFFSET;
	for (__u32 i = 0; i < CSUM_BLOCKS && i < blocks; i++) {
		keep_in_register(at);
		if (at + CSUM_BLOCK > end)
			return -1;
		sum = csum_add(sum, at, CSUM_BLOCK / 4);
		at += CSUM_BLOCK;
	}
	return csum_fold(sum);
}

#endif

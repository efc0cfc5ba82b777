/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_TCP_OPTIONS_H
#define XDPVS_TCP_OPTIONS_H

/* The few edits FullNAT makes to TCP options (DPVS src/ipvs/ip_vs_proto_tcp.c; reference dataplane 2.7, 6.1). */

#include "parse.h"

#define TCPOPT_EOL 0
#define TCPOPT_NOP 1
#define TCPOPT_MSS 2
#define TCPOPT_SACK 5
#define TCPOPT_TIMESTAMP 8
#define TCPOPT_TOA 254

#define MAX_TCP_OPTIONS 40
#define OPTIONS_OFFSET_MASK 0x7f /* 18 + 40 + 60 fits */

struct tcp_edit {
	__u32 offset;	   /* of the options in the frame */
	__u32 length;	   /* of the options, multiple of 4 */
	__u32 mss_less;	   /* taken off the MSS option */
	__u32 sack_less;   /* subtracted from SACK edges */
	__u8 no_timestamp; /* overwrite the timestamp option by NOPs */
	__u8 no_toa;	   /* overwrite a client's own TOA option by NOPs: a server would believe it */
	__u8 pad[2];
	__u32 checksum; /* out: what the edit adds to the checksum, folded */
};

/* Sets a byte of the frame; what that adds to a sum of 16-bit words that starts at an even offset. */
static __always_inline __u32 byte_set(__u8 *byte, __u32 offset, __u8 value)
{
	__u32 shift = (offset & 1) * 8, old = *byte;

	*byte = value;
	return (0xffff - (old << shift)) + ((__u32)value << shift);
}

static __always_inline __u32 option_blank(__u8 *option, void *end, __u32 offset, __u32 length)
{
	__u32 sum = 0;

	if ((void *)(option + length) > end)
		return 0;
#pragma unroll
	for (__u32 i = 0; i < length; i++)
		sum += byte_set(option + i, offset + i, TCPOPT_NOP);
	return sum;
}

static __always_inline __u32 mss_edit(__u8 *option, void *end, __u32 offset, __u32 less)
{
	__u32 mss;

	if ((void *)(option + 4) > end)
		return 0;
	mss = option[2] << 8 | option[3];
	if (mss > less + 64)
		mss -= less;
	return byte_set(option + 2, offset + 2, mss >> 8) + byte_set(option + 3, offset + 3, mss);
}

static __always_inline __u32 sack_edit(__u8 *option, void *end, __u32 offset, __u32 length, __u32 less)
{
	__u32 sum = 0;

#pragma unroll
	for (__u32 i = 2; i < 2 + 4 * 8; i += 4) {
		__u8 *edge = option + i;
		__u32 value;

		if (i + 4 > length || (void *)(edge + 4) > end)
			break;
		value = ((__u32)edge[0] << 24 | edge[1] << 16 | edge[2] << 8 | edge[3]) - less;
		sum += byte_set(edge, offset, value >> 24) + byte_set(edge + 1, offset + 1, value >> 16) +
		       byte_set(edge + 2, offset, value >> 8) + byte_set(edge + 3, offset + 1, value);
	}
	return sum;
}

/*
 * Walks the options once. Malformed ones end the walk: what stands before is edited, the rest stays. The position is
 * masked at each use and starts from memory, so that the verifier takes it as one unknown and all turns as alike.
 */
__noinline int tcp_options_edit(struct xdp_md *ctx, struct tcp_edit *edit)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 at, stop, sum = 0;

	if (!edit)
		return -1;
	at = edit->offset & OPTIONS_OFFSET_MASK;
	stop = at + edit->length;
	for (__u32 i = 0; i < MAX_TCP_OPTIONS; i++) {
		__u8 *option = data + at;
		__u32 kind, length;

		barrier_var(option); /* one pointer for check and access, not two computed alike */
		if (at >= stop || (void *)(option + 1) > end)
			break;
		kind = option[0];
		if (kind == TCPOPT_EOL)
			break;
		if (kind == TCPOPT_NOP) {
			at = (at + 1) & OPTIONS_OFFSET_MASK;
			continue;
		}
		if ((void *)(option + 2) > end)
			break;
		length = option[1];
		if (length < 2 || at + length > stop)
			break;
		if (kind == TCPOPT_TIMESTAMP && length == 10 && edit->no_timestamp)
			sum += option_blank(option, end, at, 10);
		else if (kind == TCPOPT_TOA && length == 8 && edit->no_toa)
			sum += option_blank(option, end, at, 8);
		else if (kind == TCPOPT_TOA && length == 20 && edit->no_toa)
			sum += option_blank(option, end, at, 20);
		else if (kind == TCPOPT_SACK && edit->sack_less)
			sum += sack_edit(option, end, at, length, edit->sack_less);
		else if (kind == TCPOPT_MSS && length == 4 && edit->mss_less)
			sum += mss_edit(option, end, at, edit->mss_less);
		at = (at + length) & OPTIONS_OFFSET_MASK;
	}
	edit->checksum = csum_fold(sum);
	return 0;
}

#endif

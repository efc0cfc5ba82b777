/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the lab's small BPF programs share. Each is loaded by `ip` or `tc`, by its section name. */
#ifndef LAB_H
#define LAB_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#endif

/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef XDPVS_ICMP_H
#define XDPVS_ICMP_H

/* ICMP errors both ways: those we send about packets we refuse, and those that concern a connection. */

#include "icmp_error.h"
#include "icmp_related.h"

#endif

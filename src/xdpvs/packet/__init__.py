"""Bytes ↔ dataclass for what the daemon itself sends. No I/O.

Primitives: `ethernet.Frame`, `arp.Arp`, `ndisc`'s messages, `tcp.Reset`.
"""

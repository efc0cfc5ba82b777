"""Bytes ↔ dataclass for what we ourselves send. No I/O.

Primitives: `ethernet.Frame`, `arp.Arp`, `ndisc`'s messages, `tcp.Reset`; for health checks `icmp`'s echo messages and
`proxy_proto.preamble`.
"""

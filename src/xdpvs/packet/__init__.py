"""Bytes ↔ dataclass for what the daemon itself sends: `ethernet.Frame`, `arp.Arp`, `ndisc` messages, `tcp.Reset`. No I/O."""

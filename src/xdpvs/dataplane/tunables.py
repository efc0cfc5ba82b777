"""Settings of the data plane the operator may change while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from xdpvs.bpf.layout import SettingsFlags, TcpState, UdpState

TCP_TIMEOUTS = {
    TcpState.NONE: 2,
    TcpState.ESTABLISHED: 90,
    TcpState.SYN_SENT: 3,
    TcpState.SYN_RECV: 30,
    TcpState.FIN_WAIT: 7,
    TcpState.TIME_WAIT: 7,
    TcpState.CLOSE: 3,
    TcpState.CLOSE_WAIT: 7,
    TcpState.LAST_ACK: 7,
    TcpState.LISTEN: 120,
    TcpState.SYNACK: 30,
    TcpState.LAST: 2,
}
UDP_TIMEOUTS = {UdpState.NONE: 2, UdpState.ONEWAY: 300, UdpState.NORMAL: 300, UdpState.LAST: 2}


NO_FLAGS = SettingsFlags(0)


@dataclass(frozen=True, slots=True)
class Tunables:
    """Timeouts in seconds by state number, DPVS's defaults (reference dataplane 3.4, 3.5)."""

    tcp_timeouts: tuple[int, ...] = tuple(TCP_TIMEOUTS[state] for state in TcpState)
    udp_timeouts: tuple[int, ...] = tuple(UDP_TIMEOUTS[state] for state in UdpState)
    init_timeout_s: int = 3
    flags: SettingsFlags = NO_FLAGS
    default_ttl: int = 64
    icmp_errors_per_second: int = 1000

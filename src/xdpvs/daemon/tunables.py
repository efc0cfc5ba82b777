"""From dpvs.conf to the settings of the data plane that may change while it runs."""

from __future__ import annotations

from xdpvs.bpf.layout import SettingsFlags, TcpState, UdpState
from xdpvs.config.dpvs_conf import DpvsConfig
from xdpvs.dataplane.tunables import Tunables


def tunables(config: DpvsConfig) -> Tunables:
    """What the data plane is told of a configuration."""
    tcp, udp = config.tcp.timeouts, config.udp.timeouts
    tcp_of = {
        TcpState.NONE: tcp.none,
        TcpState.ESTABLISHED: tcp.established,
        TcpState.SYN_SENT: tcp.syn_sent,
        TcpState.SYN_RECV: tcp.syn_recv,
        TcpState.FIN_WAIT: tcp.fin_wait,
        TcpState.TIME_WAIT: tcp.time_wait,
        TcpState.CLOSE: tcp.close,
        TcpState.CLOSE_WAIT: tcp.close_wait,
        TcpState.LAST_ACK: tcp.last_ack,
        TcpState.LISTEN: tcp.listen,
        TcpState.SYNACK: tcp.synack,
        TcpState.LAST: tcp.last,
    }
    udp_of = {
        # A UDP connection is in a state from its first packet on; this one only has to have a timeout.
        UdpState.NONE: udp.last,
        UdpState.ONEWAY: udp.oneway,
        UdpState.NORMAL: udp.normal,
        UdpState.LAST: udp.last,
    }
    flags = SettingsFlags(0)
    for on, flag in (
        (config.tcp.defence_drop, SettingsFlags.DEFENCE_TCP),
        (config.udp.defence_drop, SettingsFlags.DEFENCE_UDP),
        (config.ipv6.disable, SettingsFlags.IPV6_OFF),
        (not config.global_.kni, SettingsFlags.KNI_OFF),
    ):
        flags |= flag if on else SettingsFlags(0)
    return Tunables(
        tcp_timeouts=tuple(tcp_of[state] for state in TcpState),
        udp_timeouts=tuple(udp_of[state] for state in UdpState),
        init_timeout_s=config.conn.init_timeout_s,
        flags=flags,
        default_ttl=config.ipv4.default_ttl,
    )

"""The recordings replayed against our daemon: the same bytes in the same order, and the same answers.

Each session gets a daemon of its own, with ports named and addressed as the recordings' README says.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.balancer import Balancer, dpvs_conf
from lab.builder import Lab
from lab.topology import Host as HostPlan
from lab.topology import Interface, Topology, balancer, client, port
from tests.support.golden import Exchange, load_session, require_golden
from tests.support.golden_daemon import compared, send
from tests.support.netns import missing_for_balancer, need

PLAN = Topology(
    "golden",
    (
        client("192.0.2.2/24", switch="front"),
        balancer(port("dpdk0", "front"), port("dpdk1", "back")),
        HostPlan("rs1", (Interface("eth0", "back", ("198.51.100.11/24",)),)),
    ),
)
MACS = {"dpdk0": "02:00:00:00:01:01", "dpdk1": "02:00:00:00:02:01"}
CONFIG = dpvs_conf(list(MACS)) + (
    "neigh_defs {\n    <init> timeout 8\n}\nipvs_defs {\n    conn {\n        <init> conn_pool_size 65536\n    }\n}\n"
)

# Sessions that are replayed, with the commands (by position) whose answers may differ, and why.
SESSIONS: dict[str, dict[int, str]] = {
    "addr-4": {},
    "agent-device-1": {},
    "empty-lists-1": {},
    "ipv6-stats-2": {},
    "ipv6-stats-3": {},
    "laddr-6": {},
    "link-set-1": {
        **dict.fromkeys((4, 5, 6, 7), "forward2kni, tc and lldp of a device are refused"),
        8: "all-multicast is really on",
    },
    "link-set-2": {0: "forward2kni is refused", 6: "the MAC has really changed"},
    "link-show-1": {},
    "maddr-1": {},
    "maddr-2": {},
    "neigh-6": {},
    "raw-agent-ids-4": {},
    "raw-framing-1": {},
    "raw-laddr-acl-1": {},
    "raw-netif-2": {24: "there is no LLDP of any kind", 30: "keepalived's routes are accepted"},
    "route-4": {12: "upstream's reply has the wrong length"},
    "route-6": {},
    "svc-errors-1": dict.fromkeys((10, 11, 12, 13), "access lists are refused"),
    "svc-errors-2": dict.fromkeys((2, 3, 19), "direct routing is refused"),
    "svc-schedulers-2": {},
    "svc-tcp-nat64": {},
    "svc-tcp4-fullnat": {},
    "svc-thresholds": {},
    "svc-udp-nat64": {},
    "svc-udp4-fullnat": {},
    "vlan-1": {},
    "zero-and-flush": {},
}

_ACL = "access lists"
_IPSET = "ipsets"
_MODE = "forwarding modes other than FullNAT"
_TRAFFIC = "needs the recording's traffic; tests/netns covers it"

# Sessions that are about what the data plane cannot do yet.
OUT_OF_SCOPE: dict[str, str] = {
    "agent-ipset-1": _IPSET,
    "agent-vs-2": "synproxy, proxy protocol and access lists",
    "blklst-4": _ACL,
    "bond-1": "bonds",
    "eal-mem-1": "DPDK's memory",
    "flow-2": "KNI address flows",
    "iftraf-2": "interface traffic",
    "ipset-bitmap-ip": _IPSET,
    "ipset-bitmap-ipmac": _IPSET,
    "ipset-bitmap-port": _IPSET,
    "ipset-hash-ip6": _IPSET,
    "ipset-hash-ipport": _IPSET,
    "ipset-hash-ipportip": _IPSET,
    "ipset-hash-ipportnet": _IPSET,
    "ipset-hash-net": _IPSET,
    "ipset-hash-net6": _IPSET,
    "ipset-hash-netportnetport": _IPSET,
    "keepalived-flags": "one-packet, synproxy and proxy protocol",
    "keepalived-sorry-group": _MODE,
    "lldp-1": "LLDP",
    "qsch-cls-1": "traffic control",
    "raw-default-build-2": "a daemon without the agent's messages",
    "raw-service-2": "limits, proxy protocol and flags of every kind",
    "save-restore-1": "persistence",
    "save-restore-2": "persistence",
    "svc-conhash-target": "QUIC",
    "svc-dest-check-2": "passive checks",
    "svc-flags-tcp": "persistence, synproxy and proxy protocol",
    "svc-flags-udp": "one-packet, QUIC and proxy protocol",
    "svc-fwmark": "fwmark services",
    "svc-icmp4-fullnat": "ICMP services",
    "svc-persistent-4": "persistence",
    "svc-sctp6-fullnat": "SCTP services",
    "svc-snat-match-4": "SNAT",
    "svc-tcp4-dr": _MODE,
    "svc-tcp6-dr": _MODE,
    "svc-tcp6-tunnel": _MODE,
    "svc-udp4-tunnel": _MODE,
    "traffic-conns-many-a": _TRAFFIC,
    "traffic-conns-many-b": _TRAFFIC,
    "traffic-iftraf-flows-1": _TRAFFIC,
    "traffic-iftraf-flows-2": _TRAFFIC,
    "traffic-iftraf-stats": _TRAFFIC,
    "traffic-persistent": _TRAFFIC,
    "traffic-tcp": _TRAFFIC,
    "traffic-udp": _TRAFFIC,
    "tunnel-2": "tunnels",
    "two-workers-1": "a daemon with two workers",
    "whtlst-6-ipset": _ACL,
}


@pytest.fixture(scope="module")
def golden_lab() -> Iterator[Lab]:
    """The recordings' network."""
    require_golden()
    need(missing_for_balancer())
    with Lab(PLAN) as lab:
        yield lab


@pytest.mark.parametrize("session", sorted(SESSIONS))
def test_a_session_gets_the_recorded_answers(golden_lab: Lab, session: str) -> None:
    for device, mac in MACS.items():
        golden_lab.lb.ip("link", "set", device, "address", mac, "promisc", "off", "allmulticast", "off")
    differing = SESSIONS[session]
    wrong = []
    with Balancer(golden_lab, config=CONFIG) as daemon:
        for command in load_session(session):
            for recorded in command.exchanges:
                answered = Exchange(recorded.request, send(daemon.socket, recorded.request))
                if command.seq in differing:
                    continue
                want, got = compared(recorded), compared(answered)
                if want != got:
                    wrong.append(f"{command.name} (message {recorded.number}): want {want}, got {got}")
        daemon.stop()
        assert "Traceback" not in daemon.process.output()
    assert not wrong, "\n".join(wrong)


def test_every_session_is_replayed_or_named_as_out_of_scope() -> None:
    recorded = {path.stem for path in require_golden().glob("*.jsonl")}
    assert recorded == SESSIONS.keys() | OUT_OF_SCOPE.keys()

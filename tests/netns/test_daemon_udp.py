"""UDP through the daemon: datagrams, and the errors that come back instead of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from lab.balancer import Balancer
from lab.builder import Lab
from lab.host import Host
from lab.topology import TWO_ARM
from tests.support.daemon import PLACES, configure, hostport, small_conf
from tests.support.netns import missing_for_balancer, missing_for_lab, need, wait_until

CLIENT = Path(__file__).parents[1] / "support" / "udp_client.py"
ECHO = Path(__file__).parents[2] / "lab" / "udp_echo.py"
PLAN = PLACES[TWO_ARM.name]
VIPS = [PLAN.vip4, PLAN.vip6, PLAN.vip64]
SERVED, CLOSED, UNSUMMED = 53, 5999, 5400
IPV4_PAYLOAD, IPV6_PAYLOAD = 1500 - 28, 1500 - 48
GREETING = len(b"rs1:53 ")


def serve(balancer: Balancer, vip: str, port: int) -> None:
    """A UDP service of a VIP, whose address and local addresses may be there already."""
    servers = PLAN.servers6 if vip == PLAN.vip6 else PLAN.servers4
    laddrs = PLAN.laddrs6 if vip == PLAN.vip6 else PLAN.laddrs4
    balancer.dpip("addr", "add", f"{vip}/{128 if ':' in vip else 32}", "dev", PLAN.front, check=False)
    service = hostport(vip, port)
    balancer.ipvsadm("-A", "-u", service, "-s", "rr")
    for server in servers:
        balancer.ipvsadm("-a", "-u", service, "-r", hostport(server, port), "-b")
    for laddr in laddrs:
        balancer.ipvsadm("-P", "-u", service, "-z", laddr, "-F", PLAN.back, check=False)


def listens(server: Host, port: int) -> bool:
    """Whether a server has a UDP socket there."""
    return f":{port} " in server.run("ss", "-Huln").stdout


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two subnets with the daemon between them, and services of each kind."""
    need(missing_for_lab())
    need(missing_for_balancer())
    with Lab(PLAN.topology) as built, Balancer(built, config=small_conf(["dpdk0", "dpdk1"])) as balancer:
        configure(balancer, PLAN)
        for vip in VIPS:
            for port in (SERVED, CLOSED, UNSUMMED):
                serve(balancer, vip, port)
        for name in ("rs1", "rs2"):
            server = built.hosts[name]
            argv = [sys.executable, "-I", str(ECHO), "--no-checksum", name, str(UNSUMMED)]
            built.on_exit(server.start("udp-unsummed", *argv))
            wait_until(partial(listens, server, UNSUMMED), 5)
        servers = (*PLAN.servers4, *PLAN.servers6)
        wait_until(
            lambda: all(re.search(rf"{each} .*REACHABLE", balancer.dpip("neigh", "show")) for each in servers), 5
        )
        yield built


def ask(lab: Lab, vip: str, port: int, *words: object) -> str:
    """What the client makes of one datagram."""
    return lab.client.run(sys.executable, "-I", str(CLIENT), vip, str(port), *map(str, words)).stdout.strip()


@pytest.mark.parametrize("vip", VIPS)
def test_datagrams_are_answered_by_each_server(lab: Lab, vip: str) -> None:
    assert {ask(lab, vip, SERVED, 20) for _ in range(4)} == {
        f"answer {name}:53 {20 + GREETING}" for name in ("rs1", "rs2")
    }


@pytest.mark.parametrize("vip", VIPS)
def test_an_empty_datagram_is_one(lab: Lab, vip: str) -> None:
    assert re.fullmatch(rf"answer rs[12]:53 {GREETING}", ask(lab, vip, SERVED, 0))


@pytest.mark.parametrize("vip", VIPS)
def test_the_largest_datagram_that_fits_is_answered_whole(lab: Lab, vip: str) -> None:
    room = IPV4_PAYLOAD if vip == PLAN.vip4 else IPV6_PAYLOAD
    assert ask(lab, vip, SERVED, room - GREETING).endswith(f" {room}")


@pytest.mark.parametrize("vip", VIPS)
def test_answers_without_a_checksum_arrive(lab: Lab, vip: str) -> None:
    """IPv6 demands one (RFC 8200, 8.1), so NAT64 has to make it up."""
    for size in (0, 1, 2, 301, 1200):
        assert re.fullmatch(rf"answer rs[12]:{UNSUMMED} {size + 9}", ask(lab, vip, UNSUMMED, size)), size


def test_a_client_may_leave_the_checksum_out(lab: Lab) -> None:
    for _ in range(2):
        assert ask(lab, PLAN.vip4, SERVED, 100, "--no-checksum").startswith("answer")


@pytest.mark.parametrize("vip", VIPS)
def test_a_closed_port_of_a_server_is_the_clients_error(lab: Lab, vip: str) -> None:
    kind = "type 3 code 3" if vip == PLAN.vip4 else "type 1 code 4"
    assert ask(lab, vip, CLOSED, 20) == f"error ECONNREFUSED {kind} from {vip}"


@pytest.mark.parametrize("vip", VIPS)
def test_a_packet_at_the_end_of_its_life_is_told_where(lab: Lab, vip: str) -> None:
    kind = "type 11 code 0" if vip == PLAN.vip4 else "type 3 code 0"
    assert ask(lab, vip, SERVED, 20, 1) == f"error EHOSTUNREACH {kind} from {vip}"
    assert ask(lab, vip, SERVED, 20, 2).startswith("answer")

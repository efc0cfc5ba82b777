"""Ours and Debian's keepalived as each other's peers: in every case the master is the one two of Debian's elect.

One process of each kind runs all cases at once, each case with a VRID of its own, through the same events.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from lab.builder import Lab
from lab.process import run
from tests.support.netns import DeadlinePassed, missing_for_lab, need, wait_until
from tests.support.vrrp_lab import WIRE, Case, Node, Stock, Whole
from xdpvs.model.vrrp import VrrpSyncGroup

A4, B4, A6, B6 = "192.0.2.11", "192.0.2.12", "fe80::11", "fe80::12"
GOOD, POOR = Node(150), Node(100)


def vip4(n: int) -> tuple[str, ...]:
    """Addresses of a case."""
    return (f"192.0.2.{100 + n}",)


def vip6(n: int) -> tuple[str, ...]:
    """The same for IPv6; the first is link-local, as RFC 5798 5.2.9 wants."""
    return (f"fe80::100:{n}", f"2001:db8::100:{n}")


def case3(name: str, n: int, a: Node, b: Node, *, family: int = 4, vips: tuple[str, ...] = ()) -> Case:
    """A case of version 3, quicker."""
    return Case(name, n, vips or (vip4(n) if family == 4 else vip6(n)), a, b, version=3, interval=0.2)


CASES = (
    Case("v2_better_a", 1, vip4(1), GOOD, POOR),
    Case("v2_better_b", 2, vip4(2), POOR, GOOD),
    Case("v2_equal", 3, vip4(3), POOR, POOR),
    Case("v2_nopreempt", 4, vip4(4), Node(150, nopreempt=True), POOR),
    Case("v2_password", 5, vip4(5), Node(150, password="12345"), Node(100, password="12345")),
    Case("v2_long_password", 6, vip4(6), Node(150, password="12345678"), Node(100, password="12345678")),
    Case("v2_unicast", 7, vip4(7), Node(150, peer=B4, source=A4), Node(100, peer=A4, source=B4)),
    Case("v2_state_master", 8, vip4(8), Node(150, state="MASTER"), POOR),
    Case("v2_owner", 9, vip4(9), Node(255, state="MASTER"), POOR),
    Case("v2_three_addresses", 10, ("192.0.2.190", "192.0.2.191", "198.51.100.1"), GOOD, POOR),
    Case("v2_slow", 11, vip4(11), GOOD, POOR, interval=2),
    case3("v3_better_a", 31, GOOD, POOR),
    case3("v3_better_b", 32, POOR, GOOD),
    case3("v3_equal", 33, POOR, POOR),
    case3("v3_nopreempt", 34, Node(150, nopreempt=True), Node(100, nopreempt=True)),
    case3("v3_unicast", 35, Node(150, peer=B4), Node(100, peer=A4)),
    case3("v3_owner", 36, Node(255, state="MASTER"), POOR),
    case3("v3_higher_sends", 37, Node(150), Node(100, higher_prio_send_advert=True)),
    case3("v3_preempt_delay", 38, Node(150, preempt_delay=1.0), POOR),
    case3("v3_lowest", 39, Node(2), Node(1)),
    case3("v6_better_a", 61, GOOD, POOR, family=6),
    case3("v6_better_b", 62, POOR, GOOD, family=6),
    case3("v6_equal", 63, Node(source=A6), Node(source=B6), family=6),
    case3("v6_nopreempt", 64, Node(150, nopreempt=True), POOR, family=6),
    case3("v6_unicast", 65, Node(150, peer=B6), Node(100, peer=A6), family=6),
    case3("v6_unicast_global", 66, Node(150, peer="2001:db8::12", source="2001:db8::11"),
          Node(100, peer="2001:db8::11", source="2001:db8::12"), family=6),
    case3("v6_owner", 67, Node(255, state="MASTER"), POOR, family=6),
    case3("grouped", 91, GOOD, POOR),
    case3("grouped6", 92, GOOD, POOR, family=6),
    Case("grouped_v2", 93, vip4(93), GOOD, POOR),
)  # fmt: skip

GROUPS = (VrrpSyncGroup("G", ("grouped", "grouped6", "grouped_v2")),)

KINDS: dict[str, type[Stock]] = {"ours": Whole, "stock": Stock}
DEADLINE_S = 15.0


def split(lab: Lab, apart: bool) -> None:
    """Have the switch forward nothing between the two, with both links up; or again."""
    for name in ("a", "b"):
        cable = ["link", "set", "dev", f"{name}-eth0", "type", "bridge_slave", "isolated", "on" if apart else "off"]
        run(["ip", "-n", f"{lab.prefix}-switch", *cable])


class Pair:
    """Two nodes, and what they should agree on."""

    def __init__(self, lab: Lab, kind_a: str, kind_b: str) -> None:
        self.lab = lab
        self.a, self.b = KINDS[kind_a](lab, "a"), KINDS[kind_b](lab, "b")

    def expect(self, what: str, master: Callable[[Case], str]) -> None:
        """Wait until each case has that master, and nobody else is one."""
        try:
            wait_until(lambda: not self._wrong(master), DEADLINE_S)
        except DeadlinePassed:
            raise AssertionError(f"{what}: {self._wrong(master)}\n{self.lab.logs()[-8000:]}") from None

    def _wrong(self, master: Callable[[Case], str]) -> list[str]:
        nodes = {"a": self.a, "b": self.b}
        states = {name: node.states() if node.runs and node.process.running() else {} for name, node in nodes.items()}
        found = []
        for case in CASES:
            masters = "".join(name for name in nodes if states[name].get(case.name) == "MASTER")
            if masters != master(case):
                found.append(f"{case.name}: masters {masters or 'none'}, should be {master(case)}")
        return found

    def go_through_everything(self) -> None:
        """All that may happen to two nodes."""
        a, b = self.a, self.b
        b.start(CASES, GROUPS)
        self.expect("b alone", lambda _: "b")
        a.start(CASES, GROUPS)
        self.expect("a arrives", lambda case: case.after_arrival("a"))
        a.kill9()
        self.expect("a is killed", lambda _: "b")
        a.start(CASES, GROUPS)
        self.expect("a is back", lambda case: case.after_arrival("a"))
        b.process.stop()
        self.expect("b stops", lambda _: "a")
        b.start(CASES, GROUPS)
        self.expect("b is back", lambda case: case.after_arrival("b"))
        a.host.ip("link", "set", "eth0", "down")
        self.expect("a's link is down", lambda _: "b")
        a.host.ip("link", "set", "eth0", "up")
        # IPv6 addresses do not outlive that.
        a.host.ip_batch([f"address replace {each}/64 dev eth0 nodad" for each in ("2001:db8::11", A6)])
        self.expect("a's link is up", lambda case: case.after_arrival("a"))
        split(self.lab, True)
        self.expect("they cannot hear each other", lambda _: "ab")
        split(self.lab, False)
        self.expect("they hear each other again", lambda case: case.after_merge())


def run_pair(kinds: tuple[str, str]) -> str:
    """What went wrong between two such nodes, empty if nothing did."""
    with Lab(WIRE) as lab:
        try:
            Pair(lab, *kinds).go_through_everything()
        except AssertionError as error:
            return f"a {kinds[0]}, b {kinds[1]}: {error}"
    return ""


def test_the_same_master_is_elected() -> None:
    need(missing_for_lab())
    need([] if shutil.which("keepalived") else ["keepalived"])
    # Side by side, for nearly all of it is waiting. Two of Debian's show that the expectations are its own.
    pairs = [("ours", "stock"), ("stock", "ours"), ("ours", "ours"), ("stock", "stock")]
    with ThreadPoolExecutor(len(pairs)) as pool:
        assert [problem for problem in pool.map(run_pair, pairs) if problem] == []

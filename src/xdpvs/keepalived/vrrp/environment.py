"""What VRRP needs from the process it runs in."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from xdpvs.keepalived.vrrp.programs import Run
from xdpvs.probing.process import run_command

if TYPE_CHECKING:
    from xdpvs.model.address import IPAddress
    from xdpvs.model.network import Address, Route


class VrrpConfigError(Exception):
    """The configuration cannot be used here; every line of `problems` is for the operator."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class DaemonStatus(Protocol):
    """The part of the daemon's status that tells whether it still has what it was given."""

    @property
    def generation(self) -> int:
        """Changes when dpvs started from nothing."""
        ...


class DpvsClient(Protocol):
    """The methods of `api.client.Client` that VRRP calls, from a thread of its own. They may block."""

    def add_address(self, address: Address) -> None:
        """Put an address on a device."""

    def del_address(self, address: Address) -> None:
        """Take an address off a device."""

    def add_route(self, route: Route) -> None:
        """Add an IPv4 route."""

    def del_route(self, route: Route) -> None:
        """Delete an IPv4 route."""

    def add_route6(self, route: Route) -> None:
        """Add an IPv6 route."""

    def del_route6(self, route: Route) -> None:
        """Delete an IPv6 route."""

    def announce(self, address: IPAddress) -> None:
        """Send gratuitous ARP or an unsolicited neighbour advertisement."""

    def get_status(self) -> DaemonStatus:
        """The daemon's status."""
        ...


def _discard_line(_line: str) -> None:
    pass


def _discard_mail(_subject: str, _body: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class VrrpEnvironment:
    """client makes a control client with a short timeout; it is used by one worker thread at a time."""

    client: Callable[[], DpvsClient]
    write_fifo: Callable[[str], None] = _discard_line
    """Gets each notification without newline, for notify_fifo and vrrp_notify_fifo; must not block."""
    send_mail: Callable[[str, str], None] = _discard_mail
    """Gets subject and body of each smtp_alert; must not block."""
    clock: Callable[[], float] = time.monotonic
    run_program: Run = run_command
    """Runs an argv as a user and group, ended after a time."""
    fault_without_dpvs: bool = False
    """Go to FAULT while dpvs does not take the addresses, instead of being a master without them."""

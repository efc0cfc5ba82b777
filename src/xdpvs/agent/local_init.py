"""`--init-mode=local`: what the cache file says is put into a daemon that began with nothing.

At the start, and again whenever the daemon's generation changes. What is there already stays; errors are logged and
the rest goes on. VLAN devices and routes are not in the file: they have to be there, as in upstream.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from ipaddress import ip_interface

from xdpvs.agent.cache_file import Cached
from xdpvs.agent.control import Control, reason
from xdpvs.agent.identifiers import service_id
from xdpvs.agent.node import NodeSpec
from xdpvs.agent.snapshot import ServiceState
from xdpvs.api.errors import ApiError, DpvsError, TransportError
from xdpvs.model.address import any_address, full_prefix_length
from xdpvs.model.network import Address, AddressFlags, AddressScope
from xdpvs.model.service import Laddr
from xdpvs.netlink import address, link
from xdpvs.netlink.errors import NetlinkError

_log = logging.getLogger("xdpvs.agent.local")

POLL_S = 1.0


class LocalInit:
    """Watches the daemon from a thread. states returns what is known now, which the next restore will need."""

    def __init__(
        self,
        control: Control,
        cached: Cached,
        states: Callable[[], Sequence[ServiceState]],
        node: Callable[[], NodeSpec],
        poll_s: float = POLL_S,
    ) -> None:
        self._control = control
        self._node = node
        self._states = states
        self._wanted: Sequence[ServiceState] = cached.services
        self._laddrs = cached.laddrs
        self._poll_s = poll_s
        self._generation: int | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="local-init", daemon=True)

    def start(self) -> None:
        """Restore now if the daemon is there, and watch it from then on."""
        self._look()
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._poll_s):
            self._look()

    def _look(self) -> None:
        try:
            generation = self._control.client.get_status().generation
            if generation == self._generation:
                states = self._states()
                # Only if it is still the same daemon: a new one would have made them forgotten.
                if self._control.client.get_status().generation == generation:
                    self._wanted = states
                return
            self._restore()
            self._generation = generation
        except (ApiError, TransportError) as error:
            if self._generation is None:
                _log.info("waiting for the daemon: %s", reason(error))

    def _restore(self) -> None:
        _log.info("loading %d services into the daemon", len(self._wanted))
        spec = self._node()
        for state in self._wanted:
            self._restore_service(state, spec)
        known = {laddr.address: laddr for laddr in self._laddrs}
        known |= {laddr.address: laddr for state in self._wanted for laddr in state.laddrs}
        for laddr in known.values():
            self._put_address(laddr, AddressFlags.SAPOOL, spec)

    def _restore_service(self, state: ServiceState, spec: NodeSpec) -> None:
        client, key = self._control.client, state.service.key
        what = f"service {service_id(key)}"
        added = self._try(what, lambda: client.add_service(state.service))
        if not added:
            return
        self._put_address(Laddr(key.family, key.address, spec.dpvs), AddressFlags(0), spec)
        dests = [server.seen for server in state.servers.values()]
        # The daemon lists the newest first.
        self._try(f"servers of {what}", lambda: self._control.change_dests(key, list(reversed(dests))))
        for laddr in state.laddrs or self._laddrs:
            device = laddr.device or spec.dpvs
            self._try(
                f"local address {laddr.address} of {what}",
                lambda laddr=laddr, device=device: client.add_laddr(key, Laddr(laddr.family, laddr.address, device)),  # type: ignore[misc]
            )
        if spec.switch:
            self._announce(state, spec.switch)

    def _put_address(self, laddr: Laddr, flags: AddressFlags, spec: NodeSpec) -> None:
        device = laddr.device or spec.dpvs
        if not device:
            return
        full = full_prefix_length(laddr.address)
        nothing, scope = any_address(laddr.family), int(AddressScope.GLOBAL)
        wanted = Address(laddr.family, laddr.address, full, device, nothing, scope, flags)
        self._try(f"address {laddr.address} on {device}", lambda: self._control.client.add_address(wanted))

    def _announce(self, state: ServiceState, switch: str) -> None:
        vip = state.service.key.address
        try:
            address.add(link.find(switch), ip_interface(f"{vip}/{full_prefix_length(vip)}"))
        except NetlinkError as error:
            _log.warning("address %s on %s: %s", vip, switch, error)

    def _try(self, what: str, do: Callable[[], object]) -> bool:
        """False if it was there already, or failed."""
        try:
            do()
        except ApiError as error:
            if error.code != DpvsError.EXIST:
                _log.warning("%s: %s", what, reason(error))
            return False
        return True

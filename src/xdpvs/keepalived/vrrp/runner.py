"""Runs the instances of a configuration in the current event loop."""

from __future__ import annotations

from xdpvs.keepalived.vrrp.environment import VrrpEnvironment
from xdpvs.model.address import IPAddress
from xdpvs.model.keepalived import KeepalivedConfig


class VrrpRunner:
    """VRRP as a part of a process. One event loop calls everything; nothing here blocks it."""

    def __init__(self, config: KeepalivedConfig, env: VrrpEnvironment) -> None:
        self._config = config
        self._env = env

    async def start(self) -> None:
        """Open sockets and begin. VrrpConfigError (nothing begun) for interfaces that do not exist and the like."""
        raise NotImplementedError

    async def reload(self, config: KeepalivedConfig) -> None:
        """Go over to another configuration; kept instances stay in their state. VrrpConfigError: nothing changed."""
        raise NotImplementedError

    async def stop(self, *, release: bool = True) -> None:
        """Leave: priority-0 adverts, addresses removed (not with release=False, option -V), notify_stop."""
        raise NotImplementedError

    def owns(self, address: IPAddress) -> bool:
        """Whether an instance in MASTER state has the address; what ha_suspend asks."""
        raise NotImplementedError

    def data(self) -> str:
        """The state of everything, as text for /tmp/keepalived.data."""
        raise NotImplementedError

    def stats(self) -> str:
        """The counters, as text for /tmp/keepalived.stats."""
        raise NotImplementedError

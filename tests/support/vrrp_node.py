"""One VRRP node of ours in the current namespace: `python -m tests.support.vrrp_node CONFIG.pickle DEEDS [IPC]`.

CONFIG.pickle holds a KeepalivedConfig; SIGHUP reads it again, SIGTERM stops. Each thing asked of dpvs is a line of
DEEDS; with IPC a real daemon is asked as well.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from xdpvs.api.client import Client
from xdpvs.keepalived.vrrp.environment import DaemonStatus, DpvsClient, VrrpConfigError, VrrpEnvironment
from xdpvs.keepalived.vrrp.runner import VrrpRunner
from xdpvs.model.address import IPAddress
from xdpvs.model.counters import DaemonStatus as RealStatus
from xdpvs.model.keepalived import KeepalivedConfig
from xdpvs.model.network import Address, Route

FAULT_WITHOUT_DPVS = "VRRP_NODE_FAULT_WITHOUT_DPVS"


class RecordingClient:
    """Writes down what is asked, and asks a real daemon too if there is one."""

    def __init__(self, deeds: Path, real: Client | None) -> None:
        self._deeds = deeds
        self._real = real

    def add_address(self, address: Address) -> None:
        """Record, and add."""
        self._record(f"add {address.address}/{address.prefix_length} {address.device}")
        self._ask(lambda real: real.add_address(address))

    def del_address(self, address: Address) -> None:
        """Record, and delete."""
        self._record(f"del {address.address}/{address.prefix_length} {address.device}")
        self._ask(lambda real: real.del_address(address))

    def add_route(self, route: Route) -> None:
        """Record, and add."""
        self._record(f"add route {route.destination}/{route.prefix_length} {route.device}")
        self._ask(lambda real: real.add_route(route))

    def del_route(self, route: Route) -> None:
        """Record, and delete."""
        self._record(f"del route {route.destination}/{route.prefix_length} {route.device}")
        self._ask(lambda real: real.del_route(route))

    def add_route6(self, route: Route) -> None:
        """Record, and add."""
        self._record(f"add route {route.destination}/{route.prefix_length} {route.device}")
        self._ask(lambda real: real.add_route6(route))

    def del_route6(self, route: Route) -> None:
        """Record, and delete."""
        self._record(f"del route {route.destination}/{route.prefix_length} {route.device}")
        self._ask(lambda real: real.del_route6(route))

    def announce(self, address: IPAddress) -> None:
        """Record, and announce."""
        self._record(f"announce {address}")
        self._ask(lambda real: real.announce(address))

    def get_status(self) -> DaemonStatus:
        """The real daemon's, or one that never changes."""
        return self._real.get_status() if self._real is not None else RealStatus("none", 1)

    def _record(self, line: str) -> None:
        with self._deeds.open("a") as stream:
            stream.write(line + "\n")

    def _ask(self, what: Callable[[Client], None]) -> None:
        if self._real is not None:
            what(self._real)


def load(path: Path) -> KeepalivedConfig:
    """The configuration a test has written."""
    config = pickle.loads(path.read_bytes())
    assert isinstance(config, KeepalivedConfig)
    return config


async def serve(path: Path, client: Callable[[], DpvsClient]) -> int:
    """Run until SIGTERM."""
    environment = VrrpEnvironment(
        client,
        write_fifo=lambda line: print("FIFO", line, flush=True),
        send_mail=lambda subject, body: print("MAIL", subject, body, flush=True),
        fault_without_dpvs=FAULT_WITHOUT_DPVS in os.environ,
    )
    runner = VrrpRunner(load(path), environment)
    try:
        await runner.start()
    except VrrpConfigError as error:
        print("\n".join(error.problems), flush=True)
        return 1
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    reloading: asyncio.Queue[None] = asyncio.Queue()
    loop.add_signal_handler(signal.SIGTERM, ending.set)
    loop.add_signal_handler(signal.SIGHUP, reloading.put_nowait, None)
    loop.add_signal_handler(signal.SIGUSR1, lambda: print(runner.data(), runner.stats(), flush=True))

    async def reload() -> None:
        while True:
            await reloading.get()
            try:
                await runner.reload(load(path))
                print("reloaded", flush=True)
            except VrrpConfigError as error:
                print("\n".join(error.problems), flush=True)

    task = asyncio.create_task(reload())
    await ending.wait()
    task.cancel()
    await runner.stop()
    return 0


def main(argv: list[str]) -> int:
    """Parse the three words and serve."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s: %(message)s")
    config, deeds, *ipc = argv
    return asyncio.run(
        serve(Path(config), lambda: RecordingClient(Path(deeds), Client(ipc[0], timeout_s=5.0) if ipc else None))
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

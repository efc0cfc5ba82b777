"""Actions of virtual addresses, by programs that write down what they are called with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path

from tests.support.healthcheck import until
from xdpvs.healthcheck.addresses import Addresses
from xdpvs.healthcheck.agent import AgentClient
from xdpvs.healthcheck.conf import AddressRule

VIP = ip_address("2001:db8::1")


def script(directory: Path, body: str = "") -> Path:
    """A program that notes its arguments, after its body."""
    path = directory / "action.sh"
    path.write_text(f'#!/bin/sh\n{body}\necho "$@" >> "{directory}/calls"\n')
    path.chmod(0o755)
    return path


def rule(path: Path, args: str) -> AddressRule:
    """The action Script."""
    return AddressRule(actioner="Script", action_params={"script": str(path), "args": args}, action_sync_s=0.2)


def played(play: Callable[[Addresses, list[bool | None]], Awaitable[None]]) -> None:
    """Run a play with the states of the address's services in a list it may change."""

    async def run() -> None:
        states: list[bool | None] = [True]
        client = AgentClient("http://127.0.0.1:1")
        addresses = Addresses(client, lambda _address: states)
        try:
            await play(addresses, states)
        finally:
            await addresses.close()
            await client.close()

    asyncio.run(run())


def calls(directory: Path) -> list[str]:
    """What was called so far."""
    path = directory / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_an_address_goes_up_and_down_with_its_services(tmp_path: Path) -> None:
    path = script(tmp_path)

    async def play(addresses: Addresses, states: list[bool | None]) -> None:
        addresses.follow({VIP: rule(path, "-x 'a b'")})
        addresses.judge(VIP)
        await until(lambda: len(calls(tmp_path)) == 1, "it goes up")
        states[:] = [False]
        addresses.judge(VIP)
        await until(lambda: len(calls(tmp_path)) == 2, "it goes down")
        addresses.follow({})
        assert not addresses.health

    played(play)
    assert calls(tmp_path) == [f"-x a b UP {VIP}", f"-x a b DOWN {VIP}"], "and nothing when it is gone"


def test_a_changed_action_comes_after_the_old_one_is_undone(tmp_path: Path) -> None:
    # The old action is still under way when the new one is wanted, and its undoing is slow.
    path = script(tmp_path, '[ "$1" = new ] || sleep 0.3')

    async def play(addresses: Addresses, _states: list[bool | None]) -> None:
        addresses.follow({VIP: rule(path, "old")})
        addresses.judge(VIP)
        await asyncio.sleep(0)
        addresses.follow({VIP: rule(path, "new")})
        addresses.judge(VIP)
        await until(lambda: len(calls(tmp_path)) == 3, "all three are done")

    played(play)
    assert calls(tmp_path) == [f"old UP {VIP}", f"old DOWN {VIP}", f"new UP {VIP}"]


def test_an_action_that_fails_is_repeated(tmp_path: Path) -> None:
    path = script(tmp_path, f'[ -e "{tmp_path}/ready" ] || exit 3')

    async def play(addresses: Addresses, _states: list[bool | None]) -> None:
        addresses.follow({VIP: rule(path, "")})
        addresses.judge(VIP)
        await until(lambda: addresses.health[VIP].statistics.failed_up >= 1, "it fails")
        (tmp_path / "ready").touch()

        def repeated() -> bool:
            addresses.sync()
            return bool(calls(tmp_path))

        await until(repeated, "it is repeated")

    played(play)
    assert calls(tmp_path) == [f"UP {VIP}"]

"""Every dpip command recorded against DPVS 1.10.2: same requests, and from the same replies the same output."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from tests.support.golden import Command, Exchange, ReplayServer, load_commands
from xdpvs.api.client import Client
from xdpvs.api.ids import Kind
from xdpvs.api.messages import MESSAGES
from xdpvs.dpip.command import VERBS, Environment, Verb
from xdpvs.dpip.main import OBJECTS, main

PENDING = {name for name, module in OBJECTS.items() if module == "pending"}


def has_content(command: Command) -> bool:
    """Whether a command needs an object the data plane does not have (an empty listing does not)."""
    words = [word for word in command.argv[1:] if not word.startswith("-")]
    if words[0] not in PENDING or words[0] == "lldp":
        return False
    return VERBS[words[1]] is not Verb.SHOW or bool(command.stdout)


def cases() -> list[object]:
    return [
        pytest.param(
            command,
            id=command.name,
            marks=[pytest.mark.skip(reason="object not supported by xdpvs yet")] if has_content(command) else [],
        )
        for command in load_commands("dpip")
    ]


def run(argv: tuple[str, ...], path: str) -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    env = Environment(stdout, stderr, lambda: Client(path, timeout_s=5), lambda seconds: None)
    rc = main(argv, env)
    return rc, stdout.getvalue(), stderr.getvalue()


def without_help(stderr: str) -> str:
    """Help is in our own words."""
    return re.sub(r"Usage:\n( {4}.*\n)+", "", stderr)


def meaning(kind: int, number: int, body: bytes) -> object:
    """A request as far as DPVS looks at it: C tools leave garbage in padding and behind IPv4 addresses."""
    message = MESSAGES.get((Kind(kind), number))
    if message is None or message.fixed is not None:
        return kind, number
    return kind, number, message.decode_request(body)


def recorded_meaning(exchange: Exchange) -> object:
    return meaning(exchange.kind, exchange.number, exchange.request_body)


@pytest.mark.parametrize("command", cases())
def test_replay(command: Command, tmp_path: Path) -> None:
    with ReplayServer(tmp_path / "ipc", command.exchanges) as server:
        outcome = run(command.argv, server.path)
    rc, stdout, stderr = outcome
    assert (rc, stdout, without_help(stderr)) == (command.rc, command.stdout, without_help(command.stderr))
    assert [meaning(*request) for request in server.requests] == [recorded_meaning(e) for e in command.exchanges]

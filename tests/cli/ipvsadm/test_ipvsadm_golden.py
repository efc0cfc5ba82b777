"""Every recorded ipvsadm command, against the daemon's recorded answers: output, exit status and what was asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.golden import Command, ReplayServer, load_commands
from tests.support.ipvsadm import FakeResolver, run_ipvsadm
from xdpvs.api.client import Client
from xdpvs.api.ids import MessageId
from xdpvs.api.messages import find
from xdpvs.model.service import ServiceFlags

OWN_IDS = 0x10000
SERVICES = {("http", "tcp"): 80, ("domain", "udp"): 53}

COMMANDS = load_commands("ipvsadm")


def decoded(requests: list[tuple[int, int, bytes]]) -> list[tuple[int, int, object]]:
    """Requests by meaning: C tools send garbage in padding."""
    meanings = []
    for kind, number, body in requests:
        message = find(kind, number)
        assert message is not None
        meaning = message.decode_request(body)
        if number == MessageId.EDIT:
            # Upstream's tool sends back the flag that only replies mean.
            meaning = replace(meaning, flags=meaning.flags & ~ServiceFlags.HASHED)
        meanings.append((kind, number, meaning))
    return meanings


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_recorded_command(command: Command, tmp_path: Path) -> None:
    if command.rc is not None and command.rc < 0:
        pytest.skip("upstream's tool crashes here")
    with ReplayServer(tmp_path / "ipc", command.exchanges) as server:
        client = Client(server.path)
        outcome = run_ipvsadm(command.argv[1:], client, command.stdin, FakeResolver(services=SERVICES))
    assert (outcome.stdout, outcome.stderr, outcome.status) == (command.stdout, command.stderr, command.rc)
    ours = [request for request in server.requests if request[1] < OWN_IDS]
    theirs = [(exchange.kind, exchange.number, exchange.request_body) for exchange in command.exchanges]
    assert decoded(ours) == decoded(theirs)

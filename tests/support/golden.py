"""Recordings of upstream's tools and daemon: loading them, and replaying a daemon from them.

The recordings live outside the repository; XDPVS_GOLDEN names their directory. Tests that need them skip by name.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

NO_RECORDINGS = "recordings of the control socket (XDPVS_GOLDEN)"
REPOSITORY = Path(__file__).resolve().parents[2]
REQUEST_HEADER = struct.Struct("<III4xQ")
REPLY_HEADER_SIZE = 88


@dataclass(frozen=True, slots=True)
class Exchange:
    """All bytes of one connection; reply empty = closed without an answer."""

    request: bytes
    reply: bytes

    @property
    def header(self) -> tuple[int, int, int, int]:
        """version, id, kind, length of the request; all -1 if it is cut short."""
        if len(self.request) < REQUEST_HEADER.size:
            return (-1, -1, -1, -1)
        version, number, kind, length = REQUEST_HEADER.unpack_from(self.request)
        return version, number, kind, length

    @property
    def number(self) -> int:
        """The message id."""
        return self.header[1]

    @property
    def kind(self) -> int:
        """0 GET, 1 SET."""
        return self.header[2]

    @property
    def request_body(self) -> bytes:
        """What follows the request's header, without garbage behind it."""
        return self.request[REQUEST_HEADER.size :][: max(self.header[3], 0)]

    @property
    def code(self) -> int:
        """The reply's result code."""
        return int.from_bytes(self.reply[12:16], "little", signed=True)

    @property
    def reply_body(self) -> bytes:
        """What follows the reply's header."""
        return self.reply[REPLY_HEADER_SIZE:]


@dataclass(frozen=True, slots=True)
class Command:
    """One recorded command."""

    session: str
    seq: int
    daemon: str
    tool: str
    argv: tuple[str, ...]
    stdin: str
    rc: int | None
    stdout: str
    stderr: str
    exchanges: tuple[Exchange, ...]

    @property
    def name(self) -> str:
        """A test id: session, position, command line."""
        return f"{self.session}:{self.seq}:{' '.join(self.argv)[:80]}"


def golden_directory() -> Path | None:
    """Where the recordings are, or None."""
    configured = os.environ.get("XDPVS_GOLDEN")
    directory = Path(configured) if configured else REPOSITORY.parent / "shared" / "golden" / "sockopt"
    return directory if directory.is_dir() else None


def require_golden() -> Path:
    """The recordings' directory; skips the test without it."""
    directory = golden_directory()
    if directory is None:
        pytest.skip(f"missing: {NO_RECORDINGS}")  # even where nothing else may be missing: few have them
    return directory


def _command(line: dict[str, Any]) -> Command:
    return Command(
        line["session"],
        line["seq"],
        line["daemon"],
        line["tool"],
        tuple(line["argv"] or ()),
        line.get("stdin") or "",
        line.get("rc"),
        line.get("stdout") or "",
        line.get("stderr") or "",
        tuple(Exchange(bytes.fromhex(e["req"]), bytes.fromhex(e["rep"])) for e in line["exchanges"]),
    )


def load_session(name: str) -> list[Command]:
    """One session's commands, in order."""
    path = require_golden() / f"{name}.jsonl"
    return [_command(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def load_commands(*tools: str) -> list[Command]:
    """All commands of the given tools (or of all), session by session; none without recordings.

    For pytest.mark.parametrize: an empty list makes one skipped test.
    """
    directory = golden_directory()
    if directory is None:
        return []
    commands: list[Command] = []
    for path in sorted(directory.glob("*.jsonl")):
        commands += load_session(path.stem)
    return [command for command in commands if not tools or command.tool in tools]


def command_parameters(*tools: str) -> list[Any]:
    """load_commands for pytest.mark.parametrize, with ids; without recordings one None, for require_golden to skip."""
    commands: list[Command | None] = [*load_commands(*tools)] if golden_directory() else [None]
    return [pytest.param(command, id=command.name if command else "no recordings") for command in commands]


class ReplayServer:
    """A daemon in a thread that answers with the recorded replies of one command.

    A request is matched by message id and direction, in recorded order for each; the last recorded answer of a kind is
    not repeated unless `repeat` says so. What was not recorded is closed without an answer, as a daemon does with an
    id it does not know; our own ids therefore always are. `unexpected` lists those, `requests` everything received.
    """

    def __init__(self, path: Path, exchanges: Sequence[Exchange], *, repeat: bool = False) -> None:
        self.path = str(path)
        self.requests: list[tuple[int, int, bytes]] = []
        self.unexpected: list[tuple[int, int]] = []
        self._exchanges = exchanges
        self._repeat = repeat
        self._used: Counter[tuple[int, int]] = Counter()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> ReplayServer:
        self._listener.bind(self.path)
        self._listener.listen(8)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Waking accept() by a connection: closing the listener does not.
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as waker:
            waker.connect(self.path)
        self._thread.join(10)
        self._listener.close()

    @property
    def unused(self) -> list[tuple[int, int]]:
        """(kind, id) of recorded exchanges nobody asked for, in recorded order."""
        seen: Counter[tuple[int, int]] = Counter()
        unused = []
        for exchange in self._exchanges:
            what = (exchange.kind, exchange.number)
            seen[what] += 1
            if seen[what] > self._used[what]:
                unused.append(what)
        return unused

    def _serve(self) -> None:
        while True:
            connection, _peer = self._listener.accept()
            with connection:
                connection.settimeout(10)
                header = _read(connection, REQUEST_HEADER.size)
                if not header:
                    return
                if len(header) < REQUEST_HEADER.size:
                    continue
                _version, number, kind, length = REQUEST_HEADER.unpack(header)
                body = _read(connection, length)
                self.requests.append((kind, number, body))
                connection.sendall(self._answer(kind, number))

    def _answer(self, kind: int, number: int) -> bytes:
        recorded = [e for e in self._exchanges if (e.kind, e.number) == (kind, number)]
        position = self._used[kind, number]
        if self._repeat and recorded:
            position = min(position, len(recorded) - 1)
        if position >= len(recorded):
            self.unexpected.append((kind, number))
            return b""
        self._used[kind, number] = position + 1
        return recorded[position].reply


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (chunk := connection.recv(size - len(data))):
        data += chunk
    return data

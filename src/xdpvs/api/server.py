"""The daemon's end of the control socket, in an asyncio loop but without streams: most requests are read, run and
answered in one go, in well under 100 µs.

One request per connection, as DPVS (src/ctrl.c): what is no request of the table is closed without a reply. Unlike
DPVS's, a silent or slow client delays nobody, and lengths are capped.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import stat
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xdpvs.api.dispatch import Dispatcher, Handler
from xdpvs.api.framing import MAX_PATH, REQUEST_HEADER, VERSION, reply_bytes
from xdpvs.api.messages import XDPVS_BATCH, Message, find, wrong_kind

_log = logging.getLogger(__name__)

CLIENT_TIMEOUT_S = 5.0
_BACKLOG = 128
_CHUNK = 1 << 18
_MAX_UNKNOWN_LENGTH = 1 << 20
# How long a batch or an iterator may hold the loop before others get their turn.
_SLICE_S = 0.005
# Chunks of garbage read before a connection is closed.
_MAX_DRAINED = 16
# So many clients at once, the next ones wait in the backlog: silent ones must not eat all file descriptors.
_MAX_CLIENTS = 256
# Out of file descriptors: accepting again at once would spin.
_ACCEPT_PAUSE_S = 0.1


class AddressInUse(Exception):
    """A daemon answers at this socket already."""


@dataclass(slots=True)
class ServerCounters:
    """requests: answered; errors: of those, with a code; garbage: closed without a reply; timeouts: slow clients."""

    requests: int = 0
    errors: int = 0
    garbage: int = 0
    timeouts: int = 0


class Server:
    """The control socket at `path`, bound at once, served from `start` to `close`.

    `handlers` must have one callable for each message of the table that has no fixed answer (HandlerMismatch).
    Only the owner may connect, and the members of `group` if one is given.
    """

    def __init__(
        self,
        path: str,
        handlers: Mapping[Message[Any, Any], Handler],
        *,
        group: int | None = None,
        timeout_s: float = CLIENT_TIMEOUT_S,
    ) -> None:
        self.path = path
        self.timeout_s = timeout_s
        self.counters = ServerCounters()
        self.dispatcher = Dispatcher(handlers)
        self._connections: set[_Connection] = set()
        self._listener, self._inode = _listen(path, group)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._full = False

    def start(self) -> None:
        """Serve in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._listener, self._accept)

    def close(self) -> None:
        """Stop, drop all clients, and remove the socket if it is still ours."""
        if self._loop is not None:
            self._loop.remove_reader(self._listener)
            self._loop = None
        for connection in list(self._connections):
            connection.close()
        self._listener.close()
        with contextlib.suppress(OSError):
            if _inode(self.path) == self._inode:
                os.unlink(self.path)

    def forget(self, connection: _Connection) -> None:
        """A connection is over."""
        self._connections.discard(connection)
        if self._full:
            self._full = False
            self._resume()

    def _accept(self) -> None:
        while self._loop is not None:
            if len(self._connections) >= _MAX_CLIENTS:
                self._loop.remove_reader(self._listener)
                self._full = True
                return
            try:
                client, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                _log.error("cannot accept a client: %s", error)
                self._loop.remove_reader(self._listener)
                self._loop.call_later(_ACCEPT_PAUSE_S, self._resume)
                return
            client.setblocking(False)
            connection = _Connection(self, self._loop, client)
            self._connections.add(connection)
            connection.read()

    def _resume(self) -> None:
        if self._loop is not None:
            self._loop.add_reader(self._listener, self._accept)


class _Connection:
    """One client: read the header, the body, run, write the reply, close."""

    __slots__ = (
        "_buffer",
        "_client",
        "_header",
        "_loop",
        "_message",
        "_needed",
        "_output",
        "_reading",
        "_server",
        "_task",
        "_timer",
        "_writing",
    )

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop, client: socket.socket) -> None:
        self._server = server
        self._loop = loop
        self._client = client
        self._buffer = bytearray()
        self._needed = REQUEST_HEADER.size
        self._header: tuple[int, int] | None = None
        self._message: Message[Any, Any] | None = None
        self._output = memoryview(b"")
        self._reading = self._writing = False
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def read(self) -> None:
        """Read what there is, and run the request when it is all there."""
        while len(self._buffer) < self._needed:
            try:
                # Never more than the request: what stands behind it is nobody's (DPVS does not read it either).
                data = self._client.recv(min(self._needed - len(self._buffer), _CHUNK))
            except (BlockingIOError, InterruptedError):
                self._wait_for_input()
                return
            except OSError:
                data = b""
            if not data:
                self._refuse()
                return
            self._buffer += data
            if self._header is None and len(self._buffer) == self._needed and not self._read_header():
                self._refuse()
                return
        self._run()

    def _read_header(self) -> bool:
        version, number, kind, length = REQUEST_HEADER.unpack(self._buffer)
        self._message = find(kind, number)
        if version != VERSION:
            return False
        if length > (self._message.max_length if self._message else _MAX_UNKNOWN_LENGTH):
            return False
        # The body of an unknown message is read too: closing with unread data would reset the client's connection.
        self._header = (kind, number)
        self._needed += length
        return True

    def _run(self) -> None:
        self._stop_reading()
        kind, number = self._header or (0, 0)
        body = bytes(memoryview(self._buffer)[REQUEST_HEADER.size :])
        message = self._message
        if message is None:
            code = wrong_kind(kind, number)
            if code is None:
                self._refuse()
            else:
                self._answer(reply_bytes(number, kind, code))
        elif message is XDPVS_BATCH:
            self._start(self._run_batch(body))
        else:
            outcome = self._server.dispatcher.run(message, body)
            if isinstance(outcome, bytes):
                self._answer(outcome)
            else:
                self._start(self._finish(message, *outcome))

    def _start(self, work: Any) -> None:
        self._set_timer(None)
        self._task = self._loop.create_task(work)

    async def _finish(self, message: Message[Any, Any], request: Any, result: Any) -> None:
        dispatcher = self._server.dispatcher
        try:
            if isinstance(result, Awaitable):
                result = await result
            if isinstance(result, Iterator):
                body = await self._collect(result)
                reply = reply_bytes(message.id, message.kind, 0, body)
            else:
                reply = dispatcher.reply(message, request, result)
        except Exception as error:
            reply = dispatcher.failure(message, error)
        self._answer(reply)

    async def _collect(self, parts: Iterator[bytes]) -> bytes:
        body = bytearray()
        deadline = self._loop.time() + _SLICE_S
        for part in parts:
            body += part
            if self._loop.time() > deadline:
                await asyncio.sleep(0)
                deadline = self._loop.time() + _SLICE_S
        return bytes(body)

    async def _run_batch(self, body: bytes) -> None:
        dispatcher = self._server.dispatcher
        try:
            items = XDPVS_BATCH.decode_request(body)
        except ValueError as error:
            self._answer(dispatcher.malformed(XDPVS_BATCH, error))
            return
        codes = []
        deadline = self._loop.time() + _SLICE_S
        for number, item in items:
            codes.append(await dispatcher.run_set(number, item))
            if self._loop.time() > deadline:
                await asyncio.sleep(0)
                deadline = self._loop.time() + _SLICE_S
        self._answer(dispatcher.reply(XDPVS_BATCH, items, codes))

    def _answer(self, reply: bytes) -> None:
        counters = self._server.counters
        counters.requests += 1
        if reply[12:16] != b"\0\0\0\0":
            counters.errors += 1
        self._output = memoryview(reply)
        self.write()

    def write(self) -> None:
        """Write what the client takes; it has `timeout_s` from one bit of progress to the next."""
        while self._output:
            try:
                self._output = self._output[self._client.send(self._output) :]
            except (BlockingIOError, InterruptedError):
                if not self._writing:
                    self._loop.add_writer(self._client, self.write)
                    self._writing = True
                self._set_timer(self._server.timeout_s)
                return
            except OSError:
                break
        self._drain()
        self.close()

    def _wait_for_input(self) -> None:
        if not self._reading:
            self._loop.add_reader(self._client, self.read)
            self._reading = True
            # One deadline for the whole request: a client that trickles bytes is a slow one too.
            self._set_timer(self._server.timeout_s)

    def _stop_reading(self) -> None:
        if self._reading:
            self._loop.remove_reader(self._client)
            self._reading = False

    def _set_timer(self, timeout_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if timeout_s is not None:
            self._timer = self._loop.call_later(timeout_s, self._time_out)

    def _time_out(self) -> None:
        self._server.counters.timeouts += 1
        self.close()

    def _refuse(self) -> None:
        """Close without a reply."""
        self._server.counters.garbage += 1
        self._drain()
        self.close()

    def _drain(self) -> None:
        """Throw away what has arrived: closing with unread data would make the client see a reset, not an end."""
        with contextlib.suppress(OSError):
            for _attempt in range(_MAX_DRAINED):
                if not self._client.recv(_CHUNK):
                    break

    def close(self) -> None:
        """End the connection in whatever state it is."""
        self._set_timer(None)
        self._stop_reading()
        if self._writing:
            self._loop.remove_writer(self._client)
            self._writing = False
        if self._task is not None and self._task is not asyncio.current_task(self._loop):
            self._task.cancel()
        self._client.close()
        self._server.forget(self)


def _listen(path: str, group: int | None) -> tuple[socket.socket, tuple[int, int]]:
    if len(os.fsencode(path)) > MAX_PATH:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # By umask, not by chmod afterwards: nobody else may connect in between.
        mask = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(mask)
        if group is not None:
            _share(path, group)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        return listener, _inode(path)
    except BaseException:
        listener.close()
        raise


def _share(path: str, group: int) -> None:
    try:
        os.chown(path, -1, group)
    except PermissionError as error:
        reason = f"cannot be given to group {group}: neither CAP_CHOWN nor a member of it"
        raise PermissionError(error.errno, reason, path) from error
    os.chmod(path, 0o660)


def _remove_stale(path: str) -> None:
    if not os.path.lexists(path):
        return
    if not stat.S_ISSOCK(os.stat(path).st_mode):
        raise AddressInUse(f"{path} is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            os.unlink(path)
        except TimeoutError:
            raise AddressInUse(f"{path} is held by a daemon that does not answer") from None
        except OSError as error:
            raise AddressInUse(f"{path}: {error.strerror}") from error
        else:
            raise AddressInUse(f"a daemon answers at {path}")


def _inode(path: str) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino

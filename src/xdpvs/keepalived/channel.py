"""Messages over a socket pair between the parent and a child of it."""

from __future__ import annotations

import pickle
import select
import socket
import struct
from collections.abc import Iterator

from xdpvs.keepalived.messages import Message

_LENGTH = struct.Struct("=I")
_CHUNK = 1 << 16
_SEND_TIMEOUT_S = 5.0


class ChannelClosed(Exception):
    """The other process is gone, or does not read."""


class Channel:
    """One end. send() blocks for a while at most; receive() never does. Both ends are the same program."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._buffer = bytearray()

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    def send(self, message: Message) -> None:
        """Send one message; ChannelClosed if nobody takes it."""
        body = pickle.dumps(message)
        rest = memoryview(_LENGTH.pack(len(body)) + body)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                self._await_room()
            except OSError as error:
                raise ChannelClosed(str(error)) from error

    def _await_room(self) -> None:
        waiting = select.poll()
        waiting.register(self._socket, select.POLLOUT)
        if not waiting.poll(_SEND_TIMEOUT_S * 1000):
            raise ChannelClosed("nobody reads")

    def receive(self) -> list[Message]:
        """What has arrived whole. ChannelClosed at the other's end."""
        try:
            data = self._socket.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError as error:
            raise ChannelClosed(str(error)) from error
        if not data:
            raise ChannelClosed("closed")
        self._buffer += data
        return list(self._messages())

    def _messages(self) -> Iterator[Message]:
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            data = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            message: Message = pickle.loads(data)
            yield message

    def close(self) -> None:
        """End."""
        self._socket.close()


def channel_pair() -> tuple[Channel, Channel]:
    """Both ends."""
    ours, theirs = socket.socketpair()
    return Channel(ours), Channel(theirs)

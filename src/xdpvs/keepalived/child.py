"""What both children have in common: the channel to the parent, signals, a loop that ends cleanly."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress

from xdpvs.keepalived.channel import Channel, ChannelClosed
from xdpvs.keepalived.messages import Message

_log = logging.getLogger(__name__)


class Child:
    """The loop's side of a child. `stopped` completes with True for an orderly stop, False if the parent is gone."""

    def __init__(self, channel: Channel, receive: Callable[[Message], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._channel = channel
        self._receive = receive
        self.stopped: asyncio.Future[bool] = self._loop.create_future()
        self._loop.add_reader(channel.fileno(), self._readable)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._end, True)
        # The parent has it too, and sees to it; `killall -HUP keepalived` must not end us.
        self._loop.add_signal_handler(signal.SIGHUP, lambda: None)

    def on_signal(self, number: signal.Signals, do: Callable[[], None]) -> None:
        """Do something at a signal."""
        self._loop.add_signal_handler(number, do)

    def send(self, message: Message) -> None:
        """Tell the parent."""
        with suppress(ChannelClosed):
            self._channel.send(message)

    def _readable(self) -> None:
        try:
            messages = self._channel.receive()
        except ChannelClosed:
            self._loop.remove_reader(self._channel.fileno())
            self._end(False)
            return
        for message in messages:
            try:
                self._receive(message)
            except Exception:
                _log.exception("a message of the parent failed")

    def _end(self, orderly: bool) -> None:
        if not self.stopped.done():
            self.stopped.set_result(orderly)

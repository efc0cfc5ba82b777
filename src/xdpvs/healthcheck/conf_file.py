"""The configuration file on its way in: at the start, again now and then, and at SIGHUP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from xdpvs.healthcheck.conf import Conf, ConfError, load_conf

_log = logging.getLogger(__name__)


class ConfFile:
    """A file by its path. Whether it has to be there: if it was named, and once it has been there."""

    def __init__(self, path: str, *, named: bool) -> None:
        self.path = path
        self._must_be_there = named

    def read(self) -> Conf:
        """What it says, or the defaults if it need not be there and is not. ConfError tells its mistakes."""
        try:
            text = Path(self.path).read_text("utf-8")
        except FileNotFoundError:
            if self._must_be_there:
                raise ConfError(f"{self.path}: no such file") from None
            return Conf()
        except (OSError, UnicodeError) as error:
            raise ConfError(f"{self.path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
        self._must_be_there = True
        return load_conf(text, self.path)

    async def follow(self, conf: Conf, interval_s: float, now: asyncio.Event, changed: Callable[[Conf], None]) -> None:
        """Read it every interval_s and when asked to, and tell what is new. A file with mistakes changes nothing."""
        told = ""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(now.wait(), interval_s)
            asked = now.is_set()
            now.clear()
            try:
                read = await asyncio.to_thread(self.read)
            except ConfError as error:
                if asked or str(error) != told:
                    _log.error("the configuration stays as it was: %s", error)
                told = str(error)
                continue
            told = ""
            if read != conf:
                conf = read
                _log.info("%s has changed", self.path)
                changed(conf)

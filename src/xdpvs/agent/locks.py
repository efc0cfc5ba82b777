"""One lock per service, and the order of changes, so that a listing knows which of its rows are out of date."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Busy(Exception):
    """The lock was not free in time."""


class Locks(Generic[K]):
    """Locks by key, made when wanted and dropped when nobody does."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._mutex = threading.Lock()
        self._locks: dict[K, threading.Lock] = {}
        self._wanted: Counter[K] = Counter()
        self._moments = itertools.count(1)
        self._held: set[K] = set()
        self._released: dict[K, int] = {}
        self._looks: Counter[int] = Counter()

    @contextmanager
    def holding(self, key: K) -> Iterator[None]:
        """Hold a key's lock, or raise Busy."""
        with self._mutex:
            lock = self._locks.setdefault(key, threading.Lock())
            self._wanted[key] += 1
        try:
            if not lock.acquire(timeout=self._timeout_s):
                raise Busy
            try:
                with self._mutex:
                    self._held.add(key)
                yield
            finally:
                with self._mutex:
                    self._held.discard(key)
                    self.touch(key)
                lock.release()
        finally:
            with self._mutex:
                self._wanted[key] -= 1
                if not self._wanted[key]:
                    del self._wanted[key], self._locks[key]

    def touch(self, key: K) -> None:
        """Something of a key changes now: what was read before is out of date."""
        if self._looks:
            self._released[key] = next(self._moments)

    @contextmanager
    def looking(self) -> Iterator[int]:
        """For a look at everything: the moment it begins, to be asked `fresh` with."""
        with self._mutex:
            moment = next(self._moments)
            self._looks[moment] += 1
        try:
            yield moment
        finally:
            with self._mutex:
                del self._looks[moment]
                oldest = min(self._looks, default=None)
                self._released = {k: at for k, at in self._released.items() if oldest is not None and at > oldest}

    def fresh(self, key: K, moment: int) -> bool:
        """Whether nobody has held the key or changed it since that moment."""
        return key not in self._held and self._released.get(key, 0) < moment

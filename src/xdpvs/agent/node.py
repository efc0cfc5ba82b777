"""What the cache file knows of the machine: on which devices service addresses are announced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """dpvs: the DPVS device that service addresses are put on; switch: the kernel's link."""

    dpvs: str = ""
    switch: str = ""


class Node:
    """The current NodeSpec; changed is called when it becomes another one."""

    def __init__(self, spec: NodeSpec, changed: Callable[[], None] = lambda: None) -> None:
        self._mutex = threading.Lock()
        self._spec = spec
        self._changed = changed

    @property
    def spec(self) -> NodeSpec:
        """As it is now."""
        with self._mutex:
            return self._spec

    def announces_on(self, *, dpvs: str = "", switch: str = "") -> None:
        """The last device an address was put on, of either kind."""
        with self._mutex:
            before = self._spec
            self._spec = replace(before, dpvs=dpvs or before.dpvs, switch=switch or before.switch)
            changed = self._spec != before
        if changed:
            self._changed()

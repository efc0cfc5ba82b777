"""Changes of `-R` gathered into few requests.

Order, stderr and exit status are those of one request per line; only the waiting goes. A daemon that does not know the
batch message (DPVS's) gets the changes one by one.
"""

from __future__ import annotations

from xdpvs.api.errors import ShortReply
from xdpvs.ipvsadm.changes import Change, apply, complain, refusal
from xdpvs.ipvsadm.environment import Environment
from xdpvs.ipvsadm.failures import RequestFailure


class Batch:
    """Lines waiting to be carried out; flush before anything that must come after them."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._lines: list[list[Change]] = []
        self._known_to_daemon = True

    def add(self, changes: list[Change]) -> None:
        """One line's changes."""
        self._lines.append(changes)

    def flush(self, status: int) -> int:
        """Carries out what waits; the exit status of the last line, or the given one if none waits."""
        lines, self._lines = self._lines, []
        if len(lines) > 1 and self._known_to_daemon:
            together = self._send_together(lines)
            if together is not None:
                return together
        for changes in lines:
            status = max([apply(change, self._env) for change in changes])
        return status

    def _send_together(self, lines: list[list[Change]]) -> int | None:
        """None if the daemon does not know how."""
        flat = [change for changes in lines for change in changes]
        try:
            codes = self._env.client.batch([(change.message, change.request) for change in flat])
        except ShortReply as error:
            if not error.unanswered:
                return complain(flat[-1], error, self._env)
            self._known_to_daemon = False
            return None
        except RequestFailure as error:
            return complain(flat[-1], error, self._env)
        results = iter(codes)
        status = 0
        for changes in lines:
            status = max([self._judge(change, next(results, 0)) for change in changes])
        return status

    def _judge(self, change: Change, code: int) -> int:
        return complain(change, refusal(change, code), self._env) if code else 0

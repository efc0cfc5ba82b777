"""Which processes vrrp_track_process counts, and when their number is good."""

from __future__ import annotations

from collections.abc import Sequence

from xdpvs.model.vrrp import TrackProcess

COMM_LENGTH = 15
"""What the kernel keeps of a program's name in /proc/PID/comm."""


def matches(wanted: TrackProcess, comm: str, argv: Sequence[str]) -> bool:
    """Whether a process is one of those; argv is empty for kernel threads and zombies."""
    if wanted.full_command or "/" in wanted.process:
        if not argv or argv[0] != wanted.process:
            return False
    elif comm != wanted.process[:COMM_LENGTH] and (not argv or argv[0].rpartition("/")[2] != wanted.process):
        return False
    return _arguments_match(wanted, argv[1:])


def _arguments_match(wanted: TrackProcess, arguments: Sequence[str]) -> bool:
    if not wanted.param_match:
        return True
    expected = wanted.arguments
    if wanted.param_match == "exact":
        return tuple(arguments) == expected
    if len(arguments) < len(expected):
        return False
    if wanted.param_match == "initial" or not expected:
        return tuple(arguments[: len(expected)]) == expected
    last = len(expected) - 1
    return tuple(arguments[:last]) == expected[:last] and arguments[last].startswith(expected[last])


class ProcessQuorum:
    """Whether enough processes run, and not too many; good is None until first counted.

    A loss counts after terminate_delay, a gain after fork_delay (delay is both), if it lasts that long.
    """

    def __init__(self, wanted: TrackProcess) -> None:
        self.wanted = wanted
        self.good: bool | None = None
        self._since: float | None = None

    def count(self, number: int, now: float) -> bool:
        """Take a count; whether `good` changed."""
        enough = self.wanted.quorum <= number and (
            self.wanted.quorum_max is None or number <= self.wanted.quorum_max
        )  # fmt: skip
        if enough == self.good:
            self._since = None
            return False
        if self.good is not None:
            self._since = now if self._since is None else self._since
            specific_s = self.wanted.fork_delay_s if enough else self.wanted.terminate_delay_s
            if now - self._since < (specific_s or self.wanted.delay_s):
                return False
        self.good, self._since = enough, None
        return True

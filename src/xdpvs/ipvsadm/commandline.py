"""From a command line to a checked Request."""

from __future__ import annotations

from xdpvs.ipvsadm.errors import PoptError, TryHelp, UsageError
from xdpvs.ipvsadm.names import Resolver
from xdpvs.ipvsadm.options import COMMAND_OPTIONS, LONG_OPTIONS, SHORT_OPTIONS, Command, check_legality
from xdpvs.ipvsadm.popt import Words
from xdpvs.ipvsadm.request import Request, timeout

SET_WORDS = 3
_DAEMON_COMPLAINTS = {
    Command.START_DAEMON: "illegal start-daemon parameter specified",
    Command.STOP_DAEMON: "illegal start_daemon specified",
}


def parse(argv: list[str], resolver: Resolver) -> Request:
    """argv with the program's name in front. The first option must be the command, whatever stands before it.

    PoptError, UsageError and TryHelp as upstream tells them apart. Help and version end the reading at once.
    """
    words = Words(argv[1:], LONG_OPTIONS, SHORT_OPTIONS)
    request = Request(_command(words, argv[0]), resolver)
    if request.command in (Command.HELP, Command.VERSION):
        return request
    for option, value in words:
        if option.long in COMMAND_OPTIONS:
            raise UsageError(f"invalid option `{words.current}'")
        request.apply(option.long, value)
    _check_leftover(request.command, words.leftover)
    check_legality(request.command, request.given)
    if request.command in (Command.ADD_SERVICE, Command.EDIT_SERVICE):
        request.check_service()
    return request


def _command(words: Words, program: str) -> Command:
    try:
        option, value = next(words)
    except (StopIteration, PoptError):
        raise TryHelp(program) from None
    command = COMMAND_OPTIONS.get(option.long)
    if command is None:
        raise TryHelp(program)
    complaint = _DAEMON_COMPLAINTS.get(command)
    if complaint is not None and value not in ("master", "backup"):
        raise UsageError(complaint)
    return command


def _check_leftover(command: Command, words: list[str]) -> None:
    if command is Command.SET:
        if len(words) < SET_WORDS:
            raise UsageError("--set option requires 3 timeout values")
        for word in words[:SET_WORDS]:
            timeout(word, 0)
        words = words[SET_WORDS:]
    if words:
        raise UsageError(f"unexpected argument {words[0]}")

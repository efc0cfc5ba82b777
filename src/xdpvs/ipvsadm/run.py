"""One run of the program: a single command line, or those that `-R` reads."""

from __future__ import annotations

from xdpvs.ipvsadm.commandline import parse
from xdpvs.ipvsadm.environment import Environment
from xdpvs.ipvsadm.errors import FAILED_STATUS, Exit, PoptError, TryHelp
from xdpvs.ipvsadm.failures import RequestFailure, line, reason
from xdpvs.ipvsadm.listing import SHOWERS, show
from xdpvs.ipvsadm.options import Command
from xdpvs.ipvsadm.request import Request
from xdpvs.model.service import DaemonInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xdpvs.ipvsadm.batch import Batch

UNREACHABLE_STATUS = 2


def main(argv: list[str], env: Environment) -> int:
    """argv begins with the program's name. The daemon is asked for its version first, even for the help."""
    try:
        info = env.client.get_info()
    except RequestFailure as error:
        env.complain(line(error))
        env.complain(f"Can't initialize ipvs: {reason(error)}")
        env.complain("Are you sure that dpvs is running?")
        return UNREACHABLE_STATUS
    run = Run(argv[0], info, env)
    try:
        return run.command_line(argv[1:] or ["--list"])
    except Exit as end:
        if end.text is not None:
            env.complain(end.text)
        return end.status


class Run:
    """Carries out command lines; Exit ends it all, from inside `-R` too."""

    def __init__(self, program: str, info: DaemonInfo, env: Environment) -> None:
        self._program = program
        self._info = info
        self._env = env

    def command_line(self, words: list[str]) -> int:
        """The only command line of a run; its exit status."""
        request = self._parse(words)
        if request is None:
            return FAILED_STATUS
        if request.command is Command.RESTORE:
            return self._restore()
        if request.command in SHOWERS:
            return show(request, self._info, self._env)
        # Behind the listings, which start faster without.
        from xdpvs.ipvsadm.changes import apply, changes_of

        changes = changes_of(request)
        if changes is None:
            return self._carry_out(request)
        return max([apply(change, self._env) for change in changes])

    def _parse(self, words: list[str]) -> Request | None:
        """None for words popt does not understand: that ends a line, but not the run."""
        try:
            return parse([self._program, *words], self._env.resolver)
        except PoptError as error:
            self._env.complain(str(error))
            return None

    def _carry_out(self, request: Request) -> int:
        """What is neither a plain change nor a restore."""
        if request.command in SHOWERS:
            return show(request, self._info, self._env)
        if request.command is Command.EDIT_SERVICE:
            from xdpvs.ipvsadm.changes import edit_service

            return edit_service(request, self._env)
        if request.command in (Command.HELP, Command.VERSION):
            from xdpvs.ipvsadm.usage import VERSION_LINE, usage

        if request.command is Command.HELP:
            self._env.stdout.write(usage(self._program))
            raise Exit(0)
        if request.command is Command.VERSION:
            self._env.stdout.write(VERSION_LINE)
            raise Exit(0)
        # --set and the sync daemon: upstream asks a kernel socket it never opened.
        self._env.complain("Bad file descriptor")
        return FAILED_STATUS

    def _restore(self) -> int:
        """The exit status is that of the last line that was carried out."""
        from xdpvs.ipvsadm.batch import Batch
        from xdpvs.ipvsadm.restore import read_commands

        batch = Batch(self._env)
        status = 0
        for group in read_commands(self._env.stdin):
            for words in group:
                status = self._restored_line(words, batch, status)
            status = batch.flush(status)
        return status

    def _restored_line(self, words: list[str], batch: Batch, status: int) -> int:
        from xdpvs.ipvsadm.changes import changes_of

        try:
            request = parse([self._program, *words], self._env.resolver)
            changes = changes_of(request)
        except (Exit, PoptError) as error:
            batch.flush(status)
            if isinstance(error, Exit):
                raise
            self._env.complain(str(error))
            return FAILED_STATUS
        if changes is not None:
            batch.add(changes)
            return status
        status = batch.flush(status)
        if request.command is Command.RESTORE:
            raise TryHelp(self._program)
        if request.command in SHOWERS:
            self._learn_again()
        return self._carry_out(request)

    def _learn_again(self) -> None:
        """Upstream lists with the count it learnt at the start, which lines before this one may have changed."""
        try:
            self._info = self._env.client.get_info()
        except RequestFailure:
            # The listing itself is about to fail, and says why.
            return

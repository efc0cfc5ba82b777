"""The parent: starts the children, restarts them, hands out configurations, takes signals.

Theory of operation. There are three processes because VRRP must send and hear adverts in time whatever else goes on,
and because upstream's pid files name three. The parent does no work of its own and never reads the file: the checker
does, also when it is started for nothing else (option -P, or no virtual_server), and then ends. What it read becomes
effective when the parent says so; VRRP's part of it goes through the parent to the VRRP process, which thus never
parses. So there is one reading of the file for all, and a file that cannot be used changes nothing anywhere.

States of a reading: none → LoadFile sent → FileLoaded received → Apply or Discard sent. A HUP during a reading asks for
another one after it.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable

from xdpvs.keepalived import pidfile
from xdpvs.keepalived.children import Children, Ended, Main, Role
from xdpvs.keepalived.messages import Apply, Discard, FileLoaded, LoadFile, Owned, RunVrrp, Stopping
from xdpvs.keepalived.options import EXIT_FAILURE, EXIT_OK, Arguments
from xdpvs.model.keepalived import GlobalDefs

_log = logging.getLogger(__name__)

RESPAWN_S = 1.0
"""A child that dies is started again at once, one that lived for less than this after so long."""
LIVED_S = 5.0
LOAD_RETRY_S = 5.0

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD)


class Supervisor:
    """run() is the parent's life. started() is called once, when the first configuration is effective."""

    def __init__(
        self, arguments: Arguments, mains: dict[Role, Main], *, started: Callable[[], None] = lambda: None
    ) -> None:
        self._arguments = arguments
        self._started = started
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._signals = socket.socketpair()
        self._children = Children(arguments, mains, self._selector, self._close)
        self._wanted: set[Role] = set()
        self._respawn_at: dict[Role, float] = {}
        self._settings: GlobalDefs | None = None
        self._order: RunVrrp | None = None
        self._owned = Owned()
        self._loading = False
        self._load_again = False
        self._load_at: float | None = None
        self._reloading = True
        """The present reading is for everybody, not just for a checker that was started again."""
        self._checker_applied = False
        self._complaint: tuple[str, ...] | None = None
        self._exit_code = EXIT_OK
        self._stop_at: float | None = None

    # Life

    def run(self) -> int:
        """Until SIGTERM, or until the first configuration turns out unusable; the exit status."""
        self._listen()
        try:
            self._load(reloading=True)
            while not (self._stop_at is not None and not self._children):
                self._turn()
        finally:
            if self._children.files is not None:
                for path in self._children.files.all():
                    pidfile.remove(path)
            self._close()
        return self._exit_code

    def _close(self) -> None:
        self._selector.close()
        self._wakeup.close()
        self._signals.close()

    def _listen(self) -> None:
        for end in (self._wakeup, self._signals):
            end.setblocking(False)
        signal.set_wakeup_fd(self._signals.fileno(), warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, lambda _number, _frame: None)
        self._selector.register(self._wakeup, selectors.EVENT_READ, None)

    def _turn(self) -> None:
        for key, _ in self._selector.select(self._timeout()):
            if key.data is None:
                self._take_signals()
            else:
                self._read(key.data)
        for ended in self._children.reap():
            self._ended(ended)
        self._keep_time()

    def _timeout(self) -> float:
        times = [*self._respawn_at.values(), *(at for at in (self._load_at, self._stop_at) if at is not None)]
        return max(0.0, min(times) - time.monotonic()) if times else 60.0

    def _keep_time(self) -> None:
        now = time.monotonic()
        for role, at in list(self._respawn_at.items()):
            if now >= at:
                del self._respawn_at[role]
                self._revive(role)
        if self._load_at is not None and now >= self._load_at:
            self._load(reloading=False)
        if self._stop_at is not None and now >= self._stop_at:
            self._children.force()
            self._stop_at = now + 1.0

    # Signals

    def _take_signals(self) -> None:
        try:
            numbers = self._wakeup.recv(4096)
        except BlockingIOError:
            return
        for number in dict.fromkeys(numbers):
            match number:
                case signal.SIGTERM | signal.SIGINT:
                    self._stop()
                case signal.SIGHUP if self._stop_at is None:
                    _log.info("Reloading ...")
                    self._complaint = None
                    self._load(reloading=True)
                case signal.SIGUSR1 | signal.SIGUSR2:
                    self._children.signal(signal.Signals(number))

    def _stop(self) -> None:
        if self._stop_at is not None:
            return
        _log.info("Stopping")
        self._stop_at = time.monotonic() + self._patience()
        self._respawn_at.clear()
        self._load_at = None
        for role in Role:
            self._children.end(role)

    def _patience(self) -> float:
        return self._settings.child_wait_time_s if self._settings is not None else 5.0

    # Readings

    def _load(self, *, reloading: bool) -> None:
        self._load_at = None
        if self._loading or self._children.ending(Role.CHECKER):
            self._load_again = self._load_again or reloading
            return
        self._loading, self._reloading = True, reloading
        if Role.CHECKER not in self._children:
            self._spawn(Role.CHECKER)
        self._children.send(Role.CHECKER, LoadFile())

    def _loaded(self, result: FileLoaded) -> None:
        self._loading = False
        if result.settings is not None or result.lines != self._complaint:
            for line in result.lines:
                (_log.error if result.settings is None else _log.info)("%s", line)
        for line in result.dump.splitlines():
            _log.info("%s", line)
        if result.settings is None or not self._acceptable(result.settings):
            self._refuse(result)
        else:
            self._accept(result, result.settings)
        if self._load_again and self._stop_at is None:
            self._load_again = False
            self._load(reloading=True)

    def _acceptable(self, settings: GlobalDefs) -> bool:
        before = self._settings
        if before is None:
            return self._claim(settings)
        if settings.net_namespace != before.net_namespace:
            _log.error("Cannot change network namespace at a reload - please restart keepalived")
            return False
        if settings.instance != before.instance:
            _log.error("Cannot change instance name at a reload - please restart keepalived")
            return False
        return True

    def _claim(self, settings: GlobalDefs) -> bool:
        """Pid files, whose names may depend on the configuration."""
        files = pidfile.pid_files(self._arguments, settings)
        if pidfile.running(files) is not None:
            _log.info("daemon is already running")
            return False
        self._children.files = files
        pidfile.write(files.parent, os.getpid())
        return True

    def _refuse(self, result: FileLoaded) -> None:
        self._children.send(Role.CHECKER, Discard())
        if self._settings is None:
            self._exit_code = result.exit_code
            self._stop()
            return
        if result.lines != self._complaint:
            _log.error("The configuration is not used: everything goes on as before")
            self._complaint = result.lines
        if Role.CHECKER not in self._wanted:
            self._children.end(Role.CHECKER)
        elif not self._checker_applied:
            # One that was started again has nothing to go by.
            self._load_at = time.monotonic() + LOAD_RETRY_S

    def _accept(self, result: FileLoaded, settings: GlobalDefs) -> None:
        first, self._settings, self._complaint = self._settings is None, settings, None
        if self._reloading:
            self._order = RunVrrp(result.vrrp, self._choose(result))
        if Role.CHECKER in self._wanted:
            self._children.send(Role.CHECKER, Apply(Role.VRRP in self._wanted))
            self._children.send(Role.CHECKER, self._owned)
            self._checker_applied = True
            self._children.note(Role.CHECKER)
        else:
            self._children.end(Role.CHECKER)
        if self._reloading:
            self._set_vrrp()
        if first:
            self._started()

    def _choose(self, result: FileLoaded) -> bool:
        """Which children there should be; whether the checker is one of them."""
        arguments = self._arguments
        self._wanted = set()
        if arguments.run_checker and (result.num_virtual_servers or arguments.run_all):
            self._wanted.add(Role.CHECKER)
        if arguments.run_vrrp and (result.vrrp.instances or arguments.run_all):
            self._wanted.add(Role.VRRP)
        if not self._wanted:
            _log.info("Warning - keepalived has no configuration to run")
        return Role.CHECKER in self._wanted

    def _set_vrrp(self) -> None:
        if Role.VRRP not in self._wanted:
            self._children.end(Role.VRRP)
            return
        if Role.VRRP not in self._children:
            self._spawn(Role.VRRP)
        if self._order is not None:
            self._children.send(Role.VRRP, self._order)

    # Children

    def _spawn(self, role: Role) -> None:
        self._children.spawn(role)
        if role is Role.CHECKER:
            self._checker_applied = False
        if role in self._wanted:
            self._children.note(role)

    def _read(self, role: Role) -> None:
        for message in self._children.receive(role):
            match message:
                case FileLoaded():
                    self._loaded(message)
                case Owned():
                    self._owned = message
                    self._children.send(Role.CHECKER, message)
                case Stopping() if self._stop_at is not None:
                    self._stop_at = time.monotonic() + self._patience()
                case _:
                    pass

    def _ended(self, child: Ended) -> None:
        if child.expected:
            # It may be wanted again by now.
            if self._stop_at is None and (child.role in self._wanted or self._load_again):
                self._revive(child.role)
            return
        status = child.status
        how = f"exited with status {status}" if status >= 0 else f"was ended by signal {-status}"
        _log.error("%s child process(%d) %s", child.role.name.lower(), child.pid, how)
        if self._settings is None:
            self._exit_code = EXIT_FAILURE
            self._stop()
        elif not self._arguments.respawn:
            _log.error("Stopping due to the end of a child, as -R asks")
            self._stop()
        elif self._stop_at is None:
            wait_s = 0.0 if child.lived_s >= LIVED_S else RESPAWN_S
            self._respawn_at[child.role] = time.monotonic() + wait_s

    def _revive(self, role: Role) -> None:
        if role is Role.VRRP:
            self._set_vrrp()
            return
        # A reading that died with it, or was asked for since, is still owed to everybody.
        reloading = self._load_again or (self._loading and self._reloading)
        self._loading = self._load_again = False
        self._load(reloading=reloading)

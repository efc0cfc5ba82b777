"""Tells programs, FIFOs and mail what happened, each instance's and group's news in order, without holding it up."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from xdpvs.keepalived.vrrp.programs import Programs
from xdpvs.model.script import Command
from xdpvs.model.vrrp import Notifications
from xdpvs.vrrp.commands import Notice, Notify, Subject

TIMEOUT_S = 60.0
"""A notify program that takes longer is ended, or it would keep back all later news of its instance."""
MAX_WAITING = 64

_log = logging.getLogger("xdpvs.keepalived.vrrp")

_MAIL = {
    Notice.MASTER: ("Entering MASTER state", "now owning VRRP VIPs"),
    Notice.BACKUP: ("Entering BACKUP state", "no longer owning VRRP VIPs"),
    Notice.FAULT: ("Entering FAULT state", "no longer owning VRRP VIPs"),
    Notice.STOP: ("Stopping", "stopping"),
}
_TITLES = {Subject.INSTANCE: "VRRP Instance", Subject.GROUP: "VRRP Group"}

Key = tuple[Subject, str]


class Notifier:
    """write_fifo gets each line, send_mail subject and body; neither may block. Programs wait for `ready`."""

    def __init__(
        self,
        programs: Programs,
        write_fifo: Callable[[str], None],
        send_mail: Callable[[str, str], None],
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self.programs = programs
        self.router_id = ""
        self._write_fifo = write_fifo
        self._send_mail = send_mail
        self._ready = ready
        self._waiting: dict[Key, deque[Notify]] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    def notify(self, news: Notify) -> None:
        """Pass on one piece of news; its programs run later."""
        self._write_fifo(f'{news.subject.value} "{news.name}" {news.notice.value} {news.priority}')
        if news.programs.smtp_alert and news.notice in _MAIL:
            title, change = _MAIL[news.notice]
            what = _TITLES[news.subject]
            self._send_mail(f"[{self.router_id}] {what} {news.name} - {title}", f"=> {what} is {change} <=\n")
        if not _programs_for(news):
            return
        key = (news.subject, news.name)
        waiting = self._waiting.setdefault(key, deque())
        if news.notice is Notice.LOWER_PRIORITY_HEARD and waiting and waiting[-1] == news:
            return
        if len(waiting) >= MAX_WAITING:
            dropped = waiting.popleft()
            _log.error("(%s) notify programs lag behind: %s is not told", news.name, dropped.notice.value)
        waiting.append(news)
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._work(key), name=f"notify {news.name}")

    async def close(self, timeout_s: float) -> None:
        """Let what waits finish in time, then end it."""
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, key: Key) -> None:
        waiting = self._waiting[key]
        try:
            while waiting:
                news = waiting.popleft()
                await self._ready()
                for command in _programs_for(news):
                    await self.programs.run(command, timeout_s=TIMEOUT_S, why=f"({news.name}) notify")
        finally:
            del self._tasks[key]


def _programs_for(news: Notify) -> list[Command]:
    specific = _specific(news.programs, news.notice)
    commands = [specific] if specific is not None else []
    general = news.programs.any_state
    if general is not None and news.notice in _MAIL:
        words = (news.subject.value, news.name, news.notice.value, str(news.priority))
        commands.append(Command((*general.argv, *words), general.user, general.group))
    return commands


def _specific(programs: Notifications, notice: Notice) -> Command | None:
    match notice:
        case Notice.MASTER:
            return programs.master
        case Notice.BACKUP:
            return programs.backup
        case Notice.FAULT:
            return programs.fault
        case Notice.STOP:
            return programs.stop
        case Notice.LOWER_PRIORITY_HEARD:
            return programs.master_rx_lower_pri
    return None

"""Programs, FIFO and mail: what is told, as whom, in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xdpvs.keepalived.vrrp.notifier import MAX_WAITING, Notifier
from xdpvs.keepalived.vrrp.programs import Programs
from xdpvs.keepalived.vrrp.track_files import TrackFiles, count_processes, read_number
from xdpvs.model.keepalived import GlobalDefs, KeepalivedConfig
from xdpvs.model.script import Command
from xdpvs.model.vrrp import Notifications, TrackFile, TrackProcess, TrackScript
from xdpvs.probing.process import Ended, NotStarted
from xdpvs.vrrp.commands import Notice, Notify, Subject

PROGRAMS = Notifications(
    master=Command(("/m", "now")),
    backup=Command(("/b",)),
    fault=Command(("/f",), "someone"),
    master_rx_lower_pri=Command(("/lower",)),
    any_state=Command(("/any",)),
)


@dataclass
class Ran:
    """Programs that were run."""

    lines: list[str] = field(default_factory=list)
    delay_s: float = 0.0
    error: NotStarted | None = None

    async def __call__(
        self, argv: Sequence[str], user: str = "", group: str = "", timeout_s: float | None = None
    ) -> Ended:
        self.lines.append(" ".join(argv) + (f" ({user}:{group})" if user or group else ""))
        await asyncio.sleep(self.delay_s)
        if self.error is not None:
            raise self.error
        return Ended(0)


def news(
    notice: Notice, programs: Notifications = PROGRAMS, subject: Subject = Subject.INSTANCE, name: str = "X"
) -> Notify:
    """One piece of news."""
    return Notify(subject, name, notice, 100, programs)


def told(
    *items: Notify, globals_: GlobalDefs | None = None, ran: Ran | None = None
) -> tuple[list[str], list[str], list[str]]:
    """What ran, what the FIFO got, what was mailed."""
    ran = ran or Ran()
    fifo: list[str] = []
    mails: list[str] = []

    async def ready() -> None:
        """Programs need not wait here."""

    async def body() -> None:
        programs = Programs(globals_ or GlobalDefs(), ran)
        notifier = Notifier(programs, fifo.append, lambda subject, body: mails.append(f"{subject}|{body}"), ready)
        notifier.router_id = "lb1"
        for item in items:
            notifier.notify(item)
        await notifier.close(5.0)

    asyncio.run(body())
    return ran.lines, fifo, mails


def test_the_states_program_then_the_general_one() -> None:
    ran, fifo, mails = told(news(Notice.MASTER), news(Notice.BACKUP))
    assert ran == ["/m now", "/any INSTANCE X MASTER 100", "/b", "/any INSTANCE X BACKUP 100"]
    assert fifo == ['INSTANCE "X" MASTER 100', 'INSTANCE "X" BACKUP 100']
    assert mails == []


def test_groups_are_told_as_groups() -> None:
    ran, fifo, _ = told(news(Notice.FAULT, subject=Subject.GROUP))
    assert ran == ["/f (someone:)", "/any GROUP X FAULT 100"]
    assert fifo == ['GROUP "X" FAULT 100']


def test_lower_priorities_and_changes_of_priority() -> None:
    ran, fifo, _ = told(news(Notice.LOWER_PRIORITY_HEARD), news(Notice.MASTER_PRIORITY))
    assert ran == ["/lower"]
    assert fifo == ['INSTANCE "X" MASTER_RX_LOWER_PRI 100', 'INSTANCE "X" MASTER_PRIORITY 100']


def test_script_user_is_the_default() -> None:
    ran, _, _ = told(news(Notice.MASTER), globals_=GlobalDefs(script_user="nobody", script_group="nogroup"))
    assert ran[0] == "/m now (nobody:nogroup)"


def test_mail() -> None:
    _, _, mails = told(news(Notice.MASTER, Notifications(smtp_alert=True)))
    assert mails == ["[lb1] VRRP Instance X - Entering MASTER state|=> VRRP Instance is now owning VRRP VIPs <=\n"]


def test_a_program_that_cannot_run_does_not_keep_back_the_next() -> None:
    ran, _, _ = told(news(Notice.MASTER), news(Notice.BACKUP), ran=Ran(error=NotStarted("no such file", ours=False)))
    assert len(ran) == 4


def test_news_that_nobody_can_tell_in_time_are_dropped_the_oldest_first() -> None:
    items = [news(Notice.BACKUP), *[news(Notice.MASTER)] * (MAX_WAITING + 10), news(Notice.FAULT)]
    ran, fifo, _ = told(*items)
    assert len(fifo) == len(items)
    assert ran[-2:] == ["/f (someone:)", "/any INSTANCE X FAULT 100"]
    assert len(ran) == 2 * MAX_WAITING


def test_instances_do_not_wait_for_each_other() -> None:
    ran, _, _ = told(news(Notice.MASTER, name="X"), news(Notice.MASTER, name="Y"), ran=Ran(delay_s=0.02))
    assert ran[:2] == ["/m now", "/m now"]


def test_scripts_that_cannot_run_are_not_tracked(tmp_path: Path) -> None:
    good, plain = tmp_path / "good", tmp_path / "plain"
    good.write_text("#!/bin/sh\n")
    good.chmod(0o755)
    plain.write_text("")
    scripts = {p.name: TrackScript(p.name, Command((str(p),))) for p in (good, plain, tmp_path / "missing")}
    config = Programs(GlobalDefs()).without_unusable(KeepalivedConfig(scripts=scripts))
    assert list(config.scripts) == ["good"]


def test_what_others_can_change_does_not_run_as_root(tmp_path: Path) -> None:
    open_to_all = tmp_path / "script"
    open_to_all.write_text("#!/bin/sh\n")
    open_to_all.chmod(0o777)
    script = TrackScript("s", Command((str(open_to_all),)))
    for globals_, kept in (
        (GlobalDefs(enable_script_security=True), []),
        (GlobalDefs(enable_script_security=True, script_user="nobody"), ["s"]),
        (GlobalDefs(), ["s"]),
    ):
        config = Programs(globals_).without_unusable(KeepalivedConfig(scripts={"s": script}))
        assert list(config.scripts) == kept


def test_the_number_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "number"
    for text, number in (("5\n", 5), (" -30 x", -30), ("+7", 7), ("", 0), ("x5", 0), ("9" * 100, int("9" * 64))):
        path.write_text(text)
        assert read_number(str(path)) == number
    assert read_number(str(tmp_path / "missing")) == 0
    assert read_number(str(tmp_path)) == 0


def test_init_file_writes_only_what_it_may(tmp_path: Path) -> None:
    new, old, over = (tmp_path / name for name in ("new", "old", "over"))
    old.write_text("7")
    over.write_text("8")
    files = {
        "new": TrackFile("new", str(new), initial=1),
        "old": TrackFile("old", str(old), initial=2),
        "over": TrackFile("over", str(over), initial=3, overwrite=True),
        "nowhere": TrackFile("nowhere", str(tmp_path / "no" / "such"), initial=4),
    }
    assert TrackFiles(lambda _name, _number: None).load(files) == {"new": 1, "old": 7, "over": 3, "nowhere": 0}


def test_processes_are_counted_in_proc(tmp_path: Path) -> None:
    for pid, comm, cmdline in (("1", "init", b"/sbin/init\0"), ("2", "nginx", b"nginx: worker\0"), ("3", "nginx", b"")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "comm").write_text(comm + "\n")
        (tmp_path / pid / "cmdline").write_bytes(cmdline)
    (tmp_path / "4").mkdir()
    (tmp_path / "version").write_text("x")
    wanted = {"n": TrackProcess("n", "nginx"), "x": TrackProcess("x", "/sbin/init")}
    assert count_processes(wanted, tmp_path) == {"n": 2, "x": 1}

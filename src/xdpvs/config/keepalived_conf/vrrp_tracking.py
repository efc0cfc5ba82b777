"""What VRRP tracks: vrrp_script, vrrp_track_file, vrrp_track_process, and the lists that name them."""

from __future__ import annotations

from collections.abc import Callable

from xdpvs.config.keepalived_conf.kinds import (
    INT_MAX,
    AtLeastOne,
    Integer,
    Seconds,
    bare_command,
    device_name,
    flag,
    integer,
    text,
    user,
    value_word,
)
from xdpvs.config.keepalived_conf.reading import Block, BlockReader, Kind, Reader, Refused, Table, Values
from xdpvs.config.keepalived_conf.tree import Statement
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.script import Command
from xdpvs.model.vrrp import Track, TrackFile, Tracking, TrackProcess, TrackScript

_DELAY = Seconds(0.000001, 3600.0)
_INTERFACE_WEIGHT = 253


def _weight(limit: int) -> Kind:
    """N [reverse], within ±limit."""

    def kind(statement: Statement) -> tuple[int, bool]:
        number = integer(value_word(statement), -limit, limit)
        return number, _reverse(statement.words[2:])

    return kind


def _reverse(words: tuple[str, ...]) -> bool:
    if not words:
        return False
    if words[0] not in ("reverse", "noreverse", "no_reverse"):
        raise Refused(f"{shown(words[0])} is not reverse")
    return words[0] == "reverse"


def track_list(name: str, limit: int) -> BlockReader:
    """The reader of lines `NAME [weight N [reverse]]`; names are looked up later."""

    def read(reader: Reader, block: Block, values: Values) -> None:
        tracked: list[tuple[Track, int]] = values.setdefault(name, [])
        for statement, number in reader.lines(block):
            try:
                track, message = _track(statement, limit, is_interface=name == "interfaces")
            except Refused as error:
                reader.problem(number, f"{block.head.word} {error}")
                continue
            if message:
                reader.warn(number, f"{block.head.word} {message}")
            if any(other.name == track.name for other, _ in tracked):
                reader.warn(number, f"{block.head.word} {shown(track.name)} stands twice, the first one counts")
                continue
            tracked.append((track, number))

    return read


def _track(statement: Statement, limit: int, *, is_interface: bool) -> tuple[Track, str]:
    """What a line tracks, and what was corrected."""
    words = statement.words
    name = device_name(words[0]) if is_interface else words[0]
    if len(words) == 1:
        return Track(name, 0 if is_interface else None), ""
    if words[1] != "weight" or len(words) < 3:
        raise Refused(f"{shown(name)}: weight N is what may follow")
    weight = integer(words[2], -254, 254)
    reverse = _reverse(words[3:])
    if abs(weight) > limit:
        kept = limit if weight > 0 else -limit
        return Track(name, kept, reverse), f"{shown(name)}: weight {weight} becomes {kept}"
    return Track(name, weight, reverse), ""


def tracking_blocks() -> dict[str, BlockReader]:
    """The lists an instance or a sync group may have."""

    def bfd(reader: Reader, block: Block, values: Values) -> None:
        reader.once(block.number, "track_bfd is not supported and ignored", fails_test=False)

    return {
        "track_interface": track_list("interfaces", _INTERFACE_WEIGHT),
        "track_script": track_list("scripts", 253),
        "track_file": track_list("files", 254),
        "track_process": track_list("processes", 254),
        "track_bfd": bfd,
    }


class Trackers:
    """Scripts, files and processes by name, and which of them somebody tracks."""

    def __init__(self) -> None:
        self.scripts: dict[str, TrackScript] = {}
        self.files: dict[str, TrackFile] = {}
        self.processes: dict[str, TrackProcess] = {}
        self.placed: dict[str, int] = {}
        self.used: set[str] = set()

    def tracking(self, reader: Reader, stated: Values) -> Tracking:
        """The lists of an instance or group; a name nobody defined is a problem."""
        return Tracking(
            tuple(track for track, _ in stated.get("interfaces", ())),
            self._named(reader, stated, "scripts", self.scripts, "vrrp_script"),
            self._named(reader, stated, "files", self.files, "track_file"),
            self._named(reader, stated, "processes", self.processes, "vrrp_track_process"),
        )

    def _named(self, reader: Reader, stated: Values, name: str, defined: object, keyword: str) -> tuple[Track, ...]:
        assert isinstance(defined, dict)
        found: list[Track] = []
        for track, number in stated.get(name, ()):
            if track.name not in defined:
                reader.problem(number, f"no {keyword} of the name {shown(track.name)}")
            self.used.add(f"{keyword} {track.name}")
            found.append(track)
        return tuple(found)

    def in_use(self, reader: Reader) -> dict[str, TrackScript]:
        """The scripts somebody tracks; the others are told and left out, as keepalived does."""
        for name in self.scripts:
            if f"vrrp_script {name}" not in self.used:
                reader.warn(self.placed[name], f"vrrp_script {shown(name)} is not used, ignored", fails_test=False)
        return {name: script for name, script in self.scripts.items() if f"vrrp_script {name}" in self.used}


_SCRIPT = Table(
    "vrrp_script",
    {
        "script": ("argv", bare_command),
        "interval": ("interval", AtLeastOne()),
        "timeout": ("timeout", AtLeastOne()),
        "weight": ("weight", _weight(253)),
        "rise": ("rise", Integer(1, INT_MAX, substitute=1)),
        "fall": ("fall", Integer(1, INT_MAX, substitute=1)),
        "user": ("user", user),
        "init_fail": ("init_fail", flag),
    },
)


def read_script(reader: Reader, block: Block, trackers: Trackers) -> None:
    """vrrp_script."""
    events = reader.events
    stated = reader.read(_SCRIPT, block, {})
    if not _may_add(reader, block, trackers.scripts):
        return
    if "argv" not in stated:
        if reader.events == events:
            reader.problem(block.number, f"vrrp_script {shown(block.name)} needs a script")
        stated["argv"] = ("",)
    interval = float(stated.get("interval", 1))
    weight, reverse = stated.get("weight", (0, False))
    trackers.placed[block.name] = block.number
    trackers.scripts[block.name] = TrackScript(
        block.name,
        Command(stated["argv"], *stated.get("user", ("", ""))),
        interval,
        float(stated.get("timeout", interval)),
        weight,
        reverse,
        stated.get("rise", 1),
        stated.get("fall", 1),
        stated.get("init_fail", False),
    )


def _initial(statement: Statement) -> tuple[int, bool]:
    """[N] [overwrite]."""
    number, overwrite = 0, False
    for word in statement.words[1:]:
        if word == "overwrite":
            overwrite = True
        else:
            number = integer(word, -INT_MAX - 1, INT_MAX)
    return number, overwrite


def _file_table(limit: int) -> Table:
    return Table(
        "track_file",
        {"file": ("path", text), "weight": ("weight", _weight(limit)), "init_file": ("initial", _initial)},
    )


_FILES = {"vrrp_track_file": _file_table(254), "track_file": _file_table(INT_MAX)}


def read_file(reader: Reader, block: Block, trackers: Trackers) -> None:
    """vrrp_track_file, which stock keepalived 2.2 calls track_file."""
    events = reader.events
    stated = reader.read(_FILES[block.head.word], block, {})
    if not _may_add(reader, block, trackers.files):
        return
    if "path" not in stated and reader.events == events:
        reader.problem(block.number, f"{block.head.word} {shown(block.name)} needs a file")
    weight, reverse = stated.get("weight", (1, False))
    initial, overwrite = stated.get("initial", (None, False))
    trackers.files[block.name] = TrackFile(block.name, stated.get("path", ""), weight, reverse, initial, overwrite)


def _process(statement: Statement) -> tuple[str, ...]:
    value_word(statement)
    return statement.words[1:]


def _param_match(statement: Statement) -> str:
    word = statement.words[1] if len(statement.words) > 1 else "exact"
    if word not in ("exact", "initial", "partial"):
        raise Refused(f"{shown(word)} is neither initial nor partial")
    return word


_PROCESS = Table(
    "vrrp_track_process",
    {
        "process": ("process", _process),
        "param_match": ("param_match", _param_match),
        "weight": ("weight", _weight(254)),
        "quorum": ("quorum", Integer(1, 65535)),
        "quorum_max": ("quorum_max", Integer(0, 65535)),
        "delay": ("delay_s", _DELAY),
        "terminate_delay": ("terminate_delay_s", _DELAY),
        "fork_delay": ("fork_delay_s", _DELAY),
        "full_command": ("full_command", flag),
    },
)


def read_process(reader: Reader, block: Block, trackers: Trackers) -> None:
    """vrrp_track_process."""
    events = reader.events
    stated = reader.read(_PROCESS, block, {})
    if not _may_add(reader, block, trackers.processes):
        return
    if "process" not in stated and reader.events == events:
        reader.problem(block.number, f"vrrp_track_process {shown(block.name)} needs a process")
    quorum_max: int | None = stated.get("quorum_max")
    quorum = stated.get("quorum", 0 if quorum_max == 0 else 1)
    if quorum_max is not None and quorum_max < quorum:
        reader.problem(block.number, f"quorum {quorum} is above quorum_max {quorum_max}")
    process, *arguments = stated.get("process", ("",))
    weight, reverse = stated.get("weight", (0, False))
    delay: float = stated.get("delay_s", 0.0)
    match = stated.get("param_match", "exact" if arguments else "")
    trackers.processes[block.name] = TrackProcess(
        block.name,
        process,
        tuple(arguments),
        match,
        bool(match) or stated.get("full_command", False),
        weight,
        reverse,
        quorum,
        quorum_max,
        delay,
        stated.get("terminate_delay_s", delay),
        stated.get("fork_delay_s", delay),
    )


def _may_add(reader: Reader, block: Block, defined: object) -> bool:
    assert isinstance(defined, dict)
    if not block.name:
        reader.problem(block.number, f"{block.head.word} needs a name")
    elif block.name in defined:
        reader.warn(block.number, f"{block.head.word} {shown(block.name)} stands twice, the first one counts")
    else:
        return True
    return False


TRACKER_READERS: dict[str, Callable[[Reader, Block, Trackers], None]] = {
    "vrrp_script": read_script,
    "vrrp_track_file": read_file,
    "track_file": read_file,
    "vrrp_track_process": read_process,
}

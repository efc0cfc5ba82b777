"""From the tree of keyword lines to values by keyword, with the notes and problems met on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from dataclasses import replace as with_changes

from xdpvs.config.dpvs_conf.keywords import BLOCK_AT, KEYWORD_AT, NAME_MAX, Keyword, When
from xdpvs.config.dpvs_conf.notes import Note, Place, Problem, Severity
from xdpvs.config.dpvs_conf.syntax import Node
from xdpvs.config.dpvs_conf.values import MissingValueError, Parsed, Value, text_value

_DEVICE, _BONDING, _WORKER = "netif_defs/device", "netif_defs/bonding", "worker_defs/worker"
# Opening one of these again forgets what an earlier one of its kind said (DPVS: the handlers of these blocks).
_REOPENING_DROPS = {"netif_defs": (_DEVICE, _BONDING), "worker_defs": (_WORKER,)}


@dataclass(slots=True)
class Scope:
    """Values by keyword path: the file's, or those of one named block. Named blocks inside are listed by block path."""

    name: str = ""
    values: dict[str, Value] = field(default_factory=dict)
    named: dict[str, list[Scope]] = field(default_factory=dict)

    def value(self, keyword: Keyword) -> Value:
        return self.values.get(keyword.path, keyword.kind.default)

    def inside(self, block: str) -> list[Scope]:
        return self.named.get(block, [])


@dataclass(slots=True)
class Collector:
    """Walks the tree; what it gathers is in its fields."""

    root: Scope = field(default_factory=Scope)
    stated: dict[str, Place] = field(default_factory=dict)
    """Paths of blocks and keywords the file has, with the line of the last."""
    notes: list[Note] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def walk(self, nodes: list[Node] | tuple[Node, ...], scopes: tuple[Scope, ...]) -> None:
        """Take the lines of one level; scopes are the file and the named blocks around it."""
        for node in nodes:
            path = "/".join(node.path)
            if path in BLOCK_AT:
                self._block(path, node, scopes)
            else:
                self._keyword(KEYWORD_AT[path], node, scopes)

    def _block(self, path: str, node: Node, scopes: tuple[Scope, ...]) -> None:
        self._reset(path, node)
        self.stated[path] = node.place
        if not BLOCK_AT[path].named:
            self.walk(node.children, scopes)
            return
        scope = Scope(self._name(path, node))
        siblings = scopes[-1].named.setdefault(path, [])
        if any(sibling.name == scope.name for sibling in siblings):
            self._warn(path, f"{node.words[0]} {scope.name} stands twice ({node.place})", init_only=True)
        siblings.append(scope)
        self.walk(node.children, (*scopes, scope))

    def _reset(self, path: str, node: Node) -> None:
        for dropped in _REOPENING_DROPS.get(path, ()):
            if self.root.named.pop(dropped, None):
                kind = dropped.rpartition("/")[2]
                self._warn(path, f"{node.place}: {path} again, the {kind} blocks before it are dropped", init_only=True)
        if path == "global_defs":
            for keyword in KEYWORD_AT.values():
                if keyword.when is When.KEPT_WITHOUT_BLOCK:
                    self.root.values.pop(keyword.path, None)

    def _name(self, path: str, node: Node) -> str:
        try:
            name = text_value(node.words)
        except MissingValueError:
            name = ""
        if not name:
            self._problem(node, f"{node.words[0]} needs a name")
        elif len(name) > NAME_MAX:
            self._problem(node, f"name of {node.words[0]} is longer than {NAME_MAX} characters")
        return name

    def _keyword(self, keyword: Keyword, node: Node, scopes: tuple[Scope, ...]) -> None:
        try:
            parsed = keyword.kind.parse(node.words)
        except MissingValueError as error:
            self._problem(node, f"{keyword.name} {error}")
            return
        label = ":".join([scope.name for scope in scopes[1:]] + [keyword.label])
        init_only = keyword.when is When.INIT
        if keyword.section == "bonding" and not parsed.complaint:
            parsed = self._member(keyword, parsed, scopes)
        if parsed.complaint:
            self._warn(keyword.block, f"invalid {label} {parsed.complaint} ({node.place})", init_only=init_only)
        if not parsed.stored:
            return
        scopes[-1].values[keyword.path] = parsed.value
        self.stated[keyword.path] = node.place
        if not parsed.complaint:
            self._tell(keyword.block, f"{label} = {parsed.shown}", init_only=init_only)

    def _member(self, keyword: Keyword, parsed: Parsed, scopes: tuple[Scope, ...]) -> Parsed:
        """A bond's slave or primary: a device named earlier, else skipped; slaves add up."""
        if keyword.name not in ("slave", "primary"):
            return parsed
        if parsed.value not in [device.name for device in self.root.inside(_DEVICE)]:
            return Parsed(None, "", f"{parsed.value}, skipped: no such device before it", stored=False)
        if keyword.name == "primary":
            return parsed
        before = scopes[-1].values.get(keyword.path)
        slaves = tuple(map(str, before)) if isinstance(before, tuple) else ()
        return with_changes(parsed, value=(*slaves, str(parsed.value)))

    def _tell(self, block: str, message: str, *, init_only: bool) -> None:
        self.notes.append(Note(BLOCK_AT[block].topic, message, Severity.INFO, init_only))

    def _warn(self, block: str, message: str, *, init_only: bool) -> None:
        self.notes.append(Note(BLOCK_AT[block].topic, message, Severity.WARNING, init_only))

    def _problem(self, node: Node, message: str) -> None:
        self.problems.append(Problem(node.place, message))

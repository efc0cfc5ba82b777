"""`/ipset`: sets of addresses. The data plane has none yet, so what is well-formed is answered 501."""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import Field

from xdpvs.agent.answer import Answer, Refused
from xdpvs.agent.body import Body, OneOf, Text, Uint16, Uint32
from xdpvs.agent.call import Call
from xdpvs.agent.control import Control
from xdpvs.agent.ipset_grammar import TYPES, BadEntry, Entry, check_member, check_range, parse_entry
from xdpvs.api.ids import Kind, MessageId

_REQUEST_BYTES = 208
_COUNT_BYTES = 4

Type = Annotated[str, OneOf(tuple(TYPES), required=True)]
ShortText = Annotated[str, Field(min_length=1, max_length=32)]
AddressFamily = Annotated[str, OneOf(("ipv4", "ipv6"))]


class IpsetOption(Body):
    """How an entry is treated."""

    force: bool = Field(False, alias="Force")
    no_match: bool = Field(False, alias="NoMatch")


class IpsetMember(Body):
    """An entry of a set."""

    entry: Text = Field(alias="Entry")
    comment: ShortText | None = Field(None, alias="Comment")
    options: IpsetOption | None = Field(None, alias="Options")


class IpsetCreationOption(Body):
    """How a set is made."""

    family: AddressFamily = Field("", alias="Family")
    comment: bool = Field(False, alias="Comment")
    hash_size: Uint32 = Field(0, alias="HashSize")
    hash_max_elements: Uint32 = Field(0, alias="HashMaxElem")
    range: Text = Field("", alias="Range")


class IpsetInfo(Body):
    """A set, or members of one."""

    type: Type = Field(alias="Type")
    name: ShortText = Field(alias="Name")
    opcode: Uint16 = Field(0, alias="Opcode", description="ignored")
    creation_options: IpsetCreationOption | None = Field(None, alias="CreationOptions")
    entries: list[IpsetMember] | None = Field(None, alias="Entries")


class IpsetCell(Body):
    """An entry to be looked for."""

    type: Type = Field(alias="Type")
    member: IpsetMember = Field(alias="Member")


class Ipsets:
    """Handlers of sets."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def list_all(self, _call: Call) -> Answer:
        """GET /ipset."""
        request = bytes(_REQUEST_BYTES)
        body = self._control.read(
            "ipsets", lambda: self._control.client.call_raw(MessageId.IPSET_LIST, Kind.GET, request), unreachable=500
        )
        if any(body[:_COUNT_BYTES]):
            raise Refused(501, "ipsets of this daemon cannot be listed")
        return Answer(200, {"Infos": None})

    def get(self, call: Call) -> Answer:
        """GET /ipset/{name}: there are none."""
        self.list_all(call)
        raise Refused(404, "EDPVS_NOTEXIST")

    def create(self, call: Call) -> Answer:
        """PUT /ipset/{name}."""
        info = _info(call, "missing ipset param")
        options = info.creation_options or IpsetCreationOption.model_validate({})
        try:
            check_range(info.type, options.range)
        except BadEntry as error:
            raise Refused(400, f"invalid create params: {error}") from None
        raise _not_yet(call)

    def destroy(self, call: Call) -> Answer:
        """DELETE /ipset/{name}."""
        raise _not_yet(call)

    def add_members(self, call: Call) -> Answer:
        """POST /ipset/{name}/member."""
        _members(call, "adding", "AddMember")
        raise _not_yet(call)

    def delete_members(self, call: Call) -> Answer:
        """DELETE /ipset/{name}/member."""
        _members(call, "deleting", "DelMember")
        raise _not_yet(call)

    def replace_members(self, call: Call) -> Answer:
        """PUT /ipset/{name}/member: an empty list flushes."""
        _members(call, "replacing", "ReplaceMember", may_be_empty=True)
        raise _not_yet(call)

    def test(self, call: Call) -> Answer:
        """POST /ipset/{name}/cell."""
        cell = cast(IpsetCell | None, call.body)
        if cell is None:
            raise Refused(400, "missing ipset entry")
        entry = _entry(cell.type, cell.member, "invalid member")
        if any(not net.single for net in entry.nets) and "net" not in TYPES[cell.type]:
            raise Refused(400, "invalid param: Cidr set in IPSET_OP_TEST (IsIn)")
        raise Refused(404, "EDPVS_NOTEXIST")


def _not_yet(call: Call) -> Refused:
    return Refused(501, f"ipset {call.path['name']}: ipsets are not supported by the data plane")


def _info(call: Call, missing: str) -> IpsetInfo:
    info = cast(IpsetInfo | None, call.body)
    if info is None:
        raise Refused(400, missing)
    if info.name != call.path["name"]:
        raise Refused(400, "ipset name mismatch")
    return info


def _members(call: Call, doing: str, operation: str, *, may_be_empty: bool = False) -> list[Entry]:
    info = _info(call, "missing ipset entry")
    if info.creation_options is not None:
        raise Refused(400, f"CreationOptions set in {doing} member")
    if not info.entries and not may_be_empty:
        raise Refused(400, f"build {operation} param failed: No Entries found in IpsetInfo model")
    entries = []
    for number, member in enumerate(info.entries or []):
        entry = _entry(info.type, member, f"build {operation} param failed: Entries.{number}")
        try:
            check_member(info.type, entry)
        except BadEntry as error:
            raise Refused(400, f"{operation} params check failed: Entries.{number}: {error}") from None
        entries.append(entry)
    return entries


def _entry(kind: str, member: IpsetMember, what: str) -> Entry:
    try:
        return parse_entry(kind, member.entry)
    except BadEntry as error:
        raise Refused(400, f"{what}: {error}") from None

"""JSON bodies: keys in any case, `null` for absent, strict types, and which errors go-openapi would name."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

from xdpvs.agent.answer import Malformed

B = TypeVar("B", bound="Body")

_ENUM, _MISSING = "one_of", "missing"
_CODES = {_ENUM: 606, _MISSING: 602, "string_too_long": 603, "string_too_short": 604}
"""go-openapi's codes of what is answered 422; everything else is 400."""


class Body(BaseModel):
    """Base of all bodies. Aliases are the keys as upstream writes them; unknown ones are collected in the context."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _any_case(cls, data: object, info: ValidationInfo) -> object:
        if not isinstance(data, dict):
            return data
        names = _names(cls)
        found: dict[str, object] = {}
        for key, value in data.items():
            name = names.get(key.casefold())
            if name is None:
                if info.context is not None:
                    info.context.append(key)
            elif value is not None:
                found[name] = value
        return found


@functools.cache
def _names(model: type[Body]) -> dict[str, str]:
    aliases = [field.alias or name for name, field in model.model_fields.items()]
    return {alias.casefold(): alias for alias in aliases}


def _text(value: str) -> str:
    """Unpaired surrogates cannot be written anywhere; Go replaces them as well."""
    return value.encode("utf-8", "replace").decode("utf-8")


Text = Annotated[str, AfterValidator(_text)]
Uint16 = Annotated[int, Field(ge=0, le=0xFFFF)]
Uint32 = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]


@dataclass(frozen=True, slots=True)
class OneOf:
    """Annotates a string as an enumeration: case matters, and the empty string is the same as absent.

    `also` are words that are taken but not named in messages.
    """

    words: tuple[str, ...]
    also: tuple[str, ...] = ()
    required: bool = False

    @property
    def accepted(self) -> tuple[str, ...]:
        """Every string that passes."""
        return (*self.words, *self.also, *(() if self.required else ("",)))

    def check(self, value: str) -> str:
        """Refuse what is none of the words."""
        if self.required and not value:
            raise PydanticCustomError(_MISSING, "required")
        if value not in self.accepted:
            raise PydanticCustomError(_ENUM, "should be one of [{words}]", {"words": " ".join(self.words)})
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "enum": list(self.accepted)}


def parse_json(raw: bytes, name: str) -> object:
    """A body's value; name is what upstream calls the parameter."""
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_last_wins, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Malformed(f'parsing {name} body from "" failed, because {what}') from None


def _last_wins(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        # Taken out first, so that the last of several spellings also comes last.
        found.pop(key, None)
        found[key] = value
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def parse_body(model: type[B], raw: bytes, name: str) -> tuple[B, list[str]]:
    """The body and the keys nobody knows; Malformed names the first field that is wrong."""
    value = parse_json(raw, name)
    unknown: list[str] = []
    try:
        return model.model_validate({} if value is None else value, context=unknown), unknown
    except ValidationError as error:
        raise _malformed(error.errors()[0], name) from None


def _malformed(error: ErrorDetails, name: str) -> Malformed:
    field = ".".join(str(part) for part in error["loc"])
    code = _CODES.get(error["type"])
    if code == _CODES[_MISSING]:
        return Malformed(f"{field} in body is required", 422, code)
    if code is not None:
        return Malformed(f"{field} in body {_lower(error['msg'])}", 422, code)
    where = f"{field}: " if field else ""
    return Malformed(f'parsing {name} body from "" failed, because {where}{_lower(error["msg"])}')


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]

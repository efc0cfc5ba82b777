"""One request as its handler gets it, and the parameters an endpoint may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xdpvs.agent.answer import Answer, Malformed
from xdpvs.agent.body import Body

Handler = Callable[["Call"], Answer]

_TRUE = frozenset({"true", "1", "t", "yes", "y", "on", "ok", "checked", "selected", "enabled"})


@dataclass(frozen=True, slots=True)
class Call:
    """Path parameters decoded, query parameters read as declared, the body validated; None: there was none."""

    path: Mapping[str, str]
    query: Mapping[str, object] = field(default_factory=dict)
    body: Body | None = None

    def flag(self, name: str) -> bool:
        """A boolean of the query."""
        return bool(self.query[name])

    def text(self, name: str) -> str:
        """A string of the query."""
        return str(self.query[name])

    def number(self, name: str) -> int:
        """A number of the query."""
        value = self.query[name]
        assert isinstance(value, int)
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean as upstream reads it: some words are true, everything else is false, and nothing an error."""

    name: str
    default: bool = False
    description: str = ""

    def read(self, text: str | None) -> bool:
        """The value of a query."""
        return self.default if text is None else text.lower() in _TRUE

    def schema(self) -> dict[str, object]:
        """For the OpenAPI document."""
        return {"type": "boolean", "default": self.default}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words; absent or empty it is the default."""

    name: str
    words: tuple[str, ...]
    default: str
    description: str = ""

    def read(self, text: str | None) -> str:
        """The value of a query."""
        if not text:
            return self.default
        if text not in self.words:
            raise Malformed(f"{self.name} in query should be one of [{' '.join(self.words)}]", 422, 606)
        return text

    def schema(self) -> dict[str, object]:
        """For the OpenAPI document."""
        return {"type": "string", "enum": list(self.words), "default": self.default}


@dataclass(frozen=True, slots=True)
class Required:
    """A string that must be there."""

    name: str
    description: str = ""

    def read(self, text: str | None) -> str:
        """The value of a query."""
        if not text:
            raise Malformed(f"{self.name} in query is required", 422, 602)
        return text

    def schema(self) -> dict[str, object]:
        """For the OpenAPI document."""
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class Number:
    """A number within bounds."""

    name: str
    default: int
    least: int
    most: int
    description: str = ""

    def read(self, text: str | None) -> int:
        """The value of a query."""
        if not text:
            return self.default
        if not text.isascii() or not text.isdigit() or len(text) > 20 or not self.least <= int(text) <= self.most:
            raise Malformed(f"{self.name} in query should be a number from {self.least} to {self.most}", 422, 601)
        return int(text)

    def schema(self) -> dict[str, object]:
        """For the OpenAPI document."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most, "default": self.default}


Parameter = Flag | Choice | Required | Number

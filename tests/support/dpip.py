"""Runs dpip in-process against a client that records its calls and answers from a table."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from xdpvs.api.client import Client
from xdpvs.dpip.command import Environment
from xdpvs.dpip.main import main


@dataclass(slots=True)
class FakeClient:
    """Has every method of Client: a call is recorded; the answer listed for it is returned, or raised if an exception.

    Without an answer the method returns an empty list.
    """

    answers: dict[str, object] = field(default_factory=dict)
    calls: list[tuple[str, tuple[object, ...], dict[str, object]]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., object]:
        assert hasattr(Client, name), f"Client has no method {name}"

        def method(*args: object, **kwargs: object) -> object:
            self.calls.append((name, args, kwargs))
            answer = self.answers.get(name, [])
            if isinstance(answer, Successive):
                answer = answer.items.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return method


@dataclass(slots=True)
class Successive:
    """Answers of one method, call by call."""

    items: list[object]


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    rc: int
    stdout: str
    stderr: str
    calls: list[tuple[str, tuple[object, ...], dict[str, object]]]
    slept: list[float]


def dpip(line: str, *, program: str = "dpip", posixly_correct: bool = False, **answers: Any) -> Result:
    """Run `dpip LINE`; keywords are the fake client's answers by method name."""
    stdout, stderr = io.StringIO(), io.StringIO()
    client = FakeClient(answers)
    slept: list[float] = []
    env = Environment(stdout, stderr, lambda: cast(Client, client), slept.append, posixly_correct)
    rc = main([program, *line.split()], env)
    return Result(rc, stdout.getvalue(), stderr.getvalue(), client.calls, slept)

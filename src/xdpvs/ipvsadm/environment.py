"""All that ipvsadm touches outside itself."""

from __future__ import annotations

from dataclasses import dataclass

from xdpvs.ipvsadm.names import Endpoints, Resolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BufferedIOBase
    from typing import TextIO

    from xdpvs.api.client import Client


@dataclass(frozen=True, slots=True)
class Environment:
    """stdin is bytes, because `-R` acts on whatever has arrived."""

    stdin: BufferedIOBase
    stdout: TextIO
    stderr: TextIO
    client: Client
    resolver: Resolver

    def complain(self, line: str) -> None:
        """A line on stderr."""
        self.stderr.write(f"{line}\n")

    def endpoints(self, *, numeric: bool) -> Endpoints:
        """How addresses are to be written."""
        return Endpoints(None if numeric else self.resolver)

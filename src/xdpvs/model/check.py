"""Health checks: what to ask of a server, where, and what came of it.

A check says what one attempt does and when it counts as good; how often attempts are made and how many of them decide
belongs to who runs them (keepalived's and healthcheck's rules differ). Times are seconds.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from xdpvs.model.address import IPAddress
from xdpvs.model.service import ProxyProtocol


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a check goes, and through which source. port is 0 where the check has none (ping)."""

    address: IPAddress
    port: int = 0
    source: IPAddress | None = None
    source_port: int = 0
    device: str = ""
    """Kernel interface to bind to."""
    fwmark: int = 0


@dataclass(frozen=True, slots=True)
class NoCheck:
    """Always good."""


@dataclass(frozen=True, slots=True)
class TcpCheck:
    """Good when connected; with `receive`, when exactly those bytes come after `send`."""

    send: bytes = b""
    receive: bytes = b""
    proxy: ProxyProtocol = ProxyProtocol.OFF


@dataclass(frozen=True, slots=True)
class UdpCheck:
    """One datagram. ICMP port unreachable is bad; silence is good unless a reply is required.

    A reply is good if its length is in [min_length, max_length] and it starts with `receive`, compared over the
    shorter of the two (DPVS keepalived's UDP_CHECK).
    """

    send: bytes = b""
    receive: bytes = b""
    require_reply: bool = False
    min_length: int = 0
    max_length: int = 65535
    proxy: ProxyProtocol = ProxyProtocol.OFF


@dataclass(frozen=True, slots=True)
class PingCheck:
    """ICMP or ICMPv6 echo; size is the whole ICMP message in bytes."""

    size: int = 64


@dataclass(frozen=True, slots=True)
class UdpPingCheck:
    """Ping first, then with the time that is left the UDP check."""

    udp: UdpCheck = UdpCheck()
    ping: PingCheck = PingCheck()


class HttpVersion(enum.Enum):
    """How keepalived's http_protocol names them; 1.0C is HTTP/1.0 with `Connection: close`."""

    HTTP_1_0 = "1.0"
    HTTP_1_0C = "1.0c"
    HTTP_1_1 = "1.1"


@dataclass(frozen=True, slots=True)
class BodyRegex:
    """A regular expression (Python's `re` stands in for PCRE) looked for in the body from offset on."""

    pattern: str
    flags: int = 0
    negate: bool = False
    min_offset: int = 0
    max_offset: int | None = None


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """One request. Good if status, digest, prefix and regex, where given, all agree. Redirects are not followed."""

    path: str = "/"
    method: str = "GET"
    host: str = ""
    """Host header; empty: the endpoint's address and port."""
    version: HttpVersion = HttpVersion.HTTP_1_1
    headers: tuple[tuple[str, str], ...] = ()
    user_agent: str = "KeepAliveClient"
    request_body: bytes = b""
    status: tuple[tuple[int, int], ...] = ((200, 299),)
    """Accepted codes as inclusive ranges."""
    md5: str = ""
    """Hex digest the body must have."""
    body_prefix: bytes = b""
    regex: BodyRegex | None = None
    read_to_end: bool = False
    """keepalived's HTTP_GET: a response has to be whole even if nothing in its body matters, and the time-out counts
    anew from each piece of it, up to ten times in all. Otherwise status, and prefix, decide as soon as they are known.
    """
    tls: bool = False
    tls_verify: bool = False
    tls_sni: str = ""
    proxy: ProxyProtocol = ProxyProtocol.OFF


@dataclass(frozen=True, slots=True)
class DnsCheck:
    """One query over UDP; any response with rcode 0 is good."""

    name: str = "."
    record_type: str = "SOA"


@dataclass(frozen=True, slots=True)
class SmtpCheck:
    """Banner 220, HELO 250, QUIT 221."""

    helo_name: str = "smtpchecker.keepalived.org"


@dataclass(frozen=True, slots=True)
class ScriptCheck:
    """A program without a shell. Exit status 0 is good; with dynamic, 2…255 is good too and sets weight − 2."""

    argv: tuple[str, ...]
    user: str = ""
    group: str = ""
    dynamic: bool = False


@dataclass(frozen=True, slots=True)
class FileCheck:
    """The number in a file, times weight, is added to the server's weight; a missing file changes nothing."""

    path: str
    weight: int = 1


Check = (
    NoCheck
    | TcpCheck
    | UdpCheck
    | PingCheck
    | UdpPingCheck
    | HttpCheck
    | DnsCheck
    | SmtpCheck
    | ScriptCheck
    | FileCheck
)


class Verdict(enum.Enum):
    """What one attempt says; UNDECIDED where this host, not the server, was at fault (no socket, bad bind)."""

    GOOD = "good"
    BAD = "bad"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt. reason is for the log; timed_out tells silence from refusal."""

    verdict: Verdict
    reason: str = ""
    timed_out: bool = False
    weight: int | None = None
    """Set by dynamic scripts and files."""
    duration_s: float = 0.0

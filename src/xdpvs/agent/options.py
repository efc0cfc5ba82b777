"""The command line, as go-flags reads it upstream: `--name=value` or `--name value`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, TextIO

from xdpvs.agent.control import TIMEOUT_S

SCHEMES = ("http", "https", "unix")
INIT_MODES = ("network", "local")

_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|ns))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)")
_SIZE = re.compile(r"(\d+)\s*([kKmMgG]?)(i?)[bB]?")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3}


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """Where https listens and who it is; what is empty is the plain option's."""

    host: str = ""
    port: int = 0
    certificate: str = ""
    key: str = ""
    ca: str = ""
    listen_limit: int = 0
    keep_alive_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    log_dir: str
    ipc_path: str | None
    ipc_timeout_s: float
    host: str
    port: int
    schemes: tuple[str, ...]
    socket_path: str
    graceful_timeout_s: float
    max_header_bytes: int
    max_body_bytes: int
    listen_limit: int
    keep_alive_s: float
    read_timeout_s: float
    tls: TlsOptions
    init_mode: str
    cache_file: str
    token_file: str
    strict: bool


class UsageError(Exception):
    """A command line that is wrong; usage is printed before it."""

    def __init__(self, message: str, usage: str) -> None:
        super().__init__(message)
        self.usage = usage


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, self.format_usage())


def parse_duration(text: str) -> float:
    """Seconds of a Go duration (`1m30s`, `500ms`)."""
    if text == "0":
        return 0.0
    if _DURATION.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 30s or 1m30s")
    return sum(float(number) * _UNITS_S[unit] for number, unit in _DURATION_PART.findall(text))


def parse_size(text: str) -> int:
    """Bytes of a size (`1MiB`, `64KB`, `4096`)."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 1MiB")
    number, power, binary = found.groups()
    factor = 1024 if binary else 1000
    return int(number) * int(factor ** _POWERS[power.lower()])


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 0xFFFF:
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return int(text)


def _parser(environment: Mapping[str, str]) -> _Parser:
    get = environment.get
    parser = _Parser(prog="dpvs-agent", description="DPVS's HTTP API.", allow_abbrev=False)
    add = parser.add_argument
    add("--log-dir", default="/var/log/", metavar="DIR", help="log files; /var/log/ if it is no directory")
    add("--ipc-sockopt-path", default=None, metavar="SOCKET", help="the daemon's control socket")
    add("--ipc-timeout", type=parse_duration, default=TIMEOUT_S, metavar="TIME", help="of each read from it (10s)")
    add("--init-mode", default="network", metavar="MODE", help="network, or local: load the cache file into the daemon")
    add("--cache-file", default="", metavar="FILE", help="versions and operator's weights (LOGDIR/conf.d/dpvs.cache)")
    add("--auth-token-file", default="", metavar="FILE", help="require the bearer token in FILE (mode 600)")
    add("--strict", action="store_true", help="refuse unknown fields in bodies")
    add("--scheme", action="append", choices=SCHEMES, help="listeners, repeatable (http)")
    add("--host", default=get("HOST") or "localhost", help="address to listen on (localhost)")
    add("--port", type=_port, default=get("PORT") or "0", help="port to listen on, 0: any, told on stderr")
    add("--socket-path", default="/var/run/dpvs-agent.sock", metavar="SOCKET", help="for scheme unix")
    add("--cleanup-timeout", type=parse_duration, default=10.0, metavar="TIME", help="accepted, without effect")
    add("--graceful-timeout", type=parse_duration, default=15.0, metavar="TIME", help="for requests at the end (15s)")
    add("--max-header-size", type=parse_size, default=1 << 20, metavar="SIZE", help="request line and headers (1MiB)")
    add("--max-body-size", type=parse_size, default=4 << 20, metavar="SIZE", help="of bodies (4MiB)")
    add("--listen-limit", type=_count, default=0, metavar="N", help="connections at once, 0: any number")
    add("--keep-alive", type=parse_duration, default=180.0, metavar="TIME", help="of idle connections (3m)")
    add("--read-timeout", type=parse_duration, default=30.0, metavar="TIME", help="for a body to arrive (30s)")
    add("--write-timeout", type=parse_duration, default=60.0, metavar="TIME", help="accepted, without effect")
    add("--tls-host", default=get("TLS_HOST") or "", help="for scheme https (that of --host)")
    add("--tls-port", type=_port, default=get("TLS_PORT") or "0", help="for scheme https, 0: any")
    add("--tls-certificate", default=get("TLS_CERTIFICATE") or "", metavar="FILE", help="PEM, with its chain")
    add("--tls-key", default=get("TLS_PRIVATE_KEY") or "", metavar="FILE", help="PEM")
    add("--tls-ca", default=get("TLS_CA_CERTIFICATE") or "", metavar="FILE", help="require clients' certificates of it")
    add("--tls-listen-limit", type=_count, default=0, metavar="N", help="as --listen-limit")
    add("--tls-keep-alive", type=parse_duration, default=0.0, metavar="TIME", help="as --keep-alive")
    add("--tls-read-timeout", type=parse_duration, default=0.0, metavar="TIME", help="accepted, without effect")
    add("--tls-write-timeout", type=parse_duration, default=0.0, metavar="TIME", help="accepted, without effect")
    return parser


def parse(argv: Sequence[str], environment: Mapping[str, str], stdout: TextIO) -> Options | None:
    """The options, None after --help; UsageError if they are wrong."""
    parser = _parser(environment)
    if any(word in ("-h", "--help") for word in argv):
        parser.print_help(stdout)
        return None
    given = parser.parse_args(list(argv))
    schemes = tuple(dict.fromkeys(given.scheme or ["http"]))
    if "https" in schemes and not (given.tls_certificate and given.tls_key):
        raise UsageError("scheme https needs --tls-certificate and --tls-key", parser.format_usage())
    mode = given.init_mode.lower()
    local = mode == "local"
    return Options(
        log_dir=given.log_dir,
        ipc_path=given.ipc_sockopt_path,
        ipc_timeout_s=given.ipc_timeout,
        host="127.0.0.1" if local else given.host,
        port=given.port,
        schemes=schemes,
        socket_path=given.socket_path,
        graceful_timeout_s=given.graceful_timeout,
        max_header_bytes=given.max_header_size,
        max_body_bytes=given.max_body_size,
        listen_limit=given.listen_limit,
        keep_alive_s=given.keep_alive,
        read_timeout_s=given.read_timeout,
        tls=TlsOptions(
            "127.0.0.1" if local else given.tls_host,
            given.tls_port,
            given.tls_certificate,
            given.tls_key,
            given.tls_ca,
            given.tls_listen_limit,
            given.tls_keep_alive,
        ),
        init_mode=mode if mode in INIT_MODES else "network",
        cache_file=given.cache_file,
        token_file=given.auth_token_file,
        strict=given.strict,
    )

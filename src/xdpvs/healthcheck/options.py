"""The command line of both generations: which one is spoken, and with what values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdpvs.healthcheck.flags import Flag, FlagError, Generation, Value, parse_flags, usage

PROGRAM = "healthcheck"

_A, _C = Generation.A, Generation.C

FLAGS: tuple[Flag, ...] = (
    Flag("lb_iface_addr", "localhost:53225", "dpvs-agent's address, HOST:PORT or a URL", _A),
    Flag("lb_iface_type", "dpvs-agent", "the only value there is", _A),
    Flag("lb_auto_method", True, "check services that name no method: TCP by tcp, UDP by udpping", _A),
    Flag("fetch_interval", 15.0, "time between two fetches of the services", _A),
    Flag("notify_interval", 15.0, "time between two reports of a verdict that is not confirmed", _A),
    Flag("check_interval", 3.0, "time between two checks of a server", _A),
    Flag("check_timeout", 1.0, "time one check may take", _A),
    Flag("check_retry", 1, "failures in a row that a healthy server may have", _A),
    Flag("channel_size", 1000, "accepted for compatibility", _A),
    Flag("dry_run", False, "check nothing, take every server for healthy", _A),
    Flag("dpvs-agent-addr", ":8082", "dpvs-agent's address, HOST:PORT or a URL", _C),
    Flag("dpvs-service-list-interval", 15.0, "time between two fetches of the services", _C),
    Flag("config-file", "/etc/healthcheck.conf", "YAML file with methods and actions", _C),
    Flag("config-reload-interval", 53.0, "time between two looks at the file", _C),
    Flag("metric-server-addr", ":6601", "address of the HTTP server; without a host only this one's loopback", _C),
    Flag("metric-server-uri", "/metrics", "path of the statistics", _C),
    Flag("conf-uri", "/conf", "path of the configuration in force", _C),
    Flag("conf-check-uri", "/conf/check", "path that checks the configuration file", _C),
    Flag("metric-delay", 2.0, "accepted for compatibility", _C),
    Flag("checker-notify-channel-size", 100, "accepted for compatibility", _C),
    Flag("vs-notify-channel-size", 100, "accepted for compatibility", _C),
    Flag("metric-notify-channel-size", 1000, "accepted for compatibility", _C),
    Flag("status-addr", "", "address of the HTTP server, in both generations (xdpvs)"),
    Flag("auth-token-file", "", "file with the bearer token dpvs-agent wants (xdpvs)"),
    Flag("agent-ca-file", "", "certificates to trust where the agent's URL is https (xdpvs)"),
    Flag("debug", False, "log more"),
    Flag("log_dir", "", "directory of the log files; without it the log goes to stderr"),
    Flag("logtostderr", False, "log to stderr instead of files"),
    Flag("alsologtostderr", False, "log to stderr and to files"),
    Flag("stderrthreshold", "ERROR", "what goes to stderr besides the files: INFO, WARNING, ERROR or FATAL"),
    Flag("v", 0, "log more from 1 on"),
    Flag("vmodule", "", "accepted for compatibility"),
    Flag("log_backtrace_at", "", "accepted for compatibility"),
    Flag("log_link", "", "accepted for compatibility"),
    Flag("logbuflevel", 0, "accepted for compatibility"),
)

_TITLES = {_A: "As v1.9", _C: "As v1.10, if one of these is given", None: "Both"}
_LEVELS = {"INFO": 0, "WARNING": 1, "ERROR": 2, "FATAL": 3}
_MIN_INTERVAL_S = 0.01
_INTERVALS = (
    *("fetch_interval", "notify_interval", "check_interval", "check_timeout"),
    *("dpvs-service-list-interval", "config-reload-interval"),
)


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Where the log goes. stderr_threshold is glog's: 0 INFO to 3 FATAL."""

    directory: str = ""
    to_stderr: bool = False
    also_to_stderr: bool = False
    stderr_threshold: int = 2
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """The command line. The check_ and notify_ values, auto_method and dry_run are generation A's."""

    generation: Generation
    agent_url: str
    fetch_interval_s: float
    auto_method: bool
    notify_interval_s: float
    check_interval_s: float
    check_timeout_s: float
    check_retry: int
    dry_run: bool
    config_file: str
    reload_interval_s: float
    status_address: str
    metrics_uri: str
    conf_uri: str
    conf_check_uri: str
    token_file: str
    ca_file: str
    log: LogOptions


def usage_text() -> str:
    """What -help prints."""
    return usage(PROGRAM, FLAGS, _TITLES)


def parse_options(argv: Sequence[str]) -> Options:
    """FlagError says what is wrong; HelpWanted is raised for -help."""
    given = parse_flags(argv, FLAGS)
    generation = _generation(given)
    values: dict[str, Value] = {flag.name: flag.default for flag in FLAGS} | given
    if values["lb_iface_type"] != "dpvs-agent":
        raise FlagError(f'invalid value "{values["lb_iface_type"]}" for flag -lb_iface_type: only dpvs-agent is known')
    a = generation is Generation.A
    for name in (
        "fetch_interval",
        "notify_interval",
        "check_interval",
        "check_timeout",
        "dpvs-service-list-interval",
        "config-reload-interval",
    ):
        if _duration(values, name) < _MIN_INTERVAL_S:
            raise FlagError(f"invalid value for flag -{name}: it must be 10ms or more")
    for name in ("metric-server-uri", "conf-uri", "conf-check-uri"):
        if not _text(values, name).startswith("/"):
            raise FlagError(f'invalid value "{values[name]}" for flag -{name}: a path starts with /')
    agent = "lb_iface_addr" if a else "dpvs-agent-addr"
    default = next(str(flag.default) for flag in FLAGS if flag.name == agent)
    return Options(
        generation=generation,
        agent_url=agent_url(_text(values, agent) or default, agent),
        fetch_interval_s=_duration(values, "fetch_interval" if a else "dpvs-service-list-interval"),
        auto_method=bool(values["lb_auto_method"]),
        notify_interval_s=_duration(values, "notify_interval"),
        check_interval_s=_duration(values, "check_interval"),
        check_timeout_s=_duration(values, "check_timeout"),
        check_retry=int(values["check_retry"]),
        dry_run=bool(values["dry_run"]),
        config_file="" if a else _text(values, "config-file"),
        reload_interval_s=_duration(values, "config-reload-interval"),
        status_address=_text(values, "status-addr") or ("" if a else _text(values, "metric-server-addr")),
        metrics_uri=_text(values, "metric-server-uri"),
        conf_uri=_text(values, "conf-uri"),
        conf_check_uri=_text(values, "conf-check-uri"),
        token_file=_text(values, "auth-token-file"),
        ca_file=_text(values, "agent-ca-file"),
        log=_log(values),
    )


def agent_url(text: str, flag: str) -> str:
    """A base URL without a slash at its end. A host that is left out is this one."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    if scheme not in ("http", "https"):
        raise FlagError(f'invalid value "{text}" for flag -{flag}: neither http nor https')
    rest = rest.rstrip("/")
    host, colon, port = rest.rpartition(":")
    if "/" in rest or "@" in rest or (colon and not port.endswith("]") and not _is_port(port)):
        raise FlagError(f'invalid value "{text}" for flag -{flag}: not HOST:PORT')
    if host.count(":") and not host.startswith("["):
        raise FlagError(f'invalid value "{text}" for flag -{flag}: an IPv6 address stands in brackets')
    return f"{scheme}://127.0.0.1{rest}" if rest.startswith(":") else f"{scheme}://{rest}"


def listen_address(text: str) -> tuple[str, int]:
    """Host and port of HOST:PORT; without a host the loopback's. ValueError otherwise."""
    host, colon, port = text.rpartition(":")
    if not colon or not _is_port(port):
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535


def _generation(given: Mapping[str, Value]) -> Generation:
    named = {generation: _first(given, generation) for generation in Generation}
    if named[_A] and named[_C]:
        raise FlagError(f"-{named[_A]} (v1.9) and -{named[_C]} (v1.10) do not go together")
    return _C if named[_C] else _A


def _first(given: Mapping[str, Value], generation: Generation) -> str:
    return next((flag.name for flag in FLAGS if flag.generation is generation and flag.name in given), "")


def _log(values: Mapping[str, Value]) -> LogOptions:
    level = _text(values, "stderrthreshold").upper()
    number = _LEVELS.get(level, int(level) if level in ("0", "1", "2", "3") else -1)
    if number < 0:
        raise FlagError(f'invalid value "{level}" for flag -stderrthreshold: INFO, WARNING, ERROR or FATAL')
    return LogOptions(
        directory=_text(values, "log_dir"),
        to_stderr=bool(values["logtostderr"]),
        also_to_stderr=bool(values["alsologtostderr"]),
        stderr_threshold=number,
        verbose=bool(values["debug"]) or int(values["v"]) > 0,
    )


def _text(values: Mapping[str, Value], name: str) -> str:
    return str(values[name])


def _duration(values: Mapping[str, Value], name: str) -> float:
    return float(values[name])

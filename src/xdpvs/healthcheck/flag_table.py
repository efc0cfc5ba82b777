"""Every flag of both generations, and ours."""

from __future__ import annotations

from xdpvs.healthcheck.flags import Flag, Generation

PROGRAM = "healthcheck"
DEFAULT_FILE = "/etc/healthcheck.conf"

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
    Flag("config-file", DEFAULT_FILE, "YAML file with methods and actions", _C),
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
    Flag("source-addr", "", "address checks come from; one of each family, with a comma (xdpvs)"),
    Flag("bind-device", "", "network device checks leave by (xdpvs)"),
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

TITLES = {_A: "As v1.9", _C: "As v1.10, if one of these is given", None: "Both"}

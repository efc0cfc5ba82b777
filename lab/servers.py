"""Real servers: nginx for HTTP and an echo server for UDP."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from lab.host import Host
from lab.process import CommandFailed, Process
from lab.wait import wait_until

BIG_SIZE = 1 << 20

_NGINX = """\
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 65536;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 16384; multi_accept on; }}
http {{
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
{listens}
        root {dir}/root;
        location / {{ return 200 "{name}:$server_port\\n"; }}
        location /peer {{ return 200 "$remote_addr $remote_port\\n"; }}
        location /big {{ }}
    }}
}}
"""


def nginx_config(name: str, directory: Path, ports: Sequence[int]) -> str:
    """A server that says its name and port at /, who asks at /peer, and has 1 MiB at /big."""
    listens = [
        f"        listen {port} backlog=4096;\n        listen [::]:{port} ipv6only=on backlog=4096;" for port in ports
    ]
    return _NGINX.format(dir=directory, name=name, listens="\n".join(listens))


def start_http(host: Host, ports: Sequence[int]) -> Process:
    """Start nginx on a host and wait until it listens."""
    directory = host.run_dir / f"{host.name}-nginx"
    (directory / "root").mkdir(parents=True)
    (directory / "root" / "big").write_bytes(bytes(range(256)) * (BIG_SIZE // 256))
    config = directory / "nginx.conf"
    config.write_text(nginx_config(host.name, directory, ports))
    process = host.start("nginx", "nginx", "-e", str(directory / "error.log"), "-p", str(directory), "-c", str(config))
    _await_listening(host, process, ["-t"], ports)
    return process


def start_udp_echo(host: Host, ports: Sequence[int]) -> Process:
    """Start the UDP echo server on a host and wait until it listens."""
    script = Path(__file__).with_name("udp_echo.py")
    process = host.start("udp-echo", sys.executable, "-I", str(script), host.name, *map(str, ports))
    _await_listening(host, process, ["-u"], ports)
    return process


def _await_listening(host: Host, process: Process, kind: Sequence[str], ports: Sequence[int]) -> None:
    def listening() -> bool:
        if not process.running():
            raise CommandFailed(f"{process.argv} ended with {process.exit_status()}\n{process.output()}")
        lines = host.run("ss", "-Hln", *kind).stdout.splitlines()
        open_ports = {line.split()[3].rpartition(":")[2] for line in lines}
        return {str(port) for port in ports} <= open_ports

    wait_until(listening, 10.0, f"{host.name} listens on {ports}")

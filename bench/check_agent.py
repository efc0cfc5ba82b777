"""A stand-in for dpvs-agent that lists thousands of servers on loopback, and those servers, until standard input ends.

A script without imports from the benchmark: `check_agent.py SERVICES SERVERS_EACH`; it prints the agent's port. The
servers differ in their address, 127.0.0.0/8 being all ours, and share a port. A line on standard input ends all of them
at once; when the last has been reported down, the seconds that took are printed.
"""

from __future__ import annotations

import http.server
import json
import os
import socket
import sys
import threading
import time


class Servers:
    """All of them. Who connects is let go at once."""

    def __init__(self, services: int, each: int) -> None:
        self._listener = socket.create_server(("0.0.0.0", 0), backlog=4096)
        self.port: int = self._listener.getsockname()[1]
        self._alive = {
            f"{self.service(number)}/{self.address(number * each + i)}"
            for number in range(services)
            for i in range(each)
        }
        self._lock = threading.Lock()
        self._died_at = 0.0
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def service(number: int) -> str:
        return f"192.0.2.{number % 250 + 1}-{1000 + number}-tcp"

    @staticmethod
    def address(index: int) -> str:
        return f"127.1.{index >> 8 & 255}.{index & 255}"

    def _accept(self) -> None:
        while True:
            try:
                self._listener.accept()[0].close()
            except OSError:
                return

    def die(self) -> None:
        self._died_at = time.monotonic()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def reported(self, service: str, items: list[dict[str, object]]) -> None:
        with self._lock:
            self._alive -= {f"{service}/{item['ip']}" for item in items if item["inhibited"]}
            if not self._alive and self._died_at:
                print(time.monotonic() - self._died_at, flush=True)
                self._died_at = 0.0


def _listing(servers: Servers, services: int, each: int) -> bytes:
    items = []
    for number in range(services):
        specs = []
        for index in range(number * each, (number + 1) * each):
            spec = {"ip": servers.address(index), "port": servers.port, "weight": 100, "inhibited": False}
            specs.append({"Spec": {**spec, "operatorWeight": 100, "mode": "FNAT", "overloaded": False}, "Stats": {}})
        vip, port, _ = servers.service(number).split("-")
        service = {"Addr": vip, "Port": int(port), "Proto": 6, "Version": "1", "RSs": {"Items": specs}}
        items.append(service)
    return json.dumps({"Items": items}).encode()


def serve(services: int, each: int) -> None:
    """Start both and wait."""
    servers = Servers(services, each)
    body = _listing(servers, services, each)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(body)

        def do_PUT(self) -> None:
            report = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(b"")
            servers.reported(self.path.split("/")[3], report["Items"])

        def _answer(self, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Agent(http.server.ThreadingHTTPServer):
        request_queue_size = 128

    agent = Agent(("127.0.0.1", 0), Handler)
    threading.Thread(target=agent.serve_forever, daemon=True).start()
    print(agent.server_address[1], flush=True)
    for _ in sys.stdin:
        servers.die()
    os._exit(0)


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))

"""A stand-in for dpvs-agent that lists thousands of servers on loopback, and those servers, until standard input ends.

A script without imports from the benchmark: `check_agent.py SERVICES SERVERS_EACH`; it prints the agent's port. The
servers differ in their address, 127.0.0.0/8 being all ours, and share a port.
"""

from __future__ import annotations

import http.server
import json
import os
import socket
import sys
import threading


def _accept(listener: socket.socket) -> None:
    while True:
        listener.accept()[0].close()


def _listing(services: int, servers_each: int, port: int) -> bytes:
    items = []
    for number in range(services):
        specs = []
        for server in range(servers_each):
            index = number * servers_each + server
            address = f"127.1.{index >> 8 & 255}.{index & 255}"
            spec = {"ip": address, "port": port, "weight": 100, "operatorWeight": 100, "inhibited": False}
            specs.append({"Spec": spec})
        vip = f"192.0.2.{number % 250 + 1}"
        service = {"Addr": vip, "Port": 1000 + number, "Proto": 6, "Version": "1", "RSs": {"Items": specs}}
        items.append(service)
    return json.dumps({"Items": items}).encode()


def serve(services: int, servers_each: int) -> None:
    """Start both and wait."""
    listener = socket.create_server(("0.0.0.0", 0), backlog=4096)
    threading.Thread(target=_accept, args=(listener,), daemon=True).start()
    body = _listing(services, servers_each, listener.getsockname()[1])

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    agent = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=agent.serve_forever, daemon=True).start()
    print(agent.server_address[1], flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))

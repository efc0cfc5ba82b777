"""healthcheck against servers that are slow or have the wrong certificate; and healthcheck itself killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import trustme

from lab.agent import Agent
from lab.balancer import Balancer
from lab.builder import Lab
from lab.healthcheck import Healthcheck
from lab.process import CommandFailed
from lab.topology import TWO_ARM
from tests.netns.test_healthcheck import FIRST, QUICK, SERVICE, VIP, agent, balancer, wait_down, wait_up, weights
from tests.support.http_servers import HttpServer
from tests.support.netns import wait_until

__all__ = ["agent", "balancer"]

pytestmark = pytest.mark.topology(TWO_ARM)

SLOW_PORT, TLS_PORT = 8081, 8443
_NGINX = """\
daemon off;
user root;
pid {dir}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    default_type text/plain;
    server {{ listen {slow}; limit_rate 1; location / {{ return 200 "slow\\n"; }} }}
    server {{
        listen {tls} ssl;
        ssl_certificate {dir}/cert.pem;
        ssl_certificate_key {dir}/key.pem;
        location / {{ return 200 "secret\\n"; }}
    }}
}}
"""
_CONF = """\
global:
  virtual-address: {{actioner: Blank}}
  virtual-server: {{interval: 200ms, timeout: 1s, action-sync-time: 1s}}
virtual-servers:
  {vip}-TCP-{slow}:
    method: http
    method-params: {{response: slow}}
  {vip}-TCP-{tls}:
    method: http
    method-params: {{https: "yes", tls-verify: "{verify}", response: secret}}
"""


def start_second_nginx(lab: Lab) -> None:
    """A server on rs1 that sends a byte a second, and one with a certificate nobody knows."""
    rs1 = lab.hosts["rs1"]
    directory = lab.run_dir / "second-nginx"
    directory.mkdir()
    certificate = trustme.CA().issue_cert("192.0.2.30")
    certificate.private_key_pem.write_to_path(directory / "key.pem")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(directory / "cert.pem", append=True)
    config = directory / "nginx.conf"
    config.write_text(_NGINX.format(dir=directory, slow=SLOW_PORT, tls=TLS_PORT))
    argv = ("nginx", "-e", str(directory / "error.log"), "-p", str(directory), "-c", str(config))
    lab.on_exit(rs1.start("second-nginx", *argv))
    wait_until(lambda: f":{TLS_PORT} " in rs1.run("ss", "-Hltn").stdout, 10, "the second nginx listens")


def test_a_slow_server_and_one_with_an_unknown_certificate(lab: Lab, balancer: Balancer, agent: Agent) -> None:
    start_second_nginx(lab)
    address = FIRST.partition(":")[0]
    for port in (SLOW_PORT, TLS_PORT):
        service = f"/v2/vs/{VIP}-{port}-tcp"
        assert agent.call("PUT", service, {"SchedName": "rr"}).status == 201
        assert agent.call("PUT", f"{service}/laddr", {"device": "dpdk1", "addr": "192.0.2.200"}).status == 200
        item = {"ip": address, "port": port, "weight": 60}
        assert agent.call("PUT", f"{service}/rs", {"Items": [item]}).status == 200
    conf = lab.run_dir / "healthcheck.yaml"
    told = {"vip": VIP, "slow": SLOW_PORT, "tls": TLS_PORT}
    conf.write_text(_CONF.format(verify="no", **told))
    flags = [f"-dpvs-agent-addr=127.0.0.1:{agent.port}", "-dpvs-service-list-interval=500ms", f"-config-file={conf}"]
    with Healthcheck(agent, arguments=flags) as healthcheck:
        wait_down(balancer, f"{address}:{SLOW_PORT}")
        wait_until(lambda: f"{address} port {TLS_PORT} is up" in healthcheck.log(), 15, "it may have any certificate")
        assert weights(balancer)[f"{address}:{TLS_PORT}"] == ("60", False)
        conf.write_text(_CONF.format(verify="yes", **told))
        healthcheck.signal(signal.SIGHUP)
        wait_down(balancer, f"{address}:{TLS_PORT}")
        assert "TLS: certificate: " in healthcheck.log()
        conf.write_text(_CONF.format(verify="no", **told))
        healthcheck.signal(signal.SIGHUP)
        wait_up(balancer, f"{address}:{TLS_PORT}", 60)
        # The services that the file does not name go on as before.
        assert weights(balancer)[FIRST] == ("100", False)


def test_healthcheck_killed_and_started_again(balancer: Balancer, agent: Agent, lab: Lab) -> None:
    first = HttpServer(lab, "rs1")
    flags = [f"-lb_iface_addr=localhost:{agent.port}", *QUICK]
    item = {"ip": FIRST.partition(":")[0], "port": 80, "weight": 37}
    assert agent.call("PUT", f"{SERVICE}/rs", {"Items": [item]}).status == 200
    with Healthcheck(agent, arguments=flags) as killed:
        first.stop()
        wait_down(balancer, FIRST)
        killed.signal(signal.SIGKILL)
        killed.process.wait(5.0)
    first.start()
    assert weights(balancer)[FIRST] == ("0", True)
    with Healthcheck(agent, arguments=flags):
        wait_up(balancer, FIRST, 37)


@contextmanager
def requests(lab: Lab) -> Iterator[list[tuple[float, bool]]]:
    """A client that asks again and again: when each request began, and whether it was answered."""
    asked: list[tuple[float, bool]] = []
    going = True

    def ask() -> None:
        while going:
            began = time.monotonic()
            try:
                lab.client.curl(f"http://{VIP}/", timeout_s=2)
            except CommandFailed:
                asked.append((began, False))
            else:
                asked.append((began, True))

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(ask)
        try:
            yield asked
        finally:
            going = False
            running.result()


def test_clients_meet_a_stopped_server_until_it_is_detected_and_not_after(
    lab: Lab, balancer: Balancer, agent: Agent
) -> None:
    first = HttpServer(lab, "rs1")
    flags = [f"-lb_iface_addr=localhost:{agent.port}", "-check_interval=1s", "-check_timeout=500ms"]
    with Healthcheck(agent, arguments=flags) as healthcheck:
        ready = 'servers{state="healthy"} 2.0'
        wait_until(lambda: ready in healthcheck.page("/metrics/prometheus"), 10, "both are up")
        with requests(lab) as asked:
            wait_until(lambda: len(asked) >= 6, 10, "the client asks")
            stopped_at = time.monotonic()
            first.stop()
            wait_down(balancer, FIRST)
            down_at, seen = time.monotonic(), len(asked)
            wait_until(lambda: len(asked) >= seen + 12, 20, "the client goes on")
            first.start()
            wait_up(balancer, FIRST)
            seen = len(asked)
            wait_until(lambda: len(asked) >= seen + 6, 20, "the client goes on")
    failed = [began for began, answered in asked if not answered]
    assert failed, "half of the requests went to the stopped server"
    # nginx lets its last requests finish, so a request may have begun a moment before it.
    assert stopped_at - 2 <= min(failed)
    assert max(failed) <= down_at

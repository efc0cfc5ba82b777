"""The calls of DPVS's container tutorial, in its order; the paths are below /v2."""

from __future__ import annotations

Call = tuple[str, str, object]

DEVICE = "/device/dpdk0.102"
KNI = "/device/dpdk0.102.kni/netlink"
SERVICE = "/vs/2001::2-80-tcp"


def _server(address: str, port: int) -> Call:
    return "PUT", f"{SERVICE}/rs", {"Items": [{"ip": address, "port": port, "weight": 100}]}


CALLS: tuple[Call, ...] = (
    ("PUT", f"{DEVICE}/vlan", {"device": "dpdk0", "id": "102"}),
    ("PUT", f"{DEVICE}/addr", {"addr": "192.168.88.28/24"}),
    ("PUT", f"{DEVICE}/addr", {"addr": "2001::28/64"}),
    ("PUT", f"{KNI}/addr", {"addr": "192.168.88.28/24"}),
    ("PUT", f"{KNI}/addr", {"addr": "2001::28/64"}),
    ("PUT", KNI, None),
    ("PUT", SERVICE, {"SchedName": "wrr"}),
    ("PUT", f"{DEVICE}/addr", {"addr": "2001::2"}),
    ("PUT", f"{SERVICE}/laddr", {"device": "dpdk0.102", "addr": "192.168.88.241"}),
    ("PUT", f"{SERVICE}/laddr", {"device": "dpdk0.102", "addr": "192.168.88.242"}),
    ("PUT", f"{DEVICE}/addr?sapool=true", {"addr": "192.168.88.241"}),
    ("PUT", f"{DEVICE}/addr?sapool=true", {"addr": "192.168.88.242"}),
    _server("192.168.88.30", 80),
    _server("192.168.88.130", 8080),
    _server("10.1.1.1", 80),
)

FRESH = (200, 200, 200, 200, 200, 200, 201, 200, 200, 200, 200, 200, 200, 200, 200)
"""The statuses on a daemon without configuration; when repeated all are 200."""

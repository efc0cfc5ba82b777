"""Sends one datagram and tells what came back, as one line: an answer, an error of the socket, or `timeout`.

A script without imports from the tests: `udp_client.py ADDRESS PORT [SIZE [TTL]] [--no-checksum]`. Lines are
`answer GREETING SIZE` (the answer ended with what was sent), `garbled`, `error ERRNO type TYPE code CODE from ADDRESS`
(of the ICMP message that brought it) and `timeout`.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from ipaddress import ip_address

SO_NO_CHECK = 11
RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
TTL = {
    socket.AF_INET: (socket.IPPROTO_IP, socket.IP_TTL),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS),
}
TIMEOUT_S = 2.0


def ask(address: str, port: int, size: int, ttl: int, *, checksum: bool) -> str:
    """One datagram of so many bytes; ttl 0 is the system's."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(TIMEOUT_S)
        client.setsockopt(*RECVERR[family], 1)
        if not checksum:
            client.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        if ttl:
            client.setsockopt(*TTL[family], ttl)
        client.connect((address, port))
        payload = bytes(i % 251 for i in range(size))
        try:
            client.send(payload)
            answer = client.recv(65535)
        except TimeoutError:
            return "timeout"
        except OSError as error:
            return f"error {errno.errorcode.get(error.errno or 0, '?')} {_cause(client)}"
    if not answer.endswith(payload):
        return "garbled"
    return f"answer {answer.decode('latin-1').split()[0]} {len(answer)}"


def _cause(client: socket.socket) -> str:
    """The ICMP message behind an error: struct sock_extended_err, then the address of who sent it."""
    try:
        _data, ancillary, _flags, _address = client.recvmsg(65535, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return "without a cause"
    raw = ancillary[0][2]
    _number, _origin, kind, code, _pad, _info, _value = struct.unpack_from("=IBBBBII", raw)
    (family,) = struct.unpack_from("=H", raw, 16)
    sender = raw[20:24] if family == socket.AF_INET else raw[24:40]
    return f"type {kind} code {code} from {ip_address(sender)}"


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--no-checksum"]
    numbers = [int(word) for word in words[1:]] + [0, 0]
    print(ask(words[0], numbers[0], numbers[1], numbers[2], checksum="--no-checksum" not in sys.argv))

"""TLS between a connection and a machine, over memory."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from xdpvs.model.check import Endpoint, HttpCheck

_PIECE = 1 << 14
"""A TLS record's largest payload (RFC 8446 5.1)."""


def client_context(*, verify: bool) -> ssl.SSLContext:
    """With verify as the system trusts; without, whatever a server still speaks is good enough to find it alive."""
    if verify:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def reason_of(error: ssl.SSLError) -> str:
    """What was wrong, as OpenSSL says it, without its file and line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    return (error.reason or str(error)).replace("_", " ").lower()


class TlsSession:
    """The client's end. Every call may leave bytes for the server in `outgoing`; ssl.SSLError ends the session."""

    __slots__ = ("_arriving", "_leaving", "_object", "established")

    def __init__(self, context: ssl.SSLContext, server_name: str | None) -> None:
        """server_name goes into SNI, and is what the certificate must be for; an address is not sent."""
        self._arriving = ssl.MemoryBIO()
        self._leaving = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._arriving, self._leaving, server_hostname=server_name)
        self.established = False

    def shake_hands(self) -> bool:
        """Go on with the handshake; whether it is complete."""
        if not self.established:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                return False
            self.established = True
        return True

    def arrive(self, data: bytes) -> None:
        """What the connection delivered; nothing: its end."""
        if data:
            self._arriving.write(data)
        else:
            self._arriving.write_eof()

    def read(self) -> Iterator[bytes]:
        """The plain text there is; an empty piece is the server's end of it."""
        while True:
            try:
                piece = self._object.read(_PIECE)
            except ssl.SSLWantReadError:
                return
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                piece = b""
            yield piece
            if not piece:
                return

    def write(self, data: bytes) -> None:
        """Plain text for the server."""
        self._object.write(data)

    def outgoing(self) -> bytes:
        """What the connection has to carry to the server now."""
        return self._leaving.read()


def server_name(check: HttpCheck, endpoint: Endpoint) -> str | None:
    """For SNI, what the check names; to verify, else the name of its Host header, else the address."""
    if check.tls_sni or not check.tls_verify:
        return check.tls_sni or None
    return _without_port(check.host) or str(endpoint.address).partition("%")[0]


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host

"""Headers of requests and replies (DPVS include/conf/sockopts.h, src/ctrl.c)."""

from __future__ import annotations

import os
import struct

from xdpvs.api.errors import error_text

VERSION = 0x00010000
REQUEST_HEADER = struct.Struct("<III4xQ")
"""version, id, type, length"""
REPLY_HEADER = struct.Struct("<IIIi64sQ")
"""version, id, type, code, text, length"""

DEFAULT_PATH = "/var/run/dpvs.ipc"
MAX_PATH = 107


def ipc_path() -> str:
    """Where the tools look for the daemon."""
    return os.environ.get("DPVS_IPC_FILE") or DEFAULT_PATH


def request_bytes(number: int, kind: int, body: bytes) -> bytes:
    """A whole request."""
    return REQUEST_HEADER.pack(VERSION, number, kind, len(body)) + body


def reply_bytes(number: int, kind: int, code: int, body: bytes = b"") -> bytes:
    """A whole reply; only a successful one has a body."""
    if code:
        body = b""
    return REPLY_HEADER.pack(VERSION, number, kind, code, error_text(code).encode(), len(body)) + body

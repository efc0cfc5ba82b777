"""What an instance has counted."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Refusal(enum.Enum):
    """Why a packet was not believed."""

    LENGTH = "length"
    TTL = "TTL or hop limit"
    VERSION = "version"
    TYPE = "type"
    CHECKSUM = "checksum"
    AUTH_TYPE_UNKNOWN = "unknown authentication type"
    AUTH_TYPE = "authentication type"
    AUTH = "password"
    INTERVAL = "advertisement interval"
    ADDRESSES = "address list"
    CAST = "multicast instead of unicast, or the other way round"
    SOURCE = "source is no unicast peer"


@dataclass(slots=True)
class Counters:
    """Since the instance began; kept over a reload."""

    received: int = 0
    """Packets that passed every check."""
    sent: int = 0
    became_master: int = 0
    released_master: int = 0
    zero_received: int = 0
    zero_sent: int = 0
    refused: dict[Refusal, int] = field(default_factory=lambda: dict.fromkeys(Refusal, 0))

"""The intervals of RFC 3768 6.1 and RFC 5798 6.1."""

from __future__ import annotations

from xdpvs.model.vrrp import VrrpInstance
from xdpvs.packet.vrrp import MAX_INTERVAL_CS

OWNER_PRIORITY = 255


def own_interval_s(config: VrrpInstance) -> float:
    """The configured interval as the version can say it: whole seconds, or hundredths."""
    return own_interval_cs(config) / 100


def own_interval_cs(config: VrrpInstance) -> int:
    """The same in hundredths of a second."""
    if config.version == 2:
        return min(max(round(config.advert_interval_s), 1), 255) * 100
    return min(max(round(config.advert_interval_s * 100), 1), MAX_INTERVAL_CS)


def skew_time_s(version: int, priority: int, master_interval_s: float) -> float:
    """How much later than others a router of that priority takes over."""
    return (256 - priority) / 256 * (1.0 if version == 2 else master_interval_s)


def master_down_s(version: int, priority: int, master_interval_s: float) -> float:
    """How long a master may be silent."""
    return 3 * master_interval_s + skew_time_s(version, priority, master_interval_s)

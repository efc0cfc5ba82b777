"""Host link errors by whose fault, and what counts as a PCI address."""

from __future__ import annotations

import errno

import pytest

from xdpvs.netlink.errors import KernelRefused, LinkExists, LinkNotFound, NotPermitted, NotSupported, from_errno
from xdpvs.netlink.link import is_pci_address


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENODEV, LinkNotFound),
        (errno.EEXIST, LinkExists),
        (errno.EPERM, NotPermitted),
        (errno.EOPNOTSUPP, NotSupported),
        (errno.EBUSY, KernelRefused),
    ],
)
def test_an_errno_becomes_the_error_of_whose_fault_it_is(code: int, kind: type[Exception]) -> None:
    error = from_errno(code, "set mtu of eth0")
    assert type(error) is kind
    assert str(error).startswith("set mtu of eth0: ")


@pytest.mark.parametrize("text", ["0000:af:00.0", "af:00.1", "10000:01:00.0"])
def test_pci_addresses(text: str) -> None:
    assert is_pci_address(text)


@pytest.mark.parametrize("text", ["dpdk0", "eth0.102", "0000:af:00.8", "af:00"])
def test_names_are_no_pci_addresses(text: str) -> None:
    assert not is_pci_address(text)

"""A compiled BPF object: configured between open and load, then a source of program and map descriptors."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from xdpvs.bpf.errors import BpfError, KernelTooOld, ProgramRejected, explain, has_capability
from xdpvs.bpf.libbpf import captured_messages, check, check_pointer, library

BTF_KIND_DATASEC = 15
LOAD_CAPABILITIES = ("CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON")
OBJECT_PATH = Path(__file__).with_name("xdpvs.bpf.o")


class _BtfType(ctypes.Structure):
    """struct btf_type of linux/btf.h."""

    _fields_ = (("name", ctypes.c_uint32), ("info", ctypes.c_uint32), ("size", ctypes.c_uint32))


class _Variable(ctypes.Structure):
    """struct btf_var_secinfo of linux/btf.h."""

    _fields_ = (("type", ctypes.c_uint32), ("offset", ctypes.c_uint32), ("size", ctypes.c_uint32))


class BpfObject:
    """An object file in libbpf's hands; close() gives all its descriptors back (pins stay)."""

    def __init__(self, path: Path = OBJECT_PATH) -> None:
        if not path.exists():
            raise BpfError(f"{path} is missing: build it with make", errno.ENOENT)
        self.path = path
        self._lib = library()
        with captured_messages() as messages:
            handle = self._lib.bpf_object__open_file(os.fsencode(path), None)
        if not handle:
            raise BpfError(f"{path} is no BPF object: {'; '.join(messages)}", ctypes.get_errno())
        self._handle: int | None = handle
        self._loaded = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Free everything; harmless when repeated."""
        if self._handle:
            self._lib.bpf_object__close(self._handle)
            self._handle = None

    def _map(self, name: str) -> int:
        handle = self._lib.bpf_object__find_map_by_name(self._handle, name.encode())
        return check_pointer(handle, f"{self.path.name}: map {name}")

    def _program(self, name: str) -> int:
        handle = self._lib.bpf_object__find_program_by_name(self._handle, name.encode())
        return check_pointer(handle, f"{self.path.name}: program {name}")

    def map_names(self) -> list[str]:
        """Every map, libbpf's own for global data included."""
        return self._names("bpf_object__next_map", "bpf_map__name")

    def program_names(self) -> list[str]:
        """Every program."""
        return self._names("bpf_object__next_program", "bpf_program__name")

    def _names(self, advance: str, name_of: str) -> list[str]:
        names: list[str] = []
        item = None
        while item := getattr(self._lib, advance)(self._handle, item):
            names.append(getattr(self._lib, name_of)(item).decode())
        return names

    def set_max_entries(self, name: str, count: int) -> None:
        """Before load: the capacity of a map."""
        check(self._lib.bpf_map__set_max_entries(self._map(name), count), f"sizing map {name}")

    def reuse_map(self, name: str, fd: int) -> None:
        """Before load: use an existing map, whose fit the caller has checked; the descriptor stays the caller's.

        libbpf's own reuse by pin path is of no use: it takes the flag the kernel adds to device maps for a mismatch.
        """
        check(self._lib.bpf_map__reuse_fd(self._map(name), fd), f"reusing map {name}")

    def set_autoload(self, name: str, autoload: bool) -> None:
        """Before load: leave a program out."""
        check(self._lib.bpf_program__set_autoload(self._program(name), autoload), f"choosing program {name}")

    def set_rodata(self, values: Mapping[str, int | list[int]], section: str = ".rodata") -> None:
        """Before load: `const volatile` variables; a list fills an array, whose rest stays as it was."""
        variables = self._variables(section)
        size = ctypes.c_size_t()
        handle = self._section_map(section)
        address = check_pointer(self._lib.bpf_map__initial_value(handle, ctypes.byref(size)), f"reading {section}")
        for name, value in values.items():
            if name not in variables:
                raise BpfError(f"{self.path.name}: {section} has no variable {name}")
            offset, width = variables[name]
            items = value if isinstance(value, list) else [value]
            data = b"".join(item.to_bytes(4 if isinstance(value, list) else width, "little") for item in items)
            if len(data) > width:
                raise BpfError(f"{self.path.name}: {len(items)} values do not fit variable {name}")
            ctypes.memmove(address + offset, data, len(data))

    def _section_map(self, section: str) -> int:
        """libbpf finds the map of global data by its section's name."""
        return self._map(section)

    def _variables(self, section: str) -> dict[str, tuple[int, int]]:
        """Name → (offset, size) of the variables of a data section, from BTF."""
        btf = check_pointer(self._lib.bpf_object__btf(self._handle), "reading BTF")
        doing = f"{self.path.name}: section {section}"
        index = check(self._lib.btf__find_by_name_kind(btf, section.encode(), BTF_KIND_DATASEC), doing)
        address = check_pointer(self._lib.btf__type_by_id(btf, index), doing)
        count = _BtfType.from_address(address).info & 0xFFFF
        found = {}
        for variable in (_Variable * count).from_address(address + ctypes.sizeof(_BtfType)):
            declared = _BtfType.from_address(check_pointer(self._lib.btf__type_by_id(btf, variable.type), doing))
            name = self._lib.btf__name_by_offset(btf, declared.name).decode()
            found[name] = (variable.offset, variable.size)
        return found

    def load(self) -> None:
        """Create or reuse the maps, verify and load the programs."""
        with captured_messages() as messages:
            result = self._lib.bpf_object__load(self._handle)
        if result < 0:
            raise self._load_error(-result, messages)
        self._loaded = True

    def _load_error(self, error: int, messages: list[str]) -> BpfError:
        """libbpf's words, because errno alone says little about a load."""
        text = "\n".join(messages)
        doing = f"loading {self.path.name}"
        if "BEGIN PROG LOAD LOG" in text:
            log = text.partition("BEGIN PROG LOAD LOG --")[2].rpartition("-- END PROG LOAD LOG")[0].strip()
            reason = [line for line in log.splitlines() if line and not line.startswith("processed ")]
            if error == errno.EPERM and not reason:
                return explain(doing, error, *LOAD_CAPABILITIES)
            refusal = f"{doing}: the verifier refuses: {reason[-1] if reason else text}"
            if not has_capability("CAP_PERFMON"):
                # Without it the verifier walks every path anew, and gives up.
                refusal += " (CAP_PERFMON missing)"
            return ProgramRejected(refusal, log, error)
        if error in (errno.EPERM, errno.EACCES):
            return explain(doing, error, *LOAD_CAPABILITIES)
        if error == errno.EINVAL and "unknown" in text:
            return KernelTooOld(f"{doing}: {text}", error)
        return BpfError(f"{doing}: {os.strerror(error)}: {text}", error)

    def program_fd(self, name: str) -> int:
        """After load: a program's descriptor, owned by this object."""
        return check(self._lib.bpf_program__fd(self._program(name)), f"program {name} is not loaded")

    def map_fd(self, name: str) -> int:
        """After load: a map's descriptor, owned by this object."""
        return check(self._lib.bpf_map__fd(self._map(name)), f"map {name} is not loaded")

"""The functions of libbpf.so.1 we call, through ctypes, and its messages sent to logging.

Every function here returns what libbpf does; errno is kept by ctypes (`ctypes.get_errno()`). `check()` turns a
negative result into a typed error.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
from collections.abc import Iterator
from typing import Any, cast

from xdpvs.bpf.errors import LibbpfMissing, explain

log = logging.getLogger(__name__)

LEVELS = {0: logging.WARNING, 1: logging.INFO, 2: logging.DEBUG}
PRINT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
SAMPLE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)

_P, _I, _U, _S, _Z = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t
_UP = ctypes.POINTER(ctypes.c_uint32)

# name: (result, arguments)
_PROTOTYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "libbpf_version_string": (_S, ()),
    "libbpf_set_print": (_P, (PRINT,)),
    "libbpf_num_possible_cpus": (_I, ()),
    "bpf_object__open_file": (_P, (_S, _P)),
    "bpf_object__load": (_I, (_P,)),
    "bpf_object__close": (None, (_P,)),
    "bpf_object__btf": (_P, (_P,)),
    "bpf_object__find_program_by_name": (_P, (_P, _S)),
    "bpf_object__find_map_by_name": (_P, (_P, _S)),
    "bpf_object__next_program": (_P, (_P, _P)),
    "bpf_object__next_map": (_P, (_P, _P)),
    "bpf_program__fd": (_I, (_P,)),
    "bpf_program__name": (_S, (_P,)),
    "bpf_program__set_autoload": (_I, (_P, ctypes.c_bool)),
    "bpf_map__fd": (_I, (_P,)),
    "bpf_map__name": (_S, (_P,)),
    "bpf_map__max_entries": (_U, (_P,)),
    "bpf_map__set_max_entries": (_I, (_P, _U)),
    "bpf_map__reuse_fd": (_I, (_P, _I)),
    "bpf_map__initial_value": (_P, (_P, ctypes.POINTER(_Z))),
    "btf__find_by_name_kind": (_I, (_P, _S, _U)),
    "btf__type_by_id": (_P, (_P, _U)),
    "btf__name_by_offset": (_S, (_P, _U)),
    "bpf_map_create": (_I, (_I, _S, _U, _U, _U, _P)),
    "bpf_map_update_elem": (_I, (_I, _P, _P, ctypes.c_uint64)),
    "bpf_map_lookup_elem": (_I, (_I, _P, _P)),
    "bpf_map_delete_elem": (_I, (_I, _P)),
    "bpf_map_get_next_key": (_I, (_I, _P, _P)),
    "bpf_map_lookup_batch": (_I, (_I, _P, _P, _P, _P, _UP, _P)),
    "bpf_map_update_batch": (_I, (_I, _P, _P, _UP, _P)),
    "bpf_map_delete_batch": (_I, (_I, _P, _UP, _P)),
    "bpf_obj_pin": (_I, (_I, _S)),
    "bpf_obj_get": (_I, (_S,)),
    "bpf_obj_get_info_by_fd": (_I, (_I, _P, _UP)),
    "bpf_link_create": (_I, (_I, _I, _I, _P)),
    "bpf_link_update": (_I, (_I, _I, _P)),
    "bpf_link_detach": (_I, (_I,)),
    "bpf_xdp_query_id": (_I, (_I, _I, _UP)),
    "bpf_prog_test_run_opts": (_I, (_I, _P)),
    "ring_buffer__new": (_P, (_I, SAMPLE, _P, _P)),
    "ring_buffer__free": (None, (_P,)),
    "ring_buffer__consume": (_I, (_P,)),
    "ring_buffer__epoll_fd": (_I, (_P,)),
}

_captured: list[str] | None = None


def _printer(libc: ctypes.CDLL) -> Any:
    """The callback: formats with the C library, because only it understands the va_list."""
    libc.vasprintf.argtypes = (ctypes.POINTER(_P), _P, _P)
    libc.free.argtypes = (_P,)

    def show(level: int, form: int, arguments: int) -> int:
        text = _P()
        if libc.vasprintf(ctypes.byref(text), form, arguments) < 0 or not text.value:
            return 0
        message = ctypes.string_at(text.value).decode(errors="replace").rstrip()
        libc.free(text)
        if _captured is not None and level == 0:
            _captured.append(message)
        log.log(logging.DEBUG if _captured is not None else LEVELS.get(level, logging.DEBUG), "%s", message)
        return len(message)

    return PRINT(show)


@functools.cache
def library() -> Any:
    """libbpf with its prototypes set; opened on first use."""
    try:
        lib: Any = ctypes.CDLL("libbpf.so.1", use_errno=True)
    except OSError as error:
        raise LibbpfMissing(f"libbpf.so.1 is needed (Debian: libbpf1): {error}") from error
    try:
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError as error:
        raise LibbpfMissing(f"libbpf is older than 1.1: {error}") from error
    # The callback must outlive the library: libbpf keeps its address.
    lib.printer = _printer(ctypes.CDLL(None))
    lib.libbpf_set_print(lib.printer)
    return lib


@contextlib.contextmanager
def captured_messages() -> Iterator[list[str]]:
    """Collects libbpf's warnings, the verifier's log among them, instead of logging them as such."""
    global _captured
    messages: list[str] = []
    _captured = messages
    try:
        yield messages
    finally:
        _captured = None


def check(result: int, doing: str, *needed: str) -> int:
    """The result, or the typed error of a negative one (libbpf 1.x returns -errno)."""
    if result < 0:
        raise explain(doing, result, *needed)
    return result


def check_pointer(result: int | None, doing: str) -> int:
    """The same for functions that return a pointer and leave errno."""
    if not result:
        raise explain(doing, ctypes.get_errno())
    return result


@functools.cache
def possible_cpus() -> int:
    """How many values an element of a per-CPU map has."""
    return check(cast(int, library().libbpf_num_possible_cpus()), "counting CPUs")

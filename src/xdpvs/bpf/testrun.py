"""Running a program by system call: XDP programs on a frame for tests, syscall programs as functions."""

from __future__ import annotations

import ctypes
import enum
from dataclasses import dataclass

from xdpvs.bpf.libbpf import check, library
from xdpvs.bpf.structure import Struct

MAX_FRAME = 16384


class XdpAction(enum.IntEnum):
    """enum xdp_action of linux/bpf.h."""

    ABORTED = 0
    DROP = 1
    PASS = 2
    TX = 3
    REDIRECT = 4


class XdpMd(ctypes.Structure):
    """struct xdp_md: the context of a test run; data_end must be the frame's length, data the metadata's.

    An ingress_ifindex of a device in this namespace must come with the number of one of its receive queues.
    """

    _fields_ = (
        ("data", ctypes.c_uint32),
        ("data_end", ctypes.c_uint32),
        ("data_meta", ctypes.c_uint32),
        ("ingress_ifindex", ctypes.c_uint32),
        ("rx_queue_index", ctypes.c_uint32),
        ("egress_ifindex", ctypes.c_uint32),
    )


class RunOptions(ctypes.Structure):
    """struct bpf_test_run_opts of libbpf 1.1."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("data_in", ctypes.c_void_p),
        ("data_out", ctypes.c_void_p),
        ("data_size_in", ctypes.c_uint32),
        ("data_size_out", ctypes.c_uint32),
        ("ctx_in", ctypes.c_void_p),
        ("ctx_out", ctypes.c_void_p),
        ("ctx_size_in", ctypes.c_uint32),
        ("ctx_size_out", ctypes.c_uint32),
        ("retval", ctypes.c_uint32),
        ("repeat", ctypes.c_int),
        ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("cpu", ctypes.c_uint32),
        ("batch_size", ctypes.c_uint32),
    )


@dataclass(frozen=True, slots=True)
class XdpRun:
    """What an XDP program did with a frame; duration_ns is the mean of all repetitions."""

    action: int
    data: bytes
    duration_ns: int


def run_xdp(program_fd: int, frame: bytes, *, ifindex: int = 0, repeat: int = 1) -> XdpRun:
    """Run an XDP program on a frame, with repeat > 1 on what each run left of it. Takes no metadata."""
    out = ctypes.create_string_buffer(MAX_FRAME)
    options = RunOptions(sz=ctypes.sizeof(RunOptions), repeat=repeat)
    source = ctypes.create_string_buffer(frame, len(frame))
    options.data_in, options.data_size_in = ctypes.addressof(source), len(frame)
    options.data_out, options.data_size_out = ctypes.addressof(out), len(out)
    context = XdpMd(data_end=len(frame), ingress_ifindex=ifindex)
    if ifindex:
        options.ctx_in, options.ctx_size_in = ctypes.addressof(context), ctypes.sizeof(context)
    check(library().bpf_prog_test_run_opts(program_fd, ctypes.byref(options)), "running an XDP program")
    return XdpRun(options.retval, out.raw[: options.data_size_out], options.duration)


def call(program_fd: int, context: Struct) -> int:
    """Run a syscall program: context is its argument and takes its results; returns the program's return value."""
    options = RunOptions(sz=ctypes.sizeof(RunOptions))
    # The kernel writes a syscall program's context back through ctx_in.
    options.ctx_in, options.ctx_size_in = ctypes.addressof(context), ctypes.sizeof(context)
    check(library().bpf_prog_test_run_opts(program_fd, ctypes.byref(options)), "calling a BPF program")
    return int(options.retval)

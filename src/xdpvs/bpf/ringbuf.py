"""Events a BPF program sends, for an event loop: watch fileno(), call consume() when it is readable."""

from __future__ import annotations

import ctypes

from xdpvs.bpf.libbpf import SAMPLE, check, check_pointer, library


class RingBuffer:
    """The reading end of a ring buffer map; fileno() is an epoll descriptor, which asyncio can watch."""

    def __init__(self, map_fd: int) -> None:
        self._samples: list[bytes] = []
        # Kept here because libbpf keeps only its address.
        self._callback = SAMPLE(self._receive)
        handle = library().ring_buffer__new(map_fd, self._callback, None, None)
        self._handle: int | None = check_pointer(handle, "opening a ring buffer")

    def _receive(self, _context: int, data: int, size: int) -> int:
        self._samples.append(ctypes.string_at(data, size))
        return 0

    def fileno(self) -> int:
        """Readable when there is something to consume."""
        return int(library().ring_buffer__epoll_fd(self._handle))

    def consume(self) -> list[bytes]:
        """Everything that has arrived, without waiting."""
        check(library().ring_buffer__consume(self._handle), "reading a ring buffer")
        samples, self._samples = self._samples, []
        return samples

    def close(self) -> None:
        """Stop reading; harmless when repeated."""
        if self._handle:
            library().ring_buffer__free(self._handle)
            self._handle = None

"""`-R`: every line of stdin is a command line of its own."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedIOBase

CHUNK_BYTES = 65536


def read_commands(stdin: BufferedIOBase) -> Iterator[list[list[str]]]:
    """The words of each line, in groups of what had arrived together: a slow writer is not kept waiting.

    No quoting and no comments (ipvsadm-restore drops those); the word `ipvsadm` is skipped wherever it stands.
    """
    rest = b""
    while chunk := stdin.read1(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        yield [words for words in map(_words, lines) if words]
    words = _words(rest)
    if words:
        yield [words]


def _words(line: bytes) -> list[str]:
    text = line.decode("utf-8", "surrogateescape")
    return [word for word in text.replace("\t", " ").replace("\r", " ").split(" ") if word and word != "ipvsadm"]

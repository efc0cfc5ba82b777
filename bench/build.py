"""Compiles what the benchmark alone needs, when its source is newer."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
SOURCES = Path(__file__).resolve().parent
BUILD = TOP / "build" / "bench"


class Missing(Exception):
    """What a row needs is not there; the text says what."""


def bpf_object(name: str) -> Path:
    """The object of NAME.bpf.c."""
    flags = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror", f"-I/usr/include/{_multiarch()}"]
    return _compiled(SOURCES / f"{name}.bpf.c", BUILD / f"{name}.o", ["clang", *flags, "-c"])


def program(name: str) -> Path:
    """The program of NAME.c."""
    return _compiled(SOURCES / f"{name}.c", BUILD / name, ["cc", "-O2", "-Wall", "-Werror"])


@functools.cache
def _multiarch() -> str:
    done = subprocess.run(["cc", "-print-multiarch"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _compiled(source: Path, target: Path, command: list[str]) -> Path:
    if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
        return target
    if shutil.which(command[0]) is None:
        raise Missing(f"{command[0]} is not installed")
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([*command, str(source), "-o", str(target)], check=True)
    return target

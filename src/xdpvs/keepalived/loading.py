"""Reading a configuration: the file, and what of it this host can run."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from xdpvs.config.keepalived_conf import ConfigError, NotPlainFileError, load
from xdpvs.keepalived.host_files import HostFiles
from xdpvs.keepalived.options import (
    EXIT_CONFIG,
    EXIT_CONFIG_TEST,
    EXIT_CONFIG_TEST_SECURITY,
    EXIT_NO_CONFIG,
    EXIT_OK,
    Arguments,
)
from xdpvs.keepalived.scripts import vet
from xdpvs.model.keepalived import KeepalivedConfig


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of it. Without a config `lines` are the reasons, otherwise notes."""

    config: KeepalivedConfig | None
    lines: tuple[str, ...] = ()
    exit_code: int = EXIT_OK
    """Of a start that this ends."""
    test_code: int = EXIT_OK
    """Of `keepalived -t`."""


def load_file(arguments: Arguments) -> Loaded:
    """Read the file that the command line names; whatever is wrong with it is in the result, never raised."""
    try:
        HostFiles().check(arguments.conf)
        result = load(
            arguments.conf,
            HostFiles(),
            config_id=arguments.config_id,
            host_name=socket.gethostname(),
            seed=int.from_bytes(os.urandom(4)),
        )
    except ConfigError as error:
        return Loaded(None, tuple(str(error).splitlines()), EXIT_CONFIG, EXIT_CONFIG_TEST)
    except NotPlainFileError as error:
        return _unreadable(str(error))
    except OSError as error:
        return _unreadable(f"{arguments.conf}: {error.strerror or error}")
    vetted = vet(result.config)
    lines = (*map(str, result.notes), *vetted.notes)
    code = EXIT_CONFIG_TEST if result.fails_test else EXIT_OK
    if vetted.insecure:
        code = EXIT_CONFIG_TEST_SECURITY
    return Loaded(vetted.config, lines, EXIT_OK, code)


def _unreadable(reason: str) -> Loaded:
    line = f"Configuration file cannot be read: {reason}"
    return Loaded(None, (line,), EXIT_NO_CONFIG, EXIT_NO_CONFIG)

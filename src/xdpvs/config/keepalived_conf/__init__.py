"""keepalived.conf as DPVS's fork of keepalived reads it, stock keepalived's keywords included.

Primitives: `load(path, source, …)` reads a file and its includes into a `LoadResult` (a `KeepalivedConfig` and the
notes to log) or raises `ConfigError`, which lists every mistake as `file:line: message` with the line below it.
`dump(config)` shows a configuration as text, secrets masked. Text comes through a `Source`; host name, configuration id
and the seed of `${_RANDOM}` are parameters. Whether interfaces, users or programs exist is for the process to see.
"""

from xdpvs.config.keepalived_conf.dump import dump as dump
from xdpvs.config.keepalived_conf.load import LoadResult as LoadResult
from xdpvs.config.keepalived_conf.load import load as load
from xdpvs.config.keepalived_conf.notes import Note as Note
from xdpvs.config.notes import ConfigError as ConfigError
from xdpvs.config.notes import Severity as Severity
from xdpvs.config.source import NotPlainFileError as NotPlainFileError
from xdpvs.config.source import Source as Source

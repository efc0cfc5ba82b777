"""dpvs.conf, the configuration file of `dpvs`.

Primitives: `load(path, source)` reads a file and its includes into a `LoadResult` (a `DpvsConfig`, the notes to log,
and which keywords the file stated) or raises `ConfigError`, which lists every mistake as `file:line: message`.
`reloadable_changes(old, new)` says what a SIGHUP may apply. `keywords.KEYWORDS` is the one table of the language.

Stricter than DPVS in what cannot be meant (unknown words, missing values, unclosed blocks), as lenient in the rest:
a value out of range is noted and the default used. Text comes through a `Source`, so nothing here opens a file.
"""

from xdpvs.config.dpvs_conf.load import LoadResult as LoadResult
from xdpvs.config.dpvs_conf.load import load as load
from xdpvs.config.dpvs_conf.model import DpvsConfig as DpvsConfig
from xdpvs.config.dpvs_conf.notes import ConfigError as ConfigError
from xdpvs.config.dpvs_conf.notes import Note as Note
from xdpvs.config.dpvs_conf.notes import Severity as Severity
from xdpvs.config.dpvs_conf.reload import reloadable_changes as reloadable_changes
from xdpvs.config.dpvs_conf.syntax import Source as Source

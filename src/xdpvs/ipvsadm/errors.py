"""How a run of ipvsadm ends early: each exception knows its stderr line and its exit status."""

from __future__ import annotations

USAGE_STATUS = 2
FAILED_STATUS = 255
LISTING_STATUS = 1


class Exit(Exception):
    """Ends the whole run, also that of `-R`; text goes to stderr with a newline behind it."""

    def __init__(self, status: int, text: str | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class UsageError(Exit):
    """The operator's words do not make a command."""

    def __init__(self, text: str) -> None:
        super().__init__(USAGE_STATUS, text)


class TryHelp(Exit):
    """No command at all: points to the help."""

    def __init__(self, program: str) -> None:
        super().__init__(FAILED_STATUS, f"Try `{program} -h' or '{program} --help' for more information.")


class ListingFailed(Exit):
    """A listing's request was refused; what was printed before stays printed."""

    def __init__(self, text: str | None) -> None:
        super().__init__(LISTING_STATUS, text)


class PoptError(Exception):
    """A word popt does not understand; unlike UsageError it does not end a run of `-R`."""

    def __init__(self, word: str, reason: str) -> None:
        super().__init__(f"{word}: {reason}")

"""Text of one line: comments, words, and the quoting of commands and payloads."""

from __future__ import annotations

import re

_NOTABLE = re.compile(r'[!#"\\]')
_QUOTED_OR_PLAIN = re.compile(r'"([^"]*)"|[^\s"]+')
_BLANKS = " \t\f\n\r\v"
_ESCAPES = {"a": "\a", "b": "\b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HEX = re.compile("[0-9A-Fa-f]+")
_OCTAL = re.compile("[0-7]{1,3}")


class QuoteError(ValueError):
    """A quote is not closed, or a backslash ends the text."""


def without_comment(line: str) -> tuple[str, bool]:
    r"""The line without comment and outer blanks, and whether its `"` are paired.

    `!` and `#` start a comment unless quoted or escaped; `\!` and `\#` become the bare character. A final backslash
    stays, it means that the line goes on.
    """
    line = line.strip()
    match = _NOTABLE.search(line)
    if match is None:
        return line, True
    kept: list[str] = []
    start, position, quoted = 0, match.start(), False
    while match is not None:
        position = match.start()
        character = line[position]
        if character == '"':
            quoted = not quoted
        elif character == "\\":
            if not quoted and line[position + 1 : position + 2] in ("!", "#"):
                kept.append(line[start:position])
                start = position + 1
            position += 1
        elif not quoted:
            kept.append(line[start:position])
            return "".join(kept).rstrip(), True
        match = _NOTABLE.search(line, position + 1)
    kept.append(line[start:])
    return "".join(kept).strip(), not quoted


def goes_on(text: str) -> bool:
    r"""Whether a line ends with a backslash that is not itself escaped."""
    return text.endswith("\\") and (len(text) - len(text.rstrip("\\"))) % 2 == 1


def split_words(text: str) -> tuple[str, ...]:
    """Words at blanks; `"…"` is one word, without its quotes, also where it touches another."""
    if '"' not in text:
        return tuple(text.split())
    return tuple(match[0] if match[1] is None else match[1] for match in _QUOTED_OR_PLAIN.finditer(text))


def split_escaped(text: str) -> tuple[str, ...]:
    r"""Words as scripts and payloads are written: `"…"` and `'…'` may join parts of a word, backslashes escape.

    Escapes: \a \b \E \f \n \r \t \v, \ooo (octal), \xHH, \cC (control); any other escaped character is itself.
    A byte from 0x80 on becomes the surrogate that `surrogateescape` turns back into the byte.
    """
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    position, end = 0, len(text)
    while position < end:
        character = text[position]
        if character == "\\":
            escaped, position = _escape(text, position + 1)
            word = [*(word or ()), escaped]
            continue
        position += 1
        if quote:
            if character == quote:
                quote = ""
            else:
                word = word or []
                word.append(character)
        elif character in "\"'":
            quote = character
            word = word if word is not None else []
        elif character in _BLANKS:
            if word is not None:
                words.append("".join(word))
                word = None
        else:
            word = word if word is not None else []
            word.append(character)
    if quote:
        raise QuoteError(f"has a {quote} that is not closed")
    if word is not None:
        words.append("".join(word))
    return tuple(words)


def _escape(text: str, position: int) -> tuple[str, int]:
    """The character of the escape whose letter is at position, and where the text goes on."""
    if position >= len(text):
        raise QuoteError("ends with a backslash")
    letter = text[position]
    if letter == "x" and (digits := _HEX.match(text, position + 1)):
        return _byte(int(digits[0][-2:], 16)), digits.end()
    if letter == "c" and position + 1 < len(text):
        return chr(ord(text[position + 1]) & 0x1F), position + 2
    if digits := _OCTAL.match(text, position):
        return _byte(int(digits[0], 8) & 0xFF), digits.end()
    return _ESCAPES.get(letter, letter), position + 1


def _byte(value: int) -> str:
    return chr(value) if value < 0x80 else chr(0xDC00 + value)


def to_bytes(text: str) -> bytes:
    """What split_escaped's text is on the wire."""
    return text.encode("utf-8", "surrogateescape")


def shown(word: str) -> str:
    """A word fit for a message: what does not print escaped, and not longer than a line wants."""
    text = word if len(word) <= 64 else f"{word[:61]}..."
    return text if text.isprintable() else ascii(text)[1:-1]

"""Write stream patterns as SeedLink 3 selectors (``LLCCC``).  Pure."""

from quake_stream.selection import StreamPattern

ALL = "?????"


def selector(pattern: StreamPattern) -> str:
    """
    Write location and channel of a pattern as one selector of five characters, ``-`` for a blank.

    SeedLink 3 knows only ``?``.  What it cannot say is asked for more widely (``H*Z*`` becomes ``???``);
    the client drops what is too much.
    """
    return _location(pattern.location) + _fixed(pattern.channel.replace("_", ""), 3)


def _location(code: str) -> str:
    if "*" in code and not code.endswith("*"):
        return "??"  # what follows the star stands first in codes of one character, second in others
    return _fixed(code, 2).ljust(2, "-") if code else "--"


def _fixed(code: str, n: int) -> str:
    """Write a code with ``*`` in at most ``n`` characters, as narrow as that allows."""
    if "*" not in code:
        return code if 0 < len(code) <= n else "?" * n
    head, _, tail = code.partition("*")
    n_open = n - len(head) - len(tail)
    if n_open < 0 or "*" in tail:
        return "?" * n
    return head + "?" * n_open + tail

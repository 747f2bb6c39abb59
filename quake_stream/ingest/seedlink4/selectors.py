"""Write stream patterns as SeedLink 4 selectors (``LOC_B_S_SS``).  Pure."""

from quake_stream.selection import StreamPattern

ALL = "*"


def selector(pattern: StreamPattern) -> str:
    """
    Write location and channel of a pattern; nothing stands for a blank location.

    A channel of three characters is spread over band, source and subsource; a star may stand for any of them
    with the ``_`` between.
    """
    if pattern.location == pattern.channel == "*":
        return ALL
    return f"{pattern.location}_{_spread(pattern.channel)}"


def _spread(channel: str) -> str:
    """``HH?`` → ``H_H_?``, ``H*Z`` → ``H*Z``; what is spread already stays as it is."""
    if "_" in channel:
        return channel
    return "*".join("_".join(part) for part in channel.split("*"))

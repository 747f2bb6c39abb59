"""How long to wait before the next attempt to connect.  Pure."""

from collections.abc import Callable, Iterator


def backoff(
    random: Callable[[], float], *, first_s: float = 1.0, limit_s: float = 60.0, factor: float = 2.0
) -> Iterator[float]:
    """
    Yield waiting times in seconds, for ever: the ceiling grows from ``first_s`` to ``limit_s``.

    Each time lies between half its ceiling and the ceiling, so that the clients of a server that comes back
    do not all call at once.  ``random`` gives numbers in [0, 1).  Start a new generator after *data* came,
    not after a mere connection: a server that accepts and drops would else be called every second.
    """
    ceiling_s = min(first_s, limit_s)
    while True:
        yield ceiling_s * (0.5 + random() / 2)
        ceiling_s = min(ceiling_s * factor, limit_s)

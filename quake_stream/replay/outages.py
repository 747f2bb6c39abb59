"""
Connections that are refused, end or fall silent by the clock: faults as users rehearse them.  Pure.

Nothing here looks at what is sent: `faults` does.
"""

import math
from dataclasses import dataclass
from random import Random

from quake_stream.replay.faults import Ending, Faults, LinkFaults, OnLinks

_ENDINGS = (Ending.FIN, Ending.RST)


@dataclass(frozen=True, slots=True)
class _Outage(LinkFaults):
    after_s: float
    ending: Ending

    def fate(self, open_s: float) -> Ending | None:
        return self.ending if open_s >= self.after_s else None


def cut_after_s(after_s: float, *, seed: int = 0) -> Faults:
    """End every connection when it is so old; in order (FIN) or by reset (RST), as chance has it."""
    return OnLinks(lambda n_link: _Outage(after_s, _random(seed, n_link).choice(_ENDINGS)))


def silence_after_s(after_s: float) -> Faults:
    """Say nothing more on a connection that is so old, and leave it open."""
    return OnLinks(lambda _: _Outage(after_s, Ending.NONE))


def refuse(probability: float, *, seed: int = 0) -> Faults:
    """Reset some connections as soon as they are there."""
    return OnLinks(
        lambda n_link: _Outage(0.0 if _random(seed, n_link).random() < probability else math.inf, Ending.RST)
    )


def _random(seed: int, n_link: int) -> Random:
    return Random(f"outages/{seed}/{n_link}")  # noqa: S311  reproducible on purpose

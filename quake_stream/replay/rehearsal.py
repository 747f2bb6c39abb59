"""
Read what shall go wrong in a rehearsal, ``drop=0.01,cut=30s``, and count what does.  Pure.

The counts are what the service that reads from the server has to explain.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from quake_stream.counters import Counters
from quake_stream.replay import faults, outages
from quake_stream.replay.faults import Ending, Faults, LinkFaults, Transmission

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600}
_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smh])")
_SHARE: Final = re.compile(r"[01]|[01]?\.[0-9]{1,9}")
_COUNT: Final = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class _Kind:
    """One fault: how its value is written, read and made; ``make`` takes value and seed."""

    example: str
    read: Callable[[str], float | int]
    make: Callable[[Any, int], Faults]


def _share(text: str) -> float:
    """Share of packets or connections, above 0 up to 1."""
    if not _SHARE.fullmatch(text) or not 0 < float(text) <= 1:
        raise ValueError("a share above 0 and up to 1")
    return float(text)


def _seconds(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("a duration in s, m or h")
    return float(found[1]) * _UNITS_S[found[2]]


def _count(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise ValueError("a number of records")
    return int(text)


_KINDS: Final[Mapping[str, _Kind]] = {
    "drop": _Kind("0.01", _share, lambda share, seed: faults.drop(share, seed=seed)),
    "repeat": _Kind("0.01", _share, lambda share, seed: faults.repeat(share, seed=seed)),
    "swap": _Kind("0.01", _share, lambda share, seed: faults.reorder(share, seed=seed)),
    "corrupt": _Kind("0.001", _share, lambda share, seed: faults.corrupt(share, seed=seed)),
    "cut": _Kind("30s", _seconds, lambda after_s, seed: outages.cut_after_s(after_s, seed=seed)),
    "silence": _Kind("60s", _seconds, lambda after_s, _: outages.silence_after_s(after_s)),
    "refuse": _Kind("0.5", _share, lambda share, seed: outages.refuse(share, seed=seed)),
    "reset": _Kind("1000", _count, lambda n, _: faults.reset_sequences(n, is_repeated=True)),
}


def rehearse(texts: Iterable[str], *, seed: int, counters: Counters) -> Faults:
    """
    Make the faults that are asked for.

    Parameters
    ----------
    texts
        Lists such as ``drop=0.01,cut=30s``: shares of packets (``drop``, ``repeat``, ``swap``,
        ``corrupt``) or of connections (``refuse``), the age of a connection (``cut``, ``silence``), a
        number of records (``reset``).
    seed
        The same seed gives the same faults on the same recording.
    counters
        Takes ``faults.injected``, by reason; from now on it belongs to the server's thread.

    Raises
    ------
    ValueError
        A fault is unknown, asked for twice or has no such value; the text names what is allowed.
    """
    asked: dict[str, Faults] = {}
    for item in (item.strip() for text in texts for item in text.split(",")):
        name, _, value = (part.strip() for part in item.partition("="))
        if name not in _KINDS:
            known = ", ".join(f"{name}={kind.example}" for name, kind in _KINDS.items())
            raise ValueError(f"{item!r} is no fault; there are {known}")
        if name in asked:
            raise ValueError(f"{name} is asked for twice")
        kind = _KINDS[name]
        try:
            made = kind.make(kind.read(value), seed)
        except ValueError as exc:
            raise ValueError(f"{item!r}: {name} takes {exc}, such as {name}={kind.example}") from None
        asked[name] = _Counted(made, name, counters)
    return faults.together(*asked.values())


class _Counted(Faults):
    """Count each time that a fault strikes."""

    def __init__(self, fault: Faults, name: str, counters: Counters) -> None:
        self._fault = fault
        self._name = name
        self._counters = counters

    def resets_sequences(self, n_offered: int) -> bool:
        resets = self._fault.resets_sequences(n_offered)
        if resets:
            self._strike()
        return resets

    def link(self, n_link: int) -> LinkFaults:
        return _CountedLink(self._fault.link(n_link), self._strike)

    def _strike(self) -> None:
        self._counters.add("faults.injected", reason=self._name)


class _CountedLink(LinkFaults):
    def __init__(self, link: LinkFaults, strike: Callable[[], None]) -> None:
        self._link = link
        self._strike = strike

    def packets(self, packet: bytes) -> Sequence[bytes]:
        sent = self._link.packets(packet)
        # A packet that is held back strikes once, and not again when it comes after another.
        if sent.count(packet) != 1:
            self._strike()
        return sent

    def transmission(self, *, n_sent: int, n_waiting: int, is_handshake: bool) -> Transmission:
        return self._link.transmission(n_sent=n_sent, n_waiting=n_waiting, is_handshake=is_handshake)

    def fate(self, open_s: float) -> Ending | None:
        fate = self._link.fate(open_s)
        if fate is not None:
            self._strike()
        return fate

"""
Misbehave on purpose: what servers and networks do wrong, to test clients with.  Pure.

The plain server asks a `Faults` at three places (sequences, packets, bytes on their way) and knows none of
those below.  All are deterministic: the same seed and the same connection number give the same faults.
"""

import enum
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

_SPARED_BYTES = 28  # SeedLink header and name of the stream: with another name it is a record of another
_DAMAGED_BYTES = 16


class Ending(enum.Enum):
    """What becomes of a connection after these bytes."""

    NONE = enum.auto()
    FIN = enum.auto()  # closed in order
    RST = enum.auto()  # torn down


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmission:
    """How many of the waiting bytes may go now, how long to pause after them, and what then."""

    n_bytes: int
    pause_s: float = 0.0
    ending: Ending = Ending.NONE


class LinkFaults:
    """What goes wrong on one connection; this base is a healthy one."""

    def packets(self, packet: bytes) -> Sequence[bytes]:
        """Say what is sent in place of one data packet (8-byte header and record)."""
        return (packet,)

    def transmission(self, *, n_sent: int, n_waiting: int, is_handshake: bool) -> Transmission:  # noqa: ARG002  part of the seam
        """Say what happens to waiting bytes; ``n_sent`` counts those of data that went before."""
        return Transmission(n_bytes=n_waiting)

    def fate(self, open_s: float) -> Ending | None:  # noqa: ARG002  part of the seam
        """Say what has become of a connection open for so long: None while all is well, NONE is silence."""
        return None


class Faults:
    """What goes wrong on a server; this base is a healthy one."""

    def resets_sequences(self, n_offered: int) -> bool:  # noqa: ARG002  part of the seam
        """Whether sequences start again after this many records."""
        return False

    def link(self, n_link: int) -> LinkFaults:  # noqa: ARG002  part of the seam
        """Faults of the connection with this number, counted from 0."""
        return LinkFaults()


@dataclass(frozen=True, slots=True)
class OnLinks(Faults):
    """One kind of link fault, on the first ``n_links`` connections only, or on all (None)."""

    make: Callable[[int], LinkFaults]
    n_links: int | None = None

    def link(self, n_link: int) -> LinkFaults:
        """Faulty for the first connections, healthy for later ones."""
        return self.make(n_link) if self.n_links is None or n_link < self.n_links else LinkFaults()


@dataclass(frozen=True, slots=True)
class ResetSequences(Faults):
    """The server forgets its sequences after so many records and counts from the start again."""

    after_n_records: int
    is_repeated: bool = False

    def resets_sequences(self, n_offered: int) -> bool:
        """Once, or each time that there were so many more."""
        if self.is_repeated:
            return n_offered % self.after_n_records == 0
        return n_offered == self.after_n_records


class Together(Faults):
    """Several faults at once; packets pass through them in the order given, the worst delay counts."""

    def __init__(self, *faults: Faults) -> None:
        self._faults = faults

    def resets_sequences(self, n_offered: int) -> bool:
        """Whether any does."""
        return any(fault.resets_sequences(n_offered) for fault in self._faults)

    def link(self, n_link: int) -> LinkFaults:
        """All of them on one connection."""
        return _LinksTogether([fault.link(n_link) for fault in self._faults])


class _LinksTogether(LinkFaults):
    def __init__(self, links: Sequence[LinkFaults]) -> None:
        self._links = links

    def packets(self, packet: bytes) -> Sequence[bytes]:
        packets: Sequence[bytes] = (packet,)
        for link in self._links:
            packets = [out for packet_in in packets for out in link.packets(packet_in)]
        return packets

    def transmission(self, *, n_sent: int, n_waiting: int, is_handshake: bool) -> Transmission:
        asked = [
            link.transmission(n_sent=n_sent, n_waiting=n_waiting, is_handshake=is_handshake)
            for link in self._links
        ]
        least = min(asked, key=lambda one: one.n_bytes, default=Transmission(n_bytes=n_waiting))
        pause_s = max((one.pause_s for one in asked), default=0.0)
        return Transmission(n_bytes=least.n_bytes, pause_s=pause_s, ending=least.ending)

    def fate(self, open_s: float) -> Ending | None:
        fates = (link.fate(open_s) for link in self._links)
        return next((fate for fate in fates if fate is not None), None)


@dataclass(frozen=True, slots=True)
class _Drip(LinkFaults):
    n_bytes: int
    pause_s: float
    handshake_only: bool

    def transmission(self, *, n_sent: int, n_waiting: int, is_handshake: bool) -> Transmission:  # noqa: ARG002  part of the seam
        if self.handshake_only and not is_handshake:
            return Transmission(n_bytes=n_waiting)
        return Transmission(n_bytes=min(self.n_bytes, n_waiting), pause_s=self.pause_s)


@dataclass(frozen=True, slots=True)
class _Stop(LinkFaults):
    n_bytes: int
    ending: Ending

    def transmission(self, *, n_sent: int, n_waiting: int, is_handshake: bool) -> Transmission:
        left = self.n_bytes - n_sent
        if is_handshake or n_waiting < left:
            return Transmission(n_bytes=n_waiting)
        is_silence = self.ending is Ending.NONE
        return Transmission(n_bytes=left, pause_s=math.inf if is_silence else 0.0, ending=self.ending)


@dataclass(frozen=True, slots=True)
class _Chance(LinkFaults):
    random: Random
    probability: float
    n_copies: int

    def packets(self, packet: bytes) -> Sequence[bytes]:
        return (packet,) * (self.n_copies if self.random.random() < self.probability else 1)


class _Swap(LinkFaults):
    def __init__(self, random: Random, probability: float) -> None:
        self._random = random
        self._probability = probability
        self._held: bytes | None = None

    def packets(self, packet: bytes) -> Sequence[bytes]:
        if self._held is not None:
            held, self._held = self._held, None
            return (packet, held)
        if self._random.random() < self._probability:
            self._held = packet
            return ()
        return (packet,)


@dataclass(frozen=True, slots=True)
class _Corrupt(LinkFaults):
    random: Random
    probability: float

    def packets(self, packet: bytes) -> Sequence[bytes]:
        if self.random.random() >= self.probability:
            return (packet,)
        first = self.random.randrange(_SPARED_BYTES, len(packet) - _DAMAGED_BYTES)
        return (packet[:first] + self.random.randbytes(_DAMAGED_BYTES) + packet[first + _DAMAGED_BYTES :],)


class _Interleave(LinkFaults):
    def __init__(self, record: bytes, every: int) -> None:
        self._record = record
        self._every = every
        self._n_packets = 0

    def packets(self, packet: bytes) -> Sequence[bytes]:
        self._n_packets += 1
        if self._n_packets % self._every:
            return (packet,)
        return (packet, packet[:8] + self._record)


def split_replies(n_bytes: int = 3, pause_s: float = 0.002) -> Faults:
    """Send the replies of the handshake in pieces, as separate segments."""
    return OnLinks(lambda _: _Drip(n_bytes, pause_s, handshake_only=True))


def drip(n_bytes: int, pause_s: float = 0.001) -> Faults:
    """Send everything in pieces of ``n_bytes``."""
    return OnLinks(lambda _: _Drip(n_bytes, pause_s, handshake_only=False))


def cut_after_bytes(n_bytes: int, *, ending: Ending = Ending.FIN, n_links: int | None = 1) -> Faults:
    """End the connection after exactly so many bytes of data, by FIN or RST."""
    return OnLinks(lambda _: _Stop(n_bytes, ending), n_links)


def silence_after(n_bytes: int, *, n_links: int | None = 1) -> Faults:
    """Say nothing more after so many bytes of data, with the connection left open."""
    return OnLinks(lambda _: _Stop(n_bytes, Ending.NONE), n_links)


def repeat(probability: float, *, seed: int = 0) -> Faults:
    """Send some packets twice."""
    return OnLinks(lambda n_link: _Chance(_random(seed, n_link), probability, 2))


def drop(probability: float, *, seed: int = 0) -> Faults:
    """Leave some packets out, though the ring holds them."""
    return OnLinks(lambda n_link: _Chance(_random(seed, n_link), probability, 0))


def reorder(probability: float, *, seed: int = 0) -> Faults:
    """Send some packets after the one that follows them."""
    return OnLinks(lambda n_link: _Swap(_random(seed, n_link), probability))


def corrupt(probability: float, *, seed: int = 0) -> Faults:
    """Overwrite some bytes of some records, anywhere behind the name of the stream."""
    return OnLinks(lambda n_link: _Corrupt(_random(seed, n_link), probability))


def interleave(record: bytes, *, every: int) -> Faults:
    """Send a foreign record, of another length say, after every so many packets."""
    return OnLinks(lambda _: _Interleave(record, every))


def reset_sequences(after_n_records: int, *, is_repeated: bool = False) -> Faults:
    """Count sequences from the start again after so many records, once or each time."""
    return ResetSequences(after_n_records, is_repeated)


def together(*faults: Faults) -> Faults:
    """Combine faults."""
    return Together(*faults)


def _random(seed: int, n_link: int) -> Random:
    return Random(f"{seed}/{n_link}")  # noqa: S311  reproducible on purpose

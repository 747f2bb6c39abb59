"""
Which instruments there are: at most so many, whatever servers send.  Pure: time is that of the packets.

One that has been silent for a day gives its samples back, and is known on; when there are too many, the one
that has been at rest longest is forgotten for a new one.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final

from quake_stream.detection.instrument import Instrument
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S

MAX_INSTRUMENTS: Final = 20_000
"""Several times the largest networks; together they take a few GB at most."""

REST_AFTER_NS: Final = 86_400 * NS_PER_S
"""Long enough that data which a server sends later go on where they stopped, without a filter to warm up."""


class Roster:
    """
    Instruments by identity, in the order in which they appeared.

    ``make`` makes one that is new.
    """

    def __init__(
        self, make: Callable[[InstrumentId], Instrument], *, max_instruments: int = MAX_INSTRUMENTS
    ) -> None:
        self._make = make
        self._max = max_instruments
        self._all: dict[InstrumentId, Instrument] = {}
        self._heard_ns: OrderedDict[InstrumentId, int] = OrderedDict()  # the longest silent first
        self._resting: dict[InstrumentId, None] = {}  # likewise

    def hear(self, instrument_id: InstrumentId, now_ns: int) -> Instrument | None:
        """Find or make the instrument that a packet came from; None where there are too many already."""
        self._rest_silent(now_ns)
        instrument = self._all.get(instrument_id)
        if instrument is None:
            if len(self._all) >= self._max and not self._forget_one():
                return None
            instrument = self._all[instrument_id] = self._make(instrument_id)
        self._resting.pop(instrument_id, None)
        self._heard_ns[instrument_id] = now_ns
        self._heard_ns.move_to_end(instrument_id)
        return instrument

    def get(self, instrument_id: InstrumentId) -> Instrument | None:
        """Find an instrument; None where it is not known."""
        return self._all.get(instrument_id)

    def replace(self, instrument_id: InstrumentId, instrument: Instrument) -> None:
        """Put another in the place of an instrument that is known."""
        self._all[instrument_id] = instrument

    def __getitem__(self, instrument_id: InstrumentId) -> Instrument:
        """Find an instrument that is known."""
        return self._all[instrument_id]

    def __iter__(self) -> Iterator[Instrument]:
        """Give all instruments."""
        return iter(self._all.values())

    def items(self) -> Iterator[tuple[InstrumentId, Instrument]]:
        """Give all instruments with their identities."""
        return iter(self._all.items())

    def _rest_silent(self, now_ns: int) -> None:
        while self._heard_ns:
            instrument_id, heard_ns = next(iter(self._heard_ns.items()))
            if now_ns - heard_ns <= REST_AFTER_NS:
                return
            del self._heard_ns[instrument_id]
            self._resting[instrument_id] = None
            self._all[instrument_id].release()

    def _forget_one(self) -> bool:
        for instrument_id in self._resting:
            del self._resting[instrument_id], self._all[instrument_id]
            return True
        return False

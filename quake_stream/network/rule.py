"""
When two instruments may have seen the same earthquake.  Pure: no file, clock or log.

The first arrivals of one earthquake at two stations differ at most by their distance over the apparent
velocity, which no source beneath or beside them can undercut.  The default is that of S in the upper crust
(3.36 km/s in iasp91, a little less here), not of P: a weak P is often missed at the farther station, which
then begins with S.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quake_stream.network.geometry import Coordinates, distance_km
from quake_stream.source_id import InstrumentId
from quake_stream.types import NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class StationTrigger:
    """A detection of one instrument: what a coincidence needs to know of it."""

    id: str
    instrument_id: InstrumentId
    onset_ns: int
    on_ns: int
    off_ns: int | None
    peak_probability: float
    is_live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CoincidenceRule:
    """
    How many stations, and how close in time.

    Attributes
    ----------
    min_stations
        Stations that make a network detection, at least 2.  Instruments of one station count once.
    velocity_km_s
        Slowest apparent velocity.
    tolerance_s
        Added to every window: uncertainty of two onsets, and S minus P at the nearer station, which matters
        where the farther one begins with S.
    window_s
        Largest difference of onsets where a station's place is not known.
    max_window_s
        No window is longer, however far apart two stations are.
    wait_s
        How late the data of a station may come, after those of the others.
    coordinates
        Places by ``NET.STA``.

    Raises
    ------
    ValueError
        A value is out of range.
    """

    min_stations: int = 2
    velocity_km_s: float = 3.3
    tolerance_s: float = 3.0
    window_s: float = 20.0
    max_window_s: float = 120.0
    wait_s: float = 30.0
    coordinates: Mapping[str, Coordinates] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.min_stations < 2:
            raise ValueError("a network detection needs at least two stations")
        if self.velocity_km_s <= 0 or min(self.tolerance_s, self.window_s, self.wait_s) < 0:
            raise ValueError("velocity must be above 0, times not below")

    @property
    def keep_ns(self) -> int:
        """How long after its receipt a trigger can still find company."""
        longest_s = max(self.max_window_s, self.window_s) if self.coordinates else self.window_s
        return round((longest_s + self.wait_s) * NS_PER_S)

    def window_between_s(self, a: str, b: str) -> float:
        """Largest difference of the onsets of one earthquake at two stations (``NET.STA``), in s."""
        place_a, place_b = self.coordinates.get(a), self.coordinates.get(b)
        if place_a is None or place_b is None:
            return self.window_s
        return min(self.max_window_s, distance_km(place_a, place_b) / self.velocity_km_s + self.tolerance_s)

    def agree(self, a: StationTrigger, b: StationTrigger) -> bool:
        """
        Whether two triggers may be of one earthquake.

        Those of one instrument never are: it would still be on.  Another instrument of the same station
        belongs to it while it is on.
        """
        if a.instrument_id == b.instrument_id:
            return False
        first, second = sorted((a, b), key=lambda one: one.onset_ns)
        difference_ns = second.onset_ns - first.onset_ns
        stations = a.instrument_id.nsl, b.instrument_id.nsl
        if stations[0] != stations[1]:
            return difference_ns <= round(self.window_between_s(*stations) * NS_PER_S)
        is_on = first.off_ns is None or second.onset_ns < first.off_ns
        return is_on or difference_ns <= round(self.tolerance_s * NS_PER_S)

"""One comparison from files or a server to its result; prints nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from quake_stream.catalogue.compare import Arrival, Comparison, Earthquake, compare
from quake_stream.catalogue.read import read_catalogue
from quake_stream.catalogue.server import fetch_catalogue
from quake_stream.catalogue.travel_times import TravelTimes, arrivals_of
from quake_stream.counters import Counters
from quake_stream.errors import QuakeStreamError, SourceError
from quake_stream.network.coordinates import read_coordinates
from quake_stream.network.geometry import Coordinates
from quake_stream.network.recorded import read_files
from quake_stream.network.rule import StationTrigger
from quake_stream.types import NS_PER_S

REACH: Final = (
    3.0  # times the largest distance that a server is asked for: what is beyond explains detections
)
_AROUND_NS: Final = 60 * NS_PER_S  # data were there a little before the first onset, and after the last
_EDGE_NS: Final = 600 * NS_PER_S  # what arrived shortly before the start may still explain, by S


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """
    What to compare.

    ``catalogue`` is a file or an FDSN server; ``only`` names the stations wanted, all where empty;
    ``start_ns`` and ``end_ns`` default to a minute before the first and after the last onset; an earthquake is expected at a
    station within ``max_distance_km`` and of at least ``min_magnitude``.
    """

    detections: Sequence[Path]
    catalogue: str
    stations: Path
    only: Sequence[str] = ()
    start_ns: int | None = None
    end_ns: int | None = None
    max_distance_km: float
    min_magnitude: float | None = None
    tolerance_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result with what it rests on; ``elsewhere`` counts detections of stations without a place."""

    result: Comparison
    stations: Mapping[str, Coordinates]
    start_ns: int
    end_ns: int
    n_earthquakes: int
    elsewhere: Mapping[str, int]
    times: TravelTimes


def run(request: Request, counters: Counters) -> Outcome:
    """
    Read everything and compare.

    Raises
    ------
    SourceError
        A file or the server gives nothing that can be read.
    QuakeStreamError
        There is no time span to compare.
    """
    places = _places(request)
    triggers = read_files(request.detections, counters)
    start_ns, end_ns = _span(request, triggers)
    within = [one for one in triggers if start_ns <= one.onset_ns < end_ns]
    earthquakes = _earthquakes(request, places, counters, start_ns, end_ns)
    times = TravelTimes()
    arrivals = arrivals_of(
        earthquakes,
        places,
        times,
        max_distance_km=request.max_distance_km,
        min_magnitude=request.min_magnitude,
    )
    return Outcome(
        result=compare(
            _within(arrivals, start_ns, end_ns),
            (one for one in within if one.instrument_id.nsl in places),
            tolerance_s=request.tolerance_s,
        ),
        stations=places,
        start_ns=start_ns,
        end_ns=end_ns,
        n_earthquakes=len(earthquakes),
        elsewhere=_elsewhere(within, places, request.only),
        times=times,
    )


def _places(request: Request) -> dict[str, Coordinates]:
    places = read_coordinates(request.stations)
    unknown = [name for name in request.only if name not in places]
    if unknown:
        raise SourceError(f"{request.stations}: holds no {' and no '.join(unknown)}")
    return {name: place for name, place in places.items() if not request.only or name in request.only}


def _span(request: Request, triggers: Sequence[StationTrigger]) -> tuple[int, int]:
    if not triggers and (request.start_ns is None or request.end_ns is None):
        raise QuakeStreamError("there are no detections: give --start and --end to count what was missed")
    start_ns = triggers[0].onset_ns - _AROUND_NS if request.start_ns is None else request.start_ns
    end_ns = triggers[-1].onset_ns + _AROUND_NS if request.end_ns is None else request.end_ns
    if start_ns >= end_ns:
        raise QuakeStreamError("the end is not after the start")
    return start_ns, end_ns


def _elsewhere(
    triggers: Iterable[StationTrigger], places: Mapping[str, Coordinates], only: Sequence[str]
) -> Mapping[str, int]:
    names = (one.instrument_id.nsl for one in triggers)
    return Counter(name for name in names if name not in places and (not only or name in only))


def _within(arrivals: Iterable[Arrival], start_ns: int, end_ns: int) -> Iterator[Arrival]:
    """Leave out what arrives outside the span; near its edges it explains, but is not expected."""
    for one in arrivals:
        if start_ns <= one.p_ns < end_ns:
            yield one
        elif start_ns - _EDGE_NS <= one.p_ns < end_ns + _EDGE_NS:
            yield replace(one, is_expected=False)


def _earthquakes(
    request: Request, places: Mapping[str, Coordinates], counters: Counters, start_ns: int, end_ns: int
) -> list[Earthquake]:
    path = Path(request.catalogue)
    is_name = "." not in request.catalogue and "/" not in request.catalogue  # ``USGS``, not ``day.xml``
    if request.catalogue.startswith(("http://", "https://")) or (is_name and not path.exists()):
        return fetch_catalogue(
            request.catalogue,
            places,
            counters,
            start_ns=start_ns,
            end_ns=end_ns,
            max_distance_km=REACH * request.max_distance_km,
        )
    return read_catalogue(path, counters)

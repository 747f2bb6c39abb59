"""
When an earthquake's first P and S reach a station: ObsPy's TauP in the model iasp91.

The model is that of Kennett and Engdahl (1991); heights of stations and the ellipsoid are left out.
"""

from collections.abc import Iterable, Iterator, Mapping

from quake_stream.catalogue.compare import Arrival, Earthquake
from quake_stream.network.geometry import Coordinates, distance_deg, distance_km
from quake_stream.types import NS_PER_S

MODEL = "iasp91"


class TravelTimes:
    """First arrivals; loads the model once, which takes a second."""

    def __init__(self) -> None:
        from obspy.taup import TauPyModel  # noqa: PLC0415  loads slowly

        self._model = TauPyModel(MODEL)
        self._known: dict[tuple[float, float], tuple[float | None, float | None]] = {}

    def first_s(self, degrees: float, depth_km: float) -> tuple[float | None, float | None]:
        """
        Travel times of the first P and the first S in s, None where there is none.

        Distance and depth are rounded to 0.001 degrees (0.1 km) and 1 km, so that aftershocks of one place
        share a calculation; that changes times by less than 0.2 s.
        """
        key = round(degrees, 3), max(0.0, round(depth_km, 0))
        if key not in self._known:
            self._known[key] = self._first(key, "ttp"), self._first(key, "tts")
        return self._known[key]

    def _first(self, key: tuple[float, float], phases: str) -> float | None:
        degrees, depth_km = key
        arrivals = self._model.get_travel_times(depth_km, degrees, [phases])
        return min((float(arrival.time) for arrival in arrivals), default=None)


def arrivals_of(
    earthquakes: Iterable[Earthquake],
    stations: Mapping[str, Coordinates],
    times: TravelTimes,
    *,
    max_distance_km: float,
    min_magnitude: float | None,
) -> Iterator[Arrival]:
    """
    Predict the arrivals of each earthquake at each station.

    A station should see an earthquake within ``max_distance_km`` (epicentral) of at least ``min_magnitude``;
    one whose magnitude is not known counts as large enough.
    """
    for earthquake in earthquakes:
        magnitude = earthquake.magnitude
        is_large = min_magnitude is None or magnitude is None or magnitude >= min_magnitude
        for station, place in stations.items():
            degrees = distance_deg(earthquake.place, place)
            p_s, s_s = times.first_s(degrees, earthquake.depth_km)
            if p_s is None:
                continue
            away_km = distance_km(earthquake.place, place)
            yield Arrival(
                earthquake=earthquake,
                station=station,
                distance_km=away_km,
                p_ns=earthquake.origin_ns + round(p_s * NS_PER_S),
                s_ns=None if s_s is None else earthquake.origin_ns + round(s_s * NS_PER_S),
                is_expected=is_large and away_km <= max_distance_km,
            )

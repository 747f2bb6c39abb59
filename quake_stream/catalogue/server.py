"""Ask an FDSN event server for the earthquakes that stations may have seen, through ObsPy's client."""

from collections.abc import Mapping

from quake_stream.catalogue.compare import Earthquake
from quake_stream.catalogue.read import earthquakes_of
from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.network.geometry import Coordinates, distance_deg
from quake_stream.types import NS_PER_S

KM_PER_DEG = 111.19


def fetch_catalogue(
    server: str,
    stations: Mapping[str, Coordinates],
    counters: Counters,
    *,
    start_ns: int,
    end_ns: int,
    max_distance_km: float,
    timeout_s: float = 60.0,
) -> list[Earthquake]:
    """
    Fetch earthquakes within ``max_distance_km`` of the stations, by origin time.

    ``server`` is an address (``https://earthquake.usgs.gov``) or one of ObsPy's names (``USGS``).  What
    began shortly before ``start_ns`` may arrive after it, so it is asked for as well.

    Raises
    ------
    SourceError
        The server cannot be reached or does not answer as an FDSN event server does.
    """
    from obspy import UTCDateTime  # noqa: PLC0415  ObsPy takes a second to import
    from obspy.clients.fdsn import Client  # noqa: PLC0415  likewise
    from obspy.clients.fdsn.header import FDSNException, FDSNNoDataException  # noqa: PLC0415  likewise

    centre, radius_deg = _circle(stations)
    travel_ns = round((60 + max_distance_km / 5) * NS_PER_S)  # no P is slower than 5 km/s from so far
    try:
        events = Client(server, timeout=timeout_s).get_events(
            starttime=UTCDateTime(ns=start_ns - travel_ns),
            endtime=UTCDateTime(ns=end_ns),
            latitude=centre.latitude_deg,
            longitude=centre.longitude_deg,
            maxradius=min(180.0, radius_deg + max_distance_km / KM_PER_DEG),
        )
    except FDSNNoDataException:
        return []
    except (FDSNException, ValueError, OSError) as exc:
        first = str(exc).strip().split("\n", 1)[0]
        raise SourceError(f"{server}: no catalogue from this FDSN server: {first}") from exc
    return earthquakes_of(events, counters)


def _circle(stations: Mapping[str, Coordinates]) -> tuple[Coordinates, float]:
    """Centre at one of the stations, which unlike a mean of longitudes holds at the date line as well."""
    places = list(stations.values())
    reach = {i: max(distance_deg(a, b) for b in places) for i, a in enumerate(places)}
    best = min(reach, key=lambda i: reach[i])
    return places[best], reach[best]

"""Read a catalogue of earthquakes from a file: QuakeML, FDSN event text and whatever else ObsPy reads."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from quake_stream.catalogue.compare import Earthquake
from quake_stream.counters import Counters
from quake_stream.errors import SourceError
from quake_stream.network.geometry import Coordinates


def read_catalogue(path: Path, counters: Counters) -> list[Earthquake]:
    """
    Read the earthquakes of a file, by origin time.

    Raises
    ------
    SourceError
        The file cannot be read, or is no catalogue.
    """
    from obspy import read_events  # noqa: PLC0415  ObsPy takes a second to import

    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    try:
        events = read_events(str(path))
    except Exception as exc:  # readers of ObsPy raise whatever their parsers do
        raise SourceError(f"{path}: no catalogue in QuakeML or FDSN event text: {exc}") from exc
    return earthquakes_of(events, counters)


def earthquakes_of(events: Iterable[Any], counters: Counters) -> list[Earthquake]:
    """Take what is needed from ObsPy's events; those without a place and time are counted and left out."""
    found = []
    for event in events:
        origin = event.preferred_origin() or next(iter(event.origins), None)
        if origin is None or None in (origin.time, origin.latitude, origin.longitude):
            counters.add("events.refused", reason="no_origin")
            continue
        if event.event_type not in {None, "earthquake", "not reported"}:
            counters.add("events.refused", reason="no_earthquake")
            continue
        magnitude = event.preferred_magnitude() or next(iter(event.magnitudes), None)
        found.append(
            Earthquake(
                id=str(event.resource_id),
                origin_ns=int(origin.time.ns),
                place=Coordinates(latitude_deg=float(origin.latitude), longitude_deg=float(origin.longitude)),
                depth_km=max(0.0, float(origin.depth or 0.0) / 1000),
                magnitude=None if magnitude is None else float(magnitude.mag),
            )
        )
    return sorted(found, key=lambda one: (one.origin_ns, one.id))

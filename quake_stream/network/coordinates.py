"""
Read where stations are: StationXML or whatever else ObsPy reads, FDSN station text, CSV.

A station has one place here; of several epochs the one that began last counts.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from quake_stream.errors import SourceError
from quake_stream.network.geometry import Coordinates

_NAMES = ("network", "station", "latitude", "longitude")


def read_coordinates(path: Path) -> dict[str, Coordinates]:
    """
    Read the place of each station, by ``NET.STA``.

    A text file has a heading with at least network, station, latitude and longitude, in any order, and is
    separated by commas, or by ``|`` as FDSN web services write it.

    Raises
    ------
    SourceError
        The file cannot be read, or holds no station; the message names the line where it can.
    """
    try:
        head = path.read_bytes()[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as exc:
        raise SourceError(f"{path}: cannot be read: {exc.strerror}") from exc
    first = head.split(b"\n", 1)[0].lower()
    is_text = b"station" in first and b"latitude" in first and not first.startswith(b"<")
    found = dict(_from_text(path) if is_text else _from_inventory(path))
    if not found:
        raise SourceError(f"{path}: holds no stations")
    return found


def _from_text(path: Path) -> Iterator[tuple[str, Coordinates]]:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
        heading = next(lines)
        delimiter = "|" if "|" in heading else ","
        names = [name.strip(' "#\t\r\n').lower() for name in heading.split(delimiter)]
        missing = [name for name in _NAMES if name not in names]
        if missing:
            raise SourceError(f"{path}: the heading names no {' and no '.join(missing)}")
        for n, row in enumerate(csv.DictReader(lines, names, delimiter=delimiter), start=2):
            try:
                yield _station(row)
            except (TypeError, ValueError) as exc:
                raise SourceError(f"{path}, line {n}: {exc}") from exc


def _station(row: Mapping[str, str | None]) -> tuple[str, Coordinates]:
    network, station, latitude, longitude = (row[name] for name in _NAMES)
    if not (station and latitude and longitude):
        raise ValueError("station, latitude or longitude is empty")
    place = Coordinates(latitude_deg=float(latitude), longitude_deg=float(longitude))
    return f"{(network or '').strip()}.{station.strip()}", place


def _from_inventory(path: Path) -> Iterator[tuple[str, Coordinates]]:
    from obspy import UTCDateTime, read_inventory  # noqa: PLC0415  ObsPy takes a second to import

    try:
        inventory = read_inventory(str(path))
    except Exception as exc:  # readers of ObsPy raise whatever their parsers do
        raise SourceError(f"{path}: neither StationXML nor a table of stations: {exc}") from exc
    for network in inventory:
        for station in sorted(network, key=lambda epoch: epoch.start_date or UTCDateTime(0)):
            place = Coordinates(latitude_deg=float(station.latitude), longitude_deg=float(station.longitude))
            yield f"{network.code}.{station.code}", place

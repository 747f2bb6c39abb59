"""
What differs between the versions of SeedLink, for the connection that speaks either.  Pure.

Version 3 is put together here; version 4, another language for the same things, in
`quake_stream.ingest.seedlink4.dialect`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from quake_stream.ingest.offers import Offer, offers
from quake_stream.ingest.seedlink.framing import Inbox
from quake_stream.ingest.seedlink.info import InfoText, server_started, stations
from quake_stream.ingest.seedlink.request import RequestContext, data_command
from quake_stream.ingest.seedlink.stations import SEQUENCE_MASK, Station


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """
    Words of one version.

    ``station``, ``selectors`` and ``request`` write what is asked for; ``inbox`` and ``info`` take what comes;
    ``started``, ``stations`` and ``offers`` read the text of INFO.  ``sequence_after`` counts on, and
    ``has_wildcards`` is whether every server takes them in network and station.
    """

    version: str
    inbox: Callable[[], Inbox]
    info: Callable[[], InfoText]
    started: Callable[[str], str]
    stations: Callable[[str], Iterator[tuple[str, str]]]
    offers: Callable[[str], Iterator[Offer]]
    station: Callable[[Station], str]
    selectors: Callable[[Station], Sequence[str]]
    request: Callable[[Station, RequestContext], str]
    sequence_after: Callable[[int], int]
    has_wildcards: bool


THREE = Dialect(
    version="3",
    inbox=Inbox,
    info=InfoText,
    started=server_started,
    stations=stations,
    offers=offers,
    station=lambda station: f"STATION {station.station} {station.net}",
    selectors=lambda station: station.selectors,
    request=data_command,
    sequence_after=lambda sequence: (sequence + 1) & SEQUENCE_MASK,
    has_wildcards=False,
)

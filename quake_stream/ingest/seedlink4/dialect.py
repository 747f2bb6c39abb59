"""SeedLink 4 for a connection: its words, gathered.  Pure."""

from quake_stream.ingest.seedlink.dialect import Dialect
from quake_stream.ingest.seedlink4.framing import Inbox4
from quake_stream.ingest.seedlink4.info import InfoJson, offers, server_started, stations
from quake_stream.ingest.seedlink4.request import data_command

FOUR = Dialect(
    version="4",
    inbox=Inbox4,
    info=InfoJson,
    started=server_started,
    stations=stations,
    offers=offers,
    station=lambda station: f"STATION {station.net}_{station.station}",
    selectors=lambda station: station.selectors4,
    request=data_command,
    sequence_after=lambda sequence: sequence + 1,
    has_wildcards=True,
)

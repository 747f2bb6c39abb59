"""
Which stations are asked of a server, and how far each has been read.  No I/O.

Stations are found by a dictionary, and one that is seen through a wildcard is entered by itself, so that a
new connection resumes it like any other.
"""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from obspy import UTCDateTime
from obspy.clients.seedlink.client.slnetstation import SLNetStation

from quake_stream.ingest.pattern_index import PatternIndex
from quake_stream.ingest.seedlink.selectors import selector
from quake_stream.ingest.seedlink4 import selectors as seedlink4
from quake_stream.selection import StreamPattern
from quake_stream.source_id import SourceId

SEQUENCE_MASK = 0xFFFFFF
NO_SEQUENCE = -1  # ObsPy's "start with the next data"
_MAX_REMEMBERED_STREAMS = 100_000


class Station(SLNetStation):  # type: ignore[misc]  # ObsPy publishes no types
    """
    ObsPy's station state with the time of the last record in nanoseconds.

    ``seqnum`` -1 with a start means that the sequence is void (server restarted) and the time is not.
    ``wants_backfill`` is whether a station that was never heard is asked for past data.  ``selectors4`` are the
    ``selectors`` as SeedLink 4 writes them.
    """

    def __init__(
        self, network: str, station: str, selectors: Iterable[str] = (), selectors4: Iterable[str] = ()
    ) -> None:
        self.selectors4 = list(selectors4)
        self.start_ns: int | None = None
        self.seqnum: int = NO_SEQUENCE
        self.wants_backfill = True
        super().__init__(network, station, list(selectors), NO_SEQUENCE, None)

    @property
    def code(self) -> str:
        """``NET.STA``."""
        return f"{self.net}.{self.station}"

    @property
    def has_wildcard(self) -> bool:
        """Whether this entry stands for any number of stations."""
        return any(mark in self.net + self.station for mark in "?*")

    def reaches(self, network: str, station: str) -> bool:
        """Whether this entry stands for the station."""
        return fnmatchcase(network, self.net) and fnmatchcase(station, self.station)

    @property
    def btime(self) -> UTCDateTime | None:
        """ObsPy's name for the start of the last record."""
        return None if self.start_ns is None else UTCDateTime(ns=self.start_ns)

    @btime.setter
    def btime(self, time: UTCDateTime | None) -> None:
        self.start_ns = None if time is None else time.ns

    def append_selectors(self, new_selectors: str | None) -> int:
        """Add selectors one by one; ObsPy appends the whole text as one, which servers reject."""
        for word in (new_selectors or "").split():
            if word not in self.selectors:
                self.selectors.append(word)
        return 1

    def step_back(self) -> bool:
        """
        Ask for less after the server refused the request for data; False when nothing is left to give up.

        From the sequence to the time, then to the next data.
        """
        if self.seqnum != NO_SEQUENCE:
            self.seqnum = NO_SEQUENCE
        elif self.start_ns is not None or self.wants_backfill:
            self.start_ns, self.wants_backfill = None, False
        else:
            return False
        return True


class StationTable:
    """
    Stations of one connection by network and station code; ``entries`` is ObsPy's ``streams``.

    At most ``max_stations`` entries, whatever a server sends.
    """

    def __init__(
        self,
        include: tuple[StreamPattern, ...],
        exclude: tuple[StreamPattern, ...] = (),
        *,
        max_stations: int = 20_000,
    ) -> None:
        self.max_stations = max_stations
        self.entries: list[Station] = []
        self.refused: set[tuple[str, str]] = set()
        self._include = PatternIndex(include)
        self._exclude = PatternIndex(exclude)
        self._by_code: dict[tuple[str, str], Station] = {}
        self._wildcards: list[Station] = []  # few, however many stations are seen through them
        self._wanted: dict[SourceId, bool] = {}
        for pattern in include:
            self.add(pattern.network, pattern.station)

    @property
    def has_wildcards(self) -> bool:
        """Whether any entry must be expanded where the server cannot do so."""
        return bool(self._wildcards)

    @property
    def has_refused_wildcard(self) -> bool:
        """Whether the server refused a wildcard, whatever it says that it can do."""
        return any((e.net, e.station) in self.refused for e in self._wildcards)

    @property
    def is_full(self) -> bool:
        """Whether no more stations are taken."""
        return len(self.entries) >= self.max_stations

    def get(self, network: str, station: str) -> Station | None:
        """Entry of exactly these codes."""
        return self._by_code.get((network, station))

    def add(self, network: str, station: str) -> Station:
        """Enter a station or wildcard with the selectors of all patterns that reach it, if it is new."""
        entry = self._by_code.get((network, station))
        if entry is None:
            patterns = self._include.reaching(network, station)
            entry = Station(
                network, station, *(_written(patterns, s) for s in (selector, seedlink4.selector))
            )
            self._by_code[network, station] = entry
            self.entries.append(entry)
            if entry.has_wildcard:
                self._wildcards.append(entry)
        return entry

    def find(self, network: str, station: str) -> Station | None:
        """Entry of a station that data came from, made if a wildcard covers it; None if unasked or full."""
        entry = self._by_code.get((network, station))
        if entry is None and not self.is_full and self.covers(network, station):
            entry = self.add(network, station)
            for other in self._wildcards:
                # Its past has come: asking the wildcard for it again would repeat it at each connection.
                if other.reaches(network, station):
                    other.wants_backfill = False
        return entry

    def covers(self, network: str, station: str) -> bool:
        """Whether any pattern reaches the station, and none excludes it whole."""
        excluded = self._exclude.reaching(network, station)
        return bool(self._include.reaching(network, station)) and not any(
            p.location == "*" and p.channel == "*" for p in excluded
        )

    def wants(self, source_id: SourceId) -> bool:
        """Whether records of this stream are to be delivered."""
        verdict = self._wanted.get(source_id)
        if verdict is None:
            if len(self._wanted) >= _MAX_REMEMBERED_STREAMS:
                self._wanted.clear()
            verdict = self._include.matches(source_id) and not self._exclude.matches(source_id)
            self._wanted[source_id] = verdict
        return verdict

    def to_request(self, *, with_wildcards: bool) -> list[Station]:
        """
        Entries to ask the server for, without those it refused.

        Wildcards come first: where a later STATION replaces what an earlier one said about the same station
        (SeisComP), the station's own resume position must be the last word.
        """
        open_entries = [e for e in self.entries if (e.net, e.station) not in self.refused]
        named = [e for e in open_entries if not e.has_wildcard]
        return [e for e in open_entries if e.has_wildcard and with_wildcards] + named

    def newest_start_ns(self) -> int | None:
        """Start of the newest record of any station."""
        return max((e.start_ns for e in self.entries if e.start_ns is not None), default=None)

    def forget_sequences(self) -> None:
        """Keep only times: the server has restarted, and its old numbers may mean other data now."""
        for entry in self.entries:
            entry.seqnum = NO_SEQUENCE

    def suspects(self, sequence: int, last: Station | None) -> list[Station]:
        """Stations that a record with this sequence number may belong to: what it follows, else the last."""
        before = (sequence - 1) & SEQUENCE_MASK
        found = [e for e in self.entries if e.seqnum == before]
        return found or ([last] if last else [])


def _written(patterns: Iterable[StreamPattern], write: Callable[[StreamPattern], str]) -> list[str]:
    return list(dict.fromkeys(write(pattern) for pattern in patterns))

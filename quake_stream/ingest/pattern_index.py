"""Find the patterns that reach a station without looking at all of them.  Pure."""

from collections import defaultdict
from collections.abc import Iterable

from quake_stream.selection import StreamPattern
from quake_stream.source_id import SourceId


class PatternIndex:
    """
    Stream patterns by network and station.

    Observatories list thousands of stations by name; only patterns with wildcards are tried one by one.
    """

    def __init__(self, patterns: Iterable[StreamPattern]) -> None:
        self._by_code: defaultdict[tuple[str, str], list[StreamPattern]] = defaultdict(list)
        self._wild: list[StreamPattern] = []
        for pattern in patterns:
            self._by_code[pattern.network, pattern.station].append(pattern)
            if pattern.has_station_wildcard:
                self._wild.append(pattern)

    def reaching(self, network: str, station: str) -> list[StreamPattern]:
        """Patterns that may want streams of a station, or of a wildcard written just so."""
        named = self._by_code.get((network, station), [])
        return named + [p for p in self._wild if p not in named and p.matches_station(network, station)]

    def matches(self, source_id: SourceId) -> bool:
        """Whether any pattern wants this stream."""
        return any(p.matches(source_id) for p in self.reaching(source_id.network, source_id.station))

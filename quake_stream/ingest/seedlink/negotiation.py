"""
Ask for many stations in one go and keep a verdict for each.  Pure: bytes out, lines in.

Commands are sent ahead of their replies (1000 stations take one or two round trips, not 5000), without
BATCH, which would hide the verdicts.
"""

import enum
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from quake_stream.ingest.seedlink.dialect import THREE, Dialect
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.ingest.seedlink.stations import Station

MAX_AHEAD = 500  # commands without a reply; bounds what a server has to buffer


class Refused(enum.StrEnum):
    """What of a station a server would not accept; the ``reason`` of ``stations.refused``."""

    STATION = "station"
    SELECTORS = "selectors"  # all of them: the server would now send every channel
    DATA = "data"


@dataclass(slots=True)
class Verdict:
    """Replies about one station so far."""

    station: Station
    refused: Refused | None = None
    bad_selectors: list[str] = field(default_factory=list)


class Negotiation:
    """
    Dialogue about a list of stations.

    Feed it with `receive`, send what `next_bytes` gives, until `is_done`.  After a refused STATION the
    commands already sent mean something else than intended (they apply to the station before, or start the
    data), so the dialogue is over at once and ``is_out_of_step``: leave the connection, learn all refusals
    by a survey (``survey=True`` sends STATION alone), leave again, ask anew.
    """

    def __init__(
        self,
        stations: Iterable[Station],
        request: Callable[[Station], str],
        *,
        survey: bool = False,
        dialect: Dialect = THREE,
    ) -> None:
        self.verdicts = [Verdict(station) for station in stations]
        self.is_out_of_step = False
        self._survey = survey
        self._dialect = dialect
        self._to_send = self._commands(request)
        self._asked: deque[tuple[Verdict, str]] = deque()
        self._is_all_sent = False

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to be sent or heard."""
        return self.is_out_of_step or (self._is_all_sent and not self._asked)

    @property
    def refused(self) -> list[Verdict]:
        """Stations that the server would not accept."""
        return [verdict for verdict in self.verdicts if verdict.refused]

    def next_bytes(self) -> bytes:
        """Commands that may be sent now; empty when replies must come first."""
        lines: list[str] = []
        while len(self._asked) < MAX_AHEAD and not self._is_all_sent:
            step = next(self._to_send, None)
            if step is None:
                self._is_all_sent = True
            else:
                self._asked.append(step)
                lines.append(step[1])
        return "".join(f"{line}\r" for line in lines).encode("ascii")

    def receive(self, line: bytes) -> None:
        """
        Take the next reply.

        Raises
        ------
        LinkLostError
            It is neither OK nor ERROR, or answers nothing.
        """
        accepted = line[:2].upper() == b"OK"
        if not self._asked or not (accepted or line[:5].upper() == b"ERROR"):
            raise LinkLostError(Lost.HANDSHAKE, f"unexpected reply {line[:40]!r}")
        verdict, command = self._asked.popleft()
        if not accepted:
            self._refuse(verdict, command)

    def _refuse(self, verdict: Verdict, command: str) -> None:
        word, _, argument = command.partition(" ")
        if word == "STATION":
            verdict.refused = Refused.STATION
            self.is_out_of_step = not self._survey
        elif word != "SELECT":
            verdict.refused = verdict.refused or Refused.DATA
        else:
            verdict.bad_selectors.append(argument)
            if len(verdict.bad_selectors) == len(self._dialect.selectors(verdict.station)):
                verdict.refused = Refused.SELECTORS

    def _commands(self, request: Callable[[Station], str]) -> Iterator[tuple[Verdict, str]]:
        for verdict in self.verdicts:
            station = verdict.station
            yield verdict, self._dialect.station(station)
            if not self._survey:
                for selector in self._dialect.selectors(station):
                    yield verdict, f"SELECT {selector}"
                yield verdict, request(station)

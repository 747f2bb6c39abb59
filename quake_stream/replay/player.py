"""
Play a recording into a ring by a timetable, and open sessions on that ring.  Pure: the time is an argument.

All of a replay server but its thread and sockets.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import quake_stream
from quake_stream.counters import Counters
from quake_stream.replay.faults import Faults, LinkFaults
from quake_stream.replay.feed import Feed
from quake_stream.replay.info import Peer, ServerFacts
from quake_stream.replay.recording import Recording, Survey
from quake_stream.replay.ring import SEQUENCE_MASK, Ring
from quake_stream.replay.schedule import Timetable
from quake_stream.replay.session import Session

_OFFERS_PER_TURN = 500  # clients are served between the records of a fast replay


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayOptions:
    """
    How a recording is played; see `quake_stream.replay.server.ReplayServer`.

    Raises
    ------
    ValueError
        A value is out of range, or a loop has speed 0 or would run ahead of the clock.
    """

    speed: float
    restamp: bool
    loop: bool
    start_ns: int | None
    wait_for_clients: int
    sequences: str
    first_sequence: int
    ring_bytes: int
    wildcards: bool
    repack: bool
    admitted: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.loop and (self.speed == 0 or (self.restamp and self.speed > 1)):
            raise ValueError(
                "a loop needs a speed above 0, and one of at most 1 where times are moved to now"
            )
        if self.sequences not in {"station", "shared"}:
            raise ValueError(f"sequences {self.sequences!r} is neither 'station' nor 'shared'")
        if not 0 <= self.first_sequence <= SEQUENCE_MASK:
            raise ValueError(f"sequence {self.first_sequence} does not fit six hexadecimal digits")


class Player:
    """One replay: the ring that clients read, and what fills it."""

    def __init__(self, recording: Recording, options: PlayOptions, *, faults: Faults, now_ns: int) -> None:
        self.counters = Counters()
        self.ring = Ring(
            max_bytes=options.ring_bytes,
            is_shared=options.sequences == "shared",
            first_sequence=options.first_sequence,
        )
        self._recording = recording
        self._options = options
        self._faults = faults
        self._survey = Survey.of(recording)
        self._started_ns = now_ns
        self._timetable = self._plan(now_ns)
        self._feed: Feed | None = None
        self._n_links = 0

    @property
    def has_begun(self) -> bool:
        """Whether the replay's time is running."""
        return self._feed is not None

    @property
    def is_finished(self) -> bool:
        """Whether all records have been offered."""
        return self._feed is not None and self._feed.is_finished

    @property
    def facts(self) -> ServerFacts:
        """What the server says about itself."""
        streams, moved_ns = self._survey.streams, self._timetable.moved_ns()
        return ServerFacts(
            software=f"quake_stream/{quake_stream.__version__}",
            organization="quake_stream replay",
            started_ns=self._started_ns,
            has_wildcards=self._options.wildcards,
            streams={source_id: start_ns + moved_ns for source_id, start_ns in streams.items()},
            stations=frozenset((source_id.network, source_id.station) for source_id in streams),
            admitted=self._options.admitted,
        )

    def offer(self, now_ns: int, readers: Sequence[Session]) -> int | None:
        """
        Put what is due into the ring; return when more is (UTC ns), None if only a reader can tell.

        The replay's time begins to run when there are enough readers.  At speed 0 the ring waits for the slowest of the ``readers``; otherwise it waits for nobody.
        """
        if self._feed is None:
            if len(readers) < self._options.wait_for_clients:
                return None
            self._feed = self._begin(now_ns)
        keep_serial = None
        if self._options.speed == 0:
            keep_serial = min((reader.next_serial for reader in readers), default=None)
        return self._feed.offer(now_ns, limit=_OFFERS_PER_TURN, keep_serial=keep_serial)

    def session(
        self, peers: Callable[[], Iterable[Peer]], *, is_encrypted: bool = False
    ) -> tuple[Session, LinkFaults]:
        """Open the conversation with one more client; its bytes on their way are for the caller to send."""
        faults = self._faults.link(self._n_links)
        self._n_links += 1
        session = Session(
            self.facts,
            self.ring,
            self.counters,
            peers=peers,
            packets=faults.packets,
            is_encrypted=is_encrypted,
        )
        return session, faults

    def _begin(self, now_ns: int) -> Feed:
        """Let the replay's time run from now on."""
        self._timetable = self._plan(now_ns)
        return Feed(
            self._recording,
            self.ring,
            self.counters,
            timetable=self._timetable,
            loop=self._options.loop,
            repack=self._options.repack,
            faults=self._faults,
        )

    def _plan(self, now_ns: int) -> Timetable:
        survey, options = self._survey, self._options
        return Timetable.plan(
            now_ns=now_ns,
            origin_ns=survey.first_end_ns if options.start_ns is None else options.start_ns,
            first_ns=survey.first_ns,
            last_ns=survey.last_ns,
            speed=options.speed,
            restamp=options.restamp,
        )

"""
Look at one SeedLink server: who it is, what it offers, what arrives.

First a greeting (name look-up, HELLO, INFO ID and STREAMS), then the service's own source, without saved
positions.  It judges nothing, tries a dead server once only and leaves no trace.
"""

import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from quake_stream.counters import Key
from quake_stream.ingest.offers import Offer
from quake_stream.ingest.pattern_index import PatternIndex
from quake_stream.ingest.resume import ResumeStore
from quake_stream.ingest.seedlink.address import Address
from quake_stream.ingest.seedlink.dialect import Dialect
from quake_stream.ingest.seedlink.dialogue import Dialogue
from quake_stream.ingest.seedlink.link import Resolve
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.ingest.seedlink.pulse import Pulse, StoppedError
from quake_stream.ingest.seedlink.settings import SeedLinkSettings
from quake_stream.ingest.seedlink.source import SeedLinkSource
from quake_stream.selection import StreamPattern
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S, Packet

_MAX_HELLO_CHARACTERS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """
    What a server says of itself.

    ``hello`` and ``organization`` hold printable characters only, whatever was sent.  ``offers`` is None
    where the server does not list its streams, ``stations`` (network and station code) where it lists not
    even these.  ``asked_ns`` is when (UTC ns).
    """

    version: str  # of SeedLink that is spoken, "3" or "4"
    hello: str
    organization: str
    has_wildcards: bool
    stations: frozenset[tuple[str, str]] | None
    offers: tuple[Offer, ...] | None
    asked_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """
    What arrived of one stream.

    Times (UTC ns) are those of the newest record; ``record_s`` is the length of the longest one, for so long
    its first sample waited for its last.
    """

    source_id: SourceId
    sample_rate_hz: float
    n_records: int
    record_s: float
    start_ns: int
    end_ns: int
    received_ns: int

    @property
    def latency_s(self) -> float:
        """Age of the newest sample when it arrived; negative where the station's clock is ahead."""
        return (self.received_ns - self.end_ns) / NS_PER_S


class Probe:
    """
    Greet a server, then listen until `stop`.

    Parameters
    ----------
    address
        ``seedlink://host[:port]``, ``seedlinks://host[:port]`` (through TLS) or ``host[:port]``.
    include, exclude
        Streams wanted.
    settings
        Times and limits, as for the source itself.
    now_ns, getaddrinfo
        Clock and name resolution, for tests.

    Raises
    ------
    SourceError
        ``address`` is none.
    """

    def __init__(
        self,
        address: str,
        *,
        include: tuple[StreamPattern, ...],
        exclude: tuple[StreamPattern, ...] = (),
        settings: SeedLinkSettings = SeedLinkSettings(),  # noqa: B008  frozen, so it can be shared
        now_ns: Callable[[], int] = time.time_ns,
        getaddrinfo: Resolve = socket.getaddrinfo,
    ) -> None:
        self.greeted = threading.Event()  # `greeting` or `failure` is there, or `run` has ended
        self.done = threading.Event()  # nothing more is to be learned, or `run` has ended
        self.greeting: Greeting | None = None
        self.failure: LinkLostError | None = None
        self._address = Address.parse(address)
        self._include, self._exclude = PatternIndex(include), PatternIndex(exclude)
        self._settings = settings
        self._now_ns = now_ns
        self._getaddrinfo = getaddrinfo
        self._pulse = Pulse()
        self._heard: dict[SourceId, Heard] = {}
        self._awaited: set[SourceId] = set()
        self._source = SeedLinkSource(
            address,
            include=include,
            exclude=exclude,
            positions=ResumeStore(None),
            settings=settings,
            now_ns=now_ns,
            getaddrinfo=getaddrinfo,
        )

    @property
    def name(self) -> str:
        """``host:port``."""
        return str(self._address)

    def wants(self, source_id: SourceId) -> bool:
        """Whether a stream is in ``include`` and not in ``exclude``."""
        return self._include.matches(source_id) and not self._exclude.matches(source_id)

    def run(self) -> None:
        """Greet and listen; returns after `stop`, or at once where the server does not answer."""
        try:
            self.greeting = greeting = self._greet()
            self._awaited = {o.source_id for o in greeting.offers or () if self.wants(o.source_id)}
            self._note_if_done()
            self.greeted.set()
            self._source.run(self._take)
        except LinkLostError as lost:
            self.failure = lost
        except StoppedError:
            pass  # the greeting was broken off; there is nothing to report
        finally:
            self.greeted.set()
            self.done.set()

    def stop(self) -> None:
        """Make `run` return within a second; from any thread, more than once."""
        self._pulse.stop()
        self._source.stop()

    def heard(self) -> Mapping[SourceId, Heard]:
        """Tell what has arrived of each stream so far."""
        return self._heard.copy()

    def counts(self) -> Mapping[Key, int]:
        """Counters of the source, such as ``stations.refused``."""
        return self._source.counts()

    def _greet(self) -> Greeting:
        with self._pulse:
            dialogue = Dialogue(
                self._address, pulse=self._pulse, settings=self._settings, getaddrinfo=self._getaddrinfo
            )
            try:
                try:
                    dialogue.connect()
                except LinkLostError as lost:
                    # One that greets and keeps silent about INFO is old, not broken.
                    if lost.reason is not Lost.COMMAND_TIMEOUT or not dialogue.hello:
                        raise
                    listing = None
                else:
                    listing = _ask_for_streams(dialogue)
            finally:
                dialogue.disconnect()
        return _greeting(dialogue.hello, dialogue.dialect, listing, self._now_ns())

    def _take(self, packet: Packet) -> None:
        source_id = packet.source_id
        before = self._heard.get(source_id)
        record_s = (packet.end_ns - packet.start_ns) / NS_PER_S
        self._heard[source_id] = Heard(
            source_id=source_id,
            sample_rate_hz=packet.sample_rate_hz,
            n_records=1 + (before.n_records if before else 0),
            record_s=max(record_s, before.record_s if before else 0.0),
            start_ns=packet.start_ns,
            end_ns=packet.end_ns,
            received_ns=packet.received_ns,
        )
        self._awaited.discard(source_id)
        self._note_if_done()

    def _note_if_done(self) -> None:
        if not self._awaited and self.greeting is not None and self.greeting.offers is not None:
            self.done.set()


def _ask_for_streams(dialogue: Dialogue) -> tuple[str, str] | None:
    """Level and text of the most that the server tells of INFO STREAMS and STATIONS; None for nothing."""
    if not dialogue.has_info:
        return None
    try:
        for level in ("STREAMS", "STATIONS"):
            answer = dialogue.ask_info(level)
            if not answer.is_error:
                return level, answer.text
    except LinkLostError:  # it hangs up or keeps silent instead of refusing
        return None
    return None


def _greeting(hello: str, dialect: Dialect, listing: tuple[str, str] | None, now_ns: int) -> Greeting:
    level, text = listing or ("", "")
    lines = ["".join(c if c.isprintable() else "?" for c in line) for line in hello.splitlines()]
    return Greeting(
        version=dialect.version,
        hello=lines[0][:_MAX_HELLO_CHARACTERS],
        organization=lines[1][:_MAX_HELLO_CHARACTERS] if len(lines) > 1 else "",
        has_wildcards=dialect.has_wildcards or "NSWILDCARD" in hello.upper(),
        stations=frozenset(dialect.stations(text)) if listing else None,
        offers=tuple(dialect.offers(text)) if level == "STREAMS" else None,
        asked_ns=now_ns,
    )

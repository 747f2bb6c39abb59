"""
Packets from one SeedLink server, for months.

Connects, resumes, reads, decodes and delivers; after any loss it waits and connects again.  Nothing that a
server sends ends it, and nothing is dropped without being counted.  Never waits for the receiver of packets.
"""

import random as _random
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import inf

import structlog
from obspy.clients.seedlink.seedlinkexception import SeedLinkException
from obspy.clients.seedlink.slclient import SLClient

from quake_stream.counters import Counters, Key
from quake_stream.ingest.resume import NO_SEQUENCE, ResumeStore
from quake_stream.ingest.seedlink.address import Address
from quake_stream.ingest.seedlink.backoff import backoff
from quake_stream.ingest.seedlink.connection import Connection
from quake_stream.ingest.seedlink.link import Resolve
from quake_stream.ingest.seedlink.link_log import LinkLog
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.ingest.seedlink.packet import RecordPacket
from quake_stream.ingest.seedlink.pulse import Pulse, StoppedError
from quake_stream.ingest.seedlink.settings import SeedLinkSettings
from quake_stream.ingest.seedlink.stations import StationTable
from quake_stream.mseed.decode import decode
from quake_stream.mseed.record import RecordError
from quake_stream.selection import StreamPattern
from quake_stream.types import Packet, Position

MAX_RENEGOTIATIONS = 6  # in a row without a pause; each one drops what the server refused

Deliver = Callable[[Packet], None]

log = structlog.get_logger(__name__)


class SeedLinkSource(SLClient):  # type: ignore[misc]  # ObsPy publishes no types
    """
    ObsPy's SeedLink client as a `quake_stream.protocols.Source`.

    Parameters
    ----------
    address
        ``seedlink://host[:port]``, ``seedlinks://host[:port]`` (through TLS) or ``host[:port]``.
    include, exclude
        Streams wanted; what comes beside them is dropped and counted.
    positions
        Where each station is resumed; may be shared by several sources.
    settings
        Times and limits.
    now_ns, monotonic, random, getaddrinfo
        Clocks, randomness and name resolution, for tests.

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
        positions: ResumeStore,
        settings: SeedLinkSettings = SeedLinkSettings(),  # noqa: B008  frozen, so it can be shared
        now_ns: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = _random.random,
        getaddrinfo: Resolve = socket.getaddrinfo,
        poll_s: float = 0.25,
    ) -> None:
        super().__init__()
        parsed = Address.parse(address)
        self._name = str(parsed)
        self._settings = settings
        self._now_ns = now_ns
        self._random = random
        self._positions = positions
        self._counters = Counters()
        self._log = LinkLog(self._name)
        self._pulse = Pulse(poll_s=poll_s, monotonic=monotonic)
        self._table = StationTable(include, exclude, max_stations=settings.max_stations)
        self.slconn = Connection(
            parsed,
            self._table,
            pulse=self._pulse,
            settings=settings,
            counters=self._counters,
            now_ns=now_ns,
            getaddrinfo=getaddrinfo,
        )
        self._deliver: Deliver | None = None
        self._n_received = 0  # data packets on this connection
        self._identified_ns = 0  # when the server was last found to be another one
        self._refused_ask_s = -inf  # when to ask again for what the server refused

    @property
    def name(self) -> str:
        """``host:port``."""
        return self._name

    def run(self, deliver: Deliver) -> None:
        """Read until `stop`; called once, in the source's own thread."""
        self._deliver = deliver
        for position in self._positions.positions(self._name):
            station = self._table.find(position.network, position.station)
            if station is not None:
                station.seqnum, station.start_ns = position.sequence, position.start_ns
        with self._pulse:
            try:
                self._keep_connected()
            except StoppedError:
                log.info("seedlink.stopped", server=self._name)
            finally:
                self.slconn.disconnect()

    def stop(self) -> None:
        """Make `run` return; from any thread, more than once."""
        self.slconn.terminate()

    def acknowledge(self, packet: Packet) -> None:
        """Note that the packet's samples are in the ring; from the worker's thread."""
        position = packet.position
        if position is None:
            return
        if packet.received_ns < self._identified_ns:
            position = replace(position, sequence=NO_SEQUENCE)  # the number is from the server's former life
        self._positions.advance(position)

    def progress(self) -> int:
        """Count of the turns of the loop."""
        return self._pulse.n_turns

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the counters."""
        return self._counters.snapshot()

    def _keep_connected(self) -> None:
        delays = self._new_delays()
        n_renegotiated = 0
        while True:
            lost = self._session()
            self._counters.add("connections.lost", reason=str(lost.reason), station=self._name)
            if self._n_received:
                delays, n_renegotiated = self._new_delays(), 0
            if lost.reason is Lost.RENEGOTIATE and n_renegotiated < MAX_RENEGOTIATIONS:
                n_renegotiated += 1
                continue
            n_renegotiated = 0
            retry_s = next(delays)
            if lost.reason is Lost.TOO_MANY_STATIONS:  # the list that shows it may have megabytes
                retry_s = max(retry_s, self._settings.refused_retry_s)
            self._log.lost(lost, retry_s, self._pulse.now_s())
            self._pulse.pause(retry_s)

    def _session(self) -> LinkLostError:
        """Use one connection from beginning to end, and return why it ended."""
        self._n_received = 0
        self._pulse.turn()
        self._log.sum_up(self._pulse.now_s())
        log.debug("seedlink.connecting", server=self._name)
        try:
            self.slconn.connect()
            self._counters.add("connections.opened", station=self._name)
            self._identify()
            self.slconn.config_link()
            self._log_connected()
            super().run(self._receive)
        except LinkLostError as lost:
            return lost
        except SeedLinkException as exc:  # ObsPy's own: the server is older than multi-station mode
            return LinkLostError(Lost.HANDSHAKE, str(exc))
        finally:
            self.slconn.disconnect()
        raise StoppedError  # ObsPy's loop returns without an error only when told to

    def _identify(self) -> None:
        if self._positions.identify(self._name, self.slconn.identity):
            self._identified_ns = self._now_ns()
            self.slconn.forget_sequences()
            self._counters.add("servers.restarted", station=self._name)
            log.info("seedlink.server_restarted", server=self._name, identity=self.slconn.identity)
        if self._pulse.now_s() >= self._refused_ask_s:
            self._table.refused.clear()
            self._refused_ask_s = self._pulse.now_s() + self._settings.refused_retry_s

    def _receive(self, count: int, packet: RecordPacket) -> bool:  # noqa: ARG002  ObsPy's signature
        """Decode and deliver one record; what is refused is counted.  False: go on."""
        self._n_received += 1
        self._log.sum_up(self._pulse.now_s())
        self._counters.add("records.received", station=self._name)
        try:
            header = packet.header
            source_id = header.source_id
            if not self._table.wants(source_id):
                self._counters.add("records.unwanted", station=self._name)
                return False
            if self._table.get(source_id.network, source_id.station) is None:
                self._refuse_station()
                return False
            if header.is_leap_second:
                self._counters.add("records.leap_seconds", station=header.station)
            position = Position(
                server=self._name,
                network=source_id.network,
                station=source_id.station,
                sequence=packet.get_sequence_number(),
                start_ns=header.start_ns,
            )
            decoded = decode(packet.msrecord, received_ns=self._now_ns(), position=position)
        except RecordError as exc:
            whose = self._counted_as(exc.station)
            self._counters.add("records.refused", reason=str(exc.reason), station=whose)
            return False
        assert self._deliver is not None
        self._deliver(decoded)
        return False

    def _counted_as(self, code: str) -> str:
        """Name a station that is asked for, else the server: what it sends must not fill the counters."""
        network, _, station = code.partition(".")
        return code if self._table.get(network, station) else self._name

    def _refuse_station(self) -> None:
        self._counters.add("records.refused", reason="too_many_stations", station=self._name)
        self._log.too_many_stations(self._table.max_stations, self._pulse.now_s())

    def _new_delays(self) -> Iterator[float]:
        return backoff(
            self._random, first_s=self._settings.retry_first_s, limit_s=self._settings.retry_limit_s
        )

    def _log_connected(self) -> None:
        self._log.connected(
            hello=self.slconn.hello.splitlines()[0],
            protocol=self.slconn.dialect.version,
            n_stations=len(self._table.entries),
            n_resumed=sum(entry.start_ns is not None for entry in self._table.entries),
            n_refused=len(self._table.refused),
        )

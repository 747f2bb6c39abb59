"""
ObsPy's SeedLink connection, made fit for months of service.

Kept from ObsPy: HELLO, version checks, stream lists, station state, packets, the `collect` interface.
Replaced: everything that waits, frames, negotiates or resumes.  Reconnecting is the caller's: each method
raises `LinkLostError` with the reason, and `connect` may then be called again.
"""

import select
import socket
from collections.abc import Callable
from math import inf

import structlog
from obspy.clients.seedlink.client.slstate import SLState
from obspy.clients.seedlink.slpacket import SLPacket

from quake_stream.counters import Counters
from quake_stream.ingest.seedlink.address import Address
from quake_stream.ingest.seedlink.dialect import THREE
from quake_stream.ingest.seedlink.dialogue import Dialogue
from quake_stream.ingest.seedlink.framing import DesyncError, Frame, Kind, StuckRecord
from quake_stream.ingest.seedlink.idle import Idle, IdleClock
from quake_stream.ingest.seedlink.link import Resolve, receive
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.ingest.seedlink.negotiation import Negotiation, Refused, Verdict
from quake_stream.ingest.seedlink.packet import RecordPacket
from quake_stream.ingest.seedlink.pulse import Pulse, StoppedError
from quake_stream.ingest.seedlink.request import RequestContext
from quake_stream.ingest.seedlink.selectors import ALL
from quake_stream.ingest.seedlink.settings import SeedLinkSettings
from quake_stream.ingest.seedlink.stations import Station, StationTable
from quake_stream.ingest.seedlink4.handshake import error_reason, error_text
from quake_stream.mseed.record import RecordError
from quake_stream.types import NS_PER_S

log = structlog.get_logger(__name__)


class Connection(Dialogue):
    """
    One SeedLink server: `connect`, `config_link`, then `collect` packet after packet.

    ``table`` holds the stations and outlives connections; ``streams``, ObsPy's list, is the same entries.
    """

    def __init__(
        self,
        address: Address,
        table: StationTable,
        *,
        pulse: Pulse,
        settings: SeedLinkSettings,
        counters: Counters,
        now_ns: Callable[[], int],
        getaddrinfo: Resolve = socket.getaddrinfo,
    ) -> None:
        super().__init__(address, pulse=pulse, settings=settings, getaddrinfo=getaddrinfo)
        self.table = table
        self.streams = table.entries
        self._counters = counters
        self._now_ns = now_ns
        self._needs_survey = False
        self._said: set[tuple[str, str]] = set()
        self._stuck = StuckRecord()
        self._last: Station | None = None
        self._idle = self._new_idle_clock()

    def add_stream(
        self, net: str, station: str, selectors_str: str | None, seqnum: int, timestamp: object
    ) -> int:
        """Enter a station, or more selectors for one; 0 if it is new.  Without selectors: all channels."""
        known = self.table.get(net, station)
        entry = known or self.table.add(net, station)
        entry.append_selectors(selectors_str or ALL)
        if not known:
            entry.seqnum, entry.btime = seqnum, timestamp
        return 1 if known else 0

    def negotiate_multi_station(self) -> None:
        """
        Ask for all stations; on success data start.

        Raises LinkLostError ``renegotiate`` when the server refused a station: as there is no way to take
        back what was asked before, the next connection asks without it.
        """
        entries = self.table.to_request(with_wildcards=not self._expand())
        if not entries:
            self.table.refused.clear()
            raise LinkLostError(Lost.NO_STATIONS, "the server accepts none of the streams")
        context = self._request_context()
        talk = Negotiation(
            entries,
            lambda station: self.dialect.request(station, context),
            survey=self._needs_survey,
            dialect=self.dialect,
        )
        self.converse(talk)
        self._judge(talk)
        self._send(b"END\r")
        self.state.state = SLState.SL_DATA
        self._idle = self._new_idle_clock()

    def collect(self) -> RecordPacket | bytes:
        """Return the next data packet, or ObsPy's SLTERMINATE after a stop."""
        try:
            while True:
                self._pulse.turn()
                frame = self._inbox.frame()
                if frame is None:
                    self._wait_for_more()
                    continue
                if frame.kind is Kind.DATA:
                    self._idle.heard(self._pulse.now_s())
                    packet = RecordPacket(frame)
                    self.update_stream(packet)
                    return packet
                self._take_message(frame)
        except StoppedError:
            terminated: bytes = SLPacket.SLTERMINATE
            return terminated
        except DesyncError as exc:
            self._note_desync(exc)
            raise LinkLostError(Lost.DESYNC, str(exc)) from exc

    def update_stream(self, slpacket: RecordPacket) -> None:
        """Move the position of the packet's station past it; a wildcard's station is entered by itself."""
        try:
            source_id, start_ns = slpacket.header.source_id, slpacket.header.start_ns
        except RecordError:
            return  # whoever decodes it says why
        station = self.table.find(source_id.network, source_id.station)
        if station is not None:
            station.seqnum, station.start_ns = slpacket.get_sequence_number(), start_ns
            self._last = station

    def forget_sequences(self) -> None:
        """Resume by time only, since the server is not the one that gave the numbers."""
        self.table.forget_sequences()
        self.table.refused.clear()
        self._last = None

    def _expand(self) -> bool:
        """Enter the stations behind wildcards where the server cannot; False if it must try itself."""
        announced = self.dialect.has_wildcards or "NSWILDCARD" in self.hello.upper()
        server_can = announced and not self.table.has_refused_wildcard
        if not self.table.has_wildcards or server_can or not self.has_info:
            return False
        for level in ("STATIONS", "STREAMS"):
            answer = self.ask_info(level)
            if answer.is_error:
                continue
            listed = dict.fromkeys(self.dialect.stations(answer.text))
            new = [codes for codes in listed if not self.table.get(*codes) and self.table.covers(*codes)]
            n, limit = len(self.table.entries) + len(new), self.table.max_stations
            if n > limit:
                raise LinkLostError(Lost.TOO_MANY_STATIONS, f"{n}, the limit is {limit}: narrow the streams")
            for codes in new:
                self.table.add(*codes)
            return True
        return False

    def _request_context(self) -> RequestContext:
        now_ns = self._now_ns()
        newest_ns = self.table.newest_start_ns()
        # A station clock in the future must not make all the others too old.
        newest_ns = None if newest_ns is None else min(newest_ns, now_ns)
        backfill_ns, backlog_ns = (
            round(s * NS_PER_S) for s in (self._settings.backfill_s, self._settings.max_backlog_s)
        )
        return RequestContext(
            backfill_ns=now_ns - backfill_ns if backfill_ns else None,
            oldest_ns=None if newest_ns is None else newest_ns - backlog_ns,
            has_time=self.check_version(2.93) >= 0,
            compares_time=self.dialect is THREE or "ringserver" in self.hello.lower(),
        )

    def _judge(self, talk: Negotiation) -> None:
        was_survey, self._needs_survey = self._needs_survey, talk.is_out_of_step
        for verdict in talk.verdicts:
            if verdict.refused:
                self._refuse(verdict)
            elif verdict.bad_selectors:
                code, bad = verdict.station.code, verdict.bad_selectors
                self._counters.add("selectors.refused", len(bad), station=code)
                self._say_once("seedlink.selectors_refused", code, selectors=bad)
        if was_survey or talk.refused:
            raise LinkLostError(Lost.RENEGOTIATE, f"{len(talk.refused)} stations refused")

    def _refuse(self, verdict: Verdict) -> None:
        station, reason = verdict.station, str(verdict.refused)
        if verdict.refused is Refused.DATA and station.step_back():
            self._counters.add("positions.refused", station=station.code)
            return
        self.table.refused.add((station.net, station.station))
        self._counters.add("stations.refused", reason=reason, station=station.code)
        self._say_once("seedlink.station_refused", station.code, reason=reason, selectors=station.selectors)

    def _say_once(self, what: str, code: str, **facts: object) -> None:
        """Warn of a station; it will be refused again every hour, which the counters tell."""
        if (what, code) not in self._said:
            self._said.add((what, code))
            log.warning(what, server=self.sladdr, station=code, **facts)

    def _wait_for_more(self) -> None:
        now_s = self._pulse.now_s()
        due = self._idle.check(now_s)
        if due is Idle.GIVE_UP:
            raise LinkLostError(Lost.SILENT, f"no packet for {self.netto:g} s")
        if due is Idle.ANSWER_OVERDUE:
            self._counters.add("keepalives.unanswered", station=self.sladdr)
        elif due is Idle.SEND_KEEPALIVE:
            self._counters.add("keepalives.sent", station=self.sladdr)
            self.send_info_request("ID", 3)
            self._idle.asked(now_s)
        if self._pulse.wait(self.socket, select.POLLIN, self._idle.next_s()):
            self._inbox.feed(receive(self.socket))

    def _take_message(self, frame: Frame) -> None:
        if frame.kind is Kind.INFO:
            # An answer that does not end, or that nobody asked for, is no sign that data may come.
            if frame.is_last and self._idle.answered():
                self._idle.heard(self._pulse.now_s())
            elif frame.is_last:
                self._counters.add("infos.unasked", station=self.sladdr)
            return
        if frame.kind is Kind.END:
            raise LinkLostError(Lost.END)
        said = error_text(frame.record or self._inbox.line() or b"")
        raise LinkLostError(error_reason(said), said)

    def _note_desync(self, desync: DesyncError) -> None:
        self._counters.add("streams.desyncs", station=self.sladdr)
        sequence = desync.sequence
        if sequence is None and self._last:
            sequence = self.dialect.sequence_after(self._last.seqnum)
        if sequence is None or not self._stuck.is_stuck(sequence):
            return
        for station in self.table.suspects(sequence, self._last):
            # Without a time: that of the record that cannot be read is not known.
            station.seqnum, station.start_ns = sequence, None
            self._counters.add("records.skipped", station=station.code)
        log.error("seedlink.record_skipped", server=self.sladdr, sequence=f"{sequence:06X}")

    def _new_idle_clock(self) -> IdleClock:
        return IdleClock(
            self._pulse.now_s(),
            keepalive_s=self._settings.keepalive_s if self.has_info else inf,
            info_timeout_s=self._settings.info_timeout_s,
            network_timeout_s=self._settings.network_timeout_s,
        )

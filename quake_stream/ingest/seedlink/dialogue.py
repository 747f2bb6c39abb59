"""
Question and answer with a SeedLink server, under ObsPy's HELLO.

Replaces how ObsPy's connection opens its socket, sends and receives: every wait has a deadline and ends at
once on a stop, and replies may come in any number of pieces.  Knows nothing of data packets.
"""

import select
import socket
from collections.abc import Iterator

from obspy.clients.seedlink.client.seedlinkconnection import SeedLinkConnection
from obspy.clients.seedlink.client.slstate import SLState
from obspy.clients.seedlink.seedlinkexception import SeedLinkException

from quake_stream.ingest.seedlink.address import Address
from quake_stream.ingest.seedlink.credentials import CredentialsError
from quake_stream.ingest.seedlink.dialect import THREE
from quake_stream.ingest.seedlink.framing import DesyncError, Frame, Kind
from quake_stream.ingest.seedlink.info import InfoText
from quake_stream.ingest.seedlink.link import Resolve, open_socket, receive, send
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.ingest.seedlink.negotiation import Negotiation
from quake_stream.ingest.seedlink.pulse import Pulse
from quake_stream.ingest.seedlink.settings import SeedLinkSettings
from quake_stream.ingest.seedlink.tls import encrypt
from quake_stream.ingest.seedlink4.dialect import FOUR
from quake_stream.ingest.seedlink4.handshake import CHANGE_OVER, check_reply, speaks_4

MAX_UNANSWERED_INFO = 3  # then the server is taken to know no INFO, and is not asked again


class Dialogue(SeedLinkConnection):  # type: ignore[misc]  # ObsPy publishes no types
    """
    ObsPy's connection up to the point where data start.

    ``hello`` is the server's answer to HELLO; ``identity`` changes when the server was restarted and is
    empty where it does not say.  ``dialect`` is the version of SeedLink that is spoken.  All methods raise LinkLostError when the connection is of no more use, and
    StoppedError after a stop.
    """

    def __init__(
        self,
        address: Address,
        *,
        pulse: Pulse,
        settings: SeedLinkSettings,
        getaddrinfo: Resolve = socket.getaddrinfo,
    ) -> None:
        super().__init__()
        self.sladdr = str(address)
        self.keepalive = settings.keepalive_s
        self.netto = settings.network_timeout_s
        self.multistation = True
        self.lastpkttime = True
        self.hello = ""
        self.identity = ""
        self._address = address
        self._pulse = pulse
        self._settings = settings
        self._getaddrinfo = getaddrinfo
        self.dialect = THREE
        self._inbox = THREE.inbox()
        self._n_info_unanswered = 0

    @property
    def has_info(self) -> bool:
        """Whether the server may be asked INFO."""
        return self._n_info_unanswered < MAX_UNANSWERED_INFO and self.check_version(2.92) >= 0

    def set_sl_address(self, sladdr: str) -> None:
        """Set the address in any form that `Address` reads; unlike ObsPy's it renames no logger."""
        self._address = Address.parse(sladdr)
        self.sladdr = str(self._address)

    def connect(self) -> None:
        """Open the socket, greet the server (ObsPy's own `say_hello`) and learn its identity."""
        self.dialect = THREE
        self._inbox = THREE.inbox()
        self._open()
        try:
            self.say_hello()
        except SeedLinkException as exc:
            raise LinkLostError(Lost.HANDSHAKE, str(exc)) from exc
        wanted = self._settings.protocol or ("auto" if self._address.is_encrypted else "3")
        if speaks_4(self.hello, wanted):
            self._change_over()
        elif self._settings.credentials:
            raise LinkLostError(Lost.AUTH, "SeedLink 3 has no way to say who we are")
        self.state.state = SLState.SL_UP
        started = self.dialect.started(self.ask_info("ID").text) if self.has_info else ""
        language = " in SeedLink 4" if self.dialect is FOUR else ""  # its sequences count otherwise
        self.identity = f"{self.hello.splitlines()[0]}{language} started {started}" if started else ""

    def is_connected(self, timeout: float = 0.0) -> bool:  # noqa: ARG002  ObsPy's signature
        """Whether a socket is open; whether it still works only its next use can tell."""
        return self.socket is not None

    def terminate(self) -> None:
        """End whatever is going on, from any thread."""
        self.terminate_flag = True
        self._pulse.stop()

    def send_data(self, sendbytes: bytes, code: object, resplen: int) -> bytes | None:  # noqa: ARG002  ObsPy's signature
        """Send a command; if ``resplen`` is not 0 return its whole reply: two lines to HELLO, else one."""
        self._send(sendbytes)
        if not resplen:
            return None
        is_hello = sendbytes.strip() == b"HELLO"
        lines = [self._read_line(sendbytes) for _ in range(2 if is_hello else 1)]
        reply = b"".join(line + b"\r\n" for line in lines)
        if is_hello:
            self.hello = reply.decode("utf-8", "replace")
        return reply

    def receive_data(self, maxbytes: int, code: object) -> bytes:  # noqa: ARG002  ObsPy's signature
        """Return what is there, empty if nothing is; the end of the stream raises LinkLostError."""
        return receive(self.socket)

    def ask_info(self, level: str) -> InfoText:
        """Ask INFO before data flow, and return the whole answer; a refusal sets its ``is_error``."""
        answer = self.dialect.info()
        self._send(f"INFO {level}\r".encode("ascii"))
        limit_s = self._pulse.now_s() + self._settings.negotiation_timeout_s
        while not answer.is_complete:
            try:
                frame = self._read_frame(min(limit_s, self._reply_deadline_s()), f"INFO {level}")
            except LinkLostError as lost:
                self._n_info_unanswered += lost.reason is Lost.COMMAND_TIMEOUT
                raise
            if frame.kind is Kind.ERROR:
                if not frame.record:
                    self._read_line(b"INFO")
                answer.is_error = True
                break
            if frame.kind is not Kind.INFO:
                raise LinkLostError(Lost.HANDSHAKE, f"{frame.kind.name} instead of INFO {level}")
            answer.add(frame)
            if answer.is_too_long:
                raise self._too_long(level, answer)
        self._n_info_unanswered = 0
        return answer

    def converse(self, talk: Negotiation) -> None:
        """Send commands ahead and read the replies as they come, until the dialogue is done."""
        limit_s = self._pulse.now_s() + self._settings.negotiation_timeout_s
        deadline_s = self._reply_deadline_s()
        outgoing = talk.next_bytes()
        while not talk.is_done:
            events = select.POLLIN | (select.POLLOUT if outgoing else 0)
            ready = self._wait(events, min(deadline_s, limit_s), "STATION, SELECT, DATA")
            if outgoing and ready & select.POLLOUT:
                outgoing = outgoing[send(self.socket, outgoing) :]
            if ready & ~select.POLLOUT:
                self._inbox.feed(receive(self.socket))
                while not talk.is_done and (line := self._line()) is not None:
                    talk.receive(line)
                    deadline_s = self._reply_deadline_s()
            outgoing = outgoing or talk.next_bytes()

    def _too_long(self, level: str, answer: InfoText) -> LinkLostError:
        limit = self._settings.max_stations
        if sum(1 for _ in self.dialect.stations(answer.text)) > limit:
            return LinkLostError(
                Lost.TOO_MANY_STATIONS, f"the server lists more than {limit}: name those wanted"
            )
        self._n_info_unanswered += level == "ID"  # data may still be had without it
        return LinkLostError(Lost.HANDSHAKE, f"the answer to INFO {level} does not end")

    def _open(self) -> None:
        self.socket = open_socket(
            self._address,
            self._pulse,
            timeout_s=self._settings.connect_timeout_s,
            getaddrinfo=self._getaddrinfo,
        )
        if self._address.is_encrypted:
            self.socket = encrypt(
                self.socket,
                self._address.host,
                self._pulse,
                timeout_s=self._settings.connect_timeout_s,
                ca_file=self._settings.ca_file,
            )

    def _change_over(self) -> None:
        """Go on in SeedLink 4, and say who we are."""
        for command in self._commands_of_4():
            word = command.partition(" ")[0]  # the rest may be a secret, which no message may show
            self._send(f"{command}\r\n".encode("ascii"), word)
            check_reply(word, self._read_line(word.encode("ascii")))
        self.dialect = FOUR
        self._inbox = FOUR.inbox()  # nothing can be left in the other: each reply was waited for

    def _commands_of_4(self) -> Iterator[str]:
        yield from CHANGE_OVER
        if self._settings.credentials:
            if not self._address.is_encrypted:
                raise LinkLostError(Lost.AUTH, "a secret is not sent where others can read it: seedlinks://")
            try:
                yield self._settings.credentials.command()
            except CredentialsError as exc:
                raise LinkLostError(Lost.AUTH, str(exc)) from exc

    def _send(self, data: bytes, what: str = "") -> None:
        deadline_s = self._reply_deadline_s()
        while data:
            self._wait(select.POLLOUT, deadline_s, what or repr(data))
            data = data[send(self.socket, data) :]

    def _read_line(self, command: bytes) -> bytes:
        deadline_s = self._reply_deadline_s()
        while (line := self._line()) is None:
            self._wait(select.POLLIN, deadline_s, repr(command))
            self._inbox.feed(receive(self.socket))
        return line

    def _read_frame(self, deadline_s: float, what: str) -> Frame:
        try:
            while (frame := self._inbox.frame()) is None:
                self._wait(select.POLLIN, deadline_s, what)
                self._inbox.feed(receive(self.socket))
        except DesyncError as exc:
            raise LinkLostError(Lost.HANDSHAKE, str(exc)) from exc
        return frame

    def _line(self) -> bytes | None:
        try:
            return self._inbox.line()
        except DesyncError as exc:
            raise LinkLostError(Lost.HANDSHAKE, str(exc)) from exc

    def _wait(self, events: int, deadline_s: float, what: str) -> int:
        # Looked at first: a server that sends byte after byte is always ready, and never done.
        if self._pulse.now_s() < deadline_s:
            ready = self._pulse.wait(self.socket, events, deadline_s)
            if ready:
                return ready
        raise LinkLostError(Lost.COMMAND_TIMEOUT, f"no reply to {what}")

    def _reply_deadline_s(self) -> float:
        return self._pulse.now_s() + self._settings.command_timeout_s

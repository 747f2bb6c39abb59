"""
A SeedLink server for recorded miniSEED, in one thread; loopback by default.

It sends what a recording holds when it would have come, and nothing else: it takes no data, keeps nothing
on disk and is no archive server.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Self

from quake_stream.counters import Key
from quake_stream.replay.faults import Faults
from quake_stream.replay.loop import ServerLoop
from quake_stream.replay.player import Player, PlayOptions
from quake_stream.replay.recording import Recording

_STOP_S = 5.0


def steady_clock() -> Callable[[], int]:
    """Make a clock that shows UTC ns and that steps of the system's clock do not move."""
    offset_ns = time.time_ns() - time.monotonic_ns()
    return lambda: time.monotonic_ns() + offset_ns


class ReplayServer:
    """
    Serve a recording to any number of clients, of SeedLink 3 or 4.

    Parameters
    ----------
    recording
        Records in the order of their ends: a `RecordIndex`, or a `RecordList`.
    host, port
        Where to listen; port 0 takes a free one (`port` tells which).
    speed
        1 is real time, 10 ten times as fast; 0 is as fast as the slowest connected client reads.
    restamp
        Move all times by one constant, so that the first record ends now (faster than real time: so
        that the last one does).
    loop
        Begin again at the end, with times that go on.
    start_ns
        Recorded time at which the replay begins; earlier records are in the ring from the start.
    wait_for_clients
        Send nothing before so many clients have asked for data.
    sequences
        ``"station"``: each station counts for itself, as in SeisComP; ``"shared"``: as in ringserver.
    first_sequence
        Number of the first record, at most 0xFFFFFF.
    ring_bytes
        How much is held for clients that come back or lag behind.
    wildcards
        Whether clients may write ``?`` and ``*`` in network and station; without, it is an old server, which
        knows nothing of SeedLink 4.
    repack
        Send records of other than 512 bytes as several of 512.
    faults
        What goes wrong on purpose.
    clock
        Gives UTC ns; `wake` makes the server look at it.
    tls
        Certificate and key; with it all clients must encrypt.
    admitted
        Who may read, as written behind AUTH (``USERPASS name password``, ``JWT token``); empty: everybody.

    Raises
    ------
    SourceError
        The recording holds nothing to replay.
    ValueError
        An option is out of range, or a loop has speed 0 or would run ahead of the clock.
    """

    _failure: Exception | None = None

    def __init__(
        self,
        recording: Recording,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        speed: float = 1.0,
        restamp: bool = True,
        loop: bool = False,
        start_ns: int | None = None,
        wait_for_clients: int = 0,
        sequences: str = "station",
        first_sequence: int = 1,
        ring_bytes: int = 64 << 20,
        wildcards: bool = True,
        repack: bool = False,
        faults: Faults | None = None,
        clock: Callable[[], int] | None = None,
        tls: ssl.SSLContext | None = None,
        admitted: Iterable[str] = (),
    ) -> None:
        options = PlayOptions(
            speed=speed,
            restamp=restamp,
            loop=loop,
            start_ns=start_ns,
            wait_for_clients=wait_for_clients,
            sequences=sequences,
            first_sequence=first_sequence,
            ring_bytes=ring_bytes,
            wildcards=wildcards,
            repack=repack,
            admitted=frozenset(admitted),
        )
        clock, faults = clock or steady_clock(), faults or Faults()
        self._player = Player(recording, options, faults=faults, now_ns=clock())
        self._loop = ServerLoop(
            self._player,
            host=host,
            port=port,
            clock=clock,
            tls=tls,
        )
        self._is_encrypted = tls is not None
        self._thread = threading.Thread(target=self._guard, name=f"replay-{self.port}")

    @property
    def port(self) -> int:
        """Port that it listens on."""
        return self._loop.port

    @property
    def address(self) -> str:
        """``host:port``, with brackets around an IPv6 host."""
        host = self._loop.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Address as clients write it."""
        return f"seedlink{'s' if self._is_encrypted else ''}://{self.address}"

    @property
    def finished(self) -> threading.Event:
        """Set when every record has come due and is in the ring; clients may still be reading."""
        return self._loop.finished

    def start(self) -> Self:
        """Begin to serve; clients can connect from here on."""
        self._thread.start()
        return self

    def wake(self) -> None:
        """Look at the clock now; for clocks that are turned by hand."""
        self._loop.wake()

    def wait_until_drained(self, timeout_s: float | None = None) -> bool:
        """
        Wait until all has been offered and every client has been sent what it asked for.

        Clients that have not asked yet are not waited for: see ``wait_for_clients``.

        Returns
        -------
        bool
            False when the time is over first, or the server is stopped before.

        Raises
        ------
        SourceError
            The recording could not be read to its end.
        """
        is_drained = self._loop.drained.wait(timeout_s)
        self._raise_failure()
        return is_drained

    def stop(self) -> None:
        """
        Close all connections and end the thread; more than once is no harm.

        Raises
        ------
        SourceError
            The recording could not be read to its end.
        """
        self._loop.stop()
        if self._thread.ident is None:
            self._loop.run()  # never started: only closes
        else:
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                raise RuntimeError("the replay server's thread does not end")
        self._raise_failure()

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the server's counters."""
        return self._player.counters.snapshot()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _guard(self) -> None:
        try:
            self._loop.run()
        except Exception as exc:  # noqa: BLE001  kept, and raised where the server is waited for or stopped
            self._failure = exc
            self._loop.drained.set()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

"""
Serve the metrics over HTTP, in one thread and within fixed bounds.

A scraper that is slow, silent or talks nonsense costs a place for ten seconds, no more: there are few
places, and when all are taken the one that has lasted longest is given to whoever comes.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any, Final

import structlog

from quake_stream.counters import Counters, Key
from quake_stream.metrics.http import answer

log = structlog.get_logger()

MAX_CONNECTIONS: Final = 32
EXCHANGE_S: Final = 10.0  # Prometheus itself waits no longer, unless told to
_MAX_REQUEST = 8192  # bytes; Prometheus sends some 300, a browser with its cookies a few thousand
_PAGE_S = 1.0  # a page is made at most so often, whoever asks


class MetricsServer:
    """
    Answer whoever connects to a socket that listens, until stopped.

    Parameters
    ----------
    listener
        Bound and listening; closed at the end of `run`.
    page
        Gives the metrics; called in the thread of `run`.
    exchange_s
        Seconds that a request and its answer may take together.
    """

    def __init__(
        self, listener: socket.socket, page: Callable[[], bytes], *, exchange_s: float = EXCHANGE_S
    ) -> None:
        self._listener = listener
        self._make_page = page
        self._exchange_s = exchange_s
        self._page = b""
        self._page_until_s = float("-inf")
        self._counters = Counters()
        self._exchanges: set[asyncio.Task[None]] = set()  # asyncio itself keeps no task alive
        self._places: dict[asyncio.Task[Any], None] = {}  # in order of arrival
        self._told = ""
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._note_failure)
        self._stopped = asyncio.Event()

    def run(self) -> None:
        """Serve until stopped; the body of a thread, called once."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    def stop(self) -> None:
        """Make `run` return at once; callable from any thread, more than once, also before `run`."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: `run` has returned
            self._loop.call_soon_threadsafe(self._stopped.set)

    def counts(self) -> dict[Key, int]:
        """Snapshot of the counters."""
        return self._counters.snapshot()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, sock=self._listener, limit=_MAX_REQUEST)
        await self._stopped.wait()
        server.close()  # the runner ends the exchanges

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin an exchange; that it failed is told here, as not every Python 3.11 would tell it."""
        exchange = self._loop.create_task(self._exchange(reader, writer))
        self._exchanges.add(exchange)
        exchange.add_done_callback(self._ended)

    def _ended(self, exchange: asyncio.Task[None]) -> None:
        self._exchanges.discard(exchange)
        failure = None if exchange.cancelled() else exchange.exception()
        if failure is not None:
            self._loop.call_exception_handler({"message": "an exchange failed", "exception": failure})

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._places) >= MAX_CONNECTIONS:
            oldest = next(iter(self._places))
            del self._places[oldest]
            oldest.cancel()
            self._counters.add("scrapes.failed", reason="crowded_out")
        self._places[task] = None
        try:
            async with asyncio.timeout(self._exchange_s):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(answer(request, self._recent_page))
                writer.close()
                await writer.wait_closed()
        except TimeoutError:
            self._counters.add("scrapes.failed", reason="slow")
        except asyncio.LimitOverrunError:
            self._counters.add("scrapes.failed", reason="too_long")
        except (asyncio.IncompleteReadError, OSError):
            self._counters.add("scrapes.failed", reason="left")
        else:
            self._counters.add("scrapes.answered")
        finally:
            self._places.pop(task, None)
            writer.transport.abort()

    def _recent_page(self) -> bytes:
        now_s = time.monotonic()
        if now_s >= self._page_until_s:
            self._page = self._make_page()
            self._page_until_s = now_s + _PAGE_S
        return self._page

    def _note_failure(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Count what asyncio could not do, as for want of a descriptor, and say it once."""
        self._counters.add("scrapes.failed", reason="error")
        text = f"{context['message']}: {context.get('exception', '')!r}"
        if text != self._told:
            self._told = text
            log.error("metrics.failed", error=text)

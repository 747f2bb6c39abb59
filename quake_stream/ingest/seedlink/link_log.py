"""Log what becomes of the connection to one server: each kind of loss once, repeats summed up every hour."""

import structlog

from quake_stream.ingest.seedlink.lost import LinkLostError
from quake_stream.throttle import Throttle

log = structlog.get_logger(__name__)

_MAX_DETAIL = 200  # characters of what a server says


class LinkLog:
    """Lines about the server of this name; ``now_s`` is monotonic."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._throttle = Throttle(n_free=1)
        self._is_connected = False
        self._is_loss_told = True

    def connected(self, **facts: object) -> None:
        """Say that data are asked for; not after a loss that was held back."""
        self._is_connected = True
        if self._is_loss_told:
            self._is_loss_told = False
            log.info("seedlink.connected", server=self._server, **facts)

    def lost(self, lost: LinkLostError, retry_s: float, now_s: float) -> None:
        """Say that the connection was lost, or could not be made."""
        self._is_connected = False
        if self._throttle.admit(str(lost.reason), "lost", now_s):
            self._is_loss_told = True
            log.warning(
                "seedlink.lost",
                server=self._server,
                reason=str(lost.reason),
                detail=lost.detail[:_MAX_DETAIL],
                retry_in_s=round(retry_s, 1),
            )

    def too_many_stations(self, limit: int, now_s: float) -> None:
        """Say that a record was refused because it is of one station too many."""
        if self._throttle.admit("too many stations", "refused", now_s):
            log.error("seedlink.too_many_stations", server=self._server, limit=limit)

    def sum_up(self, now_s: float) -> None:
        """Sum up what was held back; to be called again and again."""
        for summary in self._throttle.summaries(now_s):
            log.warning(
                "seedlink.repeated" if summary.changes else "seedlink.steady",
                server=self._server,
                reason=summary.subjects[0],
                n=sum(summary.changes.values()),
                is_connected=self._is_connected,
            )

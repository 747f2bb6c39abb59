"""
Post detections to a web address, trying again while there is hope.

It waits longer after each failure, at random within that, so that many programs do not all come back at
once.  It never logs the address or what follows it, as these hold secrets.
"""

import threading
from collections.abc import Mapping
from typing import Final

import httpx
import structlog
import tenacity

from quake_stream.counters import Counters, Key
from quake_stream.errors import ConfigError
from quake_stream.export.templates import Template
from quake_stream.formats import Body

GIVE_UP_S: Final = 300.0  # an alert that is five minutes late still helps, the queue behind it counts more
ATTEMPT_S: Final = 10.0  # below what a stop waits for the attempt under way
MAX_WAIT_S: Final = 60.0
_TRANSIENT: Final = frozenset({408, 425, 429, *range(500, 600)})  # RFC 9110, 8470, 6585

log = structlog.get_logger(__name__)


class _TransientError(Exception):
    """An attempt failed and another one may not."""

    def __init__(self, reason: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s


class Webhook:
    """
    A receiver for `Delivery`.

    Parameters
    ----------
    template
        Address and form of what is posted.
    hurry
        Ends the waiting between attempts for good.
    token
        Sent as ``Authorization: Bearer``, when there is one.
    transport
        Transport of httpx, for tests.
    first_wait_s
        Longest wait after the first failure; doubled after each further one up to `MAX_WAIT_S`.
    give_up_s
        How long one detection is tried.

    Raises
    ------
    ConfigError
        The address or token cannot be sent.
    """

    def __init__(
        self,
        template: Template,
        hurry: threading.Event,
        *,
        token: str = "",
        transport: httpx.BaseTransport | None = None,
        first_wait_s: float = 1.0,
        give_up_s: float = GIVE_UP_S,
    ) -> None:
        self._template = template
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            self._client = httpx.Client(timeout=ATTEMPT_S, headers=headers, transport=transport)
            self._host = httpx.URL(template.url).host
        except (ValueError, httpx.InvalidURL) as exc:
            raise ConfigError("the webhook's address or token cannot be sent over HTTP") from exc
        self._counters = Counters()
        self._failing = False
        backoff = tenacity.wait_random_exponential(multiplier=first_wait_s, max=MAX_WAIT_S)
        self._attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TransientError),
            wait=lambda state: max(backoff(state), _retry_after_s(state)),
            stop=tenacity.stop_any(
                tenacity.stop_before_delay(give_up_s), tenacity.stop_when_event_set(hurry)
            ),
            sleep=tenacity.sleep_using_event(hurry),
            before_sleep=lambda _: self._counters.add("posts.retried"),
            reraise=True,
        )

    def deliver(self, body: Body) -> str:
        """Post one detection; empty, or why it was given up (``http_404``, ``connection``)."""
        content = self._template.render(body)
        try:
            reason: str = self._attempts(self._post, content)
        except _TransientError as exc:
            reason = exc.reason
        if reason:
            log.warning("webhook.gave_up", host=self._host, reason=reason, detection=body["id"])
        return reason

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def counts(self) -> Mapping[Key, int]:
        """``posts.retried``: failed attempts that were followed by another one."""
        return self._counters.snapshot()

    def _post(self, content: Mapping[str, object]) -> str:
        """Try once: empty, or the reason of a refusal for good; raises when it may work later."""
        try:
            answer = self._client.post(self._template.url, json=content)
        except httpx.TransportError as exc:
            self._note(type(exc).__name__)
            raise _TransientError("connection") from exc
        reason = "" if answer.is_success else f"http_{answer.status_code}"
        self._note(reason)
        if answer.status_code in _TRANSIENT:
            after = answer.headers.get("Retry-After", "")
            raise _TransientError(reason, retry_after_s=float(after) if after.isdecimal() else 0.0)
        return reason

    def _note(self, problem: str) -> None:
        """Log when posting begins to fail, and when it works again."""
        if problem and not self._failing:
            log.warning("webhook.failing", host=self._host, problem=problem)
        elif self._failing and not problem:
            log.info("webhook.recovered", host=self._host)
        self._failing = bool(problem)


def _retry_after_s(state: tenacity.RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome else None
    asked_s = failure.retry_after_s if isinstance(failure, _TransientError) else 0.0
    return min(asked_s, MAX_WAIT_S)

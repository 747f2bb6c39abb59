"""
What the edges must offer to the worker and the service; protocols, not base classes.

`quake_stream.worker` knows a model, a feed and a source only by these.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from quake_stream.counters import Key
from quake_stream.source_id import InstrumentId
from quake_stream.types import ModelSpec, Packet

_Made = TypeVar("_Made")


class Model(Protocol):
    """Features → class probabilities."""

    @property
    def spec(self) -> ModelSpec:
        """What the model needs and says."""
        ...

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        Score a batch.

        ``features`` is [batch, bins, channels]; the result [batch, classes] sums to 1 along its last
        axis.  A row's scores do not depend, not even in the last bit, on the other rows of the batch.
        """
        ...


class Attempt(Protocol):
    """Takes steps of the core, each for one instrument, so that one that fails does not end all others."""

    def __call__(self, step: Callable[[], _Made], instrument_id: InstrumentId | None = None) -> _Made | None:
        """
        Give what ``step`` gives, which is never None; None where it failed and the others may go on.

        ``instrument_id`` is the instrument that the failure will cost; None where the step is then taken
        again in parts, which tell whose fault it is.
        """
        ...


class Publisher(Protocol):
    """Messages → subscribers; never blocks."""

    def send(self, topic: str, body: Mapping[str, object]) -> int:
        """
        Publish one message and return its sequence number.

        Raises `QuakeStreamError` where this message cannot be sent, and others can.
        """
        ...


class Source(Protocol):
    """
    Network or files → packets, in a thread of the service.

    ``run`` hands every packet to ``deliver`` and returns when ``stop`` was called or, for recordings,
    when all is read; it raises `SourceError` only for what no retry can mend.
    """

    @property
    def name(self) -> str:
        """Short name for logs and metrics, such as ``rtserve.example:18000``."""
        ...

    def run(self, deliver: Callable[[Packet], None]) -> None:
        """Read until stopped or done; called once, in the source's own thread."""
        ...

    def stop(self) -> None:
        """Make ``run`` return within a second; callable from any thread, more than once."""
        ...

    def acknowledge(self, packet: Packet) -> None:
        """Note that the packet's samples are safe in the ring, so the position may move past it."""
        ...

    def progress(self) -> int:
        """Count that grows while the source's loop turns, data or not; what the watchdog looks at."""
        ...

    def counts(self) -> Mapping[Key, int]:
        """Snapshot of the source's counters."""
        ...

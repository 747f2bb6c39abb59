"""
Values that cross the borders between modules; nothing else.

All are frozen.  Times are UTC integer nanoseconds since 1970 (``_ns``), intervals are half-open.  Whose
they are is told by `quake_stream.source_id`.
"""

import enum
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quake_stream.source_id import InstrumentId, SourceId

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a SeedLink stream has been read: enough to ask the server for what follows."""

    server: str
    network: str
    station: str
    sequence: int
    start_ns: int  # start of the record that carries this sequence


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Packet:
    """
    Samples of one record, decoded.

    ``samples`` is a read-only one-dimensional array in counts (int32, float32 or float64);
    ``received_ns`` is the arrival time, on replay from files the end of the record itself.
    """

    source_id: SourceId
    start_ns: int
    sample_rate_hz: float
    samples: NDArray[np.generic]
    received_ns: int
    position: Position | None = None

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.samples)

    @property
    def end_ns(self) -> int:
        """Time of the sample that would follow the last one."""
        return self.start_ns + round(self.n_samples * NS_PER_S / self.sample_rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Samples that did not come: ``start_ns`` (first missing) to ``end_ns`` (first present again)."""

    source_id: SourceId
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """
    One window of an instrument that is complete; its samples stay in the ring until the batch is built.

    ``start_index`` counts samples at the model's rate since 1970, so it does not depend on when the
    service started; ``components`` are the subsource codes in the model's channel order.
    """

    instrument_id: InstrumentId
    start_index: int
    start_ns: int
    end_ns: int
    components: tuple[str, ...]
    received_ns: int  # arrival of the packet that completed the window
    level_db: float = math.nan  # of the ground motion at its end, re 1 count rms; NaN: not known
    vertical_db: float = math.nan  # of that motion: vertical over horizontal; NaN: not known


class DetectionState(enum.StrEnum):
    """Life cycle of a detection: ``new``, any number of ``update``, then ``end`` or ``retract``."""

    NEW = "new"
    UPDATE = "update"
    END = "end"
    RETRACT = "retract"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """
    Where the time went between the end of the triggering window and the message, in seconds.

    ``data_s``: end of window → arrival of its last sample; ``queue_s``: → start of inference;
    ``inference_s``: → scores.  Each is at least 0: a station clock that is ahead is no negative latency.
    """

    data_s: float
    queue_s: float
    inference_s: float

    @property
    def total_s(self) -> float:
        """Sum of the parts."""
        return self.data_s + self.queue_s + self.inference_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """
    One message of the life of one detection.

    ``id`` is a hash of model, instrument and the index of the triggering window, so it is the same after
    a restart and on replay.  ``probabilities`` are those of the window with the highest probability of
    ``class_name`` so far, in the order of the model's classes.
    """

    id: str
    instrument_id: InstrumentId
    channels: tuple[str, ...]
    state: DetectionState
    revision: int
    on_ns: int
    off_ns: int | None
    peak_ns: int
    onset_ns: int
    onset_uncertainty_s: float
    class_name: str
    probabilities: tuple[tuple[str, float], ...]
    peak_probability: float
    n_windows: int
    amplitude_counts: float
    snr_db: float | None
    latency: Latency
    reason: str = ""  # why it ended or was retracted: off, gap, max_duration, retrigger, too_short, shutdown


@dataclass(frozen=True, slots=True, kw_only=True)
class RestPoint:
    """State of an instrument with no detection open, from which a new process goes on."""

    decided_ns: int  # windows that end by then have been judged
    needed_ns: int  # no sample before this bears on the windows after them
    is_armed: bool  # whether the next window may begin a detection


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """
    What a model needs to be served rightly; it travels with the weights and is checked at load.

    Windows have ``n_samples`` at ``sample_rate_hz``; ``component_sets`` names the sets of components that
    the model accepts (keys of `quake_stream.windowing.components.COMPONENT_SETS`), best first;
    ``transform`` names the feature transform; ``highpass_hz`` is 0 where no filter is wanted;
    ``on`` and ``off`` are the recommended thresholds on the sum of the probabilities of
    ``trigger_classes``.
    """

    name: str
    version: str
    sha256: str
    sample_rate_hz: float
    n_samples: int
    component_sets: tuple[str, ...]
    highpass_hz: float
    transform: str
    classes: tuple[str, ...]
    trigger_classes: tuple[str, ...]
    on: float
    off: float
    min_windows: int
    hop_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """
    Windows of many instruments with their features, ready for the model.

    ``features`` is float32 [batch, bins, channels]; row i belongs to ``windows[i]``.
    """

    windows: tuple[Window, ...]
    features: NDArray[np.float32]
    created_ns: int

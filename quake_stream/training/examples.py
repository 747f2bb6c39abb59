"""
What training learns from: recordings with a label, high-passed, at the model's rate, in memory.

An `Example` holds usable samples only: whoever builds it has cut away padding and excluded spans, so no
later cut can touch them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

RATE_HZ: Final = 100.0
N_COMPONENTS: Final = 3
ACCEPTED_SETS: Final = ("ZNE", "Z12", "123", "ZXY", "Z", "1C")
"""Sets of components (keys of `quake_stream.windowing.components.COMPONENT_SETS`), best first."""

EARTHQUAKE: Final = "earthquake"
BLAST: Final = "blast"
"""Labels of events that sets are known to hold; any other label is a class of its own as well."""

Split = Literal["train", "val"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Example:
    """
    One recording of one instrument without a hole.

    ``samples`` is float32 [3, n] in any unit, high-passed, components in the model's channel order, an
    absent one 0 throughout.  ``p_index`` and ``s_index`` count samples from the start, -1 where unknown;
    where ``p_index`` >= 0, an event of class ``label`` arrives there.  Windows inside ``noise`` (start, stop)
    are background.  ``group`` names the event or station-day that must not be divided between training and
    validation.  What follows ``native_rate_hz`` describes, for evaluation and for the card; "" or None where
    unknown: ``p_source`` says who marked P, ``instrument`` is the kind of sensor, ``quality`` A or B,
    ``trace`` the name within the set.
    """

    samples: NDArray[np.float32]
    p_index: int
    s_index: int
    noise: tuple[int, int]
    dataset: str
    station: str
    group: str
    split: Split
    native_rate_hz: float
    label: str = ""
    p_source: str = ""
    snr_db: float | None = None
    magnitude: float | None = None
    distance_km: float | None = None
    instrument: str = ""
    quality: str = ""
    event: str = ""
    trace: str = ""
    licence: str = ""
    citation: str = ""

    @property
    def n_samples(self) -> int:
        """Number of samples of a component."""
        return int(self.samples.shape[1])

    @property
    def is_event(self) -> bool:
        """Whether a P arrival is marked, of whatever class."""
        return self.p_index >= 0

    @property
    def is_earthquake(self) -> bool:
        """Whether the P arrival of an earthquake is marked."""
        return self.is_event and self.label == EARTHQUAKE

    @property
    def n_noise(self) -> int:
        """Number of samples usable as background."""
        return max(0, self.noise[1] - self.noise[0])


def event_weights(examples: Sequence[Example], label: str = EARTHQUAKE) -> NDArray[np.float64]:
    """
    Weight events of one class so that no station, event or source of many drowns the rest.

    Each of the three counts as the square root of its number of examples; 0 for what is none of the class.
    """
    is_wanted = [example.is_event and example.label == label for example in examples]
    wanted = [example for example, is_one in zip(examples, is_wanted, strict=True) if is_one]
    n_dataset = Counter(example.dataset for example in wanted)
    n_station = Counter(example.station for example in wanted)
    n_group = Counter(example.group for example in wanted)
    weights = np.array(
        [
            (n_dataset[e.dataset] * n_station[e.station] * n_group[e.group]) ** -0.5 if is_one else 0.0
            for e, is_one in zip(examples, is_wanted, strict=True)
        ]
    )
    return np.asarray(weights / max(float(weights.sum()), 1e-300))


def noise_weights(examples: Sequence[Example]) -> NDArray[np.float64]:
    """Weight background likewise, counting seconds: a station of ten hours weighs ten times one of six min."""
    seconds = np.array([example.n_noise / RATE_HZ for example in examples])
    per_dataset: Counter[str] = Counter()
    per_station: Counter[str] = Counter()
    for example, duration in zip(examples, seconds, strict=True):
        per_dataset[example.dataset] += duration
        per_station[example.station] += duration
    scale = np.array([max(per_dataset[e.dataset] * per_station[e.station], 1.0) ** -0.5 for e in examples])
    weights = seconds * scale
    return np.asarray(weights / max(float(weights.sum()), 1e-300))

"""
From the time in a record's header to the index of its first sample; holds no samples.

Indices count samples since 1970 at the trace's rate.  Real samples lie between those instants and real
clocks drift, so an offset between both is followed slowly; it decides what is jitter and what is a gap.
"""

from fractions import Fraction

from quake_stream.types import NS_PER_S

MAX_OFFSET = 0.75  # samples; above ½, so that a phase near ½ does not flip between two labels
PHASES_PER_SAMPLE = 16
_PHASE_SLACK = 2  # sixteenths: the phase stays until it is off by more than ⅛ of a sample
_MEMORY_SAMPLES = 2000  # time constant of the offset: a packet of 286 samples moves it by one eighth
_FLOAT32_PRECISION = 2.0**-24  # miniSEED carries rates as float32


def rational_rate(rate_hz: float) -> Fraction:
    """
    Find the simplest fraction that equals a rate to the precision of a float32.

    99.99800109863281, which is 99.998 as stored in blockette 100 of miniSEED 2, becomes 49999/500.
    """
    rate = Fraction(rate_hz)
    for exponent in range(7):
        simple = rate.limit_denominator(10**exponent)
        if abs(simple - rate) <= rate * Fraction(_FLOAT32_PRECISION):
            return simple
    return rate.limit_denominator(10**7)


def index_to_ns(index: int, rate: Fraction) -> int:
    """Convert an index to UTC ns since 1970, rounded to the nearest."""
    ticks = 2 * index * rate.denominator * NS_PER_S
    return (ticks + rate.numerator) // (2 * rate.numerator)


class TraceClock:
    """
    Labels for the samples of one trace at one rate.

    Sample ``index`` was taken at ``(index + offset) / rate``.  `offset` follows the headers with a memory
    of about 2000 samples: rounded header times and jitter do not move labels, and a true rate that
    differs from the declared one by less than 1e-4 never looks like a gap.  Once the offset exceeds
    `MAX_OFFSET`, `track` says by how much all labels have to move.

    Parameters
    ----------
    rate
        Declared samples per second, from `rational_rate`.
    """

    def __init__(self, rate: Fraction) -> None:
        self.rate = rate
        self._ns_per_turn = rate.denominator * NS_PER_S
        self._offset = 0.0
        self._phase: int | None = None

    @property
    def offset(self) -> float:
        """Samples by which the real instants are later than the labels."""
        return self._offset

    @property
    def is_anchored(self) -> bool:
        """Whether a header has been seen."""
        return self._phase is not None

    @property
    def phase_16ths(self) -> int:
        """
        The offset in sixteenths of a sample, changed only when it is off by more than two.

        Headers that are rounded to 100 µs therefore never change the outcome of resampling.
        """
        return self._phase or 0

    def residual(self, start_ns: int, index: int) -> float:
        """Measure by how many samples a header time is later than what is expected of ``index``."""
        # Exact in integers up to the division: a float64 of ns since 1970 is off by 256 ns.
        turns = start_ns * self.rate.numerator - index * self._ns_per_turn
        return turns / self._ns_per_turn - self._offset

    def locate(self, start_ns: int) -> int:
        """Find the index whose expected instant is nearest to a header time."""
        index = start_ns * self.rate.numerator // self._ns_per_turn
        return index + round(self.residual(start_ns, index))

    def anchor(self, start_ns: int) -> int:
        """Measure the offset anew, at the start or after a gap, and return the index of ``start_ns``."""
        index = self.locate(start_ns)
        self._offset += self.residual(start_ns, index)
        step = self._fold()
        self._follow_phase()
        return index + step

    def track(self, residual: float, n_samples: int) -> int:
        """
        Follow the header of a packet that continues the trace.

        Parameters
        ----------
        residual
            `residual` of the packet's start, less than ½ in size.
        n_samples
            Length of the packet: a long one says more about drift than a short one.

        Returns
        -------
        int
            What to add to the label of every sample held: nearly always 0, else 1 or −1.
        """
        self._offset += residual * n_samples / (n_samples + _MEMORY_SAMPLES)
        step = self._fold()
        self._follow_phase()
        return step

    def time_ns(self, index: int) -> int:
        """Tell when a sample was taken according to the headers, UTC ns."""
        return index_to_ns(index, self.rate) + round(self._offset / self.rate * NS_PER_S)

    def _fold(self) -> int:
        if abs(self._offset) <= MAX_OFFSET:
            return 0
        step = round(self._offset)
        self._offset -= step
        if self._phase is not None:
            self._phase -= step * PHASES_PER_SAMPLE
        return step

    def _follow_phase(self) -> None:
        exact = self._offset * PHASES_PER_SAMPLE
        if self._phase is None or abs(exact - self._phase) > _PHASE_SLACK:
            self._phase = round(exact)

import numpy as np
import pytest

from quake_stream.detection.measure import Measurement, Measurer, peak_amplitude, snr_db
from quake_stream.source_id import InstrumentId
from quake_stream.types import Window


def test_the_amplitude_is_the_largest_distance_from_the_mean_over_all_components():
    samples = np.array([[100, 0], [100, 5], [103, -5], [97, 0]], np.float32)
    assert peak_amplitude(samples) == 5


def test_an_offset_is_no_amplitude():
    samples = np.array([[8_000_000], [8_000_002]], np.float32)
    assert peak_amplitude(samples) == 1


def test_ten_times_the_noise_is_20_db():
    samples = np.tile(np.array([1, -1], np.float32), 100)
    samples[120:] *= 10
    assert snr_db(samples, 120.2, min_samples=10) == pytest.approx(20)


def test_no_ratio_without_enough_samples_on_both_sides():
    samples = np.ones(100, np.float32)
    assert snr_db(samples, 9.0, min_samples=10) is None
    assert snr_db(samples, 91.0, min_samples=10) is None
    assert snr_db(samples, 90.0, min_samples=10) == 0


def test_silence_has_no_ratio():
    samples = np.zeros(100, np.float32)
    assert snr_db(samples, 50.0, min_samples=10) is None
    samples[50:] = 1
    assert snr_db(samples, 50.0, min_samples=10) is None
    assert snr_db(samples[::-1], 50.0, min_samples=10) is None


class Reader:
    """Raw and filtered samples [n, 3] from index 0 on; filtered ones exist from ``ready`` on."""

    def __init__(self, samples, *, ready=0):
        self.samples = samples
        self.ready = ready

    def read(self, start_index, n, components, *, filtered):
        if start_index < (self.ready if filtered else 0) or start_index + n > len(self.samples):
            return None
        columns = ["ZNE".index(code) for code in components]
        return (self.samples - 1000 * filtered)[start_index : start_index + n, columns]


def window(start_index):
    start_ns = start_index * 10_000_000
    return Window(
        instrument_id=InstrumentId(network="IU", station="ANMO", location="00", band="B", source="H"),
        start_index=start_index,
        start_ns=start_ns,
        end_ns=start_ns + 5_120_000_000,
        components=("Z", "N", "E"),
        received_ns=0,
    )


def quake(onset=900, n=1200):
    """Square waves about 1000: amplitude 1 before the onset, 10 after it, 20 on the last component."""
    samples = np.tile(np.array([[1], [-1]], np.float32), (n // 2, 3))
    samples[onset:] *= 10
    samples[onset:, 2] *= 2
    return samples + 1000


def at_900(samples, sample_rate_hz):
    """Pick index 900 of the recording, whatever part of it is given, by its first large sample."""
    return float(np.argmax(np.abs(samples) > 5)), 0.02


def test_a_new_detection_is_measured_from_before_its_triggering_window_to_its_latest(net):
    measurer = Measurer(spec=net.spec(), reader=Reader(quake()), pick_onset=at_900)
    measured = measurer.begin(window(500), window(550))
    assert measured == Measurement(
        onset_ns=9_000_000_000, onset_uncertainty_s=0.02, amplitude_counts=20, snr_db=pytest.approx(20)
    )


def test_without_samples_before_the_window_the_onset_is_sought_inside_it(net):
    measurer = Measurer(spec=net.spec(), reader=Reader(quake(), ready=400), pick_onset=at_900)
    assert measurer.begin(window(500), window(550)).onset_ns == 9_000_000_000


def test_without_a_picker_the_onset_is_anywhere_in_the_window(net):
    measured = Measurer(spec=net.spec(), reader=Reader(quake()), pick_onset=None).begin(
        window(500), window(550)
    )
    assert measured.onset_ns == 7_560_000_000
    assert measured.onset_uncertainty_s == pytest.approx(5.12 / 12**0.5)
    assert measured.snr_db is None


def test_the_amplitude_follows_a_detection_and_never_falls(net):
    measurer = Measurer(spec=net.spec(), reader=Reader(quake(onset=1100)), pick_onset=at_900)
    measured = measurer.begin(window(400), window(500))
    assert measured.amplitude_counts == 1
    louder = measurer.go_on(measured, window(650))
    assert louder.amplitude_counts == 20
    assert measurer.go_on(louder, window(100)) == louder


def test_samples_that_are_gone_leave_the_measurement_as_it_was(net):
    measurer = Measurer(spec=net.spec(), reader=Reader(quake()), pick_onset=at_900)
    measured = measurer.begin(window(500), window(550))
    assert measurer.go_on(measured, window(5000)) == measured

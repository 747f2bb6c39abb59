"""A feed under load: everything arrives, and nothing is left running."""

import pytest

from quake_stream.bench import bed
from quake_stream.bench.bed import Bed, Load
from quake_stream.errors import QuakeStreamError


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_every_subscriber_gets_every_message(is_encrypted):
    with Bed(Load(n_subscribers=3, is_encrypted=is_encrypted, n_stalled=1)) as feed:
        burst = feed.burst(20)
        paced = feed.paced(rate_hz=100, seconds=0.1)
        readers = feed._readers
    assert (len(burst.latencies_ns), burst.n_sent) == (60, 20)
    assert (len(paced.latencies_ns), paced.n_sent) == (30, 10)
    for sample in (burst, paced):
        assert min(sample.latencies_ns) > 0
        assert 0 < sample.send_max_ns < sample.took_ns
    assert paced.took_ns >= 0.09e9  # the last is sent that much after the first
    assert all(reader.poll() is not None for reader in readers)


def test_subscribers_that_do_not_answer_are_one_clear_error(monkeypatch):
    monkeypatch.setattr(bed, "LIMIT_S", 0.0)
    with pytest.raises(QuakeStreamError, match="0 of 1 subscribers came"):
        Bed(Load(n_subscribers=1))


def test_subscribers_that_end_are_one_clear_error():
    with Bed(Load(n_subscribers=1)) as feed:
        feed._readers[0].kill()
        with pytest.raises(QuakeStreamError, match="or ended"):
            feed.burst(1)

"""What the process takes from the host."""

import os
import threading

from prometheus_client.parser import text_string_to_metric_families

from quake_stream.metrics.process import process_metrics


def read():
    families = text_string_to_metric_families(process_metrics(1234.5))
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_the_values_are_those_of_this_process():
    found = read()
    assert found["process_start_time_seconds"] == 1234.5
    assert 10e6 < found["process_resident_memory_bytes"] < 100e9
    assert 0 < found["process_cpu_seconds_total"] < 1e6
    assert 0 < found["process_open_fds"] < found["process_max_fds"]
    assert found["process_threads"] >= threading.active_count()


def test_descriptors_and_threads_are_counted_as_they_come():
    before = read()
    release = threading.Event()
    threads = [threading.Thread(target=release.wait, args=(60,)) for _ in range(5)]
    pipes = [os.pipe() for _ in range(5)]
    for thread in threads:
        thread.start()
    try:
        after = read()
    finally:
        release.set()
        for thread in threads:
            thread.join(60)
        for pipe in pipes:
            for end in pipe:
                os.close(end)
    assert after["process_threads"] - before["process_threads"] == 5
    assert after["process_open_fds"] - before["process_open_fds"] == 10

"""``quake-stream coincide``: from files and live, the same rule."""

import json
import signal
import threading

import pytest
from bodies import heartbeat
from triggers import body_of, trigger

from quake_stream.publish.journal import Journal
from quake_stream.publish.publisher import Publisher
from quake_stream.publish.subscriber import Message, Subscriber

FOUND = [
    trigger("XX.A..HHZ", 100, off_s=120),
    trigger("XX.B..HHZ", 105, off_s=130),
    trigger("XX.C..HHZ", 300, off_s=310),
]


@pytest.fixture
def recorded(tmp_path):
    path = tmp_path / "found.jsonl"
    path.write_text("".join(json.dumps(body_of(one)) + "\n" for one in FOUND))
    return path


def test_network_detections_of_a_file_are_lines_of_json_and_the_summary_goes_elsewhere(
    quake_stream, recorded
):
    done = quake_stream("coincide", recorded)
    assert done.status == 0, done.err
    (body,) = map(json.loads, done.out.splitlines())
    assert [member["source_id"] for member in body["members"]] == ["FDSN:XX_A__H_H_", "FDSN:XX_B__H_H_"]
    assert done.err.splitlines() == [
        "1 network detections of 3 detections",
        "  triggers.dropped.alone: 1",
        "  triggers.received: 3",
    ]


def test_life_tells_every_message(quake_stream, recorded):
    done = quake_stream("coincide", recorded, "--life")
    assert [json.loads(line)["state"] for line in done.out.splitlines()] == ["new", "end"]


def test_a_table_names_the_stations(quake_stream, recorded):
    lines = quake_stream("coincide", recorded, "--table").out.splitlines()
    assert lines[1].split() == ["1970-01-01T00:01:40.000Z", "end", "2", "XX.A", "XX.B"]


def test_three_stations_may_be_asked_for(quake_stream, recorded):
    assert quake_stream("coincide", recorded, "-k", 3).out == ""


def test_places_decide_and_a_station_without_one_is_named(quake_stream, recorded, tmp_path):
    places = tmp_path / "stations.csv"
    places.write_text("network,station,latitude,longitude\nXX,A,0,0\nXX,B,0,0.001\n")
    done = quake_stream("coincide", recorded, "--stations", places)
    assert done.out == ""  # 5 s are too much for 100 m
    assert done.err.splitlines()[-1] == "  without a place, so --window counts: XX.C"
    places.write_text("network,station,latitude,longitude\nXX,A,0,0\nXX,B,0,1\n")
    assert len(quake_stream("coincide", recorded, "--stations", places).out.splitlines()) == 1


def test_a_file_that_is_none_is_one_line_and_exit_status_66(quake_stream, tmp_path):
    done = quake_stream("coincide", tmp_path / "none")
    assert (done.status, len(done.err.splitlines())) == (66, 1)


def test_live_it_publishes_what_several_stations_say_until_a_signal(program):
    with Publisher("tcp://127.0.0.1:*") as source:
        relay = program("coincide", "--connect", source.endpoint, "--bind", "tcp://127.0.0.1:*")
        relay.until(lambda: bool(relay.err))
        address = relay.err[0].split("publishing on ")[1].split(";")[0]
        heard, stop = [], threading.Event()
        with Subscriber(address, topics=("network-detection",), timeout_s=20, fill=False) as subscriber:
            listener = threading.Thread(target=listen, args=(subscriber, heard, stop))
            listener.start()
            while not source.n_subscriptions:
                source.poll(timeout_s=0.1)
            n = 0
            while not stop.is_set():  # until the listener, too, has found the relay
                n += 1
                for channel, onset_s in [("XX.A..HHZ", 1000 * n), ("XX.B..HHZ", 1000 * n + 5)]:
                    body = body_of(trigger(channel, onset_s))
                    source.send(f"detection.{channel}", body)
                source.poll(timeout_s=0.1)
            listener.join(20)
        assert not listener.is_alive()
        assert relay.stop(signal.SIGTERM) == 0
    assert (heard[0]["state"], heard[0]["n_stations"], heard[0]["processing"]) == ("new", 2, "live")
    printed = [json.loads(line) for line in relay.out]
    assert heard[0] in printed


def test_a_restart_takes_up_what_the_journal_has_under_the_same_ids(program, tmp_path):
    journal = Journal(tmp_path / "journal", max_bytes=10**6, max_age_s=1e12)
    asked, done = [], threading.Event()
    with Publisher("tcp://127.0.0.1:*", replay_bind="tcp://127.0.0.1:*", journal=journal) as source:
        for one in FOUND[:2]:
            source.send("detection.XX", body_of(one, "new"))
        options = ["--connect", source.endpoint, "--replay", source.replay_endpoint, "--since", "1h"]
        for _ in range(2):
            relay = program("coincide", *options, "--bind", "tcp://127.0.0.1:*")
            waiter = threading.Thread(target=wait_for_line, args=(relay, done))
            waiter.start()
            while not done.is_set():
                source.send("heartbeat", heartbeat())  # lets a subscriber see that it missed some
                source.poll(timeout_s=0.1)
            waiter.join(20)
            done.clear()
            assert relay.stop(signal.SIGTERM) == 0
            asked.append(json.loads(relay.out[0]))
    assert [(body["state"], body["n_stations"]) for body in asked] == [("new", 2)] * 2
    assert asked[0]["id"] == asked[1]["id"]


def wait_for_line(relay, done):
    try:
        relay.until(lambda: bool(relay.out))
    finally:
        done.set()


def test_a_time_that_is_none_is_wrong_usage(quake_stream):
    done = quake_stream("coincide", "--since", "yesterday")
    assert done.status == 2
    assert "neither a duration such as 1h nor a UTC time" in done.err


def listen(subscriber, heard, stop):
    for item in subscriber:
        # Who joins late may hear the end of what began before.
        if isinstance(item, Message) and item.body["state"] == "new":
            heard.append(item.body)
            break
    stop.set()


def test_an_address_in_use_is_one_line(quake_stream):
    with Publisher("tcp://127.0.0.1:*") as source:
        done = quake_stream("coincide", "--connect", source.endpoint, "--bind", source.endpoint)
    assert done.status == 1
    assert done.err.startswith(f"quake-stream: cannot publish on {source.endpoint}: Address already in use")

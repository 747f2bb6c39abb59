"""``quake-stream keys``: three files and three lines, and a subscriber is connected encrypted."""

import stat
import tomllib

import pytest

from quake_stream.config_sections import PublishSection
from quake_stream.publish.clients import read_clients
from quake_stream.publish.keys import new_pair, read_client_key, read_server_key
from quake_stream.publish.publisher import Publisher
from quake_stream.publish.subscriber import Subscriber


@pytest.fixture
def folder(tmp_path, quake_stream):
    assert quake_stream("keys", "new", "station", "--folder", tmp_path).status == 0
    return tmp_path


def test_new_makes_what_service_and_subscriber_need_and_says_what_to_configure(tmp_path, quake_stream):
    done = quake_stream("keys", "new", "station", "--folder", tmp_path)
    section = PublishSection(**tomllib.loads(done.out)["publish"])  # the rest of the output is comments
    assert section.bind == "tcp://*:5561"
    key, clients = read_server_key(section.key), read_clients(section.clients)
    with (
        Publisher("tcp://127.0.0.1:*", key=key, clients=clients, linger_ms=0) as feed,
        Subscriber(feed.endpoint, key=tmp_path / "station.client.key", fill=False),
    ):
        while feed.n_subscriptions == 0:  # the limit of every test is the deadline
            feed.poll(timeout_s=0.1)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"station.server.key": 0o600, "station.client.key": 0o600, "station.clients": 0o644}


def test_nothing_is_overwritten(folder, quake_stream):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for missing in folder.iterdir():
        text = missing.read_bytes()
        missing.unlink()
        done = quake_stream("keys", "new", "station", "--folder", folder)
        assert (done.status, missing.exists()) == (78, False)
        assert "is there already; keys are never overwritten" in done.err
        missing.write_bytes(text)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_subscribers_are_added_listed_and_removed(folder, quake_stream):
    public = read_client_key(folder / "station.client.key").pair.public
    done = quake_stream("keys", "add", "station", "reader", "-d", folder)
    assert done.out.split() == [str(folder / "station.reader.key")]
    added = read_client_key(folder / "station.reader.key")
    assert added.server == read_server_key(folder / "station.server.key").public
    listed = quake_stream("keys", "list", "station", "-d", folder).out.splitlines()
    assert listed == [f"client {public}", f"reader {added.pair.public}"]
    assert quake_stream("keys", "remove", "station", "client", "-d", folder).status == 0
    assert read_clients(folder / "station.clients") == {"reader": added.pair.public}


def test_a_subscriber_that_has_keys_hands_over_the_public_one_only(folder, quake_stream):
    public = new_pair().public
    done = quake_stream("keys", "add", "station", "own", "--public-key", public, "-d", folder)
    assert read_server_key(folder / "station.server.key").public in done.out
    assert read_clients(folder / "station.clients")["own"] == public
    assert not (folder / "station.own.key").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("new", "../station"), "a name is up to 64 letters"),
        (("new", "other", "--client", "server"), "choose another for the subscriber"),
        (("add", "station", "a/b"), "a name is up to 64 letters"),
        (("add", "station", "server"), "never overwritten"),
        (("add", "station", "x", "--public-key", "short"), "is no public key"),
        (("add", "nobody", "x"), "No such file"),
        (("remove", "station", "x"), "'x' is not in the list"),
        (("list", "nobody"), "No such file"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(words, why, folder, quake_stream):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = quake_stream("keys", *words, "--folder", folder)
    assert (done.status, len(done.err.splitlines())) == (78, 1)
    assert why in done.err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_key_that_cannot_be_listed_is_not_left_behind(folder, quake_stream):
    (folder / "station.clients").write_text("wrong\n")
    assert quake_stream("keys", "add", "station", "x", "-d", folder).status == 78
    assert not (folder / "station.x.key").exists()

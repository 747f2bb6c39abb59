"""The configuration: every key documented, every problem reported at once."""

import re
import tomllib
from pathlib import Path

import pytest

from quake_stream.config import Config, load, parse
from quake_stream.config_sections import SourceSection
from quake_stream.errors import ConfigError
from quake_stream.source_id import SourceId

CONFIG = Path(__file__).resolve().parent.parent / "config"
SOURCE = {"source": [{"url": "seedlink://localhost"}]}
SECRET = {"url": "seedlinks://h", "user": "anna", "password_file": "/p"}


def problems(data: dict) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(data, name="x.toml")
    assert caught.value.exit_code == 78
    return str(caught.value).split("\n")


@pytest.mark.parametrize("path", sorted(CONFIG.glob("*.toml")), ids=lambda path: path.name)
def test_every_shipped_example_is_valid(path):
    assert load(path).source


def test_the_documented_file_names_every_key_with_its_default():
    text = (CONFIG / "quake-stream.toml").read_text()
    values = tomllib.loads(text)
    for section, field in Config.model_fields.items():
        if section == "stations":
            continue
        if section == "source":
            default = SourceSection(url="seedlink://localhost:18000").model_dump(mode="json")
            written = values["source"][0]
        else:
            default = field.default.model_dump(mode="json")
            written = values[section]
        assert written == {key: value for key, value in default.items() if value is not None}
        for key, value in default.items():
            if value is None:
                assert re.search(rf"^#{key} = .*#.*unset", text, re.MULTILINE), f"{section}.{key}"


def test_all_problems_are_reported_at_once_with_file_key_and_what_is_allowed():
    found = problems(
        {
            "source": [{"url": "http://x", "keepalive": 1}],
            "model": {"device": "gpu"},
            "trigger": {"on": 2.0, "holds": 1},
            "windows": {"hop_s": "0.5"},
        }
    )
    text = "\n".join(found)
    assert len(found) == 6
    assert all(line.startswith("x.toml: ") for line in found)
    assert (
        "source[1].url: write seedlink://host:port, seedlinks://host:port or file:///folder, not 'http://x'"
        in text
    )
    assert "source[1].keepalive: unknown key; did you mean 'keepalive_s'? (allowed: backfill_s," in text
    assert "model.device: must be 'cpu' or 'cuda', not 'gpu'" in text
    assert "trigger.on: must be less than 1, not 2.0" in text
    assert "trigger.holds: unknown key; did you mean 'hold_s'?" in text
    assert "windows.hop_s: must be a valid number, not '0.5'" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": []}, "source: at least one source is needed"),
        ({"source": [{"url": "seedlink://h:x"}]}, "source[1].url: Port could not be cast"),
        ({"source": [{"url": "seedlink:///x"}]}, "the address has no host"),
        ({"source": [{"url": "seedlinks://h/x"}]}, "write host and port only: seedlinks://host:port"),
        ({"source": [{"url": "seedlinks://h", "user": "anna"}]}, "user and password_file belong together"),
        ({"source": [SECRET | {"token_file": "/t"}]}, "two ways to say who we are: set one of them"),
        ({"source": [SECRET | {"url": "seedlink://h"}]}, "user needs an encrypted connection"),
        ({"source": [{"url": "seedlink://h", "ca_file": "/c"}]}, "ca_file needs an encrypted connection"),
        ({"source": [SECRET | {"protocol": "3"}]}, 'protocol "3" has no way to say who we are'),
        ({"source": [SECRET | {"user": "two words"}]}, "source[1].user: "),
        (
            {"source": [{"url": "seedlink://h", "protocol": "5"}]},
            "source[1].protocol: must be 'auto', '3' or '4'",
        ),
        ({"source": [{"url": "seedlink://h", "streams": ["IU"]}]}, "'IU' names no stream"),
        ({"stations": {"CX": {"on": 0.5}}}, 'stations.CX: write the station as "NET.STA"'),
        ({"trigger": {"on": 0.5, "off": 0.6}}, "trigger: off (0.6) must not be above on (0.5)"),
        ({"windows": {"ring_s": 40.0}}, "windows.ring_s (40.0) must exceed model.max_latency_s (30.0)"),
        ({"trigger": {"on": float("nan")}}, "trigger.on: "),
        ({"extra": {}}, "extra: unknown key (allowed: metrics, model,"),
    ],
)
def test_a_wrong_value_is_named_with_the_reason(change, message):
    assert any(message in line for line in problems(SOURCE | change))


@pytest.mark.parametrize(
    "urls",
    [
        ("seedlink://a", "seedlink://a:18000"),
        ("seedlink://a:18000", "seedlink://A"),
        ("seedlink://[::1]:18001/", "seedlink://[::1]:18001"),
        ("seedlink://a:18500", "seedlinks://a"),
    ],
)
def test_two_entries_for_one_server_are_refused_and_both_named(urls):
    sources = [{"url": "seedlink://other"}, *({"url": url} for url in urls)]
    (line,) = problems({"source": sources})
    assert line == (
        f"x.toml: source: [2] '{urls[0]}' and [3] '{urls[1]}' are the same server: "
        "write one [[source]] with all its streams"
    )


def test_two_servers_on_one_host_and_two_folders_are_accepted():
    for urls in (("seedlink://a", "seedlink://a:18001"), ("file:///a", "file:///b")):
        assert len(parse({"source": [{"url": url} for url in urls]}, name="x").source) == 2


def test_recordings_and_servers_are_not_mixed():
    (line,) = problems({"source": [{"url": "seedlink://a"}, {"url": "file:///b"}]})
    assert line == (
        "x.toml: source: recordings (file://) and servers (seedlink://) cannot be read in one run"
    )


def test_no_stream_at_all_is_refused():
    (line,) = problems({"source": [{"url": "seedlink://a", "streams": []}]})
    assert line == 'x.toml: source[1].streams: name at least one stream; "*.*.*.*" is all of them'


def test_a_missing_source_is_named():
    assert problems({}) == ["x.toml: source: missing; it is required"]


def test_a_file_that_cannot_be_read_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml: No such file"):
        load(tmp_path / "nowhere.toml")


def test_a_syntax_error_names_its_line(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text("[model]\nname = lstm\n")
    with pytest.raises(ConfigError, match=r"bad\.toml: not valid TOML: .*line 2"):
        load(path)


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000, "a = " + "{a=" * 5000, "a = " + "1" * 5000, "a = '\xff'"], ids=range(4)
)
def test_nesting_and_numbers_without_end_are_a_config_error(tmp_path, text):
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match=r"bad\.toml: not valid TOML: "):
        load(path)


def test_a_character_that_no_path_or_address_has_is_a_config_error(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text('[[source]]\nurl = "file:///a\\u0000b"\n[service]\nstate_dir = "/a\\u0000b"\n')
    with pytest.raises(
        ConfigError, match=r"(?s)source\[1\]: url holds .*service: state_dir holds .* U\+0000"
    ):
        load(path)


def test_overrides_prefer_the_exact_station_to_a_pattern():
    config = parse(SOURCE | {"stations": {"CX.*": {"on": 0.8}, "CX.PB01": {"on": 0.9}}}, name="x.toml")

    def on(nslc: str) -> float | None:
        return config.trigger_overrides(SourceId.from_nslc(nslc).instrument).on

    assert on("CX.PB01..HHZ") == 0.9
    assert on("CX.PB02..HHZ") == 0.8
    assert on("IU.ANMO.00.BHZ") is None


def test_folders_come_from_the_file_then_systemd_then_the_user(monkeypatch):
    for name in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/home/me/state")
    config = parse(SOURCE, name="x.toml")
    assert config.state_dir == Path("/home/me/state/quake-stream")
    assert config.runtime_dir == Path("/home/me/state/quake-stream")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/quake-stream/a:/other")
    assert config.state_dir == Path("/var/lib/quake-stream/a")
    config = parse(SOURCE | {"service": {"state_dir": "/data"}}, name="x.toml")
    assert config.state_dir == Path("/data")

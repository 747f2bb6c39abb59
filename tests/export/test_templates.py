"""What a webhook says, to programs and to people."""

import pytest
from bodies import detection

from quake_stream.errors import ConfigError
from quake_stream.export.templates import sentence, template


def test_json_is_the_message_itself():
    form = template("json", "https://example.org/hook")
    assert form.url == "https://example.org/hook"
    assert form.render(detection()) == detection()


def test_slack_gets_one_line_of_text():
    form = template("slack", "https://hooks.slack.com/services/T/B/x")
    assert form.render(detection()) == {
        "text": "earthquake detected at CX.PB01.--.HHZ, onset 2010-05-27 16:24:33.3 UTC, "
        "probability 0.98, SNR 20 dB"
    }


def test_slack_reads_no_markup_from_the_feed():
    form = template("slack", "https://hooks.slack.com/services/T/B/x")
    assert (
        "&lt;!channel&gt; &amp; more detected"
        in form.render(detection(**{"class": "<!channel> & more"}))["text"]
    )


def test_ntfy_gets_json_at_the_address_above_its_topic():
    form = template("ntfy", "https://ntfy.example.org:8443/below/quakes")
    assert form.url == "https://ntfy.example.org:8443/below/"
    note = form.render(detection(state="retract"))
    assert note["topic"] == "quakes"
    assert note["title"] == "earthquake taken back at CX.PB01.--.HHZ"
    assert note["message"].startswith(note["title"])
    assert note["tags"] == ["seismology", "retract"]
    assert note["priority"] == 3


@pytest.mark.parametrize("changes", [{"state": "end"}, {"processing": "replay"}])
def test_ntfy_is_less_urgent_about_what_is_over_or_recorded(changes):
    assert template("ntfy", "https://ntfy.sh/quakes").render(detection(**changes))["priority"] == 2


def test_recorded_data_never_look_live():
    assert sentence(detection(processing="replay")).startswith("Recorded data, not live: earthquake")


@pytest.mark.parametrize("state", ["new", "update", "end", "retract"])
def test_every_state_has_words_also_without_a_ratio(state):
    text = sentence(detection(state=state, snr_db=None, location="00"))
    assert " CX.PB01.00.HHZ, onset" in text
    assert text.endswith("probability 0.98")


@pytest.mark.parametrize("url", ["ftp://example.org", "example.org/hook", "https://", ""])
def test_what_is_no_web_address_is_refused(url):
    with pytest.raises(ConfigError, match="https://"):
        template("json", url)


def test_ntfy_needs_a_topic():
    with pytest.raises(ConfigError, match="topic"):
        template("ntfy", "https://ntfy.sh/")

"""
What a webhook is sent: the detection as it is, or a sentence as Slack and ntfy show it.  Pure.

Sentences are for people, so recorded data and retractions say at once what they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from quake_stream.errors import ConfigError
from quake_stream.formats import Body

_VERBS: Final = {
    "new": "detected at",
    "update": "goes on at",
    "end": "over at",
    "retract": "taken back at",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Where to post, and how a detection becomes the JSON object that is posted."""

    url: str
    render: Callable[[Body], Mapping[str, object]]


def template(name: str, url: str) -> Template:
    """
    Build the template ``json``, ``slack`` or ``ntfy`` for an address.

    Raises
    ------
    ConfigError
        The address is no HTTP address, or for ntfy one without topic.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError("a webhook's address begins with https:// or http:// and names a host")
    if name == "slack":
        return Template(url=url, render=lambda body: {"text": _escaped(sentence(body))})
    if name == "ntfy":
        root, _, topic = parts.path.rpartition("/")
        if not topic:
            raise ConfigError("an ntfy address ends with its topic, as in https://ntfy.sh/my-topic")
        # JSON goes to the address above the topic, https://docs.ntfy.sh/publish/#publish-as-json
        above = urlunsplit((parts.scheme, parts.netloc, f"{root}/", parts.query, ""))
        return Template(url=above, render=lambda body: _ntfy(body, topic))
    return Template(url=url, render=dict)


def sentence(body: Body) -> str:
    """``CX.PB01.--: earthquake …``: one line of text for people."""
    onset = f"{body['onset_time'][:10]} {body['onset_time'][11:21]}"
    text = f"{_headline(body)}, onset {onset} UTC, probability {body['peak_probability']:.2f}"
    if body["snr_db"] is not None:
        text += f", SNR {body['snr_db']:.0f} dB"
    return text


def _headline(body: Body) -> str:
    source = "Recorded data, not live: " if body["processing"] == "replay" else ""
    where = ".".join([body["network"], body["station"], body["location"] or "--", body["channels"][0]])
    return f"{source}{body['class']} {_VERBS[body['state']]} {where}"


def _ntfy(body: Body, topic: str) -> Mapping[str, object]:
    """Message with the priorities of ntfy: 3 default, 2 low for what needs no attention at once."""
    fresh = body["state"] in {"new", "retract"} and body["processing"] == "live"
    return {
        "topic": topic,
        "title": _headline(body),
        "message": sentence(body),
        "tags": ["seismology", body["state"]],
        "priority": 3 if fresh else 2,
    }


def _escaped(text: str) -> str:
    """Escape the three letters that Slack reads as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

"""What a probe of a SeedLink server means for the operator.  No I/O."""

from collections.abc import Sequence

from quake_stream.config_sections import SourceSection
from quake_stream.diagnosis.instruments import StreamFacts
from quake_stream.diagnosis.report import Finding, duration, ok, problem, some, warning
from quake_stream.ingest.offers import Offer, hint, unmatched
from quake_stream.ingest.probe import Greeting, Probe
from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.mseed.record import Refusal
from quake_stream.selection import StreamPattern
from quake_stream.source_id import SourceId
from quake_stream.types import NS_PER_S

_MAX_LISTED = 20

_FAILURES = {
    Lost.DNS: "the name cannot be looked up: check its spelling and this machine's name service",
    Lost.REFUSED: "the host is there, but nothing listens at this port: check the port, or start the server",
    Lost.UNREACHABLE: "there is no way to this host: check the address and this machine's network",
    Lost.CONNECT_TIMEOUT: "no answer: the host is down, or a firewall is in the way",
    Lost.TLS: "what answers there does not speak TLS: check the port, or write seedlink:// (not encrypted)",
    Lost.CERTIFICATE: "its certificate does not prove that it is this host: check the name, the dates and ca_file",
    Lost.AUTH: "it does not admit us: check user, password_file or token_file",
    Lost.PROTOCOL: "it does not speak the version of SeedLink that protocol asks for",
    Lost.HANDSHAKE: "what answers there is no SeedLink server: check the port",
    Lost.COMMAND_TIMEOUT: "it takes the connection but does not greet: no SeedLink server, or an overloaded one",
    Lost.EOF: "it hangs up before it greets: it may not admit this machine, or have too many clients",
    Lost.RESET: "it hangs up before it greets: it may not admit this machine, or have too many clients",
}

# Not the server's fault, or told by other findings.
_EXPECTED_LOSSES = {Lost.RENEGOTIATE, Lost.NO_STATIONS}


def findings(probe: Probe, section: SourceSection, *, listened_s: float) -> list[Finding]:
    """All that a probe of this section's server has shown, but for its instruments."""
    name = probe.name
    if probe.failure is not None:
        return [problem(name, _failure(probe.failure))]
    greeting = probe.greeting
    if greeting is None:
        return [warning(name, "the check was stopped before the server had answered")]
    found = [ok(name, _identity(greeting)), *_language(name, greeting, section)]
    found += _wildcards(probe, greeting, section.include_patterns)
    missing = _missing(greeting, section.include_patterns)
    found += _patterns(name, greeting, missing, section.exclude_patterns)
    found += _refusals(probe, missing)
    return [*found, *_arrivals(probe, greeting, listened_s), *_losses(probe)]


def facts(probe: Probe) -> list[StreamFacts]:
    """All wanted streams that something arrived of, or that the server lists."""
    heard = probe.heard()
    streams = [
        StreamFacts(
            source_id=h.source_id,
            rate_hz=h.sample_rate_hz,
            record_s=h.record_s,
            latency_s=h.latency_s,
            ahead_s=(h.start_ns - h.received_ns) / NS_PER_S,
        )
        for h in heard.values()
    ]
    greeting = probe.greeting
    if greeting is not None and greeting.offers is not None:
        streams += [
            StreamFacts(source_id=offer.source_id, latency_s=_age_s(offer, greeting.asked_ns))
            for offer in greeting.offers
            if offer.source_id not in heard and probe.wants(offer.source_id)
        ]
    return streams


def _age_s(offer: Offer, now_ns: int) -> float | None:
    return None if offer.last_ns is None else (now_ns - offer.last_ns) / NS_PER_S


def _failure(lost: LinkLostError) -> str:
    detail = "".join(c if c.isprintable() else " " for c in lost.detail)[:120].strip()
    text = _FAILURES.get(lost.reason, f"the connection was lost ({lost.reason})")
    return f"{text} ({detail})" if detail else text


def _identity(greeting: Greeting) -> str:
    who = f"{greeting.hello}, {greeting.organization}" if greeting.organization else greeting.hello
    if greeting.offers is not None:
        n_stations = len({o.source_id.instrument.nsl for o in greeting.offers})
        return f"reached: {who}; it lists {len(greeting.offers)} streams of {n_stations} stations"
    if greeting.stations is not None:
        return f"reached: {who}; it lists {len(greeting.stations)} stations, but not their streams"
    return f"reached: {who}; it does not list what it has"


def _language(name: str, greeting: Greeting, section: SourceSection) -> list[Finding]:
    """Tell how it is spoken to, where that is out of the ordinary."""
    if section.is_encrypted:
        admitted = ", and it admits us" if section.user or section.token_file else ""
        return [
            ok(name, f"SeedLink {greeting.version}, encrypted; its certificate proves its name{admitted}")
        ]
    return [ok(name, f"SeedLink {greeting.version}")] if greeting.version != "3" else []


def _wildcards(probe: Probe, greeting: Greeting, include: Sequence[StreamPattern]) -> list[Finding]:
    name = probe.name
    if not any(p.has_station_wildcard for p in include):
        return []
    if greeting.has_wildcards:
        return [ok(name, "it accepts wildcards in network and station")]
    if greeting.stations is not None:
        return [ok(name, "it takes no wildcards in network and station; its list of stations serves instead")]
    if probe.heard():
        return []  # it does take them, but does not say so
    return [problem(name, "it takes no wildcards and lists no stations: name each station in streams")]


def _streams(greeting: Greeting) -> list[SourceId]:
    return [offer.source_id for offer in greeting.offers or ()]


def _missing(greeting: Greeting, include: Sequence[StreamPattern]) -> list[StreamPattern]:
    """Patterns that match nothing, as far as the server lets that be known."""
    if greeting.offers is not None:
        return unmatched(include, _streams(greeting))
    if greeting.stations is not None:
        stations = greeting.stations
        return [p for p in dict.fromkeys(include) if not any(p.matches_station(*codes) for codes in stations)]
    return []


def _patterns(
    name: str, greeting: Greeting, missing: Sequence[StreamPattern], exclude: Sequence[StreamPattern]
) -> list[Finding]:
    streams = _streams(greeting)
    stations = [f"{network}.{station}" for network, station in greeting.stations or ()]
    found = []
    for pattern in missing[:_MAX_LISTED]:
        advice = hint(pattern, streams, stations)
        found.append(problem(name, f"no stream matches {pattern}" + (f"; {advice}" if advice else "")))
    if len(missing) > _MAX_LISTED:
        found.append(problem(name, f"… and {len(missing) - _MAX_LISTED} more patterns match no stream"))
    if greeting.offers is not None:
        found += [
            warning(name, f"exclude {pattern} matches no stream") for pattern in unmatched(exclude, streams)
        ]
    return found


def _refusals(probe: Probe, missing: Sequence[StreamPattern]) -> list[Finding]:
    told = {f"{p.network}.{p.station}" for p in missing}
    counts = probe.counts()
    stations = sorted({k.station for k in counts if k.name == "stations.refused" and k.station not in told})
    selectors = sorted({k.station for k in counts if k.name == "selectors.refused"})
    found = []
    if stations:
        found.append(problem(probe.name, f"it refuses these stations: {some(stations)}"))
    if selectors:
        found.append(
            warning(probe.name, f"it refuses some of the locations and channels of {some(selectors)}")
        )
    return found


def _arrivals(probe: Probe, greeting: Greeting, listened_s: float) -> list[Finding]:
    n_heard = len(probe.heard())
    n_wanted = None
    if greeting.offers is not None:
        n_wanted = sum(probe.wants(offer.source_id) for offer in greeting.offers)
    if n_heard:
        of_all = "" if n_wanted is None else f" of {n_wanted}"
        text = f"data of {n_heard}{of_all} wanted streams arrived within {duration(listened_s)}"
        return [ok(probe.name, text)]
    if n_wanted == 0:
        return []  # told by the patterns that match nothing
    text = f"no data arrived within {duration(listened_s)}; long records may need more (--seconds)"
    return [warning(probe.name, text)]


def _losses(probe: Probe) -> list[Finding]:
    """Lost connections and refused records, by reason."""
    found = []
    for key, n in sorted(probe.counts().items()):
        if key.name == "connections.lost" and key.reason not in _EXPECTED_LOSSES:
            found.append(warning(probe.name, f"the connection was lost {n} × while listening ({key.reason})"))
        elif key.name == "records.refused" and key.reason != Refusal.NO_SAMPLES:
            station = key.station or "an unknown station"
            found.append(warning(probe.name, f"{n} records of {station} cannot be used ({key.reason})"))
    return found

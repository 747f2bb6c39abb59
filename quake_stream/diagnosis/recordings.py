"""What is in the recordings that a configuration names: their headers are read, no sample."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np

from quake_stream.config_sections import SourceSection
from quake_stream.counters import Counters, by_reason
from quake_stream.diagnosis.instruments import StreamFacts
from quake_stream.diagnosis.report import Finding, duration, ok, problem, problems, warning
from quake_stream.errors import SourceError
from quake_stream.ingest.offers import hint, unmatched
from quake_stream.mseed import archive
from quake_stream.publish.iso8601 import format_utc
from quake_stream.types import NS_PER_S

ABOUT = "recordings"


def survey(sections: Sequence[SourceSection]) -> tuple[list[StreamFacts], list[Finding]]:
    """Index all recordings together, as the service does."""
    include = tuple(p for section in sections for p in section.include_patterns)
    exclude = tuple(p for section in sections for p in section.exclude_patterns)
    counters = Counters()
    try:
        index = archive.index(
            [Path(unquote(urlsplit(section.url).path)) for section in sections],
            counters=counters,
            include=include,
            exclude=exclude,
        )
        facts = _facts(index)
    except SourceError as exc:
        return [], problems(ABOUT, exc)
    first_ns, last_ns = int(index.start_ns.min()), int(index.end_ns.max())
    found = [
        ok(
            ABOUT,
            f"{len(index)} records of {len(index.streams)} streams in {len(index.files)} files, "
            f"{format_utc(first_ns)[:19]} to {format_utc(last_ns)[:19]} UTC "
            f"({duration((last_ns - first_ns) / NS_PER_S)})",
        )
    ]
    for pattern in unmatched(include, index.streams):
        advice = hint(pattern, index.streams)
        found.append(problem(ABOUT, f"no stream matches {pattern}" + (f"; {advice}" if advice else "")))
    counts = by_reason(counters.snapshot())
    found += [warning(ABOUT, f"{name.replace('.', ' ')}: {n}") for name, n in counts.items()]
    return facts, found


def _facts(index: archive.RecordIndex) -> list[StreamFacts]:
    """Read one header of each stream, its first; raises SourceError."""
    _, rows = np.unique(index.stream, return_index=True)
    columns = ("start_ns", "end_ns", "stream", "file", "offset", "length")
    first = replace(index, **{name: getattr(index, name)[rows] for name in columns})
    return [
        StreamFacts(
            source_id=header.source_id,
            rate_hz=header.sample_rate_hz,
            record_s=(header.end_ns - header.start_ns) / NS_PER_S,
        )
        for _, header in first.iter_records()
    ]

"""Run the pipeline of the service over recordings, in one thread and data time."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from quake_stream import build
from quake_stream.clock import DataClock
from quake_stream.config import Config, load, parse
from quake_stream.counters import Counters, by_reason, merge
from quake_stream.ingest.files import FileSource
from quake_stream.pipeline import Pipeline
from quake_stream.publish import wire
from quake_stream.types import Detection

# Batches may wait for company in data time; the ring holds far more.
_MAX_WAIT_S = 5.0
_BATCH_WINDOWS = 256


def settings(
    config: Path | None,
    *,
    paths: Sequence[Path],
    streams: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    model: str | None = None,
) -> Config:
    """
    Build a configuration for a scan: a file's, or the defaults, with the recordings as sources.

    Raises
    ------
    ConfigError
        As `quake_stream.config.load`, and for streams that are none.
    """
    data: dict[str, Any] = {} if config is None else load(config).model_dump(exclude_unset=True)
    keep = {"streams": streams, "exclude": exclude}
    chosen = {key: list(value) for key, value in keep.items() if value}
    data["source"] = [{"url": path.absolute().as_uri(), **chosen} for path in paths]
    section = dict(data.get("model", {}))
    section |= {"max_wait_s": _MAX_WAIT_S, "batch_windows": _BATCH_WINDOWS}
    if model is not None:
        section["name"] = model
    data["model"] = section
    return parse(data, name=str(config or "scan"))


class Scan:
    """
    One run over recordings; iterate over `run` once.

    Raises
    ------
    SourceError
        There are no recordings at a path.
    ModelError
        The model cannot be used.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._source: FileSource = build.archive(config)
        self._model = build.model(config)
        self._counters = Counters()
        self._detector = build.detector(config, self._model.spec, self._counters, is_contained=True)
        self._n_windows = 0
        self._started_s = time.monotonic()

    @property
    def n_records(self) -> int:
        """Records to read."""
        return self._source.n_records

    def run(self, progress: Callable[[int], None] = lambda _: None) -> Iterator[dict[str, object]]:
        """Yield the body of every message, in the order in which the service would publish them."""
        pipeline = Pipeline(detector=self._detector, model=self._model, clock=DataClock())
        for packet in self._source.packets():
            progress(self._source.n_read)
            for result in pipeline.receive(packet):
                if isinstance(result, Detection):
                    yield self._body(result)
        for detection in pipeline.finish():
            yield self._body(detection)
        self._n_windows = pipeline.n_windows

    def summary(self, n_detections: int) -> str:
        """Say what was read and what was lost, in lines for a person."""
        took_s = time.monotonic() - self._started_s
        rate = self._n_windows / max(took_s, 1e-3)
        done = f"{self._source.n_read} records, {self._n_windows} windows in {took_s:.1f} s"
        lines = [f"{n_detections} detections; {done} ({rate:.0f} windows/s)"]
        counts = by_reason(merge([self._source.counts(), self._counters.snapshot()]))
        lines += [f"  {name}: {n}" for name, n in counts.items()]
        return "\n".join(lines)

    def _body(self, detection: Detection) -> dict[str, object]:
        return wire.detection_body(
            detection,
            self._model.spec,
            processing="replay",
            author=self._config.publish.author,
            agency=self._config.publish.agency,
            created_ns=time.time_ns(),
        )

"""Whether the model can be used, and how many windows a second it scores on this machine."""

import time
from collections.abc import Callable

import numpy as np

from quake_stream import build
from quake_stream.config import Config
from quake_stream.detection.building import N_COMPONENTS
from quake_stream.detection.features import get_transform
from quake_stream.detection.spectra import n_spectrum_bins
from quake_stream.diagnosis.report import CONFIGURATION, MODEL, Finding, Load, ok, problem, problems, warning
from quake_stream.errors import ConfigError, InferenceError, ModelError
from quake_stream.protocols import Model
from quake_stream.types import ModelSpec

_CPU_BATCH = 64  # larger ones score hardly faster on a processor, and take long
_RESERVE = 2.0  # what comes late, or again after a break, must be scored beside what comes now


def load(config: Config) -> tuple[Model | None, list[Finding]]:
    """Load the model and hold the thresholds of all levels against it; None where it cannot be used."""
    try:
        model = build.model(config)
    except (InferenceError, ModelError) as exc:
        return None, problems(MODEL, exc)
    spec = model.spec
    found = [ok(MODEL, _describe(spec)), *_thresholds(config, spec)]
    return model, found


def windows_per_s(
    model: Model,
    *,
    batch_windows: int,
    at_least_s: float = 0.5,
    monotonic: Callable[[], float] = time.monotonic,
) -> float:
    """Features and scores of noise, batch after batch; the first one does not count."""
    spec = model.spec
    transform = get_transform(spec.transform)
    noise = np.random.default_rng(0).standard_normal((batch_windows, spec.n_samples, N_COMPONENTS))
    samples = noise.astype(np.float32)
    background = np.zeros((batch_windows, n_spectrum_bins(spec.n_samples), N_COMPONENTS), np.float32)
    model.predict(transform(samples, background))
    n_windows, start_s = 0, monotonic()
    while (took_s := monotonic() - start_s) < at_least_s:
        model.predict(transform(samples, background))
        n_windows += batch_windows
    return n_windows / took_s


def measure(config: Config, model: Model, n_instruments: int) -> tuple[Load, Finding]:
    """Hold what this machine scores against what so many instruments need; 0 means that nobody knows."""
    n_rows = config.model.batch_windows
    if config.model.device == "cpu":
        n_rows = min(n_rows, _CPU_BATCH)
    scored = windows_per_s(model, batch_windows=n_rows)
    return judge(scored, n_instruments, config.windows.hop_s)


def judge(scored_per_s: float, n_instruments: int, hop_s: float) -> tuple[Load, Finding]:
    """Compare windows scored a second with those that so many instruments need (0: not known)."""
    about, text = "load", f"this machine scores about {scored_per_s:.0f} windows/s with these settings"
    if not n_instruments:
        finding = ok(about, f"{text}: enough for {int(scored_per_s * hop_s / _RESERVE)} instruments")
        return Load(scored_per_s=scored_per_s, needed_per_s=None), finding
    needed = n_instruments / hop_s
    text += f"; {n_instruments} instruments every {hop_s:g} s need {needed:.0f}"
    if scored_per_s < needed:
        finding = problem(about, f"{text}: too slow; raise windows.hop_s or model.threads, or read less")
    elif scored_per_s < _RESERVE * needed:
        finding = warning(about, f"{text}: little is left to catch up after a break")
    else:
        finding = ok(about, f"{text} ({scored_per_s / needed:.0f} times as many)")
    return Load(scored_per_s=scored_per_s, needed_per_s=needed), finding


def _describe(spec: ModelSpec) -> str:
    return (
        f"{spec.name} {spec.version} (sha256 {spec.sha256[:12]}) loads: windows of {spec.n_samples} samples at "
        f"{spec.sample_rate_hz:g} Hz, components {' or '.join(spec.component_sets)}, "
        f"its thresholds on {spec.on:g}, off {spec.off:g}"
    )


def _thresholds(config: Config, spec: ModelSpec) -> list[Finding]:
    try:
        build.trigger_settings(config, spec)
    except ConfigError as exc:
        return problems(CONFIGURATION, exc)
    own = {key: getattr(config.trigger, key) for key in ("on", "off", "min_windows")}
    changed = ", ".join(f"{key} {value:g}" for key, value in own.items() if value is not None)
    return [ok(CONFIGURATION, f"[trigger] sets {changed} instead of the model's")] if changed else []

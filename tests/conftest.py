"""Fixtures that many tests share."""

from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine must not fail a test: no example is held to a time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real recordings beside the checkout; tests that need it are skipped without it."""
    folder = ROOT.parent / "shared"
    if not (folder / "waveforms").is_dir():
        pytest.skip("NOT RUN: the real recordings in ../shared are not here")
    return folder

"""The configuration, as an operator's editor or a failing disk leaves it."""

from collections.abc import Iterator
from pathlib import Path

from quake_stream.config import load
from quake_stream.errors import ConfigError

_MAIN = Path(__file__).parents[2] / "config" / "quake-stream.toml"


def seeds() -> Iterator[bytes]:
    """Give the documented configuration, as it is and without its comments, and small ones."""
    text = _MAIN.read_text(encoding="utf-8")
    bare = "\n".join(line for line in text.splitlines() if line and not line.startswith("#"))
    yield bare.encode()
    yield b'[[source]]\nurl = "seedlink://[::1]:18000"\nstreams = ["XX.*.*.HH?"]\n[stations."XX.A*"]\non = 0.5\n'
    yield b'source = [{url = "file:///a"}]\nstations = {"A.B" = {off = 0.9, on = 0.1}}\n'


def check(data: bytes, folder: Path) -> None:
    """Give a configuration whose derived values can be used, or name every problem."""
    path = folder / "fuzz.toml"
    path.write_bytes(data)
    try:
        config = load(path)
    except ConfigError as error:
        assert str(path) in str(error)  # noqa: PT017  every message names the file
        return
    for source in config.source:
        assert source.include_patterns
        assert isinstance(source.server, str)
    for folder_path in (config.state_dir, config.runtime_dir):
        folder_path.exists()

"""``quake-stream check``."""


def check() -> None:
    """Check."""

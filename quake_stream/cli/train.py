"""``quake-stream train``: make weights."""


def train() -> None:
    """Train."""

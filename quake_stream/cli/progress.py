"""Progress of long work, on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """Show what is in work, on standard error: a bar on a terminal, else a line for what is done."""
    from rich.console import Console  # noqa: PLC0415  keep --help fast
    from rich.progress import Progress  # noqa: PLC0415  likewise

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)

        def report(name: str, share: float) -> None:
            bar.update(task, completed=share, description=name)
            if share >= 1.0:
                console.print(f"{name}: done")

        yield report

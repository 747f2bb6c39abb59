"""``quake-stream check``: whether the service would run with this configuration, here and now."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from quake_stream.diagnosis.report import InstrumentReport, Report

_SHOWN = 20
_HEADINGS = ("instrument", "found", "used", "Hz", "record", "latency", "note")
_PLAIN = "{:<16} {:<8} {:<6} {:>8} {:>9} {:>9}  {}"
_COLOURS = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def check(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration file.")],
    seconds: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="How long to listen to the servers at most.", min=1, max=3600),
    ] = 10.0,
    show_all: Annotated[bool, typer.Option("--all", help="List every instrument.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """
    Try all that the service will need: configuration, model, folders, port, servers, streams, load.

    Changes nothing, and may run beside the service.  Exit status: 0 all well or only warnings, 1 problems
    with servers, streams, folders, port or load, 78 wrong configuration or model.

    Example: `quake-stream check my.toml --seconds 30`
    """
    from rich.console import Console  # noqa: PLC0415  keep --help fast

    from quake_stream import log  # noqa: PLC0415  likewise
    from quake_stream.config import load  # noqa: PLC0415  likewise
    from quake_stream.diagnosis.diagnose import diagnose  # noqa: PLC0415  loads ObsPy

    log.configure("critical", "console")  # what the source would log is in the report, in other words
    settings = load(config)
    with Console(stderr=True).status("reading the configuration") as status:
        report = diagnose(settings, config, listen_s=seconds, tell=status.update)
    if as_json:
        print(json.dumps(report.as_dict()))
    elif sys.stdout.isatty():
        _print_colourful(Console(highlight=False), report, show_all=show_all)
    else:
        for line in _plain(report, show_all=show_all):
            print(line)
    raise typer.Exit(report.exit_status)


def _plain(report: "Report", *, show_all: bool) -> Iterator[str]:
    for finding in report.findings:
        yield f"{finding.level:<8} {finding.about}: {finding.text}"
    shown = _chosen(report, show_all=show_all)
    if shown:
        yield ""
        yield _PLAIN.format(*_HEADINGS)
        for instrument in shown:
            yield _PLAIN.format(*_cells(instrument)).rstrip()
    yield from _closing(report, len(shown))


def _print_colourful(console: "Console", report: "Report", *, show_all: bool) -> None:
    from rich.table import Table  # noqa: PLC0415  keep --help fast
    from rich.text import Text  # noqa: PLC0415  likewise

    # `Text`, since what servers say of themselves must not be taken for markup.
    findings = Table.grid(padding=(0, 2))
    findings.add_column(no_wrap=True)
    findings.add_column(no_wrap=True)
    findings.add_column()
    for finding in report.findings:
        style = _COLOURS[finding.level]
        findings.add_row(Text(finding.level, style), Text(finding.about, "bold"), Text(finding.text))
    console.print(findings)
    shown = _chosen(report, show_all=show_all)
    if shown:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        for heading in _HEADINGS:
            table.add_column(heading, justify="right" if heading in {"Hz", "record", "latency"} else "left")
        for instrument in shown:
            style = "" if instrument.state == "ok" else _COLOURS["warning"]
            table.add_row(*(Text(cell, style) for cell in _cells(instrument)))
        console.print()
        console.print(table)
    for line in _closing(report, len(shown)):
        console.print(Text(line))


def _chosen(report: "Report", *, show_all: bool) -> Sequence["InstrumentReport"]:
    """Those with something to say first, so that the limit hides none of them before the others."""
    ordered = sorted(report.instruments, key=lambda instrument: instrument.state == "ok")
    return ordered if show_all else ordered[:_SHOWN]


def _cells(instrument: "InstrumentReport") -> tuple[str, ...]:
    from quake_stream.diagnosis.report import duration  # noqa: PLC0415  keep --help fast

    return (
        instrument.instrument,
        "".join(instrument.components),
        "".join(instrument.used) or "-",
        ", ".join(f"{rate:g}" for rate in instrument.rates_hz) or "?",
        "?" if instrument.record_s is None else duration(instrument.record_s),
        "-" if instrument.latency_s is None else duration(instrument.latency_s),
        instrument.note,
    )


def _closing(report: "Report", n_shown: int) -> Iterator[str]:
    if n_shown < len(report.instruments):
        yield f"… and {len(report.instruments) - n_shown} more instruments; --all lists them"
    yield ""
    n = {level: sum(f.level == level for f in report.findings) for level in ("problem", "warning")}
    counted = [f"{n[level]} {level}{'s' if n[level] > 1 else ''}" for level in n if n[level]]
    yield ", ".join(counted) or "All is well."

"""Results → tables for a terminal; no figure is computed here."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table


def point_tables(result: dict[str, Any]) -> list[Table]:
    """Draw recall by set, and false alarms by kind of site, at each rate of false alarms."""
    points = result["points"]
    limits = list(dict.fromkeys(one["limit_per_hour"] for one in points))
    tables = [_recall(limit, [one for one in points if one["limit_per_hour"] == limit]) for limit in limits]
    if result["out_of_reach"]:
        rows = [[one["method"], format(one["limit_per_hour"], "g")] for one in result["out_of_reach"]]
        tables.append(_table("Kept at no threshold", ["method", "allowed/h"], rows))
    if points:
        tables += [_alarms(points), _kinds(points)]
    if any(row["n_members"] > 1 for row in result["families"]):
        tables.append(_families(result["families"]))
    return tables


def window_tables(result: dict[str, Any]) -> list[Table]:
    """Draw the headline of each model, and its recall for each part of the windows."""
    headline = _table(
        "Windows with SNR of at least 8 dB that end 1-5 s after P",
        ["model", "windows", "background", "AUC", "recall at 0.1 %", "at 1 %", "ECE", "Brier"],
        [
            [
                one["model"],
                one["headline"]["n_earthquake"],
                one["headline"]["n_noise"],
                _with(one["headline"]["auc"], one["headline"]["auc_95"], ".4f"),
                _with(one["headline"]["recall_01"], one["headline"]["recall_01_95"], ".1%"),
                _with(one["headline"]["recall_1"], one["headline"]["recall_1_95"], ".1%"),
                _number(one["calibration"]["ece"], ".3f"),
                _number(one["calibration"]["brier"], ".3f"),
            ]
            for one in result["models"]
        ],
    )
    return [headline, *(_parts(one) for one in result["models"])]


def _recall(limit: float, points: Sequence[dict[str, Any]]) -> Table:
    rows = []
    for one in points:
        for name, found in one["sets"].items():
            rows.append(
                [
                    one["method"],
                    _threshold(one),
                    name,
                    found["n_a"],
                    _with(found["recall_a"], found["recall_a_95"], ".0%"),
                    found["n_ab"],
                    _with(found["recall_ab"], found["recall_ab_95"], ".0%"),
                    _number(found["recall_ab_one_to_one"], ".0%"),
                    _number(found["delay_median_s"], ".1f"),
                    _number(found["delay_90_s"], ".1f"),
                ]
            )
        a, ab = _number(one["mean_recall_a"], ".0%"), _number(one["mean_recall_ab"], ".0%")
        rows.append([one["method"], "", "mean", "", a, "", ab, "", "", ""])
    columns = ["method", "on", "set", "A", "found", "A+B", "found", "one to one", "delay s", "90 %"]
    return _table(f"Recall at {limit:g} false alarms per station-hour or fewer", columns, rows)


def _alarms(points: Sequence[dict[str, Any]]) -> Table:
    rows = []
    for one in points:
        held_out, scored = one["false_alarms"]["held_out"], one["false_alarms"]["all_scored"]
        rows.append(
            [
                one["method"],
                _threshold(one),
                format(one["limit_per_hour"], "g"),
                held_out["n"],
                _number(held_out["station_hours"], ".1f"),
                _with(held_out["per_hour"], held_out["per_hour_95"], ".2f"),
                _number(held_out["per_day"], ".1f"),
                _number(scored["per_hour"], ".2f"),
            ]
        )
    columns = ["method", "on", "allowed/h", "alarms", "hours", "per hour", "per day", "all scored/h"]
    return _table("False alarms on stations held out from training", columns, rows)


def _kinds(points: Sequence[dict[str, Any]]) -> Table:
    kinds = list(dict.fromkeys(kind for one in points for kind in one["kinds"]))
    rows = []
    for kind in kinds:
        rates = [one["kinds"][kind]["held_out"] for one in points if kind in one["kinds"]]
        hours = max(rate["station_hours"] for rate in rates)
        if hours:
            rows.append([kind, _number(hours, ".2f"), *(rate["n"] for rate in rates)])
    heads = [f"{one['method']} {one['limit_per_hour']:g}/h" for one in points]
    return _table("False alarms by kind of site, stations held out", ["kind", "hours", *heads], rows)


def _families(families: Iterable[dict[str, Any]]) -> Table:
    rows = [
        [
            row["family"],
            row["n_members"],
            format(row["limit_per_hour"], "g"),
            _spread(row["mean_recall_a"]),
            _spread(row["mean_recall_ab"]),
        ]
        for row in families
    ]
    return _table(
        "Median and range over seeds, mean of the sets", ["family", "seeds", "allowed/h", "A", "A+B"], rows
    )


def _parts(one: dict[str, Any]) -> Table:
    rows = [
        [
            row["by"],
            row["value"],
            row["n_earthquake"],
            row["n_noise"],
            _number(row["auc"], ".4f"),
            _number(row["recall_01"], ".1%"),
            _number(row["recall_1"], ".1%"),
        ]
        for row in one["parts"]
    ]
    columns = ["by", "value", "windows", "background", "AUC", "recall at 0.1 %", "at 1 %"]
    return _table(f"{one['model']}: all windows, part by part", columns, rows)


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table


def _threshold(one: dict[str, Any]) -> str:
    times = f" ×{one['min_windows']}" if one["min_windows"] > 1 else ""
    return f"{one['on']:g}{times}"


def _number(value: float | None, spec: str) -> str:
    return "-" if value is None else format(value, spec)


def _with(value: float | None, interval: Sequence[float] | None, spec: str) -> str:
    if value is None or interval is None:
        return _number(value, spec)
    return f"{value:{spec}} ({interval[0]:{spec}} to {interval[1]:{spec}})"


def _spread(values: dict[str, float] | None) -> str:
    if values is None:
        return "-"
    return f"{values['median']:.0%} ({values['min']:.0%} to {values['max']:.0%})"

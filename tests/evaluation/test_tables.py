import io

from evaluated import made_sweep
from rich.console import Console

from quake_stream.evaluation.points import families, point
from quake_stream.evaluation.tables import point_tables, window_tables


def text(tables):
    out = io.StringIO()
    console = Console(file=out, width=220)
    for table in tables:
        console.print(table)
    return out.getvalue()


def result(labels=("one", "two")):
    points = [
        {"limit_per_hour": 1.0, **point(made_sweep([1], hours=2.0, hits=[1], label=label), 0)}
        for label in labels
    ]
    return {
        "points": points,
        "out_of_reach": [{"method": "three", "limit_per_hour": 0.25}],
        "families": families(points[:1]),
        "curves": [],
    }


def test_recall_false_alarms_and_what_cannot_be_kept_are_shown():
    shown = text(point_tables(result()))
    assert "Recall at 1 false alarms per station-hour" in shown
    assert "100%" in shown
    assert "0.50 (0.01 to 2.79)" in shown
    assert "three" in shown
    assert "seeds" not in shown


def test_seeds_get_a_table_where_there_are_several():
    both = result(("one", "one"))
    both["families"] = families(both["points"])
    assert "100% (100% to 100%)" in text(point_tables(both))


def test_figures_that_are_not_known_are_dashes():
    nothing = {"auc": None, "recall_01": None, "recall_1": None, "n_earthquake": 0, "n_noise": 0}
    whole = {**nothing, "auc": 0.5, "auc_95": None, "recall_01_95": None, "recall_1_95": None}
    model = {
        "model": "m",
        "headline": whole,
        "calibration": {"ece": 0.1, "brier": 0.2},
        "parts": [{"by": "SNR", "value": "3-8 dB", **nothing}],
    }
    shown = text(window_tables({"models": [model]}))
    assert "0.5000" in shown
    assert "-" in shown.splitlines()[-2]


def test_nothing_to_show_is_no_table():
    assert point_tables({"points": [], "out_of_reach": [], "families": [], "curves": []}) == []

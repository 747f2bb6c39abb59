import pytest

from quake_stream.training.settings import TrainSettings, learning_rate


def test_the_learning_rate_warms_up_and_falls_to_zero():
    settings = TrainSettings(steps=1000, warmup_steps=100, learning_rate=1.0)
    rates = [learning_rate(step, settings) for step in (0, 50, 99, 100, 550, 1000)]
    assert rates == pytest.approx([0.01, 0.51, 1.0, 1.0, 0.5, 0.0])


@pytest.mark.parametrize(
    ("classes", "trigger_classes", "message"),
    [
        (("earthquake", "noise"), ("earthquake",), "'noise' and then others"),
        (("noise",), ("earthquake",), "'noise' and then others"),
        (("noise", "blast", "blast"), ("blast",), "each once"),
        (("noise", "blast"), ("earthquake",), "must be some of"),
        (("noise", "earthquake"), ("noise",), "must be some of"),
        (("noise", "earthquake"), (), "must be some of"),
    ],
)
def test_classes_that_make_no_detector_are_refused(classes, trigger_classes, message):
    with pytest.raises(ValueError, match=message):
        TrainSettings(classes=classes, trigger_classes=trigger_classes)


@pytest.mark.parametrize("name", ["average_decay", "stretched_share", "coda_share", "attention_dropout"])
def test_shares_and_decays_beyond_their_range_are_refused(name):
    for value in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match=f"{name} must be from 0 to 1, not {value}"):
            TrainSettings(**{name: value})


def test_an_average_that_would_never_move_is_refused():
    with pytest.raises(ValueError, match="average_decay must be below 1"):
        TrainSettings(average_decay=1.0)


def test_the_classes_of_a_detection_are_found_among_all():
    settings = TrainSettings(classes=("noise", "blast", "p", "s"), trigger_classes=("s", "p"))
    assert settings.trigger_columns == [3, 2]

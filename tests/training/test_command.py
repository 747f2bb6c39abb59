import io

import pytest
import torch
from rich.console import Console

from quake_stream.errors import ConfigError, SourceError
from quake_stream.models.checkpoint import load_checkpoint
from quake_stream.training.command import build, export, prepare, train
from quake_stream.training.settings import TrainSettings

SETTINGS = TrainSettings(hidden=8, layers=1, steps=4, batch_size=8, evaluate_every=2, mine_every=0)


def quiet():
    return Console(file=io.StringIO(), width=200)


def test_a_prepared_file_trains_to_a_checkpoint_that_loads(data_folder, tmp_path):
    console = quiet()
    prepare([data_folder], tmp_path / "set.npz", console=console)
    out = tmp_path / "new" / "lstm"
    train(SETTINGS, out, prepared=tmp_path / "set.npz", processes=0, on=0.95, off=0.9, console=console)
    loaded = load_checkpoint(out)
    assert loaded.spec.transform == "rfft-over-background/1"
    assert (loaded.spec.on, loaded.spec.off) == (0.95, 0.9)
    assert "AUC" in console.file.getvalue()
    assert out.with_name("lstm.history.json").is_file()
    assert out.with_name("lstm.curves.png").is_file()


def test_a_run_can_be_finished_elsewhere(data_folder, tmp_path):
    out = tmp_path / "lstm"
    train(SETTINGS, out, data=[data_folder], processes=0, checkpoint=False, console=quiet())
    assert not out.with_suffix(".json").exists()
    train(SETTINGS, out, data=[data_folder], processes=0, console=quiet())
    assert load_checkpoint(out).card.training.seed == 0


def test_the_best_of_a_stopped_run_can_be_written(data_folder, tmp_path):
    prepare([data_folder], tmp_path / "set.npz", console=quiet())
    out = tmp_path / "lstm"
    train(SETTINGS, out, prepared=tmp_path / "set.npz", processes=0, checkpoint=False, console=quiet())
    export(out, prepared=tmp_path / "set.npz", on=0.7, off=0.6, min_windows=3)
    assert load_checkpoint(out).spec.min_windows == 3


def test_training_needs_recordings(tmp_path):
    with pytest.raises(SourceError, match="recordings"):
        train(SETTINGS, tmp_path / "x", console=quiet())


@pytest.mark.parametrize("network", ["lstm", "lstm-mhsa"])
def test_both_networks_are_built_with_long_memory(network):
    torch.manual_seed(0)
    built = build(TrainSettings(network=network, hidden=16, heads=2))
    forget = built.lstm.bias_ih_l0[16:32] + built.lstm.bias_hh_l0[16:32]
    assert forget.min() >= 0
    assert forget.max() > 3


def test_an_unknown_network_is_named():
    with pytest.raises(ValueError, match="'gru'"):
        build(TrainSettings(network="gru"))


def test_a_set_in_seisbench_s_format_is_limited_and_what_is_left_out_is_told(seisbench_folder, tmp_path):
    console = quiet()
    examples = prepare([seisbench_folder], tmp_path / "set.npz", limit=20, console=console)
    assert len(examples) == 20
    assert "refused.kept for testing: 12 recordings" in console.file.getvalue()


def test_a_device_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="cuda"):
        train(SETTINGS, tmp_path / "x", device="cuda", console=quiet())


def test_other_recordings_than_those_of_a_run_to_be_repeated_are_told(data_folder, tmp_path):
    console = quiet()
    train(SETTINGS, tmp_path / "x", data=[data_folder], processes=0, data_sha256="0" * 64, console=console)
    assert "not the recordings of the run" in console.file.getvalue()


@pytest.mark.parametrize("classes", [("noise", "earthquake"), ("noise", "earthquake", "blast")])
def test_a_network_has_an_output_for_every_class(classes):
    built = build(TrainSettings(hidden=8, classes=classes)).eval()
    assert built(torch.zeros(1, 257, 3)).shape == (1, len(classes))

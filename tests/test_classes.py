"""A model of three classes, from its checkpoint through the detector to the detection."""

import numpy as np
import pytest
import synthetic
import torch

from quake_stream.counters import Counters
from quake_stream.detection.detector import Detector, DetectorSettings
from quake_stream.detection.trigger import TriggerSettings
from quake_stream.models import load_model
from quake_stream.training.batches import LabelledWindows
from quake_stream.training.command import build
from quake_stream.training.describe import write_checkpoint
from quake_stream.training.settings import TrainSettings
from quake_stream.training.train import Evaluation, Trained

CLASSES = ("noise", "earthquake", "blast")
CHANCES = (0.125, 0.5, 0.375)  # of every window


def checkpoint(path, trigger_classes):
    """Write a network that gives the same chances whatever it sees."""
    settings = TrainSettings(hidden=4, layers=1, classes=CLASSES, trigger_classes=trigger_classes)
    network = build(settings)
    with torch.no_grad():
        network.classifier.weight.zero_()
        network.classifier.bias.copy_(torch.tensor(CHANCES).log())
    evaluation = Evaluation(step=1, loss=1.0, auc=0.5, recall_at_1_percent=0.0, recall_at_01_percent=0.0)
    labels = np.repeat([0, 1, 2], [2, 8, 6])  # of each what makes a temperature of about 1 right
    trained = Trained(
        network=network,
        history=(evaluation,),
        kept=evaluation,
        validation=LabelledWindows(features=np.zeros((16, 257, 3)), labels=labels, examples=labels),
        logits=np.log(np.tile(CHANCES, (16, 1))).astype(np.float32),
    )
    write_checkpoint(path, trained, settings, [], on=0.8, off=0.7, min_windows=2)
    return load_model(str(path))


def detect(model):
    detector = Detector(
        spec=model.spec,
        settings=DetectorSettings(
            hop_s=0.5,
            ring_s=60.0,
            max_future_s=60.0,
            component_wait_s=1.0,
            max_batch_windows=64,
            max_wait_s=0.1,
            max_latency_s=1e6,
        ),
        trigger_for=lambda _: TriggerSettings(on=0.55, off=0.5, min_windows=2),
        pick_onset=None,
        counters=Counters(),
    )
    found, now_ns = [], 0
    for packet in synthetic.packets(60):
        now_ns = max(now_ns, packet.received_ns)
        detector.receive(packet)
    while (batch := detector.next_batch(now_ns, flush=True)) is not None:
        found += detector.receive_scores(batch, model.predict(batch.features), now_ns)
    return found


@pytest.fixture
def wanted(tmp_path):
    model = checkpoint(tmp_path / "m", ("earthquake", "blast"))
    assert model.spec.classes == CLASSES
    return model, detect(model)


def test_classes_that_trigger_count_together_and_all_are_told(wanted):
    model, found = wanted
    assert found
    row = model.predict(np.zeros((1, 257, 3), np.float32))[0]
    assert row[1] < 0.55 < row[1] + row[2]
    first = found[0]
    assert dict(first.probabilities) == pytest.approx(dict(zip(CLASSES, row.tolist(), strict=True)), abs=1e-4)
    assert first.peak_probability == pytest.approx(row[1] + row[2], abs=1e-4)
    assert first.class_name == "earthquake"


def test_a_class_that_does_not_trigger_adds_nothing(tmp_path):
    assert detect(checkpoint(tmp_path / "m", ("earthquake",))) == []

"""
Train a network on examples, on a CPU or a GPU.

The state file holds all that a later run needs to go on after a kill as if nothing had happened: batches
depend on seed and number only.  On one machine and a CPU the same seed gives the same weights.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from quake_stream.detection.features import get_transform
from quake_stream.errors import SourceError
from quake_stream.training.average import running_average
from quake_stream.training.batches import Batch, BatchMaker, HardWindow, LabelledWindows, validation_windows
from quake_stream.training.examples import Example
from quake_stream.training.mining import mine
from quake_stream.training.scores import evidence, log_softmax, recall_at, roc_auc
from quake_stream.training.settings import TrainSettings, learning_rate
from quake_stream.training.workers import BatchWorkers

_SCORE_ROWS: Final = 1024  # windows scored at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """
    What one look at the validation set found after ``step`` steps: trigger classes against all others.

    ``training_loss`` is the mean over the steps since the look before.
    """

    step: int
    loss: float
    auc: float
    recall_at_1_percent: float
    recall_at_01_percent: float
    training_loss: float | None = None

    @property
    def merit(self) -> float:
        """What the best state is chosen by: recall at few false alarms, steadied by the whole curve."""
        return (self.recall_at_01_percent + self.recall_at_1_percent) / 2 + self.auc


@dataclass(slots=True, kw_only=True, eq=False)
class _State:
    """Everything that changes in a run."""

    step: int
    history: list[Evaluation]
    hard: list[HardWindow]
    best: dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """The network of a run that is kept, the logits [n, classes] it gives on validation, and how it came."""

    network: nn.Module
    history: tuple[Evaluation, ...]
    kept: Evaluation
    validation: LabelledWindows
    logits: NDArray[np.float32]


def train(
    examples: Sequence[Example],
    settings: TrainSettings,
    *,
    build: Callable[[TrainSettings], nn.Module],
    state_file: Path,
    device: str = "cpu",
    processes: int = 1,
    report: Callable[[int, float, Evaluation | None], None] = lambda *_: None,
) -> Trained:
    """
    Train until ``settings.steps`` or until validation stops improving; go on where ``state_file`` stands.

    ``report`` is called after every step with its number, its loss and, where there was one, the
    evaluation.

    Raises
    ------
    SourceError
        The state file belongs to other settings, or the set has no usable earthquake or background.
    """
    run = _Run(examples, settings, build=build, state_file=state_file, device=device, processes=processes)
    while not run.is_finished:
        run.advance(report)
    return run.result()


def best_so_far(
    examples: Sequence[Example], *, build: Callable[[TrainSettings], nn.Module], state_file: Path
) -> tuple[TrainSettings, Trained]:
    """Take the best network out of the state file of a run, finished or not, with the run's settings."""
    content = torch.load(state_file, map_location="cpu", weights_only=True)
    settings = TrainSettings(**content["settings"])
    run = _Run(examples, settings, build=build, state_file=state_file, device="cpu", processes=0)
    return settings, run.result()


class _Run:
    """One training run, advanced from one evaluation to the next."""

    def __init__(
        self,
        examples: Sequence[Example],
        settings: TrainSettings,
        *,
        build: Callable[[TrainSettings], nn.Module],
        state_file: Path,
        device: str,
        processes: int,
    ) -> None:
        self._settings = settings
        self._device = torch.device(device)
        self._state_file = state_file
        self._processes = processes
        self._transform = get_transform(settings.transform)
        self._examples = [e for e in examples if e.split == "train"]
        held_out = [e for e in examples if e.split == "val"]
        try:
            self._validation = validation_windows(
                held_out, self._transform, seed=settings.seed, classes=settings.classes
            )
        except ValueError as exc:
            raise SourceError(f"the validation set is of no use: {exc}") from exc
        torch.manual_seed(settings.seed)
        self._network = build(settings).to(self._device)
        self._optimizer = torch.optim.AdamW(
            self._network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self._average = running_average(self._network, settings.average_decay)
        self._loss = nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing)
        self._state = _State(step=0, history=[], hard=[], best={})
        if state_file.exists():
            self._load()

    @property
    def is_finished(self) -> bool:
        """Whether all steps are done, or the best evaluation lies ``patience`` evaluations back."""
        n_since = len(self._state.history) - 1 - self._kept if self._state.history else 0
        return n_since >= self._settings.patience or self._state.step >= self._settings.steps

    def advance(self, report: Callable[[int, float, Evaluation | None], None]) -> None:
        """Train up to the next evaluation, evaluate, mine where it is due, and save the state."""
        settings, state = self._settings, self._state
        stop = min(settings.steps, state.step + settings.evaluate_every)
        make = BatchMaker(
            self._examples,
            transform=self._transform,
            batch_size=settings.batch_size,
            seed=settings.seed,
            classes=settings.classes,
            hard=state.hard,
            stretched_share=settings.stretched_share,
            coda_share=settings.coda_share,
        )
        self._network.train()
        losses = []
        with BatchWorkers(make, start=state.step, stop=stop, n_processes=self._processes) as batches:
            for batch in batches:
                losses.append(self._step(batch))
                state.step += 1
                if state.step < stop:
                    report(state.step, losses[-1], None)
        evaluation = self._evaluate(training_loss=sum(losses) / len(losses))
        state.history.append(evaluation)
        if self._kept == len(state.history) - 1:
            state.best = {name: t.detach().cpu().clone() for name, t in self._judged.state_dict().items()}
        if settings.mine_every and state.step % settings.mine_every == 0:
            state.hard = mine(
                self._examples,
                self._transform,
                self._score,
                seed=(settings.seed, state.step),
                known=state.hard,
                n_searched=settings.mine_windows,
            )
        self._save()
        report(state.step, losses[-1], evaluation)

    def result(self) -> Trained:
        """Put the state that is kept back and score the validation set with it."""
        network = self._judged
        network.load_state_dict(self._state.best)
        logits = self._logits(self._validation.features)
        return Trained(
            network=network.cpu(),
            history=tuple(self._state.history),
            kept=self._state.history[self._kept],
            validation=self._validation,
            logits=logits,
        )

    @property
    def _kept(self) -> int:
        """Index of the evaluation whose weights are kept: the best one, the first of equals, or the last."""
        if not self._settings.choose_best:
            return len(self._state.history) - 1
        history = self._state.history
        return max(range(len(history)), key=lambda index: history[index].merit)

    @property
    def _judged(self) -> nn.Module:
        """The network that is evaluated and kept: the running average where there is one."""
        return self._network if self._average is None else self._average.module

    def _step(self, batch: Batch) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self._state.step, self._settings)
        features, labels = (torch.from_numpy(array).to(self._device) for array in batch)
        self._optimizer.zero_grad(set_to_none=True)
        loss = self._loss(self._network(features), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), self._settings.clip)
        self._optimizer.step()
        if self._average is not None:
            self._average.update_parameters(self._network)
        return float(loss.detach())

    def _logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        network = self._judged.eval()
        with torch.inference_mode():
            parts = [
                network(torch.from_numpy(features[i : i + _SCORE_ROWS]).to(self._device)).cpu().numpy()
                for i in range(0, len(features), _SCORE_ROWS)
            ]
        return np.concatenate(parts)

    def _score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Evidence for the classes of a detection, of background."""
        return evidence(self._logits(features), self._settings.trigger_columns).astype(np.float32)

    def _evaluate(self, *, training_loss: float) -> Evaluation:
        logits, labels = self._logits(self._validation.features), self._validation.labels
        columns = self._settings.trigger_columns
        scores, is_wanted = evidence(logits, columns), np.isin(labels, columns).astype(np.int64)
        log_p = log_softmax(logits)[np.arange(len(labels)), labels]
        return Evaluation(
            step=self._state.step,
            loss=-float(np.mean([log_p[labels == label].mean() for label in np.unique(labels)])),
            auc=roc_auc(scores, is_wanted),
            recall_at_1_percent=recall_at(scores, is_wanted, 0.01),
            recall_at_01_percent=recall_at(scores, is_wanted, 0.001),
            training_loss=training_loss,
        )

    def _save(self) -> None:
        state = self._state
        content = {
            "settings": dataclasses.asdict(self._settings),
            "step": state.step,
            "history": [dataclasses.asdict(evaluation) for evaluation in state.history],
            "hard": [(window.example, window.start) for window in state.hard],
            "best": state.best,
            "network": self._network.state_dict(),
            "average": {} if self._average is None else self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if self._device.type == "cuda" else [],
        }
        partial = self._state_file.with_name(self._state_file.name + ".part")
        torch.save(content, partial)
        partial.replace(self._state_file)

    def _load(self) -> None:
        # weights_only: tensors and plain values, so that opening a state file cannot run code.
        content: dict[str, Any] = torch.load(self._state_file, map_location="cpu", weights_only=True)
        # An option that the state does not know is newer than it, and its default is what was done before.
        known = {**dataclasses.asdict(TrainSettings()), **content["settings"]}
        if known != dataclasses.asdict(self._settings):
            raise SourceError(f"{self._state_file}: made with other settings; remove it to start afresh")
        self._state = _State(
            step=content["step"],
            history=[Evaluation(**values) for values in content["history"]],
            hard=[HardWindow(example=example, start=start) for example, start in content["hard"]],
            best=content["best"],
        )
        self._network.load_state_dict(content["network"])
        if self._average is not None:
            self._average.load_state_dict(content["average"])
        self._optimizer.load_state_dict(content["optimizer"])
        torch.set_rng_state(content["random"])
        if content["random_cuda"] and self._device.type == "cuda":
            torch.cuda.set_rng_state_all(content["random_cuda"])

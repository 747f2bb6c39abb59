"""
LSTM that reads a spectrum bin by bin and classifies from its last state.

Networks only: what goes in is made by `quake_stream.detection.features`, files by `checkpoint`.
"""

from torch import Tensor, nn, no_grad


class LSTMModel(nn.Module):
    """
    Multi-layer LSTM → last hidden state of the last layer → batch normalisation → linear.

    In step t, with input x, state h and memory c (Hochreiter & Schmidhuber 1997, Long Short-Term Memory,
    Neural Computation 9(8); forget gate: Gers, Schmidhuber & Cummins 2000)::

        f = σ(W_f x + U_f h + b_f)        i = σ(W_i x + U_i h + b_i)
        c̃ = tanh(W_c x + U_c h + b_c)     o = σ(W_o x + U_o h + b_o)
        c ← f ⊙ c + i ⊙ c̃                 h ← o ⊙ tanh(c)

    The networks' reference implementation has the same parameter names, so its state dictionaries load.

    Parameters
    ----------
    channels
        Values per step: 3 for Z, N, E.
    classes
        At least 2.
    hidden
        Size of h and c; guideline 64 to 256.
    layers
        LSTMs on top of each other; guideline 2 to 3.
    dropout
        Between layers, while training; guideline 0.2 to 0.5.

    Raises
    ------
    ValueError
        A number is out of range; the message holds it.
    """

    def __init__(
        self, channels: int = 3, classes: int = 2, hidden: int = 64, layers: int = 2, dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.lstm = build_lstm(channels, hidden, layers, dropout)
        self.batch_norm = nn.BatchNorm1d(hidden)
        self.classifier = build_classifier(hidden, classes)

    def forward(self, features: Tensor) -> Tensor:
        """
        Score a batch.

        ``features`` is [batch, seq_len, channels], seq_len = 64 bands for windows of 512 samples; the result
        [batch, classes] are logits.  ValueError for any other shape.
        """
        check_features(features, self.lstm.input_size)
        _, (state, _) = self.lstm(features)
        logits: Tensor = self.classifier(self.batch_norm(state[-1]))
        return logits


def build_lstm(channels: int, hidden: int, layers: int, dropout: float) -> nn.LSTM:
    """Multi-layer LSTM, batch first, with dropout between layers; ValueError for senseless numbers."""
    for name, value in (("channels", channels), ("hidden", hidden), ("layers", layers)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be from 0 to below 1, not {dropout}")
    # With one layer there is no "between", and torch warns of a dropout without effect.
    return nn.LSTM(channels, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)


def build_classifier(hidden: int, classes: int) -> nn.Linear:
    """Hidden state → logits; ValueError below two classes."""
    if classes < 2:
        raise ValueError(f"classes must be at least 2, not {classes}")
    return nn.Linear(hidden, classes)


def check_features(features: Tensor, channels: int) -> None:
    """Raise ValueError unless ``features`` is [batch, seq_len >= 1, channels]."""
    if features.ndim != 3 or features.shape[1] < 1 or features.shape[2] != channels:
        raise ValueError(f"features must be [batch, seq_len, {channels}], not {list(features.shape)}")


def chrono_init(lstm: nn.LSTM, *, max_steps: int = 256) -> None:
    """
    Draw gate biases that let a fresh LSTM remember over up to ``max_steps`` steps.

    Forget-gate biases are log u with u uniform in [1, max_steps - 1], input-gate biases minus that (Tallec
    & Ollivier 2018, Can recurrent neural networks warp time?, section 2).  For training from scratch: an
    LSTM with ordinary biases has forgotten the first bins of a spectrum long before the last.  Draws from
    torch's global random generator.
    """
    if max_steps < 3:
        raise ValueError(f"max_steps must be at least 3, not {max_steps}")
    hidden = lstm.hidden_size
    with no_grad():
        for layer in range(lstm.num_layers):
            # torch adds two biases and stacks the gates i, f, c̃, o.
            bias: Tensor = getattr(lstm, f"bias_ih_l{layer}")
            other: Tensor = getattr(lstm, f"bias_hh_l{layer}")
            other[: 2 * hidden].zero_()
            forget = bias[hidden : 2 * hidden].uniform_(1, max_steps - 1).log_()
            bias[:hidden].copy_(-forget)

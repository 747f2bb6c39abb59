"""
LSTM with multi-head self-attention over its steps, averaged and classified.

Networks only: what goes in is made by `quake_stream.detection.features`, files by `checkpoint`.
"""

from torch import Tensor, nn

from quake_stream.models.lstm import build_classifier, build_lstm, check_features


class LSTMAttentionModel(nn.Module):
    """
    LSTM → batch normalisation → self-attention with residual and layer norm → mean → linear.

    The LSTM is that of `quake_stream.models.lstm.LSTMModel`; batch normalisation is over the hidden
    dimension.  Every step y_t then looks at every other (Vaswani et al. 2017, Attention Is All You Need,
    section 3.2; layer normalisation: Ba, Kiros & Hinton 2016), with Q = K = V = y, per head of size
    d = hidden / heads::

        head_j = softmax((y W_j^Q)(y W_j^K)ᵀ / √d) (y W_j^V)
        z = LayerNorm(y + [head_1 … head_heads] W^O)
        logits = W mean_t(z_t) + b

    The networks' reference implementation has the same parameter names, so its state dictionaries load.

    Parameters
    ----------
    channels, classes, hidden, layers
        As for `LSTMModel`.
    heads
        Attention heads, a divisor of ``hidden``; guideline 2 to 8.
    dropout
        Between LSTM layers and on the attention weights, while training; guideline 0.2 to 0.5.
    attention_dropout
        Of the attention weights, where it is another; at 0 training on a CPU takes half the time.

    Raises
    ------
    ValueError
        A number is out of range or ``heads`` does not divide ``hidden``; the message holds the values.
    """

    def __init__(  # noqa: PLR0917  the reference implementation's signature
        self,
        channels: int = 3,
        classes: int = 2,
        hidden: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.3,
        *,
        attention_dropout: float | None = None,
    ) -> None:
        super().__init__()
        if heads < 1 or hidden % heads:
            raise ValueError(f"heads ({heads}) must divide hidden ({hidden})")
        self.lstm = build_lstm(channels, hidden, layers, dropout)
        self.batch_norm = nn.BatchNorm1d(hidden)
        self.self_attn = nn.MultiheadAttention(
            hidden,
            heads,
            dropout=dropout if attention_dropout is None else attention_dropout,
            batch_first=True,
        )
        self.norm = nn.LayerNorm(hidden)
        self.classifier = build_classifier(hidden, classes)

    def forward(self, features: Tensor) -> Tensor:
        """
        Score a batch.

        ``features`` is [batch, seq_len, channels], seq_len = 64 bands for windows of 512 samples; the result
        [batch, classes] are logits.  ValueError for any other shape.
        """
        check_features(features, self.lstm.input_size)
        steps, _ = self.lstm(features)
        steps = self.batch_norm(steps.transpose(1, 2)).transpose(1, 2)
        attended, _ = self.self_attn(steps, steps, steps, need_weights=False)
        context = self.norm(steps + attended).mean(dim=1)
        logits: Tensor = self.classifier(context)
        return logits

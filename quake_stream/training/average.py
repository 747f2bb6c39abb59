"""Average the weights of a network over the steps of its training."""

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def running_average(network: nn.Module, decay: float) -> AveragedModel | None:
    """Begin a running average of a network's weights and statistics, or none where ``decay`` is 0."""
    if not decay:
        return None
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)  # type: ignore[no-untyped-call]  # torch types it not

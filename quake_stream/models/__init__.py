"""
Features → class probabilities: the networks, their checkpoints and a baseline without torch.

Importing this package does not import torch; `load_model` does so when a network is asked for.
"""

from quake_stream.models.registry import load_model

__all__ = ["load_model"]

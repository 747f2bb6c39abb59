"""
How good a model is: on windows, and in the stream through the service's own pipeline.

Reads recordings and labels, never trains; what it reports is what `docs/evaluation.md` defines.
"""

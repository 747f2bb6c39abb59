import dataclasses

import numpy as np
from evaluated import SPEC, scored_windows


def test_the_classes_that_trigger_are_summed():
    part = scored_windows([0.25, 0.5])
    spec = dataclasses.replace(
        SPEC, classes=("noise", "earthquake", "blast"), trigger_classes=("earthquake", "blast")
    )
    three = dataclasses.replace(
        part, probabilities=np.array([[0.5, 0.25, 0.25], [0.0, 0.75, 0.25]], dtype=np.float32)
    )
    assert three.triggering(spec).tolist() == [0.5, 1.0]
    assert part.triggering(SPEC).tolist() == [0.25, 0.5]
    assert len(part) == 2

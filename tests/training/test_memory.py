import subprocess
import sys

PROGRAM = """
import ctypes, resource, sys
from quake_stream.training.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory() == hasattr(ctypes.CDLL(None), "mallopt")
import numpy as np
def faults():
    np.ones(50_000_000, dtype=np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
faults()
before = faults()
print((faults() - before) * resource.getpagesize())
"""


def test_a_large_block_that_was_freed_is_not_asked_of_the_system_again():
    def refilled(how):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True, timeout=60
        )
        return int(done.stdout)

    assert refilled("keep") < 5_000_000

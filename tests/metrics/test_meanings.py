"""Every counter of the service is described, and nothing else."""

import re
from pathlib import Path

from quake_stream.metrics import meanings

PACKAGE = Path(meanings.__file__).parent.parent
# What runs in the service; the other parts count for themselves.
IN_SERVICE = (
    *("windowing/*.py", "detection/*.py", "metrics/*.py", "ingest/**/*.py", "mseed/decode.py", "*.py"),
    *(f"publish/{name}.py" for name in ("publisher", "journal", "segment", "gate", "replayer")),
)
COUNTED = re.compile(r'(?:\b_?count|counters\.add|_note|_refuse)\(\s*(?:name=)?"([a-z_]+(?:\.[a-z_]+)?)"')


def counted():
    texts = [path.read_text(encoding="utf-8") for glob in IN_SERVICE for path in PACKAGE.glob(glob)]
    return {name for text in texts for name in COUNTED.findall(text)}


def test_each_counter_of_the_service_has_its_meaning_here():
    missing = counted() - meanings.MEANINGS.keys()
    assert missing == set(), "add what these count to quake_stream/metrics/meanings.py"


def test_no_meaning_is_left_of_a_counter_that_is_gone():
    texts = "".join(
        path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py") if path.name != "meanings.py"
    )
    assert {name for name in meanings.MEANINGS if f'"{name}"' not in texts} == set()


def test_each_meaning_is_one_sentence():
    for meaning in meanings.MEANINGS.values():
        assert meaning.endswith(".")
        assert "\n" not in meaning

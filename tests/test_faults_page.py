"""The page of faults names, for each of its rows, the tests that inject the fault, and these say so themselves."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "faults.md"
N_ROWS = 50

_ROW = re.compile(r"^\| (\d+) \|")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> dict[int, list[str]]:
    """Cells of each row by its number."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if _ROW.match(line)]
    return {int(cells[0]): cells for cells in ([c.strip() for c in ln.strip("|").split("|")] for ln in lines)}


def marked(path: Path) -> Iterator[tuple[int, str]]:
    """Yield row and name of each test of a file that is marked with ``fault``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    of_file: list[int] = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "pytestmark":
            of_file = _rows_of(node.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            own = [row for decorator in node.decorator_list for row in _rows_of(decorator)]
            yield from ((row, node.name) for row in {*of_file, *own})


def _rows_of(node: ast.AST) -> list[int]:
    return [
        int(ast.literal_eval(call.args[0]))
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "fault"
    ]


@pytest.fixture(scope="module")
def marks() -> dict[int, set[tuple[str, str]]]:
    """All tests of the suite that carry the mark, as file and name, by row."""
    found = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if ".fault(" in path.read_text(encoding="utf-8"):
            for row, name in marked(path):
                found[row].add((str(path.relative_to(ROOT)), name))
    return found


def test_each_fault_has_a_test_that_is_marked_with_it_or_a_reason(marks):
    page = rows()
    assert sorted(page) == list(range(1, N_ROWS + 1))
    for row, (_, fault, does, sees, tests) in page.items():
        assert fault
        assert does
        assert sees
        named = set(_TEST.findall(tests))
        assert named or tests.startswith("No test:"), f"row {row}: name a test, or say why there is none"
        assert named <= marks[row], f"row {row}: these do not exist or do not carry the mark"


def test_the_page_names_every_file_with_a_marked_test(marks):
    page = rows()
    for row, tests in marks.items():
        files = {path for path, _ in _TEST.findall(page[row][-1])}
        assert {path for path, _ in tests} <= files, f"row {row}"

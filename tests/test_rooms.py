"""The staircase of rooms: what a file of `lib` may import."""

import ast
from pathlib import Path

import pytest

LIB = Path(__file__).parents[1] / "lib"

ROOMS = {
    "pictures": {"questions", "theory", "networks", "problem", "horizons", "equations"},
    "questions": {"theory", "networks", "problem", "horizons", "equations"},
    "theory": {"problem", "horizons", "equations"},
    "networks": {"problem", "horizons", "equations"},
    "problem": {"horizons", "equations"},
    "horizons": {"equations"},
    "equations": set(),
}
"""Each room and the rooms below it. All may import the ground: lib/status.py, lib/checks.py and lib/seeding.py."""

FILES = sorted(path for path in LIB.rglob("*.py") if path.parent != LIB)


def imported(path):
    """Modules of `lib` that a file names, at any depth of the code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "lib":
            if node.module.count(".") < 2:
                found |= {f"{node.module}.{name.name}" for name in node.names}
            else:
                found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.split(".")[0] == "lib"}
    return found


def test_every_room_is_on_the_staircase():
    assert {path.parent.name for path in FILES} == set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LIB)))
def test_imports_go_down_the_staircase(path):
    room = path.parent.name
    for module in imported(path):
        above = module.split(".")[1]
        allowed = ROOMS[room] | {room, "status", "checks", "seeding"}
        assert above in allowed, f"{room} imports {module}"


def test_no_two_files_import_each_other():
    uses = {}
    for path in FILES:
        name = "lib." + ".".join(path.relative_to(LIB).with_suffix("").parts)
        uses[name] = {module for module in imported(path) if module.count(".") == 2}
    while uses:
        free = {name for name, used in uses.items() if not used & set(uses)}
        assert free, f"a circle among {sorted(uses)}"
        uses = {name: used for name, used in uses.items() if name not in free}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LIB)))
def test_files_stay_short(path):
    assert len(path.read_text().splitlines()) <= 300

"""The package as others meet it: from anywhere, without its extras, in little time."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lib

ROOT = Path(__file__).parents[2]
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name.split(".")[0])
sys.meta_path.insert(0, Absent())
sys.path.insert(0, {root!r})
import lib
"""


def python(code, **options):
    """Output of a Python that starts anew."""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, **options
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def without(absent, code):
    return python(WITHOUT.format(absent=absent, root=str(ROOT)) + code)


@pytest.mark.parametrize("place", ["/", "/usr", "empty"])
def test_the_package_is_found_from_anywhere(place, tmp_path, monkeypatch):
    """`/lib` and a project's own lib/ must not hide what is installed; nothing else may help."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    (tmp_path / "lib").mkdir()
    place = tmp_path if place == "empty" else Path(place)
    assert (place / "lib").is_dir() or place == Path("/")
    assert python("import lib; print(lib.solve.__name__)", cwd=place) == "solve"


def test_modules_have_their_short_names():
    code = "import lib\nfor name in lib.MODULES: print(getattr(lib, name).__name__)"
    names = python(code, cwd=ROOT).split()
    assert names == [f"lib.{place}" for place in lib.MODULES.values()]


@pytest.mark.parametrize("absent", [set(), set(lib.EXTRAS)])
def test_all_names_are_known_with_extras_and_without(absent):
    code = """
assert set(lib.__all__) == set(lib.PUBLIC)
assert {*lib.PUBLIC, *lib.MODULES} <= set(dir(lib))
assert all(hasattr(lib, name) for name in (*lib.PUBLIC, *lib.MODULES))
exec("from lib import *")
assert all(name in globals() for name in lib.PUBLIC)
assert not hasattr(lib, "no_such_name")
assert not isinstance(1, lib.Runs)
"""
    without(absent, code)


@pytest.mark.parametrize(
    "use, absent, extra",
    [
        ("simulate()", "torch", "simulator"),
        ("simulate()", "tqdm", "simulator"),
        ("rate_curves()", "joblib", "sweeps"),
        ("measured_rate_curves()", "joblib", "sweeps"),
        ("measured_rate_curves()", "torch", "simulator"),
        ("plots.use_style()", "matplotlib", "figures"),
        ("live.figure()", "IPython", "figures"),
        ("hessian.anything", "torch", "simulator"),
    ],
)
def test_a_missing_extra_is_named_when_it_is_needed(use, absent, extra):
    code = f"""
try:
    lib.{use}
except ModuleNotFoundError as error:
    print(error)
"""
    command = f'pip install "deep-linear-dynamics[{extra}]"'
    name = use.split("(")[0].split(".")[0]
    assert without({absent}, code) == f"lib.{name} needs {absent}: {command}"


def test_the_theory_needs_no_extra():
    code = """
theory = lib.solve(lib.Network(2, 1.0), lib.Data(samples=2.0), lib.GradientDescent(5, 0.05))
print(theory.status.name)
"""
    assert without(set(lib.EXTRAS), code) == "COMPLETE"


def test_extras_are_those_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for module, extra in lib.EXTRAS.items():
        distribution = {"sklearn": "scikit-learn"}.get(module, module).lower()
        assert any(need.startswith(distribution) for need in extras[extra]), module


HEAVY = "scipy", "torch", "joblib", "distributed", "matplotlib", "sklearn", "IPython"


def test_importing_is_cheap():
    """Neither numpy nor scipy nor torch are imported before they are needed, and scipy not by a look."""
    code = f"import lib, sys; print({{'numpy', *{HEAVY}}} & set(sys.modules))"
    assert python(code, cwd=ROOT) == "set()"
    of_theory = [
        name
        for name, place in lib.PUBLIC.items()
        if not place.startswith(("networks", "questions.rate_curves"))
        and not name.lower().startswith(("measured", "agree"))
    ]
    code = f"import lib, sys; [getattr(lib, n) for n in {of_theory}]; "
    assert python(code + f"print({{*{HEAVY}}} & set(sys.modules))", cwd=ROOT) == "set()"
    code = "import lib, sys; [getattr(lib, n) for n in lib.__all__]; print('scipy' in sys.modules)"
    assert python(code, cwd=ROOT) == "False"

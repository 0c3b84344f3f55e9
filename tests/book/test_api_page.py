"""The page of the package: what it documents exists, and has the parameters that it names."""

import dataclasses
import doctest
import importlib
import inspect
import re

import pytest
from api_examples import examples
from publish.chapters import ROOT

import lib

PAGE = (ROOT / "reference" / "api.md").read_text()
SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.M)
ENTRY = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: :.*)?$")


def named():
    """Dotted names of the objects on the page, members of modules among them."""
    for match in re.finditer(
        r"^\.\. auto(class|function|module):: (\S+)\n((?:   :.*\n)*)", PAGE, re.M
    ):
        kind, name, options = match.groups()
        members = re.search(r":members: (.+)", options)
        if kind == "module":
            yield from (f"{name}.{member}" for member in members[1].split(", "))
        else:
            yield name


def find(name):
    """The object of a dotted name that starts with `lib`."""
    found = lib
    for part in name.split(".")[1:]:
        try:
            found = getattr(found, part)
        except AttributeError:
            found = importlib.import_module(f"{found.__name__}.{part}")
    return found


def sections(docstring):
    """Names that a numpydoc docstring documents, by section."""
    pieces = SECTION.split(inspect.cleandoc(docstring or ""))
    return {
        title: [
            name.strip("* ")
            for line in body.splitlines()
            if (match := ENTRY.match(line))
            for name in match[1].split(", ")
        ]
        for title, body in zip(pieces[1::2], pieces[2::2], strict=True)
    }


def prose(docstring):
    """Lines among documented names that are none: Sphinx would take them for names."""
    pieces = SECTION.split(inspect.cleandoc(docstring or ""))
    return [
        line
        for title, body in zip(pieces[1::2], pieces[2::2], strict=True)
        if title in ("Parameters", "Attributes")
        for line in body.splitlines()
        if line and not line.startswith(" ") and not ENTRY.match(line)
    ]


def accepted(thing):
    """Names that a call of `thing` takes."""
    return {name for name in inspect.signature(thing).parameters if name not in ("self", "cls")}


OBJECTS = sorted(set(named()))


def test_a_section_is_read_as_written():
    text = """Do it.

    Parameters
    ----------
    a, b : float
        Two numbers: not, parameters.
    *rest : int

    Returns
    -------
    float
    """
    assert sections(text) == {"Parameters": ["a", "b", "rest"], "Returns": ["float"]}


def test_prose_among_parameters_is_noticed():
    text = "Do it.\n\nParameters\n----------\na : int\n    One.\n\nThe others are left out."
    assert prose(text) == ["The others are left out."]


@pytest.mark.parametrize("name", OBJECTS)
def test_documented_parameters_are_those_of_the_signature(name):
    thing = find(name)
    documented = sections(thing.__doc__).get("Parameters", [])
    assert set(documented) <= accepted(thing), "no such parameters"
    assert prose(thing.__doc__) == [], "write prose above the parameters"
    if documented and name.removeprefix("lib.") in lib.PUBLIC:
        assert set(documented) == accepted(thing), "parameters without a word"


@pytest.mark.parametrize("name", OBJECTS)
def test_documented_attributes_exist(name):
    thing = find(name)
    documented = sections(thing.__doc__).get("Attributes", [])
    fields = (
        {f.name for f in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else set()
    )
    annotated = set(getattr(thing, "__annotations__", {}))
    # An attribute that the constructor sets is found in its source.
    source = inspect.getsource(thing) if inspect.isclass(thing) else ""
    for attribute in documented:
        known = attribute in fields | annotated or hasattr(thing, attribute)
        assert known or re.search(rf"self\.{attribute}\b", source), attribute


def test_every_object_is_described_once():
    names = list(named())
    assert len(names) == len(set(names))


def test_every_public_name_is_on_the_page():
    assert {f"lib.{name}" for name in lib.PUBLIC} <= set(OBJECTS)


def described():
    """Names that the page describes by themselves; those of a module count as the module."""
    return set(re.findall(r"^\.\. auto(?:class|function|module):: (\S+)$", PAGE, re.M))


def test_every_object_has_an_example():
    assert set(examples()[1]) == described()


@pytest.fixture(scope="module")
def started():
    """What the names of the first lines are; the page prints seeds as a reader has them, from 0."""
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SEED_OFFSET", raising=False)
        test = doctest.DocTestParser().get_doctest(examples()[0], names, "start", None, 0)
        assert doctest.DocTestRunner(verbose=False).run(test, clear_globs=False).failed == 0
        yield test.globs


@pytest.mark.parametrize("name", sorted(examples()[1]))
def test_an_example_runs_as_printed(name, started):
    test = doctest.DocTestParser().get_doctest(examples()[1][name], dict(started), name, None, 0)
    assert test.examples
    said = []
    found = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert found.failed == 0, "".join(said)

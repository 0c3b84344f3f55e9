"""The course: exercises, chapters and quizzes are complete and agree with the book."""

import itertools

import nbformat
import pytest
import yaml
from chapter_role import begins_sentence, listed, name
from docutils import nodes
from docutils.core import publish_doctree
from exercise_table import LEVELS, exercises, facts, in_words, run_times
from myst_parser.parsers.docutils_ import Parser
from publish.chapters import ROOT, chapters
from slides import captioned, deck, equations, figures, numbered_equation
from sphinx.errors import ExtensionError

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
# A chapter without exercises, such as an epilogue, has `exercises: false` in the list.
LISTED = yaml.safe_load((ROOT / "course" / "chapters.yml").read_text())


WITHOUT = {chapter["file"] for chapter in LISTED if not chapter.get("exercises", True)}


@pytest.mark.parametrize(
    "chapter", [c for c in chapters() if str(c.with_suffix("")) not in WITHOUT], ids=str
)
def test_each_exercise_says_what_it_asks(chapter):
    found = dict(exercises((ROOT / chapter).read_text()))
    assert len(found) >= 3
    assert {"By hand", "By code", "Open"} <= set(found.values())
    missing = [label for label in found if label not in facts(ROOT)]
    assert missing == [], "give level, minutes and a line in course/exercises.yml"


def test_levels_and_minutes_are_sensible():
    for label, (level, minutes, asks) in facts(ROOT).items():
        assert level in LEVELS and 5 <= minutes <= 180, label
        assert 15 <= len(asks) <= 90, label


def test_the_list_of_chapters_is_that_of_the_book():
    book = [str(chapter.with_suffix("")) for chapter in chapters()]
    listed = [chapter["file"] for chapter in LISTED]
    assert [file for file in listed if file in book] == book
    for chapter in LISTED:
        if chapter["file"] in book:
            assert f"({chapter['label']})=" in (ROOT / f"{chapter['file']}.md").read_text()


def test_a_quiz_follows_each_part_with_chapters_but_an_appendix():
    parts = [
        [entry["file"] for entry in part["chapters"]]
        for part in TOC["parts"]
        if part.get("caption") != "Appendix"
    ]
    for part, after in itertools.pairwise(parts):
        if any(file.startswith("chapters/") for file in part):
            assert after[-1].startswith("course/quiz-")


def test_chapters_and_nothing_else_have_numbers_and_short_titles():
    for part in TOC["parts"]:
        kinds = {entry["file"].startswith("chapters/") for entry in part["chapters"]}
        assert len(kinds) == 1
        assert part.get("numbered") == (1 if kinds == {True} else None)
        if kinds == {True}:
            assert all(len(entry["title"]) <= 30 for entry in part["chapters"])


def test_chapters_are_cited_by_their_place_in_the_book(tmp_path):
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "chapters.yml").write_text(
        "- {label: ch-late, file: chapters/01-late}\n- {label: ch-early, file: chapters/18b-early}\n"
    )
    (tmp_path / "_toc.yml").write_text(
        "root: index\nparts:\n- chapters: [{file: live/explorer}, {file: chapters/18b-early, title: Early}]"
        "\n- chapters: [{file: chapters/01-late, title: Late}]\n"
    )
    known = listed(tmp_path)
    assert known == {"ch-early": (1, "Early"), "ch-late": (2, "Late")}
    assert name(*known["ch-late"]) == "chapter 2"
    assert name(*known["ch-late"], begins=True, titled=True) == "Chapter 2 (Late)"


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("*It* found one.", True),
        ("Rates differ.\n*It* found one.", True),
        ("Rates differ, $x = 1$.\n*It* found one.", True),
        ("**Why?** *It* found one.", True),
        ("Rates differ, as\n*it* found.", False),
        ("Rates differ (*it* found).", False),
        ("- *It* found one.", True),
    ],
)
def test_a_link_begins_a_sentence_on_a_new_line_of_the_source_too(text, begins):
    document = publish_doctree(text, parser=Parser())
    assert begins_sentence(next(document.findall(nodes.emphasis))) == begins


def test_run_times_are_those_of_the_solutions():
    def cell(begin, end):
        times = {
            "iopub.execute_input": f"2026-01-01T00:00:{begin}Z",
            "shell.execute_reply": f"2026-01-01T00:00:{end}Z",
        }
        return nbformat.v4.new_code_cell("1", metadata={"execution": times})

    text = nbformat.v4.new_markdown_cell
    notebook = nbformat.v4.new_notebook(
        cells=[
            cell("00.0", "09.0"),
            text("```{exercise-end}\n```\n\n```{solution-start} one\n:class: dropdown\n```\nSo:"),
            cell("10.0", "11.5"),
            cell("12.0", "12.25"),
            text(
                "```{solution-end}\n```\n\n```{solution-start} two\n```\nNo code.\n```{solution-end}\n```"
            ),
            cell("20.0", "29.0"),
        ]
    )
    assert run_times(notebook) == {"one": 1.75, "two": 0.0}
    assert [in_words(time) for time in (1.75, 0.03, 0.0)] == ["1.8 s", "< 0.1 s", "none"]


def test_slides_take_equations_and_figures_from_chapters():
    image = '<img alt="A line." src="data:image/png;base64,AAAA" width="1">'
    metadata = {"mystnb": {"figure": {"name": "fig-a", "caption": "By {eq}`a-b`, $x$."}}}
    output = nbformat.v4.new_output("display_data", {"text/html": f"{image}<a>CSV</a>"})
    cell = nbformat.v4.new_code_cell("1", metadata=metadata, outputs=[output])
    assert figures([nbformat.v4.new_notebook(cells=[cell])]) == {
        "fig-a": (image, "By {eq}`a-b`, $x$.")
    }
    assert equations(["```{math}\n:label: a-b\nx < y\n```"]) == {"a-b": "x < y"}
    numbered = {"a-b": ("3.1", "../a.html#equation-a-b"), "fig-a": ("3.2", "../a.html#fig-a")}
    shown = captioned("fig-a", image, "By {eq}`a-b`, $x$.", numbered)
    assert "Fig. 3.2</a> By equation (3.1), <span" in shown
    assert "(3.1)</a>" in numbered_equation("a-b", "x < y", numbered)
    latex = "\\begin{aligned} x, \\\\ y .\n\\end{aligned}"
    assert r"\\ y\end{aligned}\]" in numbered_equation("a-b", latex, numbered)
    known = {("figure", "fig-a"): image}
    page = deck(
        "# Title\n\n---\n\n## Next\n\n{{ figure fig-a }} and $x < y$\nNotes:\nSay it.", known
    )
    assert page.count("<section>") == 2 and image in page
    assert r"\(x &lt; y\)" in page and '<aside class="notes"><p>Say it.' in page
    with pytest.raises(ExtensionError, match="fig-b"):
        deck("# Title\n\n{{ figure fig-b }}", known)

"""Code that is not the lesson is folded: a chapter's imports, the drawing of figures, checks.

The first cell of a page that imports, every cell that publishes a figure, every cell with the tag
`check`, and every cell that is too long to be read in passing are folded without a word in the chapter's
source; what they print or draw stays, above the fold. The tag `open` keeps a cell open. Solutions are
folded as a whole: in them a cell is open.

myst-nb folds; here stands which cells.
"""

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_exercise.nodes import solution_node

SETUP = "setup"
FIGURE = "code of the figure"
CHECK = "check"
LONG = "code"
AT_ONCE = 15
"""Lines that one reads between two paragraphs without losing the thread."""

DRAWS = ("plots.publish(", "live.figure(")
IMPORTS = ("import ", "from ", "%")


def what(source, tags, first):
    """What a cell is, if it is to be folded; `first` says whether it is the first one of its page."""
    if "open" in tags:
        return None
    if first and source.lstrip().startswith(IMPORTS):
        return SETUP
    if any(call in source for call in DRAWS):
        return FIGURE
    if "check" in tags:
        return CHECK
    return LONG if len(source.strip().splitlines()) > AT_ONCE else None


def cells(doctree):
    """The code cells of a page."""
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") == "cell_code" and cell.children:
            yield cell


def tags(cell):
    return {name.removeprefix("tag_") for name in cell["classes"] if name.startswith("tag_")}


def solved(cell):
    """Whether a cell stands in the solution of an exercise."""
    while cell is not None and not isinstance(cell, solution_node):
        cell = cell.parent
    return cell is not None


def fold(app, doctree):
    first = True
    for cell in cells(doctree):
        source = cell.children[0]
        if source.get("nb_element") != "cell_code_source":
            continue
        kind = what(source.astext(), tags(cell), first)
        first = False
        if kind and not solved(cell):
            cell["hide_mode"] = "input"
            cell["prompt_show"], cell["prompt_hide"] = f"Show the {kind}", f"Hide the {kind}"
            cell["classes"].append("folded")


class CodeBelow(SphinxPostTransform):
    """What a folded cell shows comes before its code: the text goes on to the figure at once."""

    # After myst-nb has made the folds, at 199.
    default_priority = 210
    formats = ("html",)

    def run(self, **_):
        for cell in cells(self.document):
            code = cell.children[0]
            if isinstance(code, HideCodeCellNode) and "folded" in cell["classes"]:
                cell.children = [*cell.children[1:], code]


def setup(app):
    app.connect("doctree-read", fold)
    app.add_post_transform(CodeBelow)
    return {"parallel_read_safe": True}

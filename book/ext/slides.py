"""Slides from the chapters: `course/slides/NAME.md` becomes `slides/NAME.html` beside the book.

Slides are Markdown, divided by lines of `---`; what follows `Notes:` is for the speaker.
`{{ equation LABEL }}` takes an equation from the source of its chapter, `{{ figure NAME }}` a figure from
the last run of its chapter, so that slides and book cannot disagree. reveal.js shows them; its files come
from the package sphinx-revealjs, which needs no network.

The builder of sphinx-revealjs makes slides in a build of its own, without what the chapters have drawn.
"""

import html
import importlib.metadata
import os
import re
from pathlib import Path

import nbformat
from docutils import nodes
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxRole
from sphinx.util.fileutil import copy_asset

PACKAGE = "sphinx-revealjs"
FILES = ["dist/reset.css", "dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js"]
EQUATION = re.compile(r"^```\{math\}\n:label: *(\S+)\n(.*?)^```$", re.M | re.S)
PLACE = re.compile(r"\{\{ *(equation|figure) +([\w-]+) *\}\}")
IMAGE = re.compile(r"<img [^>]*>")

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="../_static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="reveal/reset.css">
<link rel="stylesheet" href="reveal/reveal.css">
<link rel="stylesheet" href="slides.css">
</head>
<body>
<main class="reveal"><div class="slides">
{sections}
</div></main>
<script>
window.MathJax = {{
  loader: {{ load: [] }},
  tex: {{ packages: {{ "[-]": ["noundefined"] }} }},
  options: {{ enableMenu: false }},
}};
</script>
<script src="../_static/tex-svg-full.js"></script>
<script src="reveal/reveal.js"></script>
<script src="reveal/notes.js"></script>
<script>
// Slides out of sight cannot be measured: equations first, then reveal.js.
MathJax.startup.promise.then(() => Reveal.initialize({{
  width: 1280, height: 720, margin: 0.03, hash: true, center: false, transition: "none",
  slideNumber: "c/t", plugins: [RevealNotes],
}}));
</script>
</body>
</html>
"""


def equations(sources):
    """LaTeX of the labelled equations in the chapters' texts, by label."""
    return {label: latex.strip() for text in sources for label, latex in EQUATION.findall(text)}


def figures(notebooks):
    """The <img> of each published figure in executed notebooks, by the figure's name."""
    found = {}
    for notebook in notebooks:
        for cell in notebook.cells:
            name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
            for output in cell.get("outputs", []):
                image = IMAGE.search("".join(output.get("data", {}).get("text/html", "")))
                if name and image:
                    found[name] = image[0]
    return found


DISPLAY = {"display_mode": True}


def render_math(latex, options):
    """Dollars as the delimiters that MathJax looks for."""
    left, right = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
    return html.escape(left + re.sub(r"\n\s*\n", "\n", latex) + right)


def markdown():
    parser = MarkdownIt("commonmark").enable("table")
    return parser.use(dollarmath_plugin, renderer=render_math)


def deck(text, known):
    """The page of slides for `text`; `known` has HTML for ("equation" or "figure", name)."""
    parser = markdown()

    def place(match):
        if match.groups() not in known:
            raise ExtensionError(f"no chapter of this book has the {match[1]} {match[2]}")
        return f"\n\n{known[match.groups()]}\n\n"

    sections = []
    for slide in re.split(r"^---$", text, flags=re.M):
        shown, _, notes = slide.partition("\nNotes:")
        body = parser.render(PLACE.sub(place, shown).strip())
        if notes.strip():
            body += f'<aside class="notes">{parser.render(notes.strip())}</aside>'
        sections.append(f"<section>\n{body}</section>")
    title = re.search(r"^# (.+)$", text, re.M)[1]
    return PAGE.format(title=html.escape(title), sections="\n".join(sections))


def known_parts(app):
    """Everything a slide may show, as HTML that Markdown leaves alone."""
    pages = [page for page in app.env.found_docs if page.startswith("chapters/")]
    sources = [Path(app.env.doc2path(page)).read_text() for page in pages]
    runs = [Path(app.outdir).parent / "jupyter_execute" / f"{page}.ipynb" for page in pages]
    parts = {
        ("equation", label): f"<div>{render_math(latex, DISPLAY)}</div>"
        for label, latex in equations(sources).items()
    }
    notebooks = [nbformat.read(run, 4) for run in runs if run.exists()]
    parts |= {("figure", name): f"<div>{image}</div>" for name, image in figures(notebooks).items()}
    return parts


def copy_reveal(folder):
    """reveal.js beside the slides."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = {str(entry): entry for entry in importlib.metadata.files(PACKAGE)}
    for name in FILES:
        copy_asset(Path(entries[f"sphinx_revealjs/_static/revealjs/{name}"].locate()), folder)


def write(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir) / "slides"
    copy_reveal(out / "reveal")
    copy_asset(Path(app.srcdir, "course/slides/slides.css"), out)
    parts = known_parts(app)
    for source in sorted(Path(app.srcdir, "course/slides").glob("*.md")):
        (out / f"{source.stem}.html").write_text(deck(source.read_text(), parts))


class Slides(SphinxRole):
    """{slides}`words <name>`: a link to a page of slides."""

    def run(self):
        words, name = re.fullmatch(r"(.*?)\s*<([\w-]+)>", self.text).groups()
        if not Path(self.env.srcdir, f"course/slides/{name}.md").exists():
            return [], [self.inliner.reporter.error(f"there are no slides {name}")]
        here = os.path.dirname(self.env.docname)
        address = os.path.relpath(f"slides/{name}.html", here or ".")
        return [nodes.reference("", words, refuri=address)], []


def setup(app):
    app.add_role("slides", Slides())
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}

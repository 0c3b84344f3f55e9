"""Slides from the chapters: `course/slides/NAME.md` becomes `slides/NAME.html` beside the book.

Slides are Markdown, divided by lines of `---`; what follows `Notes:` is for the speaker and begins with
minutes ("4 minutes. ..."). A line of its own takes a part of the book, so that slides and book cannot
disagree: `{{ equation LABEL }}` from the source of its chapter, `{{ figure NAME }}` from the last run of its
chapter, with its caption, `{{ schematic NAME }}` from `book/drawings`, and `{{ outcomes WEEK }}` from the
plan of the term. Equations and figures have the numbers of the book. reveal.js shows the slides; its files
come from the package sphinx-revealjs, which needs no network. `NAME.html?handout` shows all slides one
below the other, to be printed.

The builder of sphinx-revealjs makes slides in a build of its own, without what the chapters have drawn.
"""

import html
import importlib.metadata
import itertools
import os
import re
from pathlib import Path

import nbformat
from docutils import nodes
from drawings import DRAWINGS
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxRole
from sphinx.util.fileutil import copy_asset
from term_plan import plan

PACKAGE = "sphinx-revealjs"
FILES = ["dist/reset.css", "dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js"]
EQUATION = re.compile(r"^```\{math\}\n:label: *(\S+)\n(.*?)^```$", re.M | re.S)
PLACE = re.compile(r"\{\{ *(equation|figure|schematic|outcomes) +([\w-]+) *\}\}")
IMAGE = re.compile(r"<img [^>]*>")
CITED = re.compile(r"\{(eq|numref)\}`([\w-]+)`")
STOP = re.compile(r"\s*[.,:;]\s*((?:\\end\{\w+\})?)\s*$")
MINUTES = re.compile(r"(\d+) minutes?\.")
WORKED = "By hand: "

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="../_static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="reveal/reset.css">
<link rel="stylesheet" href="reveal/reveal.css">
<link rel="stylesheet" href="../_static/schematics.css">
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
if (location.search === "?handout") {{
  document.documentElement.classList.add("handout");
  document.querySelector('link[href="reveal/reveal.css"]').remove();
}} else {{
  // Slides out of sight cannot be measured: equations first, then reveal.js.
  MathJax.startup.promise.then(() => Reveal.initialize({{
    width: 1280, height: 720, margin: 0.03, hash: true, center: false, transition: "none",
    display: "flex", slideNumber: "c/t", plugins: [RevealNotes],
  }}));
}}
</script>
</body>
</html>
"""


def equations(sources):
    """LaTeX of the labeled equations in the chapters' texts, by label."""
    return {label: latex.strip() for text in sources for label, latex in EQUATION.findall(text)}


def figures(notebooks):
    """The <img> and the caption of each published figure in executed notebooks, by the figure's name."""
    found = {}
    for notebook in notebooks:
        for cell in notebook.cells:
            figure = cell.metadata.get("mystnb", {}).get("figure", {})
            for output in cell.get("outputs", []):
                image = IMAGE.search("".join(output.get("data", {}).get("text/html", "")))
                if figure.get("name") and image:
                    found[figure["name"]] = image[0], figure.get("caption", "")
    return found


DISPLAY = {"display_mode": True}


def render_math(latex, options):
    """Dollars as the delimiters that MathJax looks for."""
    left, right = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
    return html.escape(left + re.sub(r"\n\s*\n", "\n", latex) + right)


def markdown():
    parser = MarkdownIt("commonmark").enable("table")
    return parser.use(dollarmath_plugin, renderer=render_math)


def slides(text):
    """What is shown and what is said, for each slide of a deck's source."""
    for slide in re.split(r"^---$", text, flags=re.M):
        shown, _, notes = slide.partition("\nNotes:")
        yield shown.strip(), notes.strip()


def minutes(notes):
    """How long a slide takes, by its notes."""
    match = MINUTES.match(notes)
    return int(match[1]) if match else 0


def deck(text, known):
    """The page of slides for `text`; `known` has HTML for (kind, name) of each part of the book."""
    parser = markdown()
    drawn = itertools.count()

    def place(match):
        if match.groups() not in known:
            raise ExtensionError(f"the book has no {match[1]} {match[2]}")
        # The arrows of a drawing are named once in a page.
        part = known[match.groups()].replace("s-arrow-", f"s{next(drawn)}-arrow-")
        return f"\n\n{part}\n\n"

    sections = []
    for shown, notes in slides(text):
        body = parser.render(PLACE.sub(place, shown))
        if f"<h2>{WORKED}" in body:
            # The steps of a calculation come one by one.
            body = body.replace("<li>", '<li class="fragment">')
        if notes:
            body += f'<aside class="notes">{parser.render(notes)}</aside>'
        sections.append(f"<section>\n{body}</section>")
    title = re.search(r"^# (.+)$", text, re.M)[1]
    return PAGE.format(title=html.escape(title), sections="\n".join(sections))


def numbers(app):
    """Number and address of each numbered equation and figure of the book, by its label."""
    found = {}
    for page, kinds in app.env.toc_fignumbers.items():
        address = app.builder.get_target_uri(page)
        for kind in ("figure", "displaymath"):
            for key, number in kinds.get(kind, {}).items():
                label = key.removeprefix("equation-") if kind == "displaymath" else key
                found[label] = ".".join(map(str, number)), f"../{address}#{key}"
    return found


def captioned(label, image, caption, numbered):
    """A figure of the book with its number and its caption, which has all settings."""

    def cite(match):
        number = numbered.get(match[2], ("",))[0]
        return f"equation ({number})" if match[1] == "eq" else f"Fig. {number}"

    words = markdown().renderInline(CITED.sub(cite, caption).strip())
    if label in numbered:
        number, address = numbered[label]
        words = f'<a href="{address}">Fig. {number}</a> {words}'
    return f"<figure>{image}<figcaption>{words}</figcaption></figure>"


def numbered_equation(label, latex, numbered):
    """An equation of the book with its number, in one block that Markdown leaves alone."""
    link = ""
    if label in numbered:
        number, address = numbered[label]
        link = f'<a href="{address}">({number})</a>'
    # No sentence goes on after it.
    shown = STOP.sub(r"\1", latex)
    return f'<div class="equation"><div>{render_math(shown, DISPLAY)}</div>{link}</div>'


def known_parts(app):
    """Everything a slide may show, as HTML that Markdown leaves alone."""
    numbered = numbers(app)
    pages = [page for page in app.env.found_docs if page.startswith("chapters/")]
    sources = [Path(app.env.doc2path(page)).read_text() for page in pages]
    runs = [Path(app.outdir).parent / "jupyter_execute" / f"{page}.ipynb" for page in pages]
    notebooks = [nbformat.read(run, 4) for run in runs if run.exists()]
    parts = {
        ("equation", label): numbered_equation(label, latex, numbered)
        for label, latex in equations(sources).items()
    }
    for name, (image, caption) in figures(notebooks).items():
        parts["figure", name] = captioned(name, image, caption, numbered)
    for name, draw in DRAWINGS.items():
        parts["schematic", name] = f'<figure class="schematic">{draw()}</figure>'
    for week, entry in enumerate(plan(app.srcdir)["weeks"], start=1):
        listed = "\n".join(f"- {outcome}" for outcome in entry["outcomes"])
        text = markdown().render(f"After this week you can\n\n{listed}")
        parts["outcomes", str(week)] = f'<div class="outcomes">\n{text}</div>'
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

"""Live figures in the built book: `lib.live` writes them for pages, and their scripts go where they are.

The environment variable LIVE_FIGURES tells `lib.live`, in the kernels that execute the chapters, that its
figures end up in pages without a kernel. The scripts lie outside html_static_path, whose scripts Jupyter
Book loads on every page.

A cell with the tag `choose` needs neither: its figure's data are in the page, and sliders choose among
them (live/family.js).

Thebe and JupyterLite would answer a slider after loading a kernel from a network.
"""

import json
import os
from pathlib import Path

from sphinx.util.fileutil import copy_asset

SOURCE = Path(__file__).parents[2] / "live"
SCRIPTS = (
    "sources.js",
    "march.js",
    "aside.js",
    "networks.js",
    "spikes.js",
    "chart.js",
    "controls.js",
    "python.js",
    "panels.js",
    "bowl.js",
    "spectra.js",
    "figure.js",
)
CHOOSING = ("chart.js", "family.js")
"""Scripts of figures whose sliders choose among curves that their cell has computed: it has this tag."""

CHOICE = "tag_choose"
STYLE = "live.css"
SOLVER = "sources.js"
"""Written here: the source of the solver, as text."""
FOLDER = "live"
"""Below _static."""


def announce(app):
    """Tell the kernels that this build starts, and lay out the scripts."""
    if app.builder.format == "html":
        os.environ["LIVE_FIGURES"] = "page"
        folder = Path(app.outdir) / "_static" / FOLDER
        for name in {*SCRIPTS, *CHOOSING, STYLE}:
            if name != SOLVER:
                copy_asset(SOURCE / name, folder)
        # A worker of a page that was opened from a file is made from text.
        source = json.dumps((SOURCE / "march.js").read_text()).replace("</", "<\\/")
        start = "var DeepLinear = globalThis.DeepLinear || {};"
        (folder / SOLVER).write_text(f"{start}\nDeepLinear.sources = {source};\n")


def load_where_needed(app, pagename, templatename, context, doctree):
    body = context.get("body", "")
    # Each once: a page may have figures of both kinds.
    wanted = dict.fromkeys(SCRIPTS if "data-live=" in body else ())
    wanted |= dict.fromkeys(CHOOSING if CHOICE in body else ())
    if wanted:
        app.add_css_file(f"{FOLDER}/{STYLE}")
    for name in wanted:
        app.add_js_file(f"{FOLDER}/{name}", loading_method="defer")


def setup(app):
    app.connect("builder-inited", announce)
    app.connect("html-page-context", load_where_needed)
    return {"parallel_read_safe": True}

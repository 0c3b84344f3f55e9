"""Live figures in the built book: `lib.live` writes them for pages, and their scripts go where they are.

The environment variable LIVE_FIGURES tells `lib.live`, in the kernels that execute the chapters, that its
figures end up in pages without a kernel. The scripts lie outside html_static_path, whose scripts Jupyter
Book loads on every page.
"""

import os
from pathlib import Path

from sphinx.util.fileutil import copy_asset

SOURCE = Path(__file__).parents[2] / "live"
SCRIPTS = (
    "march.js",
    "networks.js",
    "spikes.js",
    "chart.js",
    "controls.js",
    "python.js",
    "panels.js",
    "spectra.js",
    "figure.js",
)
STYLE = "live.css"
FOLDER = "live"
"""Below _static."""


def announce(app):
    """Tell the kernels that this build starts, and lay out the scripts."""
    if app.builder.format == "html":
        os.environ["LIVE_FIGURES"] = "page"
        for name in (*SCRIPTS, STYLE):
            copy_asset(SOURCE / name, Path(app.outdir) / "_static" / FOLDER)


def load_where_needed(app, pagename, templatename, context, doctree):
    if "data-live=" in context.get("body", ""):
        app.add_css_file(f"{FOLDER}/{STYLE}")
        for name in SCRIPTS:
            app.add_js_file(f"{FOLDER}/{name}", loading_method="defer")


def setup(app):
    app.connect("builder-inited", announce)
    app.connect("html-page-context", load_where_needed)
    return {"parallel_read_safe": True}

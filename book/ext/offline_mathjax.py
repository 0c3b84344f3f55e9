"""MathJax as one file of the built book, so that pages show their equations without a network.

The file comes from the package sphinx-mathjax-offline; the SVG output needs no font files beside it.
"""

import importlib.metadata
from pathlib import Path

from sphinx.util.fileutil import copy_asset

PACKAGE = "sphinx-mathjax-offline"
COMPONENT = "tex-svg-full.js"


def component():
    """Where the file is installed."""
    for entry in importlib.metadata.files(PACKAGE):
        if entry.name == COMPONENT:
            return Path(entry.locate())
    raise FileNotFoundError(f"{COMPONENT} is not part of the installed {PACKAGE}: reinstall it.")


def copy(app, exception):
    if exception is None and app.builder.format == "html":
        copy_asset(component(), Path(app.outdir) / "_static")


def setup(app):
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True}

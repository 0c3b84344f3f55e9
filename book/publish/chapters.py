"""The chapters of the book, in the order of its table of contents."""

from pathlib import Path

import yaml
from run_links import is_notebook

ROOT = Path(__file__).parents[2]


def pages(toc):
    """The files named in a table of contents, in order."""
    named = [toc["root"]] if "root" in toc else []
    named += [toc["file"]] if "file" in toc else []
    for group in ("parts", "chapters", "sections"):
        for entry in toc.get(group, []):
            named += pages(entry)
    return named


def chapters(root=ROOT):
    """Chapter files, such as chapters/02-the-model.md, relative to `root`."""
    toc = yaml.safe_load((Path(root) / "_toc.yml").read_text())
    return [Path(f"{page}.md") for page in pages(toc) if page.startswith("chapters/")]


def notebooks(root=ROOT):
    """Pages that readers may want to run: the chapters and the explorer, relative to `root`."""
    toc = yaml.safe_load((Path(root) / "_toc.yml").read_text())
    return [Path(f"{page}.md") for page in pages(toc) if is_notebook(page)]

"""`{chapter}` names a chapter by its label: a link where the chapter is part of the book, text where not.

`course/chapters.yml` has them all in order.
"""

from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxRole

LIST = "course/chapters.yml"


def numbers(root):
    """The number of each chapter, with which its file's name begins, by label."""
    listed = yaml.safe_load((Path(root) / LIST).read_text())
    return {chapter["label"]: int(Path(chapter["file"]).name.split("-")[0]) for chapter in listed}


class Chapter(SphinxRole):
    def run(self):
        number = numbers(self.env.srcdir).get(self.text)
        if number is None:
            message = self.inliner.reporter.error(f"{LIST} has no chapter {self.text}")
            return [], [message]
        link = addnodes.pending_xref(
            "", refdomain="std", reftype="ref", reftarget=self.text, refexplicit=True, chapter=True
        )
        link["refdoc"] = self.env.docname
        link += nodes.inline("", f"chapter {number}", classes=["std", "std-ref"])
        return [link], []


def name_only(app, env, node, content):
    """A chapter that is not part of this book keeps its name, without a link."""
    if node.get("chapter"):
        return content


def setup(app):
    app.add_role("chapter", Chapter())
    app.connect("missing-reference", name_only)
    return {"parallel_read_safe": True}

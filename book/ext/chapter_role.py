"""Chapters are cited by number: "chapter 14", with the short title where a list of chapters is read.

`_toc.yml` says the order, which gives the numbers, and the short titles; `course/chapters.yml` has the
labels. `{ref}` to a chapter's label and the role `{chapter}` come out alike; `{chapter}` keeps its words,
without a link, where the chapter is not part of the book that is built.

Sphinx's `{numref}` numbers sections too, but knows no short titles and no chapter that may be missing.
"""

import re
from pathlib import Path

import yaml_files
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxRole

LIST = "course/chapters.yml"


def entries(toc):
    """File and short title of each entry of a table of contents, in order."""
    if "file" in toc:
        yield toc["file"], toc.get("title")
    for group in ("parts", "chapters", "sections"):
        for entry in toc.get(group, []):
            yield from entries(entry)


def listed(root):
    """Number and short title of each chapter, by label."""
    toc = list(entries(yaml_files.load(Path(root) / "_toc.yml")))
    order = [file for file, _ in toc if file.startswith("chapters/")]
    labels = {c["file"]: c["label"] for c in yaml_files.load(Path(root) / LIST)}
    titles = dict(toc)
    return {
        labels[file]: (number, titles[file])
        for number, file in enumerate(order, start=1)
        if file in labels
    }


def name(number, title, *, begins=False, titled=False):
    """The words that cite a chapter."""
    words = f"{'Chapter' if begins else 'chapter'} {number}"
    return f"{words} ({title})" if titled and title else words


class Chapter(SphinxRole):
    def run(self):
        if self.text not in {c["label"] for c in yaml_files.load(self.source())}:
            message = self.inliner.reporter.error(f"{LIST} has no chapter {self.text}")
            return [], [message]
        link = addnodes.pending_xref(
            "", refdomain="std", reftype="ref", reftarget=self.text, refexplicit=False, chapter=True
        )
        link["refdoc"] = self.env.docname
        link += nodes.inline("", self.text, classes=["std", "std-ref"])
        return [link], []

    def source(self):
        return Path(self.env.srcdir) / LIST


def begins_sentence(link):
    """Whether a sentence, a cell or an entry starts with the link."""
    # A line break of the source is a node of its own, after the full stop.
    before = "".join(c.astext() for c in link.parent.children[: link.parent.index(link)])
    if not before:
        return isinstance(link.parent, nodes.paragraph)
    return bool(re.search(r"[.!?]\s+$", before))


def wants_title(link):
    """Lists of chapters show titles: tables, and the paragraph that says what a chapter needs."""
    paragraph = link.parent
    if isinstance(paragraph.parent, nodes.entry):
        return True
    return paragraph.astext().startswith("You need")


class CiteChapters(SphinxPostTransform):
    """Puts number and title into references to chapters, before they are resolved."""

    default_priority = 4

    def run(self, **_):
        known = listed(self.env.srcdir)
        for link in list(self.document.findall(addnodes.pending_xref)):
            if link.get("reftype") != "ref" or link["refexplicit"]:
                continue
            if link["reftarget"] not in known:
                continue
            words = name(
                *known[link["reftarget"]],
                begins=begins_sentence(link),
                titled=wants_title(link),
            )
            link["refexplicit"] = True
            link.children = []
            link += nodes.inline("", words, classes=["std", "std-ref"])


def name_only(app, env, node, content):
    """A chapter that is not part of this book keeps its name, without a link."""
    if node.get("chapter"):
        return content


def neighbors(app, pagename, templatename, context, doctree):
    """The links to the page before and after show the short titles, as the sidebar does."""
    titles = dict(entries(yaml_files.load(Path(app.srcdir) / "_toc.yml")))
    pages = {app.builder.get_relative_uri(pagename, page): page for page in app.env.titles}
    for side in ("prev", "next"):
        page = pages.get((context.get(side) or {}).get("link"))
        if titles.get(page):
            number = app.env.toc_secnumbers.get(page, {}).get("")
            before = f"{number[0]}{app.config.html_secnumber_suffix}" if number else ""
            context[side]["title"] = before + titles[page]


def setup(app):
    app.add_role("chapter", Chapter())
    app.add_post_transform(CiteChapters)
    app.connect("missing-reference", name_only)
    # Before the theme reads them, at 500.
    app.connect("html-page-context", neighbors, priority=400)
    return {"parallel_read_safe": True}

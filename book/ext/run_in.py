"""Paragraphs that begin with bold words of their own kind are known by a class, for their looks.

`**What to look for.**` stands before a figure and `**What it means.**` after it; `**You need**` and
`**What you will be able to do.**` open a chapter.

No extension knows these words: they are this book's.
"""

from docutils import nodes

KINDS = {
    "What you will be able to do": "goals",
    "You need": "needs",
    "What to look for": "look-for",
    "What it means": "means",
}


def mark(app, doctree):
    for paragraph in doctree.findall(nodes.paragraph):
        begin = next((child for child in paragraph.children if child.astext().strip()), None)
        if isinstance(begin, nodes.strong):
            kind = KINDS.get(begin.astext().strip(" .:"))
            if kind:
                paragraph["classes"].append(kind)


def setup(app):
    app.connect("doctree-read", mark)
    return {"parallel_read_safe": True}

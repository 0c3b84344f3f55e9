"""Search that works from a file.

Results are found in an index that is a script; for their excerpts Sphinx fetches the pages, which
browsers forbid for pages opened from files. Here the pages' texts are a script too, `_static/texts.js`,
with the ids that results point to; `_static/search.js` hands them out.

Pagefind and the like fetch their index too.
"""

import html
import json
from pathlib import Path

from bs4 import NavigableString, Tag
from built_pages import built_pages

TEXTS = "texts.js"
LEFT_OUT = ("script", "style", "svg", "img", "nav", "button", "pre")


def text(article):
    """The words of a page as HTML: its sections with their ids, and nothing else."""
    parts = []

    def walk(element):
        for child in element.children:
            if isinstance(child, NavigableString):
                parts.append(html.escape(str(child)))
            elif isinstance(child, Tag) and child.name not in LEFT_OUT:
                if "headerlink" in (child.get("class") or []):
                    continue
                section = child.name == "section" and child.get("id")
                if section:
                    parts.append(f'<section id="{html.escape(section)}">')
                walk(child)
                parts.append("</section>" if section else " ")

    walk(article)
    return f'<div role="main">{" ".join("".join(parts).split())}</div>'


def write(app, exception):
    if exception is not None or app.builder.format != "html":
        return
    texts = {}
    for page, soup in built_pages(app).items():
        article = soup.select_one("article.bd-article")
        texts[page] = text(article) if article else ""
    known = json.dumps(texts, ensure_ascii=False).replace("</", "<\\/")
    (Path(app.outdir) / "_static" / TEXTS).write_text(f"window.bookTexts = {known};\n")


def add(app, pagename, templatename, context, doctree):
    if pagename == "search":
        app.add_js_file(TEXTS)
        app.add_js_file("search.js")


def setup(app):
    app.connect("html-page-context", add)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}

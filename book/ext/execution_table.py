"""How the pages of this copy ran, in words: `{execution-table}`, and a word at the top of a page that failed.

The table of myst-nb has file names and no words, and leaves pages that failed as they are.
"""

import time

from docutils import nodes
from exercise_table import table
from sphinx.util.docutils import SphinxDirective

STOPPED = (
    "The code of this page stopped with an error in this copy of the book: "
    "what stands below the error was not executed."
)


class execution_table(nodes.General, nodes.Element):
    """Stands for the table until all notebooks have run."""


class ExecutionTable(SphinxDirective):
    def run(self):
        return [execution_table()]


def facts(env, page):
    return getattr(env, "nb_metadata", {}).get(page, {}).get("exec_data")


def ran(env):
    """What myst-nb noted on the pages that were executed, in the order of the book."""
    order = list(env.toctree_includes.get(env.config.root_doc, []))
    order.sort(key=lambda page: page.startswith("course/"))
    for page in [env.config.root_doc, *order]:
        noted = facts(env, page)
        if noted:
            yield page, noted


def duration(seconds):
    if seconds is None:
        return ""
    if seconds < 90:
        return "1 second" if round(seconds) == 1 else f"{seconds:.0f} seconds"
    return f"{seconds / 60:.1f} minutes"


def verdict(noted):
    if noted["succeeded"]:
        return "ran to its end"
    return f"stopped: {noted.get('error') or 'error'}"


def rows(app, docname):
    for page, noted in ran(app.env):
        title = app.env.titles[page].astext()
        number = app.env.toc_secnumbers.get(page, {}).get("")
        address = app.builder.get_relative_uri(docname, page)
        words = f"{number[0]}. {title}" if number else title
        link = nodes.reference("", words, refuri=address, internal=True)
        when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(noted["mtime"]))
        cells = (when, duration(noted["runtime"]), verdict(noted))
        yield link, *map(nodes.Text, cells)


def fill(app, doctree, docname):
    for place in list(doctree.findall(execution_table)):
        head = ["Page", "Executed (UTC)", "It took", "Verdict"]
        place.replace_self(table(head, list(rows(app, docname))))
    noted = facts(app.env, docname)
    if noted and not noted["succeeded"]:
        title = next(doctree.findall(nodes.title))
        warning = nodes.warning("", nodes.paragraph("", STOPPED))
        title.parent.insert(title.parent.index(title) + 1, warning)


def setup(app):
    app.add_node(execution_table)
    app.add_directive("execution-table", ExecutionTable)
    app.connect("doctree-resolved", fill)
    return {"parallel_read_safe": True}

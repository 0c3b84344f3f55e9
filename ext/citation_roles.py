"""The entries of a bibliography as items of its list, which screen readers count.

docutils gives them the role `doc-biblioentry`, which ARIA has given up and which no list may contain.
"""


def name_items(app, pagename, templatename, context, doctree):
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


def setup(app):
    app.connect("html-page-context", name_items)
    return {"parallel_read_safe": True}

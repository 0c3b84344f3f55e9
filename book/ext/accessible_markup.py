"""Markup of Sphinx and myst-nb that misleads screen readers, put right.

- docutils gives entries of a bibliography the role `doc-biblioentry`, which ARIA has given up and
  which no list may contain: they are items of their list.
- myst-nb names a folded cell other than by its visible text.

They are mended here because no extension does: the markup is that of docutils and myst-nb.
"""

REPAIRS = {
    'role="doc-biblioentry"': 'role="listitem"',
    '<summary aria-label="Toggle hidden content">': "<summary>",
}


def repair(app, pagename, templatename, context, doctree):
    for wrong, right in REPAIRS.items():
        if "body" in context:
            context["body"] = context["body"].replace(wrong, right)


def setup(app):
    app.connect("html-page-context", repair)
    return {"parallel_read_safe": True}

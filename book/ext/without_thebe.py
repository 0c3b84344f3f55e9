"""Leave out Thebe, which Jupyter Book adds to every page: it needs a network, and is added twice.

Jupyter Book's setting hides its button and loads it all the same.
"""


def is_thebe(script):
    body = getattr(script, "attributes", {}).get("body") or ""
    return "thebe" in f"{getattr(script, 'filename', script)} {body}".lower()


def drop(app, pagename, templatename, context, doctree):
    context["script_files"] = [s for s in context["script_files"] if not is_thebe(s)]


def setup(app):
    app.connect("html-page-context", drop, priority=900)
    return {"parallel_read_safe": True}

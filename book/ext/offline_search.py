"""Search that works from a file.

Results are found in an index that is a script; their excerpts are fetched from the pages, which
browsers forbid for pages opened from files. There the results come without excerpts.
"""

SCRIPT = 'if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;'


def setup(app):
    # After documentation_options.js (priority 500 and first), before searchtools.js reads it on load.
    app.add_js_file(None, body=SCRIPT, priority=600)
    return {"parallel_read_safe": True}

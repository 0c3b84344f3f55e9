"""The pages as they were built, for the extensions that read them when the build has ended."""

import re
from functools import lru_cache
from pathlib import Path

from bs4 import BeautifulSoup

CODE = re.compile(r"<pre>.*?</pre>", re.DOTALL)


@lru_cache(maxsize=1)
def built_pages(app):
    """Each page of the build `app`, parsed once: a dict from its name to a `BeautifulSoup`.

    Without code, which is most of the tags and is neither searched nor previewed. By html.parser: lxml
    is no faster here, since making Python's objects takes the time.
    """
    files = {page: Path(app.outdir) / f"{page}.html" for page in sorted(app.env.found_docs)}
    return {
        page: BeautifulSoup(CODE.sub("", file.read_text()), "html.parser")
        for page, file in files.items()
        if file.exists()
    }

"""Where the project lives online, and the addresses that follow from it.

The one place that says so is `repository: url:` in `_config.yml`. While that is still the placeholder,
a build on GitHub takes the repository it runs in.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import yaml_files

BRANCH = "notebooks"
"""The branch of generated notebooks, which `publish/notebooks.py` writes."""

EXTRAS = ("figures", "images", "simulator", "sweeps")
"""What the chapters need of the package, beside itself."""

PLACEHOLDER = "OWNER/REPO"


def repository(root):
    """The address of the repository whose `_config.yml` is in `root`."""
    url = yaml_files.load(Path(root) / "_config.yml")["repository"]["url"].rstrip("/")
    if url.endswith(PLACEHOLDER) and "GITHUB_REPOSITORY" in os.environ:
        return url.removesuffix(PLACEHOLDER) + os.environ["GITHUB_REPOSITORY"]
    return url


def site(url):
    """The address of the book on GitHub Pages."""
    owner, name = urlsplit(url).path.strip("/").split("/")
    return f"https://{owner.lower()}.github.io/{name}/"


def requirement(url):
    """What pip installs to run a chapter."""
    return f"deep-linear-dynamics[{','.join(EXTRAS)}] @ git+{url}@{BRANCH}"


def colab(url, page):
    """A chapter's notebook on Colab."""
    path = urlsplit(url).path.strip("/")
    return f"https://colab.research.google.com/github/{path}/blob/{BRANCH}/{page}.ipynb"


def binder(url, page):
    """A chapter's notebook on Binder, in JupyterLab."""
    path = urlsplit(url).path.strip("/")
    return f"https://mybinder.org/v2/gh/{path}/{BRANCH}?labpath={page}.ipynb".replace(
        page, page.replace("/", "%2F")
    )


def one_pdf(url):
    """Where the whole book is as one file, in words: the weekly workflow attaches it to a release."""
    if url.endswith(PLACEHOLDER):
        return "one PDF (`make pdf`)"
    return f"[one PDF]({url}/releases/download/book/book.pdf), printed every week"


def add_to_pages(app, config):
    """`{{ repository }}` and `{{ pdf }}` in the text of a page."""
    url = repository(app.srcdir)
    config.myst_substitutions |= {"repository": url, "pdf": one_pdf(url)}


def setup(app):
    app.connect("config-inited", add_to_pages)
    return {"parallel_read_safe": True}

"""Chapters and the explorer end with the ways to run them: download, JupyterLab, Colab, Binder.

Colab and Binder open what stands at the repository's address: links to them are drawn once it is set.

The edition for students sets `notebook_folder`: its links lead to the notebooks without solutions.

The theme's own launch buttons need the address, and open sources in place of notebooks.
"""

from pathlib import Path

import nbformat
from plain_notebook import portable
from repository import PLACEHOLDER, binder, colab, repository, requirement

FOLDERS = ("chapters/", "live/")
"""Where the pages are that readers may want to run."""

BLOCK = """
<section id="run-this-page" class="run-it">
<h2>Run this page</h2>
<p><a href="{download}" download>Download the executed notebook</a>{online}.</p>
<details><summary>In JupyterLab, {place}</summary>
<pre tabindex="0">{commands}</pre>
</details>
</section>
"""

COMPLETE = """\
make notebooks
.venv/bin/pip install jupyterlab
.venv/bin/jupyter lab notebooks/{name}.ipynb"""

DOWNLOADED = """\
pip install jupyterlab
jupyter lab {name}.ipynb"""


def is_notebook(pagename):
    return pagename.startswith(FOLDERS)


def addresses(app, pagename):
    """Where a page's notebook opens, by the service's name; nowhere while there is no address."""
    url, page = repository(app.srcdir), f"{app.config.notebook_folder}{pagename}"
    if url.endswith(PLACEHOLDER):
        return {}
    return {"Colab": colab(url, page), "Binder": binder(url, page)}


def offer_notebook(app, pagename, templatename, context, doctree):
    """Copy the executed notebook beside the page's source, where the theme's button looks for it."""
    if not is_notebook(pagename) or app.builder.format != "html":
        return
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
    needs = requirement(repository(app.srcdir))
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(portable(nbformat.read(executed, 4), needs), target)
    context["ipynb_source"] = f"{pagename}.ipynb"
    complete = not app.config.notebook_folder
    online = " or ".join(
        f'<a href="{link}">{service}</a>' for service, link in addresses(app, pagename).items()
    )
    commands = COMPLETE if complete else DOWNLOADED
    context["body"] += BLOCK.format(
        download=f"{context['pathto']('_sources', 1)}/{pagename}.ipynb",
        online=f", or open it on {online}" if online else "",
        place="from a copy of the repository" if complete else "beside the downloaded notebook",
        commands=commands.format(name=Path(pagename).name),
    )


def add_buttons(app, pagename, templatename, context, doctree):
    """Colab and Binder in the page's header, before the downloads."""
    online = addresses(app, pagename)
    if not is_notebook(pagename) or app.builder.format != "html" or not online:
        return
    context["header_buttons"].insert(
        0,
        {
            "type": "group",
            "label": "launch-buttons",
            "tooltip": "Run this page online",
            "icon": "fas fa-rocket",
            "buttons": [
                {
                    "type": "link",
                    "text": name,
                    "url": link,
                    "tooltip": f"Open the notebook on {name}",
                    "icon": "fas fa-play",
                    "label": f"launch-{name.lower()}",
                }
                for name, link in online.items()
            ],
        },
    )


def setup(app):
    app.setup_extension("repository")
    app.add_config_value("notebook_folder", "", "html")
    # The theme makes its buttons at 501: it must know of the notebook before, and ours come after.
    app.connect("html-page-context", offer_notebook, priority=400)
    app.connect("html-page-context", add_buttons, priority=600)
    return {"parallel_read_safe": True}

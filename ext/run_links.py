"""Every chapter ends with the ways to run it: download, JupyterLab, Colab, Binder."""

from pathlib import Path

import nbformat
from plain_notebook import portable
from repository import binder, colab, repository, requirement

BLOCK = """
<section id="run-this-chapter" class="run-it">
<h2>Run this chapter</h2>
<p><a href="{download}" download>Download the executed notebook</a>,
or open it on <a href="{colab}">Colab</a> or <a href="{binder}">Binder</a>.</p>
<p>In JupyterLab, from a copy of the repository:</p>
<pre tabindex="0">make notebooks
.venv/bin/pip install jupyterlab
.venv/bin/jupyter lab notebooks/{name}.ipynb</pre>
</section>
"""


def is_chapter(pagename):
    return pagename.startswith("chapters/")


def offer_notebook(app, pagename, templatename, context, doctree):
    """Copy the executed notebook beside the page's source, where the theme's button looks for it."""
    if not is_chapter(pagename) or app.builder.format != "html":
        return
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
    url = repository(app.srcdir)
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(portable(nbformat.read(executed, 4), requirement(url)), target)
    context["ipynb_source"] = f"{pagename}.ipynb"
    context["body"] += BLOCK.format(
        name=Path(pagename).name,
        download=f"{context['pathto']('_sources', 1)}/{pagename}.ipynb",
        colab=colab(url, pagename),
        binder=binder(url, pagename),
    )


def add_buttons(app, pagename, templatename, context, doctree):
    """Colab and Binder in the page's header, before the downloads."""
    if not is_chapter(pagename) or app.builder.format != "html":
        return
    url = repository(app.srcdir)
    links = {"Colab": colab(url, pagename), "Binder": binder(url, pagename)}
    context["header_buttons"].insert(
        0,
        {
            "type": "group",
            "label": "launch-buttons",
            "tooltip": "Run this chapter online",
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
                for name, link in links.items()
            ],
        },
    )


def setup(app):
    app.setup_extension("repository")
    # The theme makes its buttons at 501: it must know of the notebook before, and ours come after.
    app.connect("html-page-context", offer_notebook, priority=400)
    app.connect("html-page-context", add_buttons, priority=600)
    return {"parallel_read_safe": True}

"""What search engines and messengers show of a page: description, preview picture, icon.

The description is the beginning of the page's own text; the picture is drawn from the theory when
the book is built.
"""

import html
import re
from pathlib import Path

import matplotlib.pyplot as plt
from docutils import nodes
from repository import repository, site

import lib
from lib.pictures import plots

PICTURE = "social-preview.png"
WORDS = re.compile(r"^What you will be able to do\.\s*")


def description(doctree, longest=200):
    """The first paragraphs of a page, up to `longest` characters, cut at a word."""
    text = ""
    for paragraph in doctree.findall(nodes.paragraph):
        if "needs" in paragraph["classes"] or paragraph.next_node(nodes.math):
            continue
        if isinstance(paragraph.parent, nodes.section):
            text = f"{text} {paragraph.astext()}".strip()
        if len(text) > longest:
            break
    text = WORDS.sub("", " ".join(text.split()))
    return text if len(text) <= longest else text[:longest].rsplit(" ", 1)[0] + " …"


def tags(title, about, address, site_name, picture):
    """The elements of the page's head."""
    properties = {
        "og:title": title,
        "og:description": about,
        "og:type": "article",
        "og:url": address,
        "og:site_name": site_name,
        "og:image": picture,
        "og:image:alt": "Learning curves of deep linear networks at four widths",
        "twitter:card": "summary_large_image",
    }
    lines = [f'<meta name="description" content="{html.escape(about)}" />']
    lines += [
        f'<meta {"name" if key.startswith("twitter") else "property"}="{key}" '
        f'content="{html.escape(value)}" />'
        for key, value in properties.items()
    ]
    return "\n".join(lines)


def add(app, pagename, templatename, context, doctree):
    if doctree is None:
        return
    home, name = site(repository(app.srcdir)), app.config.html_title
    title = re.sub("<[^>]*>", "", html.unescape(context.get("title", name)))
    about = description(doctree) or title
    address = f"{home}{pagename}.html"
    context["metatags"] = context.get("metatags", "") + tags(
        title, about, address, name, f"{home}_static/{PICTURE}"
    )


def draw(path, title):
    """Learning curves at four widths, as a picture of 1200 x 630 pixels."""
    with plt.rc_context(plots.STYLE | {"font.size": 20, "lines.linewidth": 5}):
        figure, ax = plt.subplots(figsize=(12, 6.3), dpi=100)
        for color, width in zip(plots.shades(4), (0.25, 0.5, 1.0, 4.0), strict=True):
            theory = lib.solve(lib.Network(3, width), lib.Data(), lib.GradientDescent(60, 0.02))
            plots.theory(
                ax, theory.times, theory.excess_loss, color=color, label=rf"$\nu = {width}$"
            )
        ax.set(yscale="log", xlabel="step $t$", ylabel="excess loss")
        ax.set_title(title, fontsize=34, loc="left")
        ax.legend()
        figure.savefig(path)
        plt.close(figure)


def write(app, exception):
    if exception is None and app.builder.format == "html":
        draw(Path(app.outdir) / "_static" / PICTURE, app.config.html_title)


def setup(app):
    app.connect("html-page-context", add)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}

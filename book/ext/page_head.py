"""What search engines and messengers show of a page: sphinxext-opengraph, told where the book is, and a picture.

The picture is drawn from the theory when the book is built.
"""

from pathlib import Path

import matplotlib.pyplot as plt
from repository import repository, site

import lib
from lib.pictures import plots

PICTURE = "social-preview.png"


def configure(app, config):
    config.ogp_site_url = site(repository(app.srcdir))
    config.ogp_site_name = config.html_title
    config.ogp_type = "article"
    config.ogp_image = f"_static/{PICTURE}"
    config.ogp_image_alt = "Learning curves of deep linear networks at four widths"
    config.ogp_custom_meta_tags = ['<meta name="twitter:card" content="summary_large_image" />']


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
    app.setup_extension("sphinxext.opengraph")
    app.connect("config-inited", configure)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}

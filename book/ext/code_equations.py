"""Code cites equations by label, {eq}`width-lazy`; a reader of the page sees the number, (6.2).

Roles of Sphinx end where a block of code begins.
"""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

CITED = re.compile(r"\{eq\}`([\w-]+)`")


def number(env, label):
    """The number of an equation as the page shows it, or None."""
    page, plain = env.get_domain("math").equations.get(label, (None, None))
    if page is None:
        return None
    numbers = env.toc_fignumbers.get(page, {}).get("displaymath", {})
    parts = numbers.get(nodes.make_id(f"equation-{label}")) or (plain,)
    return ".".join(map(str, parts))


class CiteInCode(SphinxPostTransform):
    default_priority = 50

    def run(self, **_):
        for block in self.document.findall(nodes.literal_block):
            text = block.astext()
            if "{eq}`" not in text:
                continue

            def name(match):
                found = number(self.env, match[1])
                return match[0] if found is None else f"({found})"

            changed = CITED.sub(name, text)
            block.rawsource, block.children = changed, []
            block += nodes.Text(changed)


def setup(app):
    app.add_post_transform(CiteInCode)
    return {"parallel_read_safe": True}

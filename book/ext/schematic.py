"""`{schematic} NAME` is a numbered figure drawn by code, book/drawings; its text is the caption.

matplotlib's plot directive runs code that stands in the page, and its colors do not follow the theme.
"""

from docutils import nodes
from drawings import DRAWINGS
from sphinx.util.docutils import SphinxDirective


class Schematic(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec = {"name": str}  # noqa: RUF012

    def run(self):
        (name,) = self.arguments
        if name not in DRAWINGS:
            raise self.error(f"there is no schematic {name}: draw one of {', '.join(DRAWINGS)}")
        held = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, held)
        words = [node for node in held.children if isinstance(node, nodes.paragraph)]
        if len(words) != 1:
            raise self.error("a schematic has a caption of one paragraph")
        figure = nodes.figure("", classes=["schematic"])
        self.set_source_info(figure)
        # The arrows of a drawing are named once in a page.
        key = f"s{self.env.new_serialno('schematic')}"
        drawn = DRAWINGS[name]().replace("s-arrow-", f"{key}-arrow-")
        figure += nodes.raw("", drawn, format="html")
        figure += nodes.caption("", "", *words[0].children)
        self.add_name(figure)
        return [figure]


def setup(app):
    app.add_directive("schematic", Schematic)
    return {"parallel_read_safe": True}

"""The bibliography is labeled as the text cites: "Yang et al., 2021".

sphinxcontrib-bibtex has no such style; its manual says to write one, as here.
"""

from collections import Counter

from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle

NAME = "author_year"


def label(authors, year):
    """ "A, 2020", "A and B, 2020" or "A et al., 2020"; `authors` are family names."""
    if len(authors) > 2:
        return f"{authors[0]} et al., {year}"
    return f"{' and '.join(authors)}, {year}"


def family(person):
    """The family name as it is read, without what LaTeX needs for its accents and groups."""
    names = [*person.rich_prelast_names, *person.rich_last_names]
    return " ".join(str(name) for name in names)


class AuthorYearLabels(BaseLabelStyle):
    def format_labels(self, sorted_entries):
        plain = [
            label([family(p) for p in entry.persons["author"]], entry.fields["year"])
            for entry in sorted_entries
        ]
        shared, seen = Counter(plain), Counter()
        for text in plain:
            seen[text] += 1
            yield text + ("abcdefgh"[seen[text] - 1] if shared[text] > 1 else "")


class AuthorYearStyle(Style):
    default_sorting_style = "author_year_title"
    default_label_style = AuthorYearLabels


def setup(app):
    register_plugin("pybtex.style.formatting", NAME, AuthorYearStyle)
    return {"parallel_read_safe": True}

"""What references are called, read from the sources: "chapter 14 (Power laws)", "(14.7)", "Fig. 14.3".

Sphinx numbers the same things in the same order for the book; notebooks are written without it.
"""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import author_year
import chapter_role
import exercise_table
import yaml_files
from pybtex.backends.markdown import Backend
from pybtex.database import parse_file

CHAPTERS = "chapters/"
SOURCES = "references.bib"

# The things with a number, in the order of a page: (kind, pattern of the label).
NUMBERED = re.compile(
    r"^```\{math\}\n:label: *(?P<equation>\S+)"
    r"|^```\{schematic\}[^\n]*\n(?::(?!name)[a-z]+:[^\n]*\n)*:name: *(?P<drawing>\S+)"
    r"|^mystnb:\n  figure:\n    name: *(?P<figure>\S+)"
    r"|^```\{exercise-start\}\n:label: *(?P<exercise>\S+)",
    re.M,
)
ESCAPED = re.compile(r"\\([.\-()!+#])")
LABEL = re.compile(r"^\(([\w-]+)\)=\n+#+ +(.+)$", re.M)


class Names:
    """Names of chapters, sections, equations, figures, exercises and sources by their labels.

    numbers : {(kind, label): "14.7"}; kinds are "equation", "figure", "exercise"
    places : {label: page}
    """

    def __init__(self, root):
        self.root = Path(root)
        self.chapters = chapter_role.listed(root)
        self.efforts = exercise_table.facts(root)
        self.numbers, self.places, self.titles = {}, {}, {}
        toc = yaml_files.load(self.root / "_toc.yml")
        pages = [toc["root"], *(page for page, _ in chapter_role.entries(toc))]
        chapter, alone = 0, Counter()
        for page in pages:
            path = self.root / f"{page}.md"
            numbered = page.startswith(CHAPTERS)
            chapter += numbered
            if path.exists():
                counts = Counter() if numbered else alone
                self.read(page, path.read_text(), f"{chapter}." if numbered else "", counts)

    def read(self, page, text, before, counts):
        for match in NUMBERED.finditer(text):
            kind, label = match.lastgroup, match[match.lastgroup]
            kind = "figure" if kind == "drawing" else kind
            counts[kind] += 1
            self.numbers[kind, label] = f"{before}{counts[kind]}"
            self.places[label] = page
        for label, title in LABEL.findall(text):
            self.titles[label], self.places[label] = title, page

    def equation(self, label):
        return f"({self.numbers['equation', label]})"

    def figure(self, label):
        return f"Fig. {self.numbers['figure', label]}"

    def exercise(self, label):
        """Number, level and minutes."""
        title = f"Exercise {self.numbers['exercise', label]}"
        known = self.efforts.get(label)
        return f"{title} ({exercise_table.describe(*known)})" if known else title

    def reference(self, label, begins=False, titled=True):
        """What a reference shows: a chapter with its number and title, anything else by its own name."""
        if label in self.chapters:
            return chapter_role.name(*self.chapters[label], begins=begins, titled=titled)
        for kind in ("figure", "exercise"):
            if (kind, label) in self.numbers:
                return {"figure": "Fig. ", "exercise": "Exercise "}[kind] + self.numbers[
                    kind, label
                ]
        return self.titles[label]

    def citation(self, key, textual=False):
        """ "Jacot et al., 2018", in a sentence "Jacot et al. [2018]"."""
        entry = sources(self.root / SOURCES).entries[key]
        words = author_year.label(
            [author_year.family(p) for p in entry.persons["author"]], entry.fields["year"]
        )
        return "{} [{}]".format(*words.rsplit(", ", 1)) if textual else words

    def listed(self, keys):
        """The sources `keys` as lines of Markdown, in the order of the bibliography."""
        known = sources(self.root / SOURCES)
        style, show = author_year.AuthorYearStyle(), Backend()
        entries = list(style.format_entries([known.entries[key] for key in keys], known))
        lines = [" ".join(ESCAPED.sub(r"\1", entry.text.render(show)).split()) for entry in entries]
        return [f"- {entry.label}. {line}" for entry, line in zip(entries, lines, strict=True)]


@cache
def sources(path):
    return parse_file(path)


@cache
def names(root):
    """The `Names` of the book in `root`; its files are read once."""
    return Names(root)

"""What checks print, as a reader takes it in: verdicts as a table, words of the text that were held below.

A verdict of `lib.agree` is one line, a sentence; several of them with their names are rows of one table.
`lib.says` prints the words of the text that it holds and what was computed: on a page these stand below
the rest, each words once. The notebook keeps both as they were printed.

myst-nb shows what code prints as it is; the two kinds of lines are this book's.
"""

import re

from docutils import nodes

VERDICT = re.compile(
    r"(?P<name>.*?)\s*(?P<verdict>agree|DISAGREE at point \d+): "
    r"largest deviation (?P<deviation>\S+) of (?P<allowed>\S+) allowed"
    r"(?:, beyond (?P<beyond>\S+ %) for finite size)?; "
    r"would have caught (?P<catches>\S+ %)(?: \((?P<single>\S+ %) at one point\))?"
    r"(?:[;,] (?P<rest>.*))?\s*"
)
HELD = re.compile(r'"(?P<words>[^"]+)": (?P<values>[^":]+)')

MANY = 5
"""So many values are told by the smallest and the largest."""

ALIGNED = re.compile(r"^\s*\S.* {2,}\S", re.M)
"""A line in columns; a print with several such lines keeps them on a narrow screen too."""

COLUMNS = {
    "verdict": "verdict",
    "deviation": "deviation",
    "beyond": "beyond",
    "catches": "would catch",
    "single": "at one point",
    "rest": "",
}
"""The columns of a table of verdicts, and their heads; one without an entry is left out."""


def read(text):
    """The parts of a print: [(kind, lines)] with kind "text", "verdicts" or "held", in their order.

    A single verdict stays a sentence. Held words come last, as (words, values) with each words once.
    """
    parts, held = [], {}
    for line in text.rstrip("\n").split("\n"):
        if match := HELD.fullmatch(line):
            held.setdefault(match["words"], []).append(match["values"])
            continue
        match = VERDICT.fullmatch(line)
        kind, entry = ("verdicts", match) if match else ("text", line)
        if not parts or parts[-1][0] != kind:
            parts.append((kind, []))
        parts[-1][1].append(entry)
    joined = []
    for kind, lines in parts:
        if kind == "verdicts" and len(lines) == 1:
            kind, lines = "text", [lines[0][0]]
        if joined and kind == joined[-1][0] == "text":
            joined[-1][1].extend(lines)
        else:
            joined.append((kind, lines))
    if held:
        joined.append(("held", [(words, span(values)) for words, values in held.items()]))
    return joined


def span(values):
    """All values as they were printed, or the smallest and the largest of many."""
    single = ", ".join(values).split(", ")
    if len(single) < MANY:
        return ", ".join(single)
    ordered = sorted(single, key=lambda value: float(value.removesuffix(" %")))
    return f"{ordered[0]} to {ordered[-1]}"


def rows(verdicts, heads=()):
    """Head and body of a table of verdicts, as texts; `heads` name the parts of the verdicts' names."""
    filled = [
        {
            **match.groupdict(),
            "deviation": f"{match['deviation']} of {match['allowed']}",
            "verdict": match["verdict"].replace("DISAGREE", "disagree"),
        }
        for match in verdicts
    ]
    kept = [column for column in COLUMNS if any(row[column] for row in filled)]
    names = [row["name"].split() if heads else [unbroken(row["name"])] for row in filled]
    if not any(any(name) for name in names):
        names = [[] for _ in names]
    head = [*(heads or [""] * len(names[0])), *(COLUMNS[column] for column in kept)]
    body = [
        [*name, *(row[column] or "" for column in kept)]
        for name, row in zip(names, filled, strict=True)
    ]
    return head, body


def unbroken(name):
    """The name of a verdict; a number and its error stay in one line."""
    return name.rstrip(" :;,").replace(" +- ", "\N{NO-BREAK SPACE}+-\N{NO-BREAK SPACE}")


def named(line, verdicts):
    """The heads in `line` if each verdict's name is that many numbers; none otherwise."""
    heads = line.split()
    for match in verdicts:
        numbers = match["name"].split()
        if len(numbers) != len(heads) or not all(re.match(r"[-+.\d]|inf", n) for n in numbers):
            return []
    return heads


def table(head, body):
    found = nodes.table("", classes=["verdicts"])
    group = nodes.tgroup("", cols=len(head))
    found += group
    group += [nodes.colspec("", colwidth=1) for _ in head]
    for part, lines in ((nodes.thead(), [head]), (nodes.tbody(), body)):
        group += part
        for line in lines:
            part += nodes.row("", *(nodes.entry("", nodes.paragraph(text=cell)) for cell in line))
    return found


def aligned(block):
    """The block, marked as a table if its lines are in columns."""
    if len(ALIGNED.findall(block.astext())) > 1:
        block["classes"].append("aligned")
    return block


def shown(block):
    """The nodes in place of a literal block of prints; itself if it holds neither kind."""
    parts, found = read(block.astext()), []
    if all(kind == "text" for kind, _ in parts):
        return [aligned(block)]
    for k, (kind, lines) in enumerate(parts):
        if kind == "text":
            after = parts[k + 1] if k + 1 < len(parts) else ("", [])
            if after[0] == "verdicts" and named(lines[-1], after[1]):
                lines = lines[:-1]
            if lines:
                text = "\n".join(lines)
                copy = nodes.literal_block(text, text, **block.attributes)
                found.append(aligned(copy))
        elif kind == "verdicts":
            before = parts[k - 1][1][-1] if k else ""
            found.append(table(*rows(lines, named(before, lines))))
        else:
            said = nodes.paragraph("", "", classes=["held"])
            said += nodes.inline("", "In the text: ")
            for j, (words, values) in enumerate(lines):
                said += nodes.Text("; " if j else "")
                said += nodes.inline("", f"“{words}”", classes=["words"])
                said += nodes.Text(f" {values}")
            found.append(said)
    return [nodes.container("", *found, classes=["evidence"])]


def replace(app, doctree):
    for block in list(doctree.findall(nodes.literal_block)):
        if "stream" in block["classes"] and "stderr" not in block["classes"]:
            block.parent.replace(block, shown(block))


def setup(app):
    app.connect("doctree-read", replace)
    return {"parallel_read_safe": True}

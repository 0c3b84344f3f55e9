"""The whole book as one PDF: `python -m pdf HTML FILE`, from the built pages in the folder HTML.

Chromium prints the pages in the order of the contents; links between them become links inside the file,
chapters and sections become bookmarks. Solutions are printed, folded code is not.
"""

import html
import io
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml_files
from playwright.sync_api import sync_playwright
from publish.chapters import ROOT
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, NameObject, NumberObject

FLAGS = ["--no-sandbox", "--disable-gpu"]
STYLE = """
@page {{ size: A4; margin: 18mm 18mm 20mm; @bottom-center {{ content: counter(page{style}); font: 9pt sans-serif; color: #444; }} }}
html {{ counter-reset: page {before}; }}
"""
# Live figures are printed when their networks are trained and their bowls are solved.
AT_REST = """
() => [...document.querySelectorAll(".live-words")]
  .every((e) => e.textContent && !/Training|Solving/.test(e.textContent))
"""
PATIENCE = 60_000
"""Milliseconds for live figures to come to rest."""

# Chromium keeps the places that a link inside the page leads to: one is made for each.
MARK = """
(ids) => {
  document.querySelectorAll(".toggle-hidden").forEach((e) => e.classList.remove("toggle-hidden"));
  document.querySelectorAll(".quiz-why, .quiz-see").forEach((e) => { e.hidden = false; });
  const marks = document.createElement("div");
  marks.style.cssText = "position: absolute; top: 0; font-size: 1px; opacity: 0";
  marks.id = "marks-of-the-pdf";
  for (const id of ids) {
    const link = document.createElement("a");
    link.href = "#" + encodeURIComponent(id);
    link.textContent = ".";
    if (document.getElementById(id)) marks.append(link);
  }
  document.body.append(marks);
}
"""
READ = """
() => {
  const article = document.querySelector("article.bd-article") || document.body;
  for (const item of window.MathJax?.startup?.document?.math ?? []) {
    item.typesetRoot.dataset.words = item.math;
  }
  const words = (e) => {
    const copy = e.cloneNode(true);
    copy.querySelectorAll(".headerlink, mjx-assistive-mml").forEach((x) => x.remove());
    copy.querySelectorAll("mjx-container").forEach((x) => x.replaceWith(x.dataset.words || ""));
    return copy.textContent.replace(/\\s+/g, " ").trim();
  };
  const title = document.querySelector("h1");
  const number = title.querySelector(".section-number");
  const bare = title.cloneNode(true);
  bare.querySelectorAll(".section-number").forEach((x) => x.remove());
  return {
    title: words(bare),
    number: number ? number.textContent.trim() : "",
    links: [...article.querySelectorAll("a[href]")].map((a) => a.href),
    sections: [...article.querySelectorAll("h2")].map((h) => [h.parentElement.id, words(h)])
      .filter(([id]) => id),
  };
}
"""


def contents(root):
    """(heading of the part or None, [(page, short title), ..]) in the order of the book."""
    toc = yaml_files.load(Path(root) / "_toc.yml")
    found = [(None, [(toc["root"], None)])]
    for part in toc.get("parts", [toc]):
        pages = [(entry["file"], entry.get("title")) for entry in part["chapters"]]
        if part.get("caption") or not found:
            found.append((part.get("caption"), pages))
        else:
            found[-1][1].extend(pages)
    return found


def target(address, folder):
    """(page, id) that an address below `folder` names; None elsewhere."""
    parts = urlsplit(address)
    if parts.scheme != "file":
        return None
    path = Path(unquote(parts.path))
    if not path.is_relative_to(folder) or path.suffix != ".html":
        return None
    return path.relative_to(folder).with_suffix("").as_posix(), unquote(parts.fragment)


class Printer:
    """Pages of the book in Chromium: what they link to, and how they print."""

    def __init__(self, browser, folder):
        self.folder = folder
        self.tab = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")

    def open(self, page):
        self.tab.goto((self.folder / f"{page}.html").as_uri())
        self.tab.wait_for_load_state("load")
        self.tab.evaluate("() => window.MathJax?.startup?.promise")

    def read(self, page):
        """Links and sections of a page, and its title."""
        self.open(page)
        found = self.tab.evaluate(READ)
        return found

    def print(self, page, ids, before, style=""):
        """The page as a PDF; its numbers follow `before`."""
        self.open(page)
        self.tab.wait_for_function(AT_REST, timeout=PATIENCE)
        if self.tab.locator("fieldset.quiz").count():
            self.tab.wait_for_selector("html[data-quizzes=ready]")
        self.tab.evaluate(MARK, ids)
        return self.paper(before, style)

    def paper(self, before, style=""):
        self.tab.add_style_tag(content=STYLE.format(before=before, style=style))
        return self.tab.pdf(prefer_css_page_size=True, print_background=True)

    def cover(self, title, author, lines):
        """Title and table of contents; `lines` are (level, words, number of the page or None)."""
        rows = "".join(
            f'<p style="margin: {0.5 if level == 0 else 0.15}em 0 0 {1.5 * level}em; display: flex; '
            f'font-weight: {600 if level == 0 else 400}"><a href="https://book.invalid/{k}" '
            f'style="flex: 1; color: inherit; text-decoration: none">{html.escape(words)}</a>'
            f"<span>{'' if number is None else number}</span></p>"
            for k, (level, words, number) in enumerate(lines)
        )
        self.tab.set_content(
            f'<body style="font-family: sans-serif"><h1 style="margin-top: 30vh; font-size: 32pt">'
            f"{html.escape(title)}</h1><p>{html.escape(author)}</p>"
            f'<h2 style="break-before: page">Contents</h2>{rows}</body>'
        )
        return self.paper(0, ", lower-roman")


class Joined:
    """One PDF of several, with the places that links name."""

    def __init__(self, folder):
        self.folder, self.writer = folder, PdfWriter()
        self.places, self.origins, self.starts = {}, [], {}

    def __len__(self):
        return len(self.writer.pages)

    def add(self, page, document):
        """Append what `page` printed as, a `PdfReader`."""
        first = self.starts[page] = len(self)
        for sheet in document.pages:
            self.writer.add_page(sheet)
            self.origins.append(page)
        for name, place in document.named_destinations.items():
            sheet = first + document.get_destination_page_number(place)
            self.places[page, unquote(name.removeprefix("/"))] = (sheet, float(place.top))

    def place(self, page, key):
        """Sheet and height of an id of a page; the page's beginning if it has no such id."""
        if page not in self.starts:
            return None
        return self.places.get((page, key), (self.starts[page], None))

    def destination(self, sheet, top):
        """A destination in the sense of PDF 1.7, section 12.3.2.2."""
        height = self.writer.pages[sheet].mediabox.height if top is None else top
        number = NumberObject(int(height))
        reference = self.writer.pages[sheet].indirect_reference
        return ArrayObject(
            [reference, NameObject("/XYZ"), NumberObject(0), number, NumberObject(0)]
        )

    def bookmark(self, words, page, key="", parent=None):
        sheet, top = self.place(page, key)
        item = self.writer.add_outline_item(title=words, page_number=sheet, parent=parent)
        item.get_object()[NameObject("/Dest")] = self.destination(sheet, top)
        item.get_object().pop("/A", None)
        return item

    def lead(self, covered):
        """Let every link inside the book lead to its place; `covered` are those of the contents."""
        for sheet, page in enumerate(self.origins):
            annotations = self.writer.pages[sheet].get("/Annots", [])
            kept = ArrayObject()
            for reference in annotations:
                link = reference.get_object()
                found = self.named(link, page, covered)
                if found is not None:
                    place = self.place(*found)
                    if place is None:
                        continue
                    link.pop("/A", None)
                    link[NameObject("/Dest")] = self.destination(*place)
                kept.append(reference)
            if annotations:
                self.writer.pages[sheet][NameObject("/Annots")] = kept

    def named(self, link, page, covered):
        """(page, id) that a link names; None if it leads out of the book."""
        if link.get("/Dest") is not None:
            return page, unquote(str(link["/Dest"]).removeprefix("/"))
        address = str(link.get("/A", {}).get("/URI", ""))
        if address.startswith("https://book.invalid/"):
            return covered[int(address.rpartition("/")[2])]
        if address.startswith("file:"):
            return target(address, self.folder) or ("", "")
        return None


def name(found, title):
    """Number and short title of a page."""
    return f"{found['number']} {title or found['title']}".strip()


def write(browser, folder, file, root=ROOT, say=print):
    """Print the built pages in `folder` into `file`."""
    folder, parts = Path(folder).resolve(), contents(root)
    config = yaml_files.load(Path(root) / "_config.yml")
    order = [page for _, pages in parts for page, _ in pages]
    printer = Printer(browser, folder)
    read = {page: printer.read(page) for page in order}
    wanted = {page: [key for key, _ in read[page]["sections"]] for page in order}
    for found in read.values():
        for address in found["links"]:
            page, key = target(address, folder) or ("", "")
            if key and page in wanted and key not in wanted[page]:
                wanted[page].append(key)
    printed, lines, covered, before = {}, [], [], 0
    for part, pages in parts:
        lines += [(0, part, None)] if part else []
        covered += [(pages[0][0], "")] if part else []
        for page, title in pages:
            printed[page] = PdfReader(io.BytesIO(printer.print(page, wanted[page], before)))
            lines.append((1 if part else 0, name(read[page], title), before + 1))
            covered.append((page, ""))
            before += len(printed[page].pages)
            say(f"{page}: {len(printed[page].pages)} sheets")
    front = printer.cover(config["title"], config["author"], lines)
    joined = Joined(folder)
    joined.add("", PdfReader(io.BytesIO(front)))
    for page in order:
        joined.add(page, printed[page])
    joined.lead(covered)
    for part, pages in parts:
        above = joined.bookmark(part, pages[0][0]) if part else None
        for page, title in pages:
            item = joined.bookmark(name(read[page], title), page, parent=above)
            for key, words in read[page]["sections"]:
                joined.bookmark(words, page, key, parent=item)
    joined.writer.add_metadata({"/Title": config["title"], "/Author": config["author"]})
    joined.writer.compress_identical_objects()
    joined.writer.write(file)


if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        write(chromium, *sys.argv[1:])
        chromium.close()

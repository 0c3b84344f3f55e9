"""Use the runs of the book for the student edition: `python -m publish.student_runs SOURCES`.

A student's chapter is the book's without the cells of solutions. Where these come last, as they do, the cells
before them cannot know of them, and their outputs are those of the book: nothing is executed twice.
"""

import sys
from pathlib import Path

from execute import is_kept, notebooks, read
from jupyter_cache.base import CacheBundleIn
from kept_runs import KeptRuns

from publish.chapters import ROOT


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def same(ours, theirs):
    return ours.source == theirs.source and ours.metadata.get("tags") == theirs.metadata.get("tags")


def carry_over(student, book):
    """Give the student's notebook the outputs of the executed one; False if its cells are not the first."""
    ours, theirs = code(student), code(book)
    if len(ours) > len(theirs) or not all(map(same, ours, theirs)):
        return False
    for cell, executed in zip(ours, theirs, strict=False):
        cell.outputs, cell.execution_count = executed.outputs, executed.execution_count
        if "execution" in executed.metadata:
            cell.metadata["execution"] = executed.metadata["execution"]
    for name in ("kernelspec", "language_info", "widgets"):
        if name in book.metadata:
            student.metadata[name] = book.metadata[name]
    return True


def reuse(sources, root=ROOT):
    """Keep a run for each page of the edition that the book has run; their names."""
    cache, kept = KeptRuns(), []
    for page, student in notebooks(Path(sources)).items():
        book = read(Path(root) / f"{page}.md")
        if is_kept(cache, student) or book is None or not is_kept(cache, book):
            continue
        if carry_over(student, book):
            data = cache.match_cache_notebook(book).data
            bundle = CacheBundleIn(student, str(Path(sources) / f"{page}.md"), data=data)
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
            kept.append(page)
    return kept


if __name__ == "__main__":
    print(f"{len(reuse(Path(sys.argv[1]).resolve()))} pages take the outputs of the book")

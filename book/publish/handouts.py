"""The slides on paper, two on a page: `python -m publish.handouts FOLDER` prints the built decks into FOLDER.

Chromium prints the page of a deck; nothing is asked of the network.
"""

import shutil
import sys
from pathlib import Path

from pdf import FLAGS
from playwright.sync_api import sync_playwright

from publish.chapters import ROOT

DECKS = ROOT / "_build" / "html" / "slides"


def print_deck(browser, page, target):
    """Print a deck's page into a PDF."""
    tab = browser.new_page()
    tab.emulate_media(media="screen")
    tab.goto(f"{Path(page).as_uri()}?handout")
    tab.evaluate("() => MathJax.startup.promise")
    tab.evaluate("() => Promise.all([...document.images].map((image) => image.decode()))")
    tab.pdf(path=target, prefer_css_page_size=True, print_background=True)
    tab.close()


def main(folder):
    executable = shutil.which("chromium")
    if executable is None:
        sys.exit("Chromium is missing: install Debian's package 'chromium'")
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        for page in sorted(DECKS.glob("*.html")):
            print_deck(browser, page, Path(folder) / f"{page.stem}.pdf")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])

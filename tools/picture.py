"""Take a picture of a page of the grader's, for the documentation.

    python -m tools.picture reports/zhang/report.html docs/report.png
    python -m tools.picture reports/zhang/report.html docs/evidence.zh.png --lang zh --part evidence

Needs Chromium and Playwright (`axe-playwright-python` brings it, a test dependency). Exit codes:
0 done, 2 there is no such page or part, or no Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

WIDTH, HEIGHT = 900, 690


def take(page: Path, out: Path, language: str, part: str | None) -> None:
    """Write a PNG of the page's beginning, or of the section whose heading has the id `part`.

    Raises:
        LookupError: the page has no such part.
        OSError: Chromium cannot be started.
    """
    from playwright.sync_api import Error, sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        except Error as error:
            raise OSError(f"Chromium cannot be started: {error.message.splitlines()[0]}") from error
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        tab.goto(page.resolve().as_uri())
        tab.locator(f"label[for=in-{language}]").click()
        section = tab.locator(f"section[aria-labelledby={part}]")
        if part is not None and not section.count():
            raise LookupError(f"{page} has no part {part}")
        picture = tab.screenshot() if part is None else section.screenshot()
        browser.close()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(picture)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tools.picture", description="Take a picture of a page.")
    parser.add_argument("page", type=Path)
    parser.add_argument("out", type=Path, help="the PNG to write")
    parser.add_argument("--lang", choices=("en", "zh"), default="en")
    parser.add_argument("--part", help="id of a section's heading: next, input, classes, evidence, technical")
    options = parser.parse_args()
    if not options.page.is_file():
        parser.error(f"{options.page} does not exist: give a page that the grader wrote")
    try:
        take(options.page, options.out, options.lang, options.part)
    except (LookupError, OSError, ImportError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

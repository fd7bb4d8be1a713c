# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Galaxy as a person uses it, in a real Chromium: an upload and a tool, and in Flower which worker served them.

Run by molecule/monitoring, and on the demo by `make demo-browser`. SCREENSHOTS names the directory for the pictures;
those of the documentation are made so.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

GALAXY, FLOWER = os.environ["GALAXY_URL"], os.environ["FLOWER_URL"]
SECRETS = Path(os.environ["SECRETS_DIR"])
WORKERS = os.environ["WORKERS"].split()
PICTURES = Path(os.environ["SCREENSHOTS"])
USER = os.environ["GALAXY_LOGIN"]
# A browser on a loaded machine; each wait ends when what it waits for is there.
PATIENCE = 240_000
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def secret(name: str) -> str:
    """A password of the test bed."""
    return (SECRETS / name).read_text(encoding="utf-8").strip()


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium, with an empty profile; its sandbox wants another user than root."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        expect.set_options(timeout=PATIENCE)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def galaxy(browser) -> Page:
    """A page of Galaxy, logged in as the user, with a new history."""
    page = browser.new_page(viewport={"width": 1200, "height": 640})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{GALAXY}/login/start")
    page.locator("form#login input[name=login]").fill(USER)
    page.locator("form#login input[name=password]").fill(secret("galaxy_user"))
    page.locator("button[name=login]").click()
    page.locator('#current-history-panel [data-description="create new history"]').click()
    expect(page.locator("#empty-history-message")).to_be_visible()
    return page


def green(page: Page, number: int):
    """The dataset of this number in the history, which is green."""
    return page.locator(f'#current-history-panel [data-hid="{number}"][data-state="ok"]')


def test_an_upload_becomes_green(galaxy, tmp_path):
    lines = tmp_path / "three-lines.txt"
    lines.write_text("one\ntwo\nthree\n", encoding="utf-8")
    galaxy.locator("#activity-upload").click()
    with galaxy.expect_file_chooser() as chooser:
        galaxy.locator("#btn-local").click()
    chooser.value.set_files(lines)
    galaxy.locator("#regular #btn-start").click()
    galaxy.locator("#regular #btn-close").click()
    expect(green(galaxy, 1)).to_contain_text("three-lines.txt")


def test_the_tool_counts_its_lines(galaxy):
    galaxy.goto(f"{GALAXY}/?tool_id=count_lines")
    # The form has two of them, disabled until it knows its dataset.
    galaxy.locator("button#execute:not([aria-disabled])").first.click()
    expect(green(galaxy, 2)).to_be_visible()
    green(galaxy, 2).locator(".content-title").click()
    expect(green(galaxy, 2).locator(".dataset-peek")).to_contain_text("3")
    galaxy.screenshot(path=PICTURES / "galaxy-history.png")


@pytest.mark.parametrize("task", ["galaxy.fetch_data", "galaxy.set_job_metadata"])
def test_flower_says_which_worker_did_it(browser, task):
    login = {"username": "admin", "password": secret("flower")}
    page = browser.new_page(http_credentials=login, viewport={"width": 1360, "height": 420})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{FLOWER}/tasks")
    page.locator("input[type=search]").fill(task)
    row = page.locator("tr", has_text=task).filter(has_text="SUCCESS").first
    expect(row).to_be_visible()
    assert [worker for worker in WORKERS if worker in row.inner_text()] != []
    page.screenshot(path=PICTURES / f"galaxy-flower-{task.rpartition('.')[2].replace('_', '-')}.png")
    page.close()

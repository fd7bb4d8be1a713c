# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flower, the report and the dashboards as a person sees them, in a real Chromium. Run by molecule/monitoring.

SCREENSHOTS names the directory for the pictures; those of the documentation are made so.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright
from tools import dashboard_picture, dashboards

FLOWER, REPORT = os.environ["FLOWER_URL"], Path(os.environ["REPORT_PATH"])
PASSWORD = Path(os.environ["FLOWER_PASSWORD_FILE"]).read_text(encoding="utf-8").strip()
DATA = Path(os.environ["DATA_DIR"])
PICTURES = Path(os.environ["SCREENSHOTS"])
WORKERS = ("worker-1@solo", "worker-2@solo")
TASK = "galaxy.cleanup_stale_concurrency_slots"


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium; its sandbox wants another user than root."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def flower(browser):
    """A page of Flower, logged in."""
    login = {"username": "admin", "password": PASSWORD}
    context = browser.new_context(http_credentials=login, viewport={"width": 1200, "height": 420})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("path", ["/", "/workers", "/tasks", "/broker", "/api/workers", "/api/tasks"])
@pytest.mark.parametrize("login", [None, {"username": "admin", "password": "wrong"}])
def test_nothing_without_the_login(browser, path, login):
    page = browser.new_context(http_credentials=login).new_page()
    # Chromium ends a page that it cannot log in to with an error, or shows an empty one.
    answers = []
    page.on("response", lambda answer: answers.append(answer.status))
    try:
        page.goto(FLOWER + path)
    except Exception as error:  # noqa: BLE001 which it is depends on Chromium
        assert "ERR_" in str(error), error
    expect(page.locator("html")).not_to_contain_text("worker-")
    assert set(answers) == {401}
    page.context.close()


def test_both_workers_are_online(flower):
    flower.goto(f"{FLOWER}/workers")
    for worker in WORKERS:
        row = flower.locator("tr", has=flower.get_by_text(worker, exact=True))
        expect(row).to_contain_text("Online")
    flower.screenshot(path=PICTURES / "flower-workers.png")


def test_a_task_shows_its_arguments_and_its_run_time(flower):
    flower.goto(f"{FLOWER}/tasks")
    row = flower.locator("tr", has_text=TASK).filter(has_text="SUCCESS").first
    expect(row).to_be_visible()
    # By its address: the table is drawn anew all the time.
    flower.goto(FLOWER + row.locator("a[href*='/task/']").first.get_attribute("href"))
    body = flower.locator("body")
    expect(body).to_contain_text(TASK)
    expect(body).to_contain_text("stale_threshold_minutes")
    expect(body).to_contain_text("5256000")
    assert float(re.search(r"Runtime\s+([\d.]+) m?s", body.inner_text()).group(1)) > 0
    flower.set_viewport_size({"width": 1200, "height": 760})
    flower.screenshot(path=PICTURES / "flower-task.png")


def test_the_report_is_one_page_that_says_it_all(browser):
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto(REPORT.as_uri())
    assert asked == [REPORT.as_uri()], "the page loads something"
    assert wrong == []
    assert page.locator(".warning").all_inner_texts() == []
    expect(page.locator("#state")).to_have_text("All is well")
    for worker in WORKERS:
        expect(page.locator("#workers")).to_contain_text(worker)
    for queue in ("celery", "galaxy.internal", "galaxy.external"):
        expect(page.locator("#queues")).to_contain_text(queue)
    row = page.locator("#tasks tr", has_text=TASK)
    bars = row.locator("rect.some")
    assert bars.count() > 0
    assert bars.first.bounding_box()["height"] > 1
    for version in ("RabbitMQ 4", "Traefik 3", "Flower 2", "Telegraf 1", "Debian"):
        expect(page.locator("#hosts")).to_contain_text(version)
    assert page.locator("#proved li").count() > 8
    page.screenshot(path=PICTURES / "report.png", full_page=True)
    page.close()


@pytest.mark.parametrize("flavour", list(dashboards.FLAVOURS))
def test_each_panel_of_the_dashboard_has_something_to_draw(browser, flavour):
    data = json.loads((DATA / f"data-{flavour}.json").read_text(encoding="utf-8"))["data"]
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_content(dashboard_picture.page(flavour, data))
    for row in dashboards.SOURCE["rows"]:
        for panel in row["panels"]:
            drawn = page.locator(".panel", has=page.get_by_role("heading", name=panel["title"], exact=True))
            assert drawn.locator("polyline, rect, .big").count() > 0, panel["title"]
    page.screenshot(path=PICTURES / f"dashboard-{flavour}.png", full_page=True)
    page.close()

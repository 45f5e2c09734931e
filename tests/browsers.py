"""What the tests in a real browser share: a headless Chromium, and an app on a free port."""

import os
import shutil
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn
from playwright.sync_api import sync_playwright


@contextmanager
def chromium(*arguments):
    """Start a headless Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("Chromium is not installed")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    sandbox = ["--no-sandbox"] if root else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*arguments, *sandbox])
        yield browser
        browser.close()


@contextmanager
def running(app):
    """Run an app in a thread; give its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def until(page, expression, argument=None):
    """Wait until a JavaScript expression is true, and return its value.

    Playwright's own way needs a laxer policy.
    """
    for _ in range(1200):
        if value := page.evaluate(expression, argument):
            return value
        page.wait_for_timeout(50)
    raise AssertionError(f"{expression} did not become true: {page.inner_text('.live')}")

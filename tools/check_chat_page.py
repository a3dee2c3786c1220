"""The chat page in a real browser: `make chat-page-check`, which also takes the screenshot of docs/examples.md.

It needs Chromium (CHROMIUM names it, /usr/bin/chromium otherwise) and looks at connections in Linux's /proc.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from anyfast_emulator import Answer, Emulator, Failure

ROOT = Path(__file__).parents[1]
APP = ROOT / "examples" / "chat_page" / "app.py"
SCREENSHOT = ROOT / "docs" / "images" / "chat-page.png"
PICTURES = ROOT / "docs" / "images" / "chat-page-pictures.png"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# A browser that asks nobody but the page.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
QUESTION = "What is the weather in Lisbon, and how much is that in Fahrenheit?"


@contextmanager
def served(emulator: Emulator) -> Iterator[str]:
    """The page's address, while its program runs."""
    place = {"ANYFAST_API_KEY": emulator.api_key, "ANYFAST_BASE_URL": emulator.base_url}
    environment = {**os.environ, **place, "GRADIO_ANALYTICS_ENABLED": "False", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(APP)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)  # our own
    try:
        yield next(found.group() for line in process.stdout if (found := re.search(r"http://[\d.:]+", line)))
    finally:
        process.terminate()
        process.wait()


def ask(page: Page, question: str) -> None:
    box = page.get_by_test_id("textbox")
    box.fill(question)
    box.press("Enter")


def connections_to(emulator: Emulator) -> int:
    port = int(emulator.base_url.split(":")[2].split("/")[0])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows)  # 01: established


def wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def check_answer(page: Page, emulator: Emulator) -> None:
    ask(page, QUESTION)
    chat = page.get_by_role("log")
    expect(chat.get_by_text("of them reasoning")).to_be_visible()
    expect(chat.get_by_text("are 77 degrees Fahrenheit")).to_be_visible()
    thought = chat.get_by_text("I can call get_weather")
    expect(thought).not_to_be_visible()
    chat.get_by_role("button", name="Thinking").first.click()
    expect(thought).to_be_visible()
    call = chat.get_by_role("button", name='Tool: get_weather {"city": "Lisbon"}')
    expect(call).to_be_visible()
    result = chat.get_by_text("Lisbon: 25 degrees Celsius, clear sky", exact=True)
    expect(result).not_to_be_visible()
    call.click()
    expect(result).to_be_visible()
    chat.get_by_text(QUESTION).scroll_into_view_if_needed()
    page.wait_for_timeout(1000)  # what unfolds, unfolds slowly
    page.screenshot(path=SCREENSHOT)
    assert [body["thinking"] for body in emulator.requests] == [{"type": "enabled"}] * 3


def check_second_turn(page: Page, emulator: Emulator) -> None:
    """The conversation goes on with another model, which does not think, and hears all of it."""
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="doubao-seed-2.1-pro").click()
    page.get_by_label("Thinking").uncheck()
    ask(page, "Hello again")
    expect(page.get_by_text("Hello! I am an emulated model.")).to_be_visible()
    body = emulator.requests[-1]
    assert (body["model"], body["thinking"]) == ("doubao-seed-2.1-pro", {"type": "disabled"})
    roles = [message["role"] for message in body["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "tool", "assistant", "user"]


def check_retry(page: Page, emulator: Emulator) -> None:
    asked = len(emulator.requests)
    page.get_by_label("Retry").last.click()
    wait_until(lambda: len(emulator.requests) > asked, "nothing was asked again")
    assert emulator.requests[-1]["messages"] == emulator.requests[asked - 1]["messages"]
    expect(page.get_by_text("0 of them reasoning")).to_have_count(1)


def check_undo(page: Page, emulator: Emulator) -> None:
    page.get_by_label("Undo").last.click()
    ask(page, "Good morning")
    expect(page.get_by_text("Good morning")).to_be_visible()
    expect(page.get_by_text("Hello! I am an emulated model.")).to_have_count(1)
    said = [message["content"] for message in emulator.requests[-1]["messages"] if message["role"] == "user"]
    assert said == [QUESTION, "Good morning"]


def check_stop(page: Page, emulator: Emulator) -> None:
    """The stop button ends the request, not only what is shown of it."""
    emulator.script(Answer("waves " * 500, pieces=6))
    emulator.delay = 0.1
    ask(page, "Tell me everything about waves")
    expect(page.get_by_text("waves waves waves")).to_be_visible()
    assert connections_to(emulator) == 1
    page.locator(".stop-button").click()  # Gradio gives it no name
    wait_until(lambda: not connections_to(emulator), "the request goes on")
    emulator.delay = 0


def check_pictures(page: Page, emulator: Emulator) -> None:
    """A model draws, and changes what it drew; a picture of the user's goes with the question."""
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="gemini-3-pro-image-preview").click()
    ask(page, "Draw a red square")
    expect(page.get_by_text("Here is a red square on white.")).to_be_visible()
    ask(page, "Now make it blue")
    expect(page.get_by_text("Here is a blue square on white.")).to_be_visible()
    expect(page.get_by_role("log").locator("img[src*='/file=']")).to_have_count(2)
    page.locator("input[type=file]").first.set_input_files(ROOT / "docs" / "images" / "drawn.png")
    page.wait_for_timeout(2000)  # for the upload, of which the page shows no end
    ask(page, "Make it a circle")
    expect(page.get_by_text("Here is a red circle on white.")).to_be_visible()
    kinds = [part["type"] for part in emulator.requests[-1]["messages"][-1]["content"]]
    assert kinds == ["text", "image_url"]
    expect(page.get_by_role("log").locator("img[src*='/file=']")).to_have_count(4)
    page.screenshot(path=PICTURES)


def check_errors(page: Page, emulator: Emulator) -> None:
    emulator.script(Failure(403, "Insufficient credit.", code="insufficient_user_quota"))
    ask(page, "Are you there?")
    expect(page.get_by_text("That did not work.")).to_be_visible()
    expect(page.get_by_text("Insufficient credit.")).to_be_visible()
    ask(page, "And now?")
    expect(page.get_by_text("This is an emulated answer on")).to_be_visible()


CHECKS = (check_answer, check_second_turn, check_retry, check_undo, check_stop, check_pictures, check_errors)


def main() -> None:
    with Emulator(delay=0.01) as emulator, served(emulator) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1100, "height": 820})
        page.set_default_timeout(30_000)
        expect.set_options(timeout=30_000)
        page.goto(url)
        for check in CHECKS:
            check(page, emulator)
            print(f"{check.__name__.replace('_', ' ')}: well", flush=True)  # noqa: T201  # a program for people
        browser.close()
    print(f"{len(CHECKS)} passed, 0 failed")  # noqa: T201  # as above


if __name__ == "__main__":
    main()

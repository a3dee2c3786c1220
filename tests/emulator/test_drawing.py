"""The pictures that the emulator's image models draw, and what it refuses of them."""

import base64
import re
import struct
import zlib

import httpx
import pytest

from anyfast_emulator import Emulator
from anyfast_emulator.drawing import Drawing, described, png, read_drawing, size_of
from anyfast_emulator.temperaments import Temperament

MODEL = "gemini-3-pro-image-preview"


def client_of(emulator):
    return httpx.Client(base_url=emulator.base_url, headers={"authorization": f"Bearer {emulator.api_key}"})


def asked(client, *prompts, model=MODEL, **more):
    """Asks in one conversation, each answer's message sent back as it came; gives the last response."""
    messages = []
    for prompt in prompts:
        messages.append({"role": "user", "content": prompt})
        response = client.post("/chat/completions", json={"model": model, "messages": messages, **more})
        if response.status_code == 200:
            messages.append(response.json()["choices"][0]["message"])
    return response


@pytest.fixture
def client():
    with Emulator() as emulator, client_of(emulator) as client:
        yield client


@pytest.mark.parametrize(
    ("prompts", "drawn"),
    [
        (["draw a red square"], Drawing("red", "square", "white")),
        (["draw a red square", "now make it blue"], Drawing("blue", "square", "white")),
        (["a yellow circle on a black background", "make the background pink"], Drawing("yellow", "circle", "pink")),
        (["画一个绿色的圆"], Drawing("green", "circle", "white")),
    ],
)
def test_the_words_say_what_is_drawn_and_an_edit_begins_with_the_picture_that_came_back(client, prompts, drawn):
    content = asked(client, *prompts).json()["choices"][0]["message"]["content"]
    (uri,) = re.findall(r"!\[image\]\(data:image/png;base64,([^)]*)\)", content)
    assert described(base64.b64decode(uri)) == drawn
    assert base64.b64decode(uri) == png(drawn, 64, 64)


def test_a_picture_that_was_lost_on_the_way_shows():
    assert read_drawing("now make it blue", None) == Drawing("blue", "square", "white")
    assert read_drawing("now make it blue", Drawing("red", "circle", "black")) == Drawing("blue", "circle", "black")


def test_a_picture_is_a_png_of_the_size_that_was_asked_for(client):
    config = {"google": {"image_config": {"aspect_ratio": "16:9", "image_size": "2K"}}}
    content = asked(client, "draw a red square", extra_body=config).json()["choices"][0]["message"]["content"]
    picture = base64.b64decode(content.partition("base64,")[2].rstrip(")"))
    assert struct.unpack(">II", picture[16:24]) == size_of("16:9", "2K") == (128, 72)
    at = picture.index(b"IDAT")
    assert len(zlib.decompress(picture[at + 4 :])) == 72 * (1 + 3 * 128)


REFUSED = {
    "a model that draws nothing": ("gemini-3-pro-preview", {"aspect_ratio": "1:1"}),
    "a shape that is none": (MODEL, {"aspect_ratio": "2:1"}),
    "a size of another model": (MODEL, {"image_size": "512"}),
}


@pytest.mark.parametrize(("model", "config"), REFUSED.values(), ids=REFUSED)
def test_what_the_model_does_not_draw_is_refused(client, model, config):
    response = asked(client, "draw", model=model, extra_body={"google": {"image_config": config}})
    assert response.status_code == 400


def test_an_image_model_takes_no_tools_and_no_json_mode(client):
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    assert asked(client, "draw", tools=[tool]).status_code == 400
    assert asked(client, "draw", response_format={"type": "json_object"}).status_code == 400
    assert asked(client, "Hello").json()["choices"][0]["message"]["content"].startswith("Hello!")


@pytest.mark.parametrize("form", ["line", "pieces", "field"])
def test_each_form_of_a_picture_holds_the_same_bytes(form):
    with Emulator(temperament=Temperament(pictures=form)) as emulator, client_of(emulator) as client:
        message = asked(client, "draw a red square").json()["choices"][0]["message"]
    found = message["images"][0]["image_url"]["url"] if form == "field" else message["content"]
    assert png(Drawing("red", "square"), 64, 64) == base64.b64decode(found.partition("base64,")[2].rstrip(")"))

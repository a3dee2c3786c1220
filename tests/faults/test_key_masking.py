"""The key is given to the gateway, and to nobody else."""

import asyncio
import base64
import contextlib
import copy
import json
import logging
import pickle
import re
import traceback
import warnings
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

import anyfast_transport as af
from anyfast_transport.http.key_masking import MASK, RUN, Mask
from anyfast_transport.settings import connection
from tests.faults.fault_faces import KEY
from tests.faults.fault_gateway import (
    END,
    EVENTS,
    JSON,
    Gateway,
    bare,
    both,
    close,
    good,
    head,
    hold,
    part,
    reset,
    sse,
    whole,
)

HERE = str(Path(__file__).parent)
"""The frames of the tests know the key."""

SPELLINGS = {
    "whole": KEY,
    "in a header": f"Bearer {KEY}",
    "cut short": KEY[:20],
    "its end": KEY[-20:],
    "its middle": KEY[9:24],
    "percent-encoded": "".join(f"%{ord(c):02x}" for c in KEY),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 of the header": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
}


def leaks(text):
    """The pieces of the key in a text, however they are spelled."""
    runs = [KEY[at : at + RUN] for at in range(len(KEY) - RUN + 1)]
    encoded = [SPELLINGS[name] for name in ("percent-encoded", "base64", "base64 of the header")]
    return [piece for piece in (*runs, *encoded) if piece in text]


def everything(error):
    """All that a logger, a tracer or a pickle may make of an exception: with locals, causes and attributes."""
    seen, todo, said = set(), [error], []
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        # Not formatted: the carets parse each line, which Python 3.11.7 cannot do in two threads (gh-106905).
        frames = traceback.TracebackException.from_exception(one, capture_locals=True, lookup_lines=False).stack
        said += [f"{frame.name}: {frame.locals}" for frame in frames if HERE not in frame.filename]
        said += [str(one), repr(one), repr(vars(one)), repr(one.args)]
        response = getattr(one, "response", None)
        if response is not None:
            said += [response.text, repr(response.headers), repr(response)]
        todo += [one.__cause__, one.__context__, getattr(one, "error", None)]
        with_request = getattr(one, "_request", None)
        if with_request is not None:
            said.append(repr(with_request.headers.raw))
    return "\n".join(said)


def error_of(face, mode, model):
    try:
        face.run(mode, model)
    except af.AnyfastError as error:
        return error
    return None


def echoes(said):
    body = json.dumps({"error": {"message": f"bad key {said}", "code": said, "type": said}}).encode()
    lines = (f"x-oneapi-request-id: {said}", f"x-debug: {said}")
    event = b"data: " + body + b"\n\n"
    return {
        "a refusal": (whole(body, 400, "application/json", *lines),),
        "a refusal in text": (whole(said.encode(), 500, "text/plain", *lines),),
        "a 200 with an error": (whole(body, 200, "application/json", *lines),),
        "a 200 of no shape": (whole(said.encode(), 200, "application/json", *lines),),
        "an error event": (sse(*EVENTS[:3], event, lines=lines) + END,),
        "an event of no shape": (sse(b"data: " + said.encode() + b"\n\n", lines=lines) + END,),
        "a cut answer": (both(head(200, "application/json", *lines, length=99), sse(*EVENTS[:3], lines=lines)), close),
    }


@pytest.fixture
def logged(caplog):
    """All loggers at DEBUG."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "anyfast", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    caplog.handler.setLevel(logging.DEBUG)
    return lambda: "\n".join(f"{record.getMessage()} {record.msg} {record.args}" for record in caplog.records)


ECHOED = [("whole", where) for where in echoes("")]
ECHOED += [(spelling, "a refusal") for spelling in ("cut short", "percent-encoded", "base64 of the header")]


@pytest.mark.parametrize(("spelling", "where"), ECHOED)
def test_what_the_gateway_echoes_is_masked(where, spelling, mode, face, gateway, llm, logged):
    gateway.script(echoes(SPELLINGS[spelling])[where])
    error = error_of(face, mode, llm(max_retries=0))
    assert error is not None
    assert not leaks(everything(error) + str(pickle.dumps(error)))
    assert not leaks(logged())


TOKEN, TENANT = "t0k3n-of-a-vault-4711", "tenant-0815"
HEADERS = {"Proxy-Authorization": f"Bearer {TOKEN}", "cookie": f"theme=dark; sid={TOKEN[::-1]}", "x-customer": TENANT}


@pytest.mark.parametrize("said", [f"Bearer {TOKEN}", TOKEN, TOKEN[::-1], f"sid={TOKEN[::-1]}", TENANT])
@pytest.mark.parametrize("where", ["a refusal", "a 200 with an error", "an error event"])
def test_what_the_gateway_echoes_of_a_header_is_masked(where, said, mode, face, gateway, llm, logged):
    gateway.script(echoes(said)[where])
    error = error_of(face, mode, llm(max_retries=0, default_headers=HEADERS, secret_headers=("X-Customer",)))
    shown = everything(error) + str(pickle.dumps(error)) + logged()
    assert MASK in shown
    assert not [one for one in (TOKEN, TOKEN[::-1], TENANT) if one in shown]


def test_a_header_that_is_no_secret_is_left_in_words(face, gateway, llm):
    gateway.script(echoes("for tenant-0815 in dark theme")["a refusal"])
    assert "for tenant-0815 in dark theme" in str(error_of(face, "invoke", llm(max_retries=0, default_headers=HEADERS)))


def test_an_answer_with_the_key_in_its_metadata(gateway, llm, face):
    gateway.script(
        (whole(JSON.replace(b'"c1"', f'"{KEY}"'.encode()), 200, "application/json", f"x-request-id: {KEY}"),)
    )
    model = llm()
    if face.name == "ChatAnyfast":
        answer = repr(model.invoke("hi"))
    elif face.name == "AnyfastLLM":
        answer = repr(model.complete("hi"))
    else:
        answer = repr(af.Client(model).complete({"model": "m", "messages": []}))
    assert MASK in answer
    assert not leaks(answer)


@pytest.mark.parametrize("steps", [(good,), (close,), (reset,), (hold,), (sse(*EVENTS[:2]), reset)])
def test_nothing_shows_the_key(steps, mode, face, gateway, llm, logged, recwarn):
    gateway.script(steps)
    model = llm(timeout=0.1 if steps == (hold,) else 30.0, max_retries=1)
    error = error_of(face, mode, model)
    assert error is None or not leaks(everything(error))
    shown = [repr(model), str(model), str(pickle.dumps(model)), repr(copy.copy(model)), repr(copy.deepcopy(model))]
    shown += (
        [str(model.model_dump()), model.model_dump_json(exclude={"timeout"})] if hasattr(model, "model_dump") else []
    )
    assert face.name == "AnyfastLLM" or "api_key" not in model.model_dump()
    assert not leaks("\n".join(shown) + logged() + "\n".join(str(w.message) for w in recwarn))
    assert all(KEY.encode() in request for request in gateway.requests), "it is sent, though"


@pytest.mark.parametrize("steps", [(hold,), (bare, hold), (part, hold)])
def test_a_call_that_is_cancelled_shows_no_key(steps, face, gateway, llm, logged):
    """Its error is asyncio's, and goes on to whoever logs it, with all frames."""
    gateway.script(steps)

    async def run():
        task = asyncio.create_task(face.aask(llm()))
        assert await asyncio.to_thread(gateway.sees, lambda g: g.requests, 5.0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as error:
            return everything(error)

    assert not leaks(asyncio.run(run()) + logged())


@pytest.mark.parametrize("steps", [(good,), echoes(KEY)["a refusal"], (sse(*EVENTS[:2]), reset)])
def test_what_is_told_to_callbacks_and_listeners(steps, mode, face, gateway, llm):
    """Tracers keep all of it: the model as a dict, its parameters, each chunk, and the error."""
    gateway.script(steps)
    told = Told()
    with told.by(face.name):
        fields = {"callbacks": [told.callback]} if told.callback else {}
        error_of(face, mode, llm(max_retries=0, **fields))
    assert len(told.all) >= (1 if face.name == "AnyfastLLM" else 2)  # LlamaIndex does not tell every error
    assert not leaks("\n".join(told.all))


class Told:
    """All that a framework tells its listeners, as text."""

    def __init__(self):
        self.all, self.callback = [], None

    @contextlib.contextmanager
    def by(self, name):
        hear = self._langchain if name == "ChatAnyfast" else self._llama_index
        with hear():
            yield

    @contextlib.contextmanager
    def _langchain(self):
        from langchain_core.callbacks import BaseCallbackHandler

        def hears(*args, **kwargs):
            self.all.append(repr((args, kwargs)) + "".join(map(self._in_depth, args)))

        names = [name for name in dir(BaseCallbackHandler) if name.startswith("on_")]
        self.callback = type("Hears", (BaseCallbackHandler,), {name: staticmethod(hears) for name in names})()
        yield

    @contextlib.contextmanager
    def _llama_index(self):
        from llama_index.core.instrumentation import get_dispatcher
        from llama_index.core.instrumentation.event_handlers import BaseEventHandler

        told = self

        class Hears(BaseEventHandler):
            def handle(self, event, **_):
                told.all.append(repr(event) + told._in_depth(getattr(event, "exception", None)))

        dispatcher = get_dispatcher()
        dispatcher.add_event_handler(Hears())
        yield
        dispatcher.event_handlers.pop()

    def _in_depth(self, value):
        return everything(value) if isinstance(value, BaseException) else str(getattr(value, "__dict__", ""))


def test_frameworks_dump_without_it(gateway, llm, face):
    if face.name == "ChatAnyfast":
        from langchain_core.load import dumps

        assert not leaks(dumps(llm()))
    elif face.name == "AnyfastLLM":
        assert not leaks(str(llm().to_dict()) + llm().to_json())


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (KEY + "\n", "line break"),
        (KEY[:20] + "\r\nx: " + KEY[20:], "line break"),
        (KEY[:20] + " " + KEY[20:], "space"),
        ("Bearer " + KEY, "Bearer"),
        (KEY + "é", "characters"),
        (KEY + "\x00", "characters"),
        ("", "ANYFAST_API_KEY"),
    ],
)
@pytest.mark.parametrize("mode", ["invoke", "astream"])
def test_a_key_that_cannot_be_one(bad, says, mode, face, gateway, llm, logged):
    with pytest.raises(af.AuthenticationError, match=says) as caught:
        face.run(mode, llm(api_key=bad))
    assert not leaks(everything(caught.value) + logged())
    assert not gateway.requests


async def promised():
    return KEY


def broken():
    raise LookupError("the vault is sealed")


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (broken, "LookupError"),
        (lambda: None, "NoneType"),
        (KEY.encode, "bytes"),
        (promised, "coroutine"),
        (lambda: KEY + "\n", "line break"),
    ],
)
def test_a_function_that_gives_no_key(function, says, mode, face, gateway, llm):
    with pytest.raises(af.AuthenticationError, match=says) as caught:
        face.run(mode, llm(api_key=function))
    assert not leaks(everything(caught.value))
    assert not gateway.connections


def test_a_header_that_cannot_be_one_is_not_shown(mode, face, llm):
    """It may be a secret, too, and not one that is known here and could be masked."""
    for headers in ({"x-other": "hush-hush\n"}, {"x-other": "hush-hush é"}, {"x hush-hush": "1"}):
        with pytest.raises(af.AnyfastError) as caught:
            face.run(mode, llm(default_headers=headers, max_retries=0))
        assert "hush-hush" not in everything(caught.value)


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_does_not_take_it_along(status, mode, face, gateway, llm):
    elsewhere = Gateway().start()
    try:
        target = f"location: http://localhost:{elsewhere.port}/v1/chat/completions"
        gateway.script((head(status, "text/html", target, length=0),))
        with pytest.raises(af.APIStatusError, match="localhost"):
            face.run(mode, llm())
        assert not elsewhere.connections
    finally:
        elsewhere.stop()


def test_no_other_vendors_key_is_read(face, gateway, llm, monkeypatch):
    for vendor in ("OPENAI", "DEEPSEEK", "DASHSCOPE", "ARK", "GEMINI", "GOOGLE", "ANTHROPIC"):
        monkeypatch.setenv(f"{vendor}_API_KEY", KEY)
    with pytest.raises(af.AuthenticationError, match="ANYFAST_API_KEY"):
        face.run("invoke", llm(api_key=None))
    assert not gateway.requests


def test_a_cookie_of_one_key_does_not_go_out_with_another(face, gateway, llm):
    gateway.script((whole(JSON, 200, "application/json", "set-cookie: session=7; path=/"),))

    async def twice(**more):
        await face.aask(llm(**more))
        await face.aask(llm(**more))

    face.ask(llm())
    face.ask(llm())
    asyncio.run(twice())
    with httpx.Client() as own:  # not for async calls, which go by a shared client
        asyncio.run(twice(http_client=own))
    assert not any(b"session=7" in request for request in gateway.requests)


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://gateway.example/v1", True),
        ("http://10.0.0.8:3000/v1", True),
        ("https://gateway.example/v1", False),
        ("http://localhost:3000/v1", False),
        ("http://127.0.0.5/v1", False),
        ("http://[::1]:80/v1", False),
    ],
)
def test_plain_http_beyond_this_machine_warns_once(url, warned, face, llm):
    connection.warn_of_plain_http.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        llm(base_url=url)
        llm(base_url=url)
    assert [warning.category for warning in caught] == [af.AnyfastWarning] * warned


# The mask alone.


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_masked_and_what_is_around_it_stays(spelling):
    masked = Mask(KEY).text(f"before {SPELLINGS[spelling]} between {SPELLINGS[spelling]} after")
    assert not leaks(masked)
    assert re.fullmatch(r"before .*\[key\]\S* between .*\[key\]\S* after", masked)


def test_a_key_with_characters_that_urls_encode():
    key = "ab/cd+ef=gh/ij+kl=mn"
    assert Mask(key).text(f"x {quote(key, safe='')} y") == "x [key] y"


@pytest.mark.parametrize("text", ["", "nothing to hide", "sk-", "K7q9", "a sk-8 y", "task-*"])
def test_other_text_is_left_alone(text):
    assert Mask(KEY).text(text) == text


def test_what_the_gateway_cut_itself_is_masked_as_well():
    assert Mask(KEY).text("用尽 [sk-abc***xyz] !") == "用尽 [[key]] !"


def test_a_short_key_masks_no_words():
    assert Mask("abc").text("abc alphabet") == "abc alphabet"


def test_the_mask_shows_no_key():
    assert not leaks(repr(Mask(KEY)) + repr(vars(Mask(KEY))))

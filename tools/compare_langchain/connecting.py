"""Probes of errors, connections, copies, secrets and what LangChain knows of a model."""

import copy
import json
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import httpx
import vcr
from answering import TEXT, WEATHER
from gateway import failure, frames, stream, whole
from langchain_core import exceptions as core
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumps, load
from langchain_core.messages import HumanMessage
from rig import KEY, NO, PART, PEERS, YES, Rig, limited, mark, marks, row, run, tried

SECRET = "very-secret-header"
OVERFLOW = "This model's maximum context length is 131072 tokens. However, you requested 200000 tokens."


def error_of(rig: Rig, said: Any, **how: Any) -> BaseException:
    """How a call fails; one that has not returned after some seconds does not."""
    rig.gateway.turn += 1
    rig.script(said)
    one = rig.make(**how)
    streamed = said[1]["content-type"].startswith("text/event")
    try:
        limited(lambda: list(one.stream("hi")) if streamed else one.invoke("hi"), seconds=5)
    except Exception as error:  # noqa: BLE001  # that is what is looked at
        return error
    return Exception("no error")


@row("max_retries=0 sends once")
def _(rig: Rig) -> str:
    rig.script(failure(500, "no"))
    threading.Thread(target=lambda: tried(lambda: rig.make().invoke("hi")), daemon=True).start()
    time.sleep(4)
    return mark(len(rig.gateway.bodies) == 1, f"{len(rig.gateway.bodies)} requests in 4 s")


@row("Retry-After is honoured")
def _(rig: Rig) -> str:
    rig.script(failure(429, "slow down", {"retry-after": "2"}), whole({"content": TEXT}))
    start = time.monotonic()
    good = tried(lambda: limited(lambda: rig.make(max_retries=1).invoke("hi").text, seconds=10) == TEXT)
    waited = time.monotonic() - start
    return mark(good and 1.9 < waited < 4, f"{waited:.1f} s" if good else "not repeated")


ERRORS = {
    "401": (failure(401, "no"), core.ModelAuthenticationError),
    "402": (failure(402, "Insufficient Balance"), core.ModelError),
    "403": (failure(403, "no"), core.ModelPermissionDeniedError),
    "404": (failure(404, "no"), core.ModelNotFoundError),
    "429": (failure(429, "no"), core.ModelRateLimitError),
    "500": (failure(500, "no"), core.ModelAPIError),
    "in a stream": (frames({"error": {"message": "overloaded", "code": 503}}), core.ModelError),
    "HTML with 200": ((200, {"content-type": "text/html"}, b"<html><title>login</title>"), core.ModelError),
    "error with 200": ((200, {"content-type": "application/json"}, b'{"error": {"message": "no"}}'), core.ModelError),
}


@row("errors are langchain_core's ModelErrors")
def _(rig: Rig) -> str:
    missing = [name for name, (said, kind) in ERRORS.items() if not isinstance(error_of(rig, said), kind)]
    if not missing:
        return YES
    return NO if len(missing) == len(ERRORS) else f"{PART} not: {', '.join(missing)}"


@row("ContextOverflowError in DeepSeek's words")
def _(rig: Rig) -> str:
    found = error_of(rig, failure(400, OVERFLOW))
    return mark(isinstance(found, core.ContextOverflowError), type(found).__name__)


@row("request id (of an error, of an answer)")
def _(rig: Rig) -> str:
    of_error = tried(lambda: "req-1" in str(getattr(error_of(rig, failure(500, "no")), "request_id", "")))
    status, headers, body = whole({"content": TEXT})
    rig.script((status, {**headers, "x-request-id": "req-1"}, body))
    return marks(of_error, tried(lambda: "req-1" in str(rig.make().invoke("hi").response_metadata)))


@row("connections are used again (one object, several)")
def _(rig: Rig) -> str:
    def reused(objects: list[Any]) -> bool:
        rig.script(whole({"content": TEXT}))
        for one in objects:
            one.invoke("hi")
        return len(set(rig.gateway.peers)) == 1

    one = rig.make()
    return marks(tried(lambda: reused([one] * 3)), tried(lambda: reused([rig.make() for _ in range(3)])))


@row("event loops: a second asyncio.run, threads")
def _(rig: Rig) -> str:
    rig.script(whole({"content": TEXT}))
    one = rig.make()
    twice = tried(lambda: all(run(one.ainvoke("hi")).text == TEXT for _ in range(3)))
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(tried(lambda: run(one.ainvoke("hi"))))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return marks(twice, all(found))


@row("pickle, deepcopy (before a call)")
def _(rig: Rig) -> str:
    return _copied(rig, used=False)


@row("pickle, deepcopy (after a call)")
def _(rig: Rig) -> str:
    return _copied(rig, used=True)


def _copied(rig: Rig, *, used: bool) -> str:
    rig.script(whole({"content": TEXT}))
    os.environ["ANYFAST_API_KEY"] = KEY  # a pickle takes no key along
    one = rig.make()
    if used:
        one.invoke("hi")
        run(one.ainvoke("hi"))
    ways = (lambda: pickle.loads(pickle.dumps(one)), lambda: copy.deepcopy(one))  # noqa: S301  # our own
    return marks(*(tried(lambda way=way: way().invoke("hi").text == TEXT) for way in ways))


@row("dumps and load")
def _(rig: Rig) -> str:
    dumped = dumps(rig.make(temperature=0.5))
    namespace = PEERS[rig.peer][1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        secrets = dict.fromkeys(("ANYFAST_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"), KEY)
        found = tried(
            lambda: (
                load(
                    json.loads(dumped), allowed_objects=[rig.cls], valid_namespaces=[namespace], secrets_map=secrets
                ).temperature
                == 0.5
            )
        )
    return mark(found, "not_implemented" if "not_implemented" in dumped else "")


@row("the key is in no dump, no repr")
def _(rig: Rig) -> str:
    one = rig.make()
    return marks(KEY not in dumps(one), KEY not in repr(one))


@row("a secret in default_headers is in no dump")
def _(rig: Rig) -> str:
    return mark(SECRET not in dumps(rig.make(default_headers={"x-token": SECRET})), "leaks")


@row("a secret in extra_body is in no dump")
def _(rig: Rig) -> str:
    if "extra_body" not in rig.cls.model_fields:
        return "–"
    return mark(SECRET not in dumps(rig.make(extra_body={"token": SECRET})), "leaks")


@row("the cache notices that a field changed")
def _(rig: Rig) -> str:
    rig.script(whole({"content": "a"}), whole({"content": "b"}))
    one = rig.make(cache=InMemoryCache(), temperature=0.1)
    one.invoke("hi")
    one.temperature = 0.9
    return mark(one.invoke("hi").text == "b", "stale")


@row("own HTTP clients (sync, async)")
def _(rig: Rig) -> str:
    rig.script(whole({"content": TEXT}))

    def used(**fields: Any) -> bool:
        one = rig.make(**fields)
        return (run(one.ainvoke("hi")) if "http_async_client" in fields else one.invoke("hi")).text == TEXT and all(
            "x-own" in headers for headers in rig.gateway.headers[-1:]
        )

    return marks(
        tried(lambda: used(http_client=httpx.Client(headers={"x-own": "1"}))),
        tried(lambda: used(http_async_client=httpx.AsyncClient(headers={"x-own": "1"}))),
    )


@row("proxy from the environment")
def _(rig: Rig) -> str:
    rig.script(whole({"content": TEXT}))
    proxy = rig.gateway.root
    environment = {**os.environ, "HTTP_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": "", "no_proxy": ""}
    program = [
        sys.executable,
        str(Path(__file__).with_name("probe.py")),
        rig.peer,
        "--ask",
        "http://gateway.invalid/v1",
    ]
    subprocess.run(program, env=environment, capture_output=True, timeout=60, check=False)
    return mark(rig.gateway.bodies)


@row("headers (for all calls, for one)")
def _(rig: Rig) -> str:
    def sent(one: Any, **how: Any) -> bool:
        rig.script(whole({"content": TEXT}))
        one.invoke("hi", **how)
        return rig.gateway.headers[-1].get("x-own") == "1"

    headers = {"x-own": "1"}
    return marks(
        tried(lambda: sent(rig.make(default_headers=headers))), tried(lambda: sent(rig.make(), extra_headers=headers))
    )


@row("timeout is in seconds")
def _(rig: Rig) -> str:
    status, headers, body = whole({"content": TEXT})
    rig.script((status, headers, [(0.3, body)]))
    return mark(tried(lambda: rig.make(timeout=5).invoke("hi").text == TEXT), "milliseconds")


@row("a stream of comments times out (sync, async)")
def _(rig: Rig) -> str:
    _, headers, body = stream({"content": TEXT})
    rig.script((200, headers, [(0.1, b": keep-alive\n\n")] * 30 + [(0.1, body)]))

    async def slow() -> list[Any]:
        return [one async for one in rig.make(timeout=0.5).astream("hi")]

    def ends(ask: Any) -> bool:
        start = time.monotonic()
        return not tried(ask) and time.monotonic() - start < 2.5

    return marks(ends(lambda: list(rig.make(timeout=0.5).stream("hi"))), ends(lambda: run(slow())))


@row("api_key as a callable")
def _(rig: Rig) -> str:
    rig.script(whole({"content": TEXT}))
    return mark(tried(lambda: rig.make(api_key=lambda: KEY).invoke("hi")))


@row("profile of deepseek-v4-pro")
def _(rig: Rig) -> str:
    profile = rig.make().profile or {}
    if not profile:
        return f"{NO} none"
    return f"{YES} {profile.get('max_input_tokens'):,} tokens, structured_output {profile.get('structured_output')}"


@row("tokens are counted offline, tools included")
def _(rig: Rig) -> str:
    one, messages = rig.make(), [HumanMessage("What is the weather in Paris?")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            bare, more = (
                one.get_num_tokens_from_messages(messages),
                one.get_num_tokens_from_messages(messages, [WEATHER]),
            )
    except BaseException as error:  # noqa: BLE001  # what is compared may fail in any way
        return f"{NO} {type(error).__name__}"
    return mark(more > bare, "tools are ignored")


@row("ls_provider is model_provider")
def _(rig: Rig) -> str:
    rig.script(whole({"content": TEXT}))
    one = rig.make()
    said, told = one._get_ls_params()["ls_provider"], one.invoke("hi").response_metadata.get("model_provider")
    return mark(said == told, f"{said}, {told}")


@row("cassettes (vcrpy)")
def _(rig: Rig) -> str:
    with tempfile.TemporaryDirectory() as folder:
        recorder = vcr.VCR(match_on=["method", "path", "body"])
        rig.script(whole({"content": "a"}))
        with recorder.use_cassette(f"{folder}/a.yaml"):
            first = rig.make().invoke("hi").text
        rig.script(whole({"content": "b"}))
        with recorder.use_cassette(f"{folder}/a.yaml"):
            return mark(first == rig.make().invoke("hi").text == "a")

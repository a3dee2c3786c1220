"""JSON of the wrong shape, in every place of an answer: an answer, or a typed error; never what Python raises."""

import copy
import json
import warnings

import httpx
import pytest

import anyfast_transport as af
from tests.faults.fault_faces import FACES, KEY

CALL = {"id": "t1", "type": "function", "index": 0, "function": {"name": "f", "arguments": "{}"}}
TOKEN = {"token": "H", "logprob": -1.0, "bytes": [72], "top_logprobs": [{"token": "H", "logprob": -1.0}]}
ANSWER = {
    "id": "c1",
    "created": 1,
    "model": "m",
    "system_fingerprint": "f",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hello",
                "reasoning_content": "hm",
                "refusal": None,
                "tool_calls": [CALL],
                "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
                "extra_content": {"google": {"thought_signature": "s"}},
            },
            "finish_reason": "stop",
            "matched_stop": None,
            "logprobs": {"content": [TOKEN]},
        }
    ],
    "usage": {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
}
ODD = [
    None,
    True,
    -1,
    1.5,
    10**30,
    float("nan"),
    "",
    "x",
    "\ud800",
    [],
    [1],
    [None],
    {},
    {"a": 1},
    [[]],
    [{}],
    {"content": [1]},
]


def places(value, at=()):
    """The way to every value within a value."""
    if at:
        yield at
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*at, key))


PLACES = list(places(ANSWER))


def with_odd(at, odd):
    answer = copy.deepcopy(ANSWER)
    within = answer
    for key in at[:-1]:
        within = within[key]
    within[at[-1]] = odd
    return answer


def as_events(answer):
    """The same as one event of a stream, twice: what is said again must add up."""
    event = copy.deepcopy(answer)
    for choice in event["choices"] if isinstance(event.get("choices"), list) else ():
        if isinstance(choice, dict) and "message" in choice:
            choice["delta"] = choice.pop("message")
    return b"data: %s\n\n" % json.dumps(event).encode() * 2 + b"data: [DONE]\n\n"


@pytest.fixture(scope="module", params=["ChatAnyfast", "AnyfastLLM"])
def call(request):
    """Gives an answer to a model of a class, and goes through what the class makes of it."""
    face, body = FACES[request.param](), b""
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, content=body)))
    model = face.make(base_url="http://127.0.0.1:1/v1", api_key=KEY, http_client=client, max_retries=0)

    def call(answer, mode):
        nonlocal body
        body = as_events(answer) if mode == "stream" else json.dumps(answer).encode()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", af.AnyfastWarning)
            face.run(mode, model)

    yield call
    client.close()


@pytest.mark.parametrize("mode", ["invoke", "stream"])
@pytest.mark.parametrize("at", PLACES, ids=lambda at: ".".join(map(str, at)))
def test_what_is_odd_in_an_answer_is_no_riddle(at, mode, call):
    for odd in ODD[PLACES.index(at) % 2 :: 2] if mode == "invoke" else ODD[1 - PLACES.index(at) % 2 :: 2]:
        try:
            call(with_odd(at, odd), mode)
        except af.AnyfastError:
            continue
        except Exception as error:  # noqa: BLE001  # that none comes is what is asked
            pytest.fail(f"{odd!r}: {type(error).__name__}: {error}")

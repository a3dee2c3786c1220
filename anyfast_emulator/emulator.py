"""The gateway as a pure function with a memory: a request goes in, a reply comes out."""

import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from anyfast_emulator import model
from anyfast_emulator.answers import Answer, Failure, Raw, Scripted
from anyfast_emulator.contract import MODELS, PLAIN, Family
from anyfast_emulator.gateway import SSE_TYPE, failed, front_page, model_list, recorded
from anyfast_emulator.history import check_history
from anyfast_emulator.memory import Memory
from anyfast_emulator.parameters import check_parameters
from anyfast_emulator.refusals import JSON_TYPE, RefusedError, refusal_body
from anyfast_emulator.replies import Reply, Telling, completion, stream
from anyfast_emulator.thinking import shows_thoughts
from anyfast_emulator.transport import Transport
from anyfast_emulator.usage import cached_tokens, count_usage, prompt_text

if TYPE_CHECKING:
    from anyfast_emulator.server import Server

KEY = "sk-emulator"


class Emulator:
    """An Anyfast gateway of one's own: strict about the contract, scripted or answering by simple rules.

    As a context manager it serves on loopback; `transport` needs no server.

    Args:
        api_key: the key it accepts.
        strict: False switches the contract checks off (the key is still checked).
        delay: seconds between streamed frames, so that a reader sees the stream.
        host: address to serve on.
        port: port to serve on; 0 picks a free one.

    Attributes:
        requests: the JSON bodies of the chat requests, in order, refused ones included.
        headers: the headers of those requests, names in lower case, the key replaced by "[key]".
        transport: an httpx transport, sync and async, that asks this emulator in process.
    """

    def __init__(
        self, *, api_key: str = KEY, strict: bool = True, delay: float = 0.0, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.api_key = api_key
        self.strict = strict
        self.delay = delay
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.transport = Transport(self)
        self._host, self._port = host, port
        self._server: Server | None = None
        self._script: deque[Scripted] = deque()
        self._memory = Memory()
        self._lock = threading.Lock()

    @property
    def base_url(self) -> str:
        """The URL to give to a client; that of the in-process transport while no server runs."""
        return f"{self._server.url if self._server else 'http://emulator.invalid'}/v1"

    @property
    def connections(self) -> int:
        """How many TCP connections have carried requests since the start."""
        return self._server.connections if self._server else 0

    def script(self, *answers: Scripted) -> None:
        """Says what comes next, in order; behind the last one the built-in model answers again.

        A request that breaks the contract is refused all the same, and uses no answer up.

        Args:
            answers: a str is the text of an `Answer`.
        """
        with self._lock:
            self._script.extend(answers)

    def start(self) -> Self:
        """Serves on loopback from a background thread until `stop`."""
        from anyfast_emulator.server import Server

        if self._server is None:
            self._server = Server(self, self._host, self._port)
            self._server.start()
        return self

    def stop(self) -> None:
        """Ends the server and waits for its thread."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def reply(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answers one HTTP request; safe from many threads.

        Args:
            method: the HTTP method.
            target: path and query.
            headers: request headers.
            body: the whole body.

        Returns:
            The reply, in the pieces in which it is to be sent.
        """
        with self._lock:
            request_id = f"{time.strftime('%Y%m%d%H%M%S')}{self._memory.next_id()[:8]}"
            lowered = {name.lower(): value for name, value in headers.items()}
            try:
                reply = self._route(method, urlsplit(target).path, lowered, body, request_id)
            except RefusedError as refusal:
                family = self._family_of(body)
                data, kind = refusal_body(refusal, family.accent, request_id)
                reply = Reply(refusal.status, kind, (data,))
        own = {"x-oneapi-request-id": request_id, "x-new-api-version": "emulator"}
        return replace(reply, headers=own | dict(reply.headers))

    def _route(self, method: str, path: str, headers: Mapping[str, str], body: bytes, request_id: str) -> Reply:
        if path.partition("/v1/")[0] or "/v1/" not in path:
            return front_page()
        if (method, path) == ("GET", "/v1/models"):
            self._check_key(headers)
            return model_list()
        if (method, path) != ("POST", "/v1/chat/completions"):
            words = f"Invalid URL ({method} {path})"
            raise RefusedError(words, status=404, code="", type="invalid_request_error", by_gateway=True)
        request = _decoded(body)
        if request is not None:
            self.requests.append(request)
            self.headers.append(self._without_key(headers))
        self._check_key(headers)
        return self._chat(_required(request), request_id)

    def _without_key(self, headers: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value.replace(self.api_key, "[key]") for name, value in headers.items()}
        return kept | ({"authorization": "[key]"} if "authorization" in kept else {})

    def _check_key(self, headers: Mapping[str, str]) -> None:
        given = headers.get("authorization", "").removeprefix("Bearer ").strip()
        if not given:  # Anyfast models-list page
            error = {"message": "No token provided"}
            raise RefusedError(error["message"], status=401, by_gateway=True, error=error)
        if given != self.api_key:  # Anyfast api-reference/introduction
            error = {
                "message": "Invalid API key provided.",
                "type": "authentication_error",
                "code": "invalid_api_key",
            }
            raise RefusedError(error["message"], status=401, by_gateway=True, error=error)

    def _chat(self, request: dict[str, Any], request_id: str) -> Reply:
        name = request["model"]
        if self.strict:
            if name not in MODELS:  # new-api middleware/distributor.go
                words = f"No available channel for model {name} under group default (distributor)"
                raise RefusedError(words, status=503, code="model_not_found", by_gateway=True)
            check_parameters(request, MODELS[name])
            check_history(request, MODELS[name], self._memory)
        family = family_of(name)
        said = self._script.popleft() if self._script else model.answer(request, family)
        if isinstance(said, Raw):
            return recorded(said)
        if isinstance(said, Failure):
            return failed(said, request_id)
        return self._told(Answer(text=said) if isinstance(said, str) else said, request, family)

    def _told(self, said: Answer, request: dict[str, Any], family: Family) -> Reply:
        n = request.get("n", 1) if "n" in family.parameters else 1
        choices = [self._memory.completed(said, family) for _ in range(n)]
        usage = said.usage if said.usage is not None else self._usage(request, family, choices)
        if family.thinks and not family.shows_thoughts and not shows_thoughts(request, family):
            choices = [replace(one, reasoning="") for one in choices]
        for one in choices:
            self._memory.keep(request["messages"], one, family)
        told = Telling(
            id=f"chatcmpl-{self._memory.next_id()}",
            created=int(time.time()),
            model=family.answers_as or request["model"],
            family=family,
            choices=choices,
            usage=usage,
            include_usage=bool((request.get("stream_options") or {}).get("include_usage")),
            alternatives=request.get("top_logprobs", 0) if request.get("logprobs") else None,
        )
        if request.get("stream"):
            frames, cut = stream(told)
            return Reply(200, SSE_TYPE, frames, cut)
        whole = completion(told)
        cut = said.cut_after is not None
        return Reply(200, JSON_TYPE, (whole[: len(whole) // 2],) if cut else (whole,), cut)

    def _usage(self, request: dict[str, Any], family: Family, choices: list[Answer]) -> dict[str, Any]:
        prompt, cache = prompt_text(request), (request["model"], request.get("user_id"))
        cached = cached_tokens(prompt, self._memory.earlier_prompts(cache))
        self._memory.keep_prompt(cache, prompt)
        return count_usage(request, family, choices, cached)

    def _family_of(self, body: bytes) -> Family:
        request = _decoded(body) or {}
        return family_of(str(request.get("model")))


def family_of(name: str) -> Family:
    """The row of a model; one that the contract does not know takes that of the nearest name, or the plain one."""
    if name in MODELS:
        return MODELS[name]
    alike = [known for known in MODELS if known.split("-")[0].lower() == name.split("-")[0].lower()]
    return MODELS[alike[0]] if alike else PLAIN


def _decoded(body: bytes) -> dict[str, Any] | None:
    try:
        request = json.loads(body)
    except ValueError:
        return None
    return request if isinstance(request, dict) else None


def _required(request: dict[str, Any] | None) -> dict[str, Any]:
    """The request, if it is one that the gateway can route (new-api relay validation)."""
    if request is None:
        raise RefusedError("invalid request body: expected a JSON object", by_gateway=True)
    if not isinstance(request.get("model"), str) or not request["model"]:
        raise RefusedError("field model is required", by_gateway=True)
    if not isinstance(request.get("messages"), list) or not request["messages"]:
        raise RefusedError("field messages is required", by_gateway=True)
    return request

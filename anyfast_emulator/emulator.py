"""The gateway as a pure function with a memory: a request goes in, a reply comes out."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from anyfast_emulator import model
from anyfast_emulator.answers import Answer, Failure, Raw, Scripted
from anyfast_emulator.contract import MODELS, PLAIN, Family
from anyfast_emulator.embedding import EMBEDDERS, check, embeddings, is_embeddings
from anyfast_emulator.gate import credit_used_up, responses_only, token_used_up, unknown_model, wrong_key
from anyfast_emulator.gateway import error_event, failed, front_page, model_list, recorded, refused
from anyfast_emulator.history import check_history
from anyfast_emulator.memory import Memory
from anyfast_emulator.parameters import check_parameters
from anyfast_emulator.refusals import RefusedError
from anyfast_emulator.replies import Completion, Reply, streamed, whole
from anyfast_emulator.script import Script
from anyfast_emulator.temperaments import DOCUMENTED, Temperament
from anyfast_emulator.temperaments import temperament as named
from anyfast_emulator.tempering import asks_for_usage, perceived, revealed, streams_usage, tempered, with_think_tags
from anyfast_emulator.transport import Transport
from anyfast_emulator.usage import cached_tokens, count_usage, prompt_text

if TYPE_CHECKING:
    from anyfast_emulator.server import Server

KEY = "sk-emulator"


class Emulator:
    """An Anyfast gateway of one's own: strict about the contract, scripted or answering by simple rules.

    As a context manager it serves on loopback, and its end checks the script; `transport` needs no server.

    Args:
        api_key: the key it accepts.
        strict: False switches the contract checks off (the key is still checked).
        temperament: what it does otherwise than documented; a known kind by its name, or a `Temperament` of one's own.
        scripted_only: nothing but the script answers; a request without a scripted answer is a 400, and an error of
            `check_script`.
        delay: seconds between streamed frames, so that a reader sees the stream.
        host: address to serve on.
        port: port to serve on; 0 picks a free one.

    Raises:
        LookupError: there is no temperament of this name.

    Attributes:
        requests: the JSON bodies of the chat and embeddings requests, in order, refused ones included.
        headers: the headers of those requests, names in lower case, the key replaced by "[key]".
        transport: an httpx transport, sync and async, that asks this emulator in process.
    """

    def __init__(
        self,
        *,
        api_key: str = KEY,
        strict: bool = True,
        temperament: str | Temperament = DOCUMENTED,
        scripted_only: bool = False,
        delay: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.api_key = api_key
        self.strict = strict
        self._temperament = named(temperament) if isinstance(temperament, str) else temperament
        rows = {name: row for name, row in MODELS.items() if name.startswith(self._temperament.serves or "")}
        self._served = {name: tempered(row, self._temperament) for name, row in rows.items()}
        self._embedders = {n: row for n, row in EMBEDDERS.items() if n.startswith(self._temperament.serves or "")}
        self.delay = delay
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.transport = Transport(self)
        self._host, self._port = host, port
        self._server: Server | None = None
        self._script = Script(exclusive=scripted_only)
        self._memory = Memory()
        self._lock = threading.Lock()

    @property
    def temperament(self) -> Temperament:
        """What it does otherwise than documented."""
        return self._temperament

    @property
    def base_url(self) -> str:
        """The URL to give to a client; that of the in-process transport while no server runs."""
        return f"{self._server.url if self._server else 'http://emulator.invalid'}/v1"

    @property
    def connections(self) -> int:
        """How many TCP connections have carried requests since the start."""
        return self._server.connections if self._server else 0

    @property
    def last_request(self) -> dict[str, Any]:
        """The JSON body of the last chat request.

        Raises:
            LookupError: there was none yet.
        """
        if not self.requests:
            raise LookupError("The emulator has received no chat request yet.")
        return self.requests[-1]

    @property
    def unused(self) -> tuple[Scripted, ...]:
        """The scripted answers that nobody has asked for yet."""
        with self._lock:
            return self._script.unused

    def script(self, *answers: Scripted) -> None:
        """Says what comes next, in order; behind the last one the built-in model answers again.

        A request that breaks the contract is refused all the same, and uses no answer up.

        Args:
            answers: a str is the text of an `Answer`.
        """
        with self._lock:
            self._script.extend(answers)

    def check_script(self) -> None:
        """Makes sure that the script was followed to its end; then it is forgotten.

        The end of a `with` block and that of a test with the fixture do it too, unless an error is on its way already.

        Raises:
            ScriptError: scripted answers are left, or with `scripted_only` a request found none; the message names
                them.
        """
        __tracebackhide__ = True  # pytest shows the test, not this
        with self._lock:
            self._script.check()

    def reset(self) -> None:
        """Forgets the script, the requests and all that the model remembers; the server goes on."""
        with self._lock:
            self._script.clear()
            self.requests.clear()
            self.headers.clear()
            self._memory = Memory()

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
        if kind is None:
            self.check_script()

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
                request = _decoded(body) or {}
                family = self._family(str(request.get("model")))
                reply = refused(refusal, family, request_id, streams=request.get("stream") is True)
        own = {"x-oneapi-request-id": request_id, "x-new-api-version": "emulator"}
        if not self.temperament.request_id_header:
            own = {}
        return replace(reply, headers=own | dict(reply.headers))

    def _route(self, method: str, path: str, headers: Mapping[str, str], body: bytes, request_id: str) -> Reply:
        embeds = is_embeddings(method, path, self.temperament)
        if not path.startswith(("/v1/", "/api/")):
            return front_page()
        if (method, path) == ("GET", "/v1/models") and self.temperament.models_list:
            self._check_key(headers)
            return model_list(self._served, self._embedders)
        if not embeds and (method, path) != ("POST", "/v1/chat/completions"):
            words = f"Invalid URL ({method} {path})"
            raise RefusedError(words, status=404, code="", type="invalid_request_error", by_gateway=True)
        request = _decoded(body)
        if request is not None:
            self.requests.append(request)
            self.headers.append(self._without_key(headers))
        self._check_key(headers)
        if embeds:
            return self._embeddings(_with_model(request), path, request_id)
        return self._chat(_required(request), request_id)

    def _embeddings(self, request: dict[str, Any], path: str, request_id: str) -> Reply:
        name = request["model"]
        if self.temperament.quota == "user":
            raise credit_used_up(self.temperament)
        if self.strict:
            if name not in self._embedders:
                raise unknown_model(name, self.temperament)
            check(request, path)
        said = self._script.next_failure()
        if isinstance(said, Raw):
            return recorded(said)
        return failed(said, self._family(name), request_id) if said else embeddings(request)

    def _without_key(self, headers: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value.replace(self.api_key, "[key]") for name, value in headers.items()}
        return kept | ({"authorization": "[key]"} if "authorization" in kept else {})

    def _check_key(self, headers: Mapping[str, str]) -> None:
        given = headers.get("authorization", "").removeprefix("Bearer ").strip()
        if given != self.api_key:
            raise wrong_key(given)
        if self.temperament.quota == "token":
            raise token_used_up(given)

    def _family(self, name: str) -> Family:
        if (embedder := EMBEDDERS.get(name)) is not None:
            return tempered(replace(PLAIN, accent=embedder.accent), self.temperament)
        return self._served.get(name) or tempered(family_of(name), self.temperament)

    def _chat(self, request: dict[str, Any], request_id: str) -> Reply:
        name, family = request["model"], self._family(request["model"])
        if self.temperament.quota == "user":
            raise credit_used_up(self.temperament)
        body = perceived(request, family)
        if self.strict:
            if name not in self._served:
                raise unknown_model(name, self.temperament)
            if family.only_responses:
                raise responses_only()
            check_parameters(body, family)
            check_history(body, family, self._memory)
        scripted = self._script.next(request)
        said = model.answer(body, family, luck=len(self.requests)) if scripted is None else scripted
        if isinstance(said, Raw):
            return recorded(said)
        streams = request.get("stream") is True
        if isinstance(said, Failure):
            return failed(said, family, request_id, streams=streams)
        answer = Answer(text=said) if isinstance(said, str) else said
        if answer.error is not None and not streams:
            return failed(answer.error, family, request_id)
        return self._completed(answer, body, family, request_id)

    def _completed(self, said: Answer, request: dict[str, Any], family: Family, request_id: str) -> Reply:
        n = request.get("n", 1) if "n" in family.parameters else 1
        choices = [self._memory.completed(said, family) for _ in range(n)]
        shown = [revealed(one, request, family) for one in choices]
        usage = said.usage if said.usage is not None else self._usage(request, family, choices)
        completion = Completion(
            id=f"chatcmpl-{self._memory.next_id()}",
            created=int(time.time()),
            model=family.answers_as or request["model"],
            family=family,
            choices=[with_think_tags(one, family) for one in shown],
            usage=usage,
            include_usage=streams_usage(request, family),
            loses_finish=family.temper.finish_needs_usage and not asks_for_usage(request),
            alternatives=request.get("top_logprobs", 0) if request.get("logprobs") else None,
        )
        for one in shown:
            self._memory.keep(request["messages"], one, family)
        if not request.get("stream"):
            return whole(completion)
        return streamed(completion, error_event(said.error, family, request_id) if said.error else None)

    def _usage(self, request: dict[str, Any], family: Family, choices: list[Answer]) -> dict[str, Any]:
        prompt, cache = prompt_text(request), (request["model"], request.get("user_id"))
        cached = cached_tokens(prompt, self._memory.earlier_prompts(cache))
        self._memory.keep_prompt(cache, prompt)
        return count_usage(request, family, choices, cached)


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


def _with_model(request: dict[str, Any] | None) -> dict[str, Any]:
    """The request, if it is one that the gateway can route (new-api relay validation)."""
    if request is None:
        raise RefusedError("invalid request body: expected a JSON object", by_gateway=True)
    if not isinstance(request.get("model"), str) or not request["model"]:
        raise RefusedError("field model is required", by_gateway=True)
    return request


def _required(request: dict[str, Any] | None) -> dict[str, Any]:
    """The request of a chat, if it is one that the gateway can route."""
    request = _with_model(request)
    if not isinstance(request.get("messages"), list) or not request["messages"]:
        raise RefusedError("field messages is required", by_gateway=True)
    return request

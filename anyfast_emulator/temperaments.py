"""How a gateway may differ from what Anyfast documents: one field for each difference, one row for each known kind.

Nobody knows which of these the live gateway has. Sources are named in the comments: "contract" is Anyfast's own page,
"new-api" the open-source gateway that Anyfast appears to run, "upstream" the vendor's own document, "recorded" an
exchange that somebody recorded, "guess" ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Treatment = Literal["works", "refused", "ignored"]
"""What becomes of a parameter: it has its effect, it is a 400, or it is taken and has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperament:
    """What one gateway does otherwise than documented. None is as the model's page has it.

    Plant a single difference with `Temperament(effort_read="top")`, or change a known kind with
    `dataclasses.replace(temperament("new-api"), models_list=False)`.

    Args:
        name: what it is called.
        serves: the beginnings of the model ids that it knows; empty = all.
        quota: whose credit is used up, if any: the token's own (401) or the user's (403).

        effort_read: where it reads the effort: `thinking.reasoning_effort`, `reasoning_effort`, either, or nowhere.
            A higher effort makes longer reasoning.
        thinks: whether a model thinks when nothing is said.
        switch_on: what becomes of the switch that turns thinking on.
        switch_off: what becomes of the switch that turns thinking off.
        reasoning_field: where the reasoning stands in an answer; "stripped" counts it and does not show it.
        reasoning_required: whether earlier reasoning has to come back on turns with tools in play.
        placeholders: what it takes in place of reasoning that a turn does not have, `""` and `" "` among them.
        reasoning_reaches: whether reasoning that comes back reaches the model: asked for a code word that stands
            only there, it knows it.

        forced_choice: what becomes of a forced `tool_choice` while the model thinks.
        parallel_calls: whether it calls several tools at once.
        strict_tools: what becomes of a function's `strict`; "ignored" lets the arguments leave an enum of the schema.
        signatures: whether the calls of Gemini 3 carry a thought signature, which has to come back.

        json_object: what becomes of this `response_format`.
        json_schema: what becomes of this one.
        prefix: what becomes of a message's `prefix`.
        stop: what becomes of `stop`.
        stop_list_only: whether a bare string is refused as `stop`.
        n: what becomes of `n` above 1.
        length: the length parameter that it reads; the other one is taken and has no effect.
        images: what becomes of an image; "ignored" drops it silently.
        videos: what becomes of a video.
        text_parts: whether a content of text parts is taken where the page wants a string.
        unknown: what becomes of a parameter that the page does not have.
        drops_zeros: takes a parameter of 0, and an empty `reasoning_content`, for one that was not sent.

        greedy: makes 0.001 of a `top_p` that was not sent to a model of Alibaba's, so that it samples hardly at all.

        frames: whose accent its frames have: "deepseek", "sglang", "gemini" (by new-api), "google", "qwen", "openai".
        stream_usage: when a stream carries usage.
        finish_needs_usage: without `stream_options.include_usage` the frame that has both usage and finish is lost.
        usage_extras: fields that it adds to the usage.
        pictures: how a picture comes: as markdown in one event ("line"), in several ("pieces"), or in a message's
            `images` field.
        matched_stop: whether DeepSeek's `matched_stop` is let through.
        cut_looks_done: an upstream that breaks off ends in usage and `[DONE]` instead of a broken connection.
        keep_alives: whether comments keep a stream, and blank lines an answer, alive.

        request_id_header: whether `x-oneapi-request-id` is there.
        errors: the shape of its refusals and failures; "in_200" sends them under status 200.
        models_list: whether `GET /v1/models` is there, else a 404.
        embeddings: at which path there are embeddings: `/v1/embeddings` ("openai"), `/api/v3/embeddings` ("ark").
    """

    name: str = "documented"
    serves: tuple[str, ...] = ()
    # new-api model/token.go, service/pre_consume_quota.go; upstream DeepSeek says 402
    quota: Literal["left", "token", "user"] = "left"

    # contract deepseek-v4-pro nests it, upstream DeepSeek reads the top level: open point 2
    effort_read: Literal["nested", "top", "both", "none"] | None = None
    thinks: bool | None = None  # contract qwen3.6-flash: off; upstream: on
    switch_on: Treatment = "works"
    switch_off: Treatment = "works"
    # new-api ThinkingToContent; aliases recorded from gateways
    reasoning_field: Literal["reasoning_content", "reasoning", "think_tags", "stripped"] = "reasoning_content"
    reasoning_required: bool | None = None  # upstream DeepSeek: yes; behind SGLang: no
    placeholders: frozenset[str] = frozenset({" "})  # open point 3: hermes-agent#17341 against vercel/ai
    reasoning_reaches: bool | None = None  # upstream DeepSeek thinking_mode guide

    forced_choice: Treatment | None = None  # recorded: refused by DeepSeek, Qwen, Kimi
    parallel_calls: bool = True
    strict_tools: Treatment = "works"  # contract deepseek-v4-pro; new-api drops it: open point 4
    signatures: bool = True  # upstream Google; new-api's conversion shows none

    json_object: Treatment | None = None
    json_schema: Treatment | None = None
    prefix: Treatment = "works"  # contract deepseek-v4-pro; upstream only under /beta: open point 4
    stop: Treatment = "works"
    stop_list_only: bool | None = None  # contract qwen3.6-flash
    n: Treatment | None = None
    length: Literal["max_tokens", "max_completion_tokens", "both"] | None = None
    images: Treatment | None = None  # dify#3771: Doubao may drop one silently
    videos: Treatment | None = None
    text_parts: bool = False  # contract deepseek-v4-pro: a string; upstream takes text parts
    unknown: Literal["refused", "ignored"] = "refused"  # new-api decodes into typed fields, the rest vanishes
    drops_zeros: bool = False  # older new-api: `omitempty`

    greedy: bool = False  # new-api relay/channel/ali/text.go, in most versions

    frames: str | None = None
    stream_usage: Literal["asked", "always", "never"] = "asked"
    finish_needs_usage: bool = False  # new-api#7489
    usage_extras: Mapping[str, object] | None = None  # new-api dto usage
    # new-api relay/channel/gemini writes markdown; OpenRouter's answers have the field (recorded)
    pictures: Literal["line", "pieces", "field"] = "line"
    matched_stop: bool = True  # new-api ForceFormat strips it
    cut_looks_done: bool = False  # new-api#6239
    keep_alives: bool = True  # new-api PingData can be off; DeepSeek's own do not pass the gateway

    request_id_header: bool = True  # new-api middleware/request-id.go
    errors: Literal["openai", "deepseek", "new-api", "google", "string", "flat", "html", "empty", "in_200"] | None = (
        None
    )
    models_list: bool = True  # contract models-list
    embeddings: Literal["both", "openai", "ark", "none"] = "both"  # contract text-embedding; new-api relay-router.go


DOCUMENTED = Temperament()
# The gateway taken away: DeepSeek's own API as it documents itself.
DEEPSEEK = Temperament(
    name="deepseek",
    serves=("deepseek-",),
    effort_read="top",  # upstream thinking_mode guide
    strict_tools="ignored",  # guess: upstream has it under /beta only, and does not say what happens elsewhere
    prefix="ignored",  # guess, likewise
    text_parts=True,  # recorded
    frames="deepseek",
    matched_stop=False,  # recorded: DeepSeek itself sends none
    request_id_header=False,
    errors="deepseek",
)
# DeepSeek V4 behind SGLang, as recorded from Azure, 2026-06-09.
SGLANG = Temperament(
    name="sglang",
    serves=("deepseek-",),
    effort_read="top",  # guess: SGLang's request has `reasoning_effort` there
    reasoning_required=False,  # no 400, and worse answers
    text_parts=True,
    unknown="ignored",  # guess: its pydantic request ignores the rest
    length="both",
    frames="sglang",
    keep_alives=False,
    errors="openai",
)
# new-api in an older version, with ForceFormat on: what an operator may well run.
NEW_API = Temperament(
    name="new-api",
    effort_read="top",  # `reasoning_effort` is a field of its request; `thinking` is kept raw, and may be read as well
    strict_tools="ignored",  # not in its FunctionRequest
    signatures=False,  # its Gemini conversion shows none, and adds a bypass itself
    unknown="ignored",
    drops_zeros=True,
    finish_needs_usage=True,
    usage_extras={"input_tokens": 0, "output_tokens": 0, "input_tokens_details": None},
    matched_stop=False,
    cut_looks_done=True,
    errors="new-api",
)
# Gemini by Google's own OpenAI endpoint instead of new-api's conversion: open point 7.
GOOGLE = Temperament(
    name="google",
    serves=("gemini-",),
    reasoning_field="think_tags",  # recorded: <thought> in the content
    frames="google",
    keep_alives=False,
    request_id_header=False,
    errors="google",
)
TEMPERAMENTS: Mapping[str, Temperament] = {one.name: one for one in (DOCUMENTED, DEEPSEEK, SGLANG, NEW_API, GOOGLE)}


def temperament(name: str) -> Temperament:
    """A known kind of gateway.

    Args:
        name: "documented", "deepseek", "sglang", "new-api" or "google".

    Returns:
        Its row.

    Raises:
        LookupError: there is none of this name; the message lists those that there are.
    """
    if name not in TEMPERAMENTS:
        raise LookupError(f"No temperament {name!r}; there are {', '.join(TEMPERAMENTS)}.")
    return TEMPERAMENTS[name]

"""Every knob of a model, once: typed, documented, range-checked. Both frameworks' classes inherit it."""

import functools
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.lenient_json import merged
from anyfast_transport.settings.names import accepted_names, unknown_argument
from anyfast_transport.settings.secrets import Hidden, MayHoldSecret

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


def _as_stops(value: Any) -> Any:
    """One spelling for three: a string is a list of one, an empty list is unset."""
    if isinstance(value, str):
        return [value]
    return list(value) or None if isinstance(value, (list, tuple)) else value


def _as_switch(value: Any) -> Any:
    """The vendors' object is not taken: what it may hold besides has names of its own here."""
    if isinstance(value, Mapping) or value in ("enabled", "disabled", "auto"):
        raise ValueError(
            "write thinking=True or thinking=False, or None for the model's own default; a level goes into "
            "reasoning_effort, whatever else into extra_body"
        )
    return value


def _no_class(value: Any) -> Any:
    if isinstance(value, type):
        raise ValueError(  # noqa: TRY004  # pydantic tells the user of a ValueError only
            f"{value.__name__} is a class: objects of it come from with_structured_output({value.__name__}) in "
            f"LangChain, from structured_predict or as_structured_llm({value.__name__}) in LlamaIndex"
        )
    return value


class ChatParameters(BaseModel):
    """What can be said about an answer. Every field can also be given for one call, and the call wins.

    None means "not sent": the model's own default holds. Ranges are those of the gateway's pages; a value outside
    them is refused here, before anything is sent.
    """

    model_config = ConfigDict(
        populate_by_name=True, hide_input_in_errors=True, protected_namespaces=(), validate_assignment=True
    )

    model: str = Field(validation_alias=AliasChoices("model", "model_name"), min_length=1)
    """Any model id that the gateway serves. Families are told by how it begins and what stands in it
    (`-thinking`, `-image`); an unknown id gets the plain dialect."""

    thinking: Annotated[bool | None, BeforeValidator(_as_switch)] = None
    """On, off, or the model's own default (None); spelled as the family wants it."""

    reasoning_effort: Effort | None = None
    """How hard to think. `"none"` is thinking off; a level that the family lacks becomes its nearest, with a warning;
    not sent while thinking is off, or to a family without it."""

    reasoning_replay: Literal["auto", "always", "never"] = "auto"
    """Whether earlier reasoning goes back on assistant turns; `"auto"` follows the family's rule."""

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """Sampling temperature, 0 to 2."""

    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    """Nucleus sampling mass, 0 to 1."""

    n: Annotated[int, Field(ge=1)] | None = None
    """Number of answers, 1 or more; only without streaming. 1 is never sent."""

    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    """Penalty on frequent tokens, -2 to 2. DeepSeek ignores it: dropped there, with a warning."""

    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    """Penalty on tokens already present, -2 to 2. DeepSeek ignores it: dropped there, with a warning."""

    seed: int | None = None
    """Seed for repeatable sampling, where the upstream knows one."""

    logprobs: bool | None = None
    """Whether to return the log probabilities of the answer's tokens."""

    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    """Number of alternatives per token, 0 to 20; needs `logprobs`."""

    max_tokens: Annotated[int, Field(ge=1)] | None = Field(
        default=None, validation_alias=AliasChoices("max_tokens", "max_completion_tokens")
    )
    """Longest answer in tokens, 1 or more, reasoning included on most models; sent under the family's name.
    Documented upper bounds: Qwen 3.6 65,536; Doubao Seed 262,144."""

    stop: Annotated[list[str] | None, BeforeValidator(_as_stops)] = Field(
        default=None, validation_alias=AliasChoices("stop", "stop_sequences")
    )
    """Sequences that end the answer; a string or a list. DeepSeek takes 16 at most. `[]` is unset."""

    response_format: Annotated[dict[str, Any] | None, BeforeValidator(_no_class)] = None
    """`{"type": "text"}`, `{"type": "json_object"}`, or `{"type": "json_schema", "json_schema": {...}}`. What a
    family lacks is lowered to what it has, with a warning."""

    user_id: Annotated[str, Field(max_length=512, pattern=r"^[a-zA-Z0-9\-_]+$")] | None = None
    """The end user, for content safety and cache isolation: up to 512 of `a-zA-Z0-9-_`. Sent where it is documented
    (DeepSeek)."""

    image_config: dict[str, str] | None = None
    """Shape and size of the pictures that an image model makes: `{"aspect_ratio": "16:9", "image_size": "2K"}`. Checked
    against what is documented for the model; on a model that makes none it is an error before sending."""

    extra_body: MayHoldSecret[dict[str, Any] | None] = None
    """Merged into the request body last: the way to anything the gateway knows and this class does not. It may hold a
    secret, so it is in no repr, dump or pickle."""

    rescue_tool_calls: bool = True
    """Whether a tool call that arrives as text (DeepSeek's DSML, `<tool_call>`) becomes a call, if tools were offered.
    False leaves such text as it came."""

    split_think_tags: bool = True
    """Whether thoughts in `<think>` or `<thought>` tags at the beginning of the text become reasoning. False leaves
    them in the text."""

    on_empty: Literal["warn", "raise", "keep"] = "warn"
    """What to do with an answer that has neither text nor tool call because reasoning ate its budget."""

    on_invalid_call: Literal["auto", "ask_again", "raise", "keep"] = "auto"
    """What to do with an answer that calls tools, and none of them so that it could be executed: cut off, or no JSON.
    `"ask_again"` asks once more within the call, saying what was wrong, but not after a cut, and then raises;
    `"keep"` leaves the calls invalid; `"raise"` is an InvalidResponseError; `"auto"` asks again within an agent, which
    would end as if it were done, and keeps elsewhere."""

    @model_validator(mode="before")
    @classmethod
    def _known_arguments_only(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            known = accepted_names(cls)
            for name in values:
                if name not in known:
                    raise TypeError(f"{cls.__name__}: {unknown_argument(name, known)}")
        return values


@functools.cache
def _field_validator(cls: type[BaseModel], name: str) -> TypeAdapter[Any]:
    field = cls.model_fields[name]
    annotation: Any = field.annotation
    for part in field.metadata:
        annotation = Annotated[annotation, part]
    return TypeAdapter(annotation, config=ConfigDict(hide_input_in_errors=True, arbitrary_types_allowed=True))


def checked_value(cls: type[BaseModel], name: str, value: Any, *, given: str, model: str | None) -> Any:
    """A field's value for one call, held to what the field takes.

    Args:
        cls: The class of the field.
        name: The field.
        value: What the caller wants; it may be hidden.
        given: The name under which the caller wrote it.
        model: The model, for the message.

    Returns:
        The value, as the field would hold it.

    Raises:
        UnsupportedParameterError: The field does not take it.
    """
    try:
        return _field_validator(cls, name).validate_python(value.reveal() if isinstance(value, Hidden) else value)
    except ValidationError as error:
        value = None  # tracers print the locals of every frame of an error
        said = "; ".join(e["msg"] for e in error.errors(include_input=False, include_url=False))
        raise UnsupportedParameterError(f"{given}: {said}", parameter=given, model=model) from None


def call_values(parameters: ChatParameters, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of one call: the fields, under what the call itself says.

    Args:
        parameters: The model object with its fields.
        overrides: The keyword arguments of the call.

    Returns:
        Field name → value for every field that is set; `extra_body` of both, merged, the call's last.

    Raises:
        UnsupportedParameterError: An override that nobody knows, or that is out of its range.
    """
    names, model = accepted_names(ChatParameters), parameters.model
    said: dict[str, Any] = {}
    for given, value in overrides.items():
        name = names.get(given)
        if name is None:
            words = unknown_argument(given, accepted_names(type(parameters)))
            raise UnsupportedParameterError(words, parameter=given, model=model)
        if name != "extra_body":
            said[name] = _checked(name, given, value, model)
    fields = {name: getattr(parameters, name) for name in ChatParameters.model_fields}
    # An effort of "none" is a switch, too: the call's wins, by whichever name it is said.
    if said.get("thinking") and fields["reasoning_effort"] == "none":
        fields["reasoning_effort"] = None
    if said.get("reasoning_effort") == "none":
        fields["thinking"] = None
    values = fields | said
    # Last, for tracers print the locals of every frame of an error.
    if overrides.get("extra_body") is not None:
        extra = checked_value(ChatParameters, "extra_body", overrides["extra_body"], given="extra_body", model=model)
        values["extra_body"] = merged(parameters.extra_body or {}, extra)
    if values.get("n") == 1:  # what every upstream does unasked, and Qwen and Doubao refuse to be told
        del values["n"]
    return {name: value for name, value in values.items() if value is not None}


def _checked(name: str, given: str, value: Any, model: str) -> Any:
    if value is None:
        return model if name == "model" else ChatParameters.model_fields[name].default
    return checked_value(ChatParameters, name, value, given=given, model=model)

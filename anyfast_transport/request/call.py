"""What one call asks for beside its messages: the fields of a model, under the arguments of the call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.families.profile_file import family_with
from anyfast_transport.families.table import Family
from anyfast_transport.lenient_json import merged
from anyfast_transport.reading import Expected
from anyfast_transport.request.structured_output import Structure
from anyfast_transport.request.thinking import thinking_fields, thinks
from anyfast_transport.request.tool_choice import call_instruction, wire_tool_choice
from anyfast_transport.settings.connection import Connection
from anyfast_transport.settings.names import accepted_names
from anyfast_transport.settings.parameters import ChatParameters, call_values, checked_value
from anyfast_transport.settings.secrets import EXTRA_HEADERS, without_lost

JSON = dict[str, Any]


@dataclass(slots=True)
class Call:
    """What one call asks for beside its messages.

    Attributes:
        values: Parameter → value, from `call_values`.
        tools: Tools in OpenAI's shape.
        tool_choice: `"auto"`, `"none"`, `"required"` (also `"any"`, True), a tool's name, or OpenAI's object.
        parallel_tool_calls: Sent only if given.
        structure: An object that the answer should be; the way to it is chosen by the family and its thinking.
        connection: The model's, under what this call says of `timeout`, `max_retries` and the like; None if nothing.
        stream: Whether the answer is to be streamed.
        include_usage: Whether a stream ends with its usage. new-api drops the last frame of an upstream, with its
            finish_reason, where nobody asked for usage (new-api#7489), so it is asked for unless switched off.
        in_agent: Whether it is a step of an agent, which would end as if done on a call that cannot be executed, and
            without the call that it forces.
        called_in_text: Says whether a text is the arguments of the forced call; see `Expected`.
        profile_file: Path of a file of facts that lie over the row of the model's family, or None.
    """

    values: JSON = field(repr=False)  # they may hold a secret
    tools: Sequence[JSON] = ()
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    structure: Structure | None = None
    connection: Connection | None = None
    stream: bool = False
    include_usage: bool = True
    in_agent: bool = False
    called_in_text: Callable[[str], bool] | None = None
    profile_file: str | None = None

    model: str = field(init=False)
    family: Family = field(init=False)

    def __post_init__(self) -> None:
        self.model = self.values["model"]
        self.family = family_with(self.model, self.profile_file)

    @classmethod
    def of(cls, parameters: ChatParameters, overrides: Mapping[str, Any], **how: Any) -> "Call":
        """Makes a call of a model's fields and the keyword arguments of one call.

        Args:
            parameters: The model object.
            overrides: Keyword arguments; `tools`, `tool_choice`, `parallel_tool_calls` and `structure` beside the
                parameters.
            how: `stream`, `include_usage`, `in_agent` and `called_in_text`.

        Returns:
            The call.

        Raises:
            UnsupportedParameterError: An argument that nobody knows, a value out of its range, or a profile file that
                is none.
        """
        rest = without_lost(overrides)
        tools, choice = rest.pop("tools", None) or (), rest.pop("tool_choice", None)
        parallel, structure = rest.pop("parallel_tool_calls", None), rest.pop("structure", None)
        _check_tools(tools)
        connection = _connection(parameters, rest)
        values = call_values(parameters, rest)
        spoken_to = connection or parameters
        return cls(
            values,
            tools=tools,
            tool_choice=choice,
            parallel_tool_calls=parallel,
            structure=structure,
            connection=connection,
            profile_file=spoken_to.profile_file if isinstance(spoken_to, Connection) else None,
            **how,
        )

    @property
    def expected(self) -> Expected:
        """What it expects of its answer."""
        on_invalid_call = self.values.get("on_invalid_call", "auto")
        if self.structure is not None:  # whoever reads the object asks again
            on_invalid_call = "keep"
        elif on_invalid_call == "auto":
            on_invalid_call = "ask_again" if self.in_agent else "keep"
        return Expected(
            on_empty=self.values.get("on_empty", "warn"),
            on_invalid_call=on_invalid_call,
            must_call=self._must_call if self.in_agent or on_invalid_call == "ask_again" else "",
            called_in_text=self.called_in_text,
        )

    @property
    def _must_call(self) -> str:
        choice = wire_tool_choice(self.tool_choice, self.tools, model=self.model)
        if self.structure is not None or choice in (None, "none"):
            return ""
        return call_instruction(None if choice == "required" else choice["function"]["name"])

    @property
    def thinking(self) -> bool:
        """Whether the model will think: as the body says, `extra_body` included, else as the family does."""
        return thinks(
            self.family, merged(thinking_fields(self.values, self.family), self.values.get("extra_body") or {})
        )


def _check_tools(tools: Any) -> None:
    if not isinstance(tools, Sequence) or not all(isinstance(tool, Mapping) for tool in tools):
        raise UnsupportedParameterError(
            "tools= takes a list of tools in OpenAI's shape. bind_tools([...]) of LangChain and "
            "chat_with_tools([...], ...) of LlamaIndex take functions and tools of any kind.",
            parameter="tools",
        )


def _connection(parameters: ChatParameters, rest: JSON) -> Connection | None:
    """Takes what a call says of its connection out of its arguments: `timeout`, `max_retries` and the like."""
    names = accepted_names(Connection)
    said = {given: rest.pop(given) for given in names.keys() & rest.keys()}
    said = {given: value for given, value in said.items() if str(value or "").strip() or names[given] != "base_url"}
    more = rest.pop(EXTRA_HEADERS, None)
    if not (said or more) or not isinstance(parameters, Connection):
        return None
    model = parameters.model
    update = {
        names[given]: checked_value(Connection, names[given], value, given=given, model=model)
        for given, value in said.items()
    }
    if more:
        more = checked_value(Connection, "default_headers", more, given=EXTRA_HEADERS, model=model)
        update["default_headers"] = {**(update.get("default_headers", parameters.default_headers) or {}), **more}
    return parameters.model_copy(update=update)

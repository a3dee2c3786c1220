"""Facts that lie over the rows of families: a small JSON file that `anyfast-doctor` writes, or somebody by hand.

```
{
  "format": 1,
  "models": {
    "deepseek-v4-pro": {"effort_path": "reasoning_effort", "reasoning_placeholder": ""}
  }
}
```

A key under `models` is the beginning of a model id, or a pattern as the rows' own are (`qwen*-thinking`); of several
that fit, the more specific one lies above. The facts are those of `Family`, except its name and ids; `thinking` has the
keys `on`, `off` and `unsaid`, `top_p` has `on` and `off`, and each replaces the row's as a whole. Facts of embedding
models stand beside `models`, in `embedding_models`, and are those of `EmbeddingModel`:
`{"text-embedding-v4": {"path": "/v1/embeddings", "max_texts": 10}}`.
"""

import difflib
import functools
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_type_hints

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from anyfast_transport.errors import UnsupportedParameterError
from anyfast_transport.families.embedding_models import EmbeddingModel, embedding_model_of
from anyfast_transport.families.family import Family, TemplateTokens
from anyfast_transport.families.table import family_of, pattern_fits, specificity
from anyfast_transport.lenient_json import read_json

FORMAT = 1
"""The format that this version writes, and the newest that it reads."""

PROFILE_VARIABLE = "ANYFAST_PROFILE"

LONGEST_PROFILE = 4_000_000
"""Characters. The doctor writes some thousand for a model."""

Facts = Mapping[str, Any]
"""Names of `Family`'s attributes → their values."""


class Profile(NamedTuple):
    """What a file says: beginning of a model id, in lower case → facts."""

    models: Mapping[str, Facts]
    embedding_models: Mapping[str, Facts]


STATES = {"on": True, "off": False, "unsaid": None}
"""How a file names the states of thinking that a row has fragments for."""
_NOT_FACTS = ("name", "ids")
_BY_STATE = ("thinking", "top_p")
_NEAR = 0.5
_SHOWN = 100


def _compiled(pattern: str | None) -> str | None:
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise ValueError(f"no regular expression ({error})") from None
    return pattern


_COUNT = Annotated[int, Field(ge=1)] | None

# What a row's own annotation leaves open: a row is ours to get right, a file is not.
_NARROWER: Mapping[str, Any] = {
    "thinking": dict[Literal["on", "off", "unsaid"], dict[str, Any]],
    "effort_path": Annotated[str, Field(pattern=r"^\w+(\.\w+)*$")] | None,
    "second_effort_path": Annotated[str, Field(pattern=r"^\w+(\.\w+)*$")] | None,
    "effort_levels": tuple[Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"], ...],
    "top_p": dict[Literal["on", "off"], Annotated[float, Field(ge=0, le=1)]],
    "length_parameter": Annotated[str, Field(min_length=1)],
    "call_ids": Annotated[str | None, AfterValidator(_compiled)],
    **dict.fromkeys(("max_output", "stop_limit", "context_window", "output_limit"), _COUNT),
}

_NARROWER_OF_EMBEDDINGS: Mapping[str, Any] = {
    "path": Annotated[str, Field(pattern="^/[^/]")],
    **dict.fromkeys(("max_texts", "max_tokens", "max_request_tokens", "dimensions"), _COUNT),
}


@functools.cache
def _types(row: Any = Family) -> Mapping[str, TypeAdapter[Any]]:
    hints = {**get_type_hints(row), **(_NARROWER if row is Family else _NARROWER_OF_EMBEDDINGS)}
    return {one.name: TypeAdapter(hints[one.name]) for one in fields(row) if one.name not in _NOT_FACTS}


def family_with(model: str, profile_file: str | None) -> Family:
    """Finds the row of a model, under what a profile file says of it.

    Args:
        model: Model id.
        profile_file: Path of the file; None is the plain row. The file is read again when it has changed.

    Returns:
        The family.

    Raises:
        UnsupportedParameterError: The file cannot be read, or is no profile; the message names it.
    """
    if profile_file is None:
        return family_of(model)
    return _overlaid(model, profile_file, _stamp(profile_file))


def embedding_model_with(model: str, profile_file: str | None) -> EmbeddingModel:
    """Finds the row of an embedding model, under what a profile file says of it in `"embedding_models"`.

    Args:
        model: Model id.
        profile_file: Path of the file; None is the plain row. The file is read again when it has changed.

    Returns:
        The row.

    Raises:
        UnsupportedParameterError: As `family_with`.
    """
    row = embedding_model_of(model)
    if profile_file is None:
        return row
    for facts in facts_of(model, _read(profile_file, _stamp(profile_file)).embedding_models):
        row = replace(row, **facts)
    return row


def read_profile(path: str) -> Mapping[str, Facts]:
    """Reads a profile file.

    Args:
        path: Where it is.

    Returns:
        Beginning of a model id, in lower case → facts.

    Raises:
        UnsupportedParameterError: As `family_with`.
    """
    return read_whole_profile(path).models


def read_whole_profile(path: str) -> Profile:
    """Reads a profile file, with what it says of embedding models; see `read_profile`."""
    return _read(path, _stamp(path))


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = Path(path).expanduser().stat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for
        raise _unreadable(path, OSError("it is no file"))
    return found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=16)
def _read(path: str, _: tuple[int, int]) -> Profile:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    return _parsed(text, path)


def _unreadable(path: str, error: Exception) -> UnsupportedParameterError:
    said = getattr(error, "strerror", None) or str(error)
    return _wrong(path, f"cannot be read ({said}). Correct profile_file or {PROFILE_VARIABLE}, or take it away")


@functools.lru_cache(maxsize=1024)
def _overlaid(model: str, path: str, stamp: tuple[int, int]) -> Family:
    family = family_of(model)
    for facts in facts_of(model, _read(path, stamp).models):
        family = overlaid(family, facts)
    return family


def facts_of(model: str, profile: Mapping[str, Facts]) -> list[Facts]:
    """What a profile says of a model.

    Args:
        model: Model id; a vendor in front and case are ignored, as by `family_of`.
        profile: Beginning of a model id → facts.

    Returns:
        The facts of every key that fits, the one to be laid on top last.
    """
    return [profile[key] for key in sorted(profile, key=specificity) if pattern_fits(key, model)]


def bare_id(model: str) -> str:
    """A model's id without a vendor in front, in lower case; as `family_of` reads it."""
    return model.rsplit("/", 1)[-1].lower()


def overlaid(family: Family, facts: Facts) -> Family:
    """Lays facts over a row.

    Args:
        family: The row; not changed.
        facts: Attribute of `Family` → value.

    Returns:
        A new row.
    """
    return replace(family, **facts)


def parsed_profile(text: str, *, source: str) -> Mapping[str, Facts]:
    """Reads the text of a profile.

    Args:
        text: JSON.
        source: Where it is from, for messages.

    Returns:
        Beginning of a model id, in lower case → facts.

    Raises:
        UnsupportedParameterError: It is no profile, of a newer format, or says a fact that there is not; the message
            names source, model and fact.
    """
    return _parsed(text, source).models


def _parsed(text: str, source: str) -> Profile:
    if len(text) > LONGEST_PROFILE:
        raise _wrong(source, f"is no profile: it is longer than {LONGEST_PROFILE:,} characters")
    try:
        document = read_json(text.encode())
    except ValueError as error:
        raise _wrong(source, f"is no JSON ({str(error)[:200]})") from None
    models = document.get("models") if isinstance(document, dict) else None
    if not isinstance(models, dict) or type(document.get("format")) is not int:
        raise _wrong(source, 'is no profile: it should be {"format": 1, "models": {"<beginning of an id>": {…}}}')
    if document["format"] > FORMAT:
        raise _wrong(
            source,
            f"has the format {document['format']}, and this version reads {FORMAT}. Update anyfast-integrations",
        )
    embedding_models = document.get("embedding_models", {})
    if not isinstance(embedding_models, dict):
        raise _wrong(source, "is no profile: its embedding_models should be an object")
    return Profile(_all_checked(models, source, Family), _all_checked(embedding_models, source, EmbeddingModel))


def _all_checked(models: Mapping[str, Any], source: str, row: Any) -> Mapping[str, Facts]:
    return {bare_id(model): _checked(facts, source, model, row) for model, facts in models.items()}


def _checked(facts: Any, source: str, model: str, row: Any) -> Facts:
    if not isinstance(facts, dict) or not model:
        shown = model[:_SHOWN]
        raise _wrong(source, f"says nothing that can be read of the model {shown!r}: it should be an object of facts")
    return {name: _value(name, value, f"{source}: {model}", row) for name, value in facts.items()}


def _value(name: str, value: Any, where: str, row: Any) -> Any:
    kind = _types(row).get(name)
    if kind is None:
        near = difflib.get_close_matches(name[:_SHOWN], list(_types(row)), n=1, cutoff=_NEAR)
        raise _wrong(where, f"has no fact {name[:_SHOWN]!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    try:
        checked = kind.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        at = ".".join(map(str, (name, *first["loc"])))
        raise _wrong(where, f"has a wrong {at}: {first['msg']}") from None
    return {STATES[key]: fragment for key, fragment in checked.items()} if name in _BY_STATE else checked


def _wrong(where: str, what: str) -> UnsupportedParameterError:
    return UnsupportedParameterError(f"The profile file {where} {what}.", parameter="profile_file")


def written_profile(models: Mapping[str, Facts], embedding_models: Mapping[str, Facts] | None = None) -> str:
    """Writes a profile.

    Args:
        models: Beginning of a model id → facts.
        embedding_models: The same of embedding models.

    Returns:
        JSON that `parsed_profile` reads.
    """
    document: dict[str, Any] = {"format": FORMAT, "models": _written(models)}
    if embedding_models:
        document["embedding_models"] = _written(embedding_models)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _written(models: Mapping[str, Facts]) -> dict[str, Any]:
    return {model: written_facts(facts) for model, facts in sorted(models.items())}


def written_facts(facts: Facts) -> dict[str, Any]:
    """Facts as JSON values.

    Args:
        facts: Attribute of `Family` → value.

    Returns:
        The same, as a profile file has it.
    """
    return {name: _json_of(name, value) for name, value in sorted(facts.items())}


def _json_of(name: str, value: Any) -> Any:
    if name in _BY_STATE:
        return {key: _json_of("", value[state]) for key, state in STATES.items() if state in value}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, TemplateTokens):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def profile_from_env() -> str | None:
    """The path that the environment names.

    Returns:
        The value of ANYFAST_PROFILE, or None.
    """
    return os.environ.get(PROFILE_VARIABLE) or None


def as_path(value: Any) -> Any:
    """A path as the text that a dump can hold.

    Args:
        value: What the user gave.

    Returns:
        The text of a path; anything else as it is.
    """
    return os.fspath(value) if isinstance(value, os.PathLike) else value

"""The sources that an answer names, in whichever of its fields: as one list. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

JSON = dict[str, Any]


def citations_in(metadata: Mapping[str, Any]) -> list[JSON]:
    """Reads the sources of an answer.

    Args:
        metadata: The fields of the answer and of its message, under the names that they came with.

    Returns:
        LangChain's `Citation` annotations, what is an annotation and no citation as it came. A source that is named
        twice is there once, unless each names a place of the text.
    """
    found = [*map(_annotation, _entries(metadata.get("annotations")))]
    known = {one.get("url") for one in found}
    for entry in _results(metadata):
        source = _citation(entry)
        if source and source["url"] not in known:
            known.add(source["url"])
            found.append(source)
    return found


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _results(metadata: Mapping[str, Any]) -> Iterator[Any]:
    """Search results, those that tell most of a source first."""
    info = metadata.get("search_info")  # DashScope
    yield from _entries(metadata.get("search_results"))  # Perplexity
    yield from _entries(info.get("search_results") if isinstance(info, Mapping) else None)
    yield from _entries(metadata.get("web_search"))  # GLM
    yield from _entries(metadata.get("references"))  # Doubao
    yield from _entries(metadata.get("citations"))  # Perplexity, xAI


def _annotation(entry: Any) -> JSON:
    """An annotation of OpenAI's form, which OpenRouter and others have, too."""
    kind = entry.get("type") if isinstance(entry, Mapping) else None
    inner = entry.get(kind) if isinstance(kind, str) else None
    source = _citation(inner if isinstance(inner, Mapping) else entry) if kind in ("url_citation", "citation") else None
    return source or {
        "type": "non_standard_annotation",
        "value": entry if isinstance(entry, dict) else {"value": entry},
    }


def _citation(source: Any) -> JSON | None:
    if isinstance(source, str):
        return {"type": "citation", "url": source}
    url = _first(source, "url", "link") if isinstance(source, Mapping) else None
    if url is None:
        return None
    places = {key: source[key] for key in ("start_index", "end_index") if isinstance(source.get(key), int)}
    told = {"title": _first(source, "title"), "cited_text": _first(source, "cited_text", "content", "snippet")}
    return {"type": "citation", "url": url, **{key: text for key, text in told.items() if text}, **places}


def _first(source: Mapping[str, Any], *keys: str) -> str | None:
    return next((value for key in keys if isinstance(value := source.get(key), str) and value), None)

"""Filling a JSON schema from the words of a prompt."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from anyfast_emulator import words

Schema = Mapping[str, Any]
_DEPTH = 6
_PROSE = re.compile(r"query|question|prompt|message|search|\binput\b|\btext\b|\bq\b|request|content|instruction|reason")
_TERM = re.compile(r"[\d.]+(?:\s*[-+*/^]\s*[\d.]+)+")
_PLACE = re.compile(r"city|location|place|country|destination|region|town")
# What a string of this format looks like when the prompt names none.
_FORMATS: Mapping[str, tuple[str, str]] = {
    "date": (r"\d{4}-\d{2}-\d{2}", "2026-01-31"),
    "date-time": (r"\d{4}-\d{2}-\d{2}T[\d:]+Z?", "2026-01-31T12:00:00Z"),
    "time": (r"\d{2}:\d{2}(?::\d{2})?", "12:00:00"),
    "email": (r"[\w.+-]+@[\w-]+\.[\w.]+", "someone@example.com"),
    "uri": (r"https?://\S+", "https://example.com/"),
    "uuid": (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "00000000-0000-4000-8000-000000000000"),
}


class Filling:
    """Fills schemas for one answer; a number or name is used once while others are left.

    Args:
        prompt: what the user asked.
        results: what tools have answered since, latest last.
        past: the arguments of the calls made since.
        spoken_of: names in the prompt that are no values, such as those of tools and keys.
    """

    def __init__(
        self,
        prompt: str,
        results: Sequence[str] = (),
        past: Sequence[Mapping[str, Any]] = (),
        spoken_of: Collection[str] = (),
    ) -> None:
        self.prompt = prompt
        self.past = past
        used = [value for arguments in past for value in arguments.values()]
        said = words.numbers(prompt)
        for value in used:
            if isinstance(value, int | float) and value in said:
                said.remove(value)
        latest = next((found for one in reversed(results) if (found := words.numbers(one))), [])
        self.numbers = [*latest, *said]
        self.names = [name for name in words.names(prompt) if name not in used and name not in spoken_of]

    def fill(self, schema: Schema, name: str = "") -> Any:
        """A value that is valid against the schema.

        Args:
            schema: a JSON schema; `$ref`s point into its own `$defs` or `definitions`.
            name: the property that the value is for.

        Returns:
            The JSON value.
        """
        return self._fill(schema, name, schema, 0)

    def _fill(self, schema: Schema, name: str, root: Schema, depth: int) -> Any:
        schema = self._resolve(schema, root, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._pick(schema["enum"], schema.get("default"))
        kind = schema.get("type") or ("object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        if kind == "object":
            return self._object(schema, root, depth)
        if kind == "array":
            return self._array(schema, name, root, depth)
        if kind in ("integer", "number"):
            return self._number(schema, name, whole=kind == "integer")
        if kind == "boolean":
            return self._boolean(schema, name)
        return None if kind == "null" else self._string(schema, name)

    def _resolve(self, schema: Schema, root: Schema, depth: int) -> Schema:
        for _ in range(_DEPTH):
            if "$ref" in schema:
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = {**_pointed(root, schema["$ref"]), **rest}
            elif "allOf" in schema:
                rest = {key: value for key, value in schema.items() if key != "allOf"}
                for part in schema["allOf"]:
                    rest = _merged(rest, self._resolve(part, root, depth))
                schema = rest
            elif options := schema.get("anyOf") or schema.get("oneOf"):
                rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}
                schema = _merged(rest, self._option(options, root, depth))
            else:
                break
        return schema

    def _option(self, options: Sequence[Schema], root: Schema, depth: int) -> Schema:
        resolved = [self._resolve(option, root, depth) for option in options]
        real = [option for option in resolved if option.get("type") != "null"]
        mentioned = [option for option in real if self._mentions(_tags(option))]
        leaves = [option for option in real if option.get("type") not in ("object", "array")]
        choices = mentioned or (leaves if depth > _DEPTH else []) or real or resolved
        return choices[0]

    def _mentions(self, said: Sequence[Any]) -> bool:
        return any(str(one).lower() in self.prompt.lower() for one in said if one is not None)

    def _pick(self, options: Sequence[Any], default: Any) -> Any:
        said = [(self.prompt.lower().find(str(one).lower()), one) for one in options if self._mentions([one])]
        if said:
            return min(said, key=lambda pair: pair[0])[1]
        return default if default in options else options[0]

    def _object(self, schema: Schema, root: Schema, depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        filled = {
            key: self._fill(inner, key, root, depth + 1)
            for key, inner in schema.get("properties", {}).items()
            if key in required or (depth < _DEPTH and self._wanted(key, inner))
        }
        filled |= {key: "emulated" for key in required if key not in filled}
        return filled

    def _wanted(self, key: str, schema: Schema) -> bool:
        """Whether an optional property is asked for."""
        spelled = key.replace("_", " ").lower()
        if re.search(rf"\b(?:no|without)\s+(?:any\s+)?{re.escape(spelled)}", self.prompt.lower()):
            return False
        options = [*schema.get("enum", ()), *(one for part in schema.get("anyOf", ()) for one in part.get("enum", ()))]
        if _PLACE.search(spelled) and words.placed_names(self.prompt):
            return True
        return spelled in self.prompt.lower() or key in self.prompt or self._mentions(options)

    def _array(self, schema: Schema, name: str, root: Schema, depth: int) -> list[Any]:
        items = schema.get("items") if isinstance(schema.get("items"), Mapping) else {}
        inner = self._resolve(items or {}, root, depth)
        most, least = schema.get("maxItems", 100), schema.get("minItems", 0)
        if depth >= _DEPTH and not least:
            return []
        wanted = max(least, 1)
        if inner.get("type") in ("integer", "number"):
            wanted = max(wanted, len(self.numbers))
        elif inner.get("type", "string") == "string" and "enum" not in inner:
            wanted = max(wanted, len(self.names))
        elif any("name" in key for key in inner.get("required", ())):
            wanted = max(wanted, len(self.names))  # one object for each name
        single = name.removesuffix("s")
        return [self._fill(inner, single, root, depth + 1) for _ in range(min(wanted, most))]

    def _number(self, schema: Schema, name: str, *, whole: bool) -> float:
        low = schema.get("minimum", schema.get("exclusiveMinimum", float("-inf")))
        high = schema.get("maximum", schema.get("exclusiveMaximum", float("inf")))
        low += 1 if schema.get("exclusiveMinimum") == low else 0
        high -= 1 if schema.get("exclusiveMaximum") == high else 0
        said = words.numbers(words.said_value(self.prompt, name) or "") if name else []
        for number in [*said, *self.numbers]:
            if low <= number <= high:
                if number in self.numbers:
                    self.numbers.remove(number)
                return int(number) if whole else number
        fallback = schema.get("default", max(low, min(1, high)))
        return int(fallback) if whole else fallback

    def _boolean(self, schema: Schema, name: str) -> bool:
        spelled = re.escape(name.replace("_", " "))
        if re.search(rf"\b(?:no|not|without)\s+{spelled}", self.prompt, re.IGNORECASE):
            return False
        said = words.said_value(self.prompt, name) if name else None
        if said is not None:
            return said.lower() in ("true", "yes", "on")
        return bool(schema.get("default", True))

    def _string(self, schema: Schema, name: str) -> str:
        text = self._words_for(schema, name) or "emulated"
        least, most = schema.get("minLength", 1), schema.get("maxLength")
        return text.ljust(least, ".")[:most]

    def _words_for(self, schema: Schema, name: str) -> str:
        if schema.get("format") in _FORMATS:
            pattern, fallback = _FORMATS[schema["format"]]
            found = re.search(pattern, self.prompt)
            return found.group() if found else fallback
        if name and (said := words.said_value(self.prompt, name)):
            return said
        if re.search("expression|formula", name) and (term := _TERM.search(self.prompt)):
            return term.group()
        if _PROSE.search(name.lower()) and not words.quotations(self.prompt):
            return self.prompt.strip()
        if again := next((one[name] for one in reversed(self.past) if isinstance(one.get(name), str)), ""):
            return str(again)
        return self._name_for(name) or str(schema.get("default") or "") or self._made_up(schema, name)

    def _name_for(self, name: str) -> str:
        placed = [one for one in words.placed_names(self.prompt) if one in self.names]
        elsewhere = [one for one in self.names if one not in placed]
        ordered = [*placed, *elsewhere] if _PLACE.search(name.lower()) else self.names
        if not ordered:
            return words.unnamed_place(self.prompt) if _PLACE.search(name.lower()) else ""
        self.names.remove(chosen := ordered[0])
        return chosen

    def _made_up(self, schema: Schema, name: str) -> str:
        about = words.topic(self.prompt)
        label = name.replace("_", " ") or str(schema.get("title") or "value")
        return f"{label.capitalize()} on {about}"


def _tags(schema: Schema) -> list[Any]:
    """The values by which the branches of a union are told apart."""
    inner = [one for one in schema.get("properties", {}).values() if isinstance(one, Mapping)]
    constants = [one.get("const") for one in [schema, *inner]]
    return [*constants, *schema.get("enum", ()), *(one["enum"][0] for one in inner if len(one.get("enum", ())) == 1)]


def _merged(one: Mapping[str, Any], other: Schema) -> dict[str, Any]:
    merged = {**other, **one}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**other["properties"], **one["properties"]}
    if "required" in one or "required" in other:
        merged["required"] = [*other.get("required", ()), *one.get("required", ())]
    return merged


def _pointed(root: Schema, pointer: str) -> Mapping[str, Any]:
    found: Any = root
    for key in pointer.removeprefix("#").strip("/").split("/"):
        found = found.get(key, {}) if isinstance(found, Mapping) and key else found
    return found if isinstance(found, Mapping) else {}

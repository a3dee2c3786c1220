"""Reading an object out of an answer, whichever way it was asked for."""

import json
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_core.output_parsers.transform import BaseCumulativeTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.utils.json import parse_partial_json
from langchain_core.utils.pydantic import TypeBaseModel, is_basemodel_subclass
from pydantic import ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1

from anyfast_transport.structured import object_in


class StructureParser(BaseCumulativeTransformOutputParser[Any]):
    """Takes the arguments of the tool that stands for the schema, or else the JSON in the text.

    While a stream goes on, partial objects of a dict schema come out as they grow; those of a pydantic class as soon as
    they are valid.
    """

    name_of_tool: str
    """The tool that stands for the schema."""

    schema_class: Any = None
    """The pydantic class that validates; None keeps the dict."""

    def parse(self, text: str) -> Any:
        """Reads the object out of text alone."""
        return self.parse_result([Generation(text=text)])

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Reads the object.

        Args:
            result: The answer.
            partial: Whether more is to come.

        Returns:
            An instance of the schema's class, or a dict; None for a partial answer without an object yet.

        Raises:
            OutputParserException: The answer holds no object, or one that is not valid.
        """
        generation = result[0]
        message = generation.message if isinstance(generation, ChatGeneration) else None
        found = self._arguments(message) if isinstance(message, AIMessage) else None
        text = generation.text
        if found is None:
            found = _partial_object(text) if partial else object_in(text)
        if found is None:
            if partial:
                return None
            raise OutputParserException(f"The answer holds no JSON object: {text!r}", llm_output=text)
        return self._validated(found, partial=partial)

    def _arguments(self, message: AIMessage) -> dict[str, Any] | None:
        for call in message.tool_calls:
            if call["name"] == self.name_of_tool:
                return call["args"]
        return None

    def _validated(self, found: dict[str, Any], *, partial: bool) -> Any:
        if self.schema_class is None:
            return found
        try:
            return _instance(self.schema_class, found)
        except (ValidationError, ValidationErrorV1) as error:
            if partial:
                return None
            said = json.dumps(found, ensure_ascii=False)
            raise OutputParserException(f"The answer is not valid: {error}", llm_output=said) from error


def _instance(schema: TypeBaseModel, found: dict[str, Any]) -> Any:
    validate = getattr(schema, "model_validate", None) or schema.parse_obj
    return validate(found)


def _partial_object(text: str) -> dict[str, Any] | None:
    start = text.find("{")
    if start < 0:
        return None
    try:
        value = parse_partial_json(text[start:])
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def class_of(schema: Any) -> Any:
    """The pydantic class that validates a schema.

    Args:
        schema: What the user gave.

    Returns:
        The class; None for a TypedDict or a JSON schema, whose objects stay dicts.
    """
    return schema if isinstance(schema, type) and is_basemodel_subclass(schema) else None

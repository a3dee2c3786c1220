"""What is shared by both frameworks when an object is asked for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyfast_transport.response.objects import Parsed, object_in, problems

FOUND = {
    "alone": ('{"a": 1}', {"a": 1}),
    "fenced": ('Here:\n```json\n{"a": {"b": 1}}\n```', {"a": {"b": 1}}),
    "behind braces that are no JSON": ('In {set} notation: {"a": 1}.', {"a": 1}),
    "the first of two": ('{"a": 1} {"b": 2}', {"a": 1}),
    "braces in a string": ('x {"a": "}{"}', {"a": "}{"}),
    "none": ("I would rather not.", None),
    "an array": ("[1, 2]", None),
    "cut": ('{"a": 1, "b', None),
    "cut behind an inner one": ('{"a": {"b": 1}, "c": ', None),
    "cut within a string with braces": ('x {"a": {"b": 1}, "c": "} {', None),
    "raw line ends in words": ('Here: {"a": "b\n\tc"} So.', {"a": "b\n\tc"}),
    "half an emoji in words": ('Here: {"a": "\\ud83d"} So.', {"a": "\ufffd"}),
    "NaN": ('{"a": NaN}', None),
    "an inner one of what is no JSON": ('{a: {"b": 1}}', None),
}


@pytest.mark.parametrize(("text", "found"), FOUND.values(), ids=FOUND)
def test_the_object_in_a_text(text, found):
    assert object_in(text) == found


OBJECTS = st.dictionaries(
    st.text(max_size=3),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    min_size=1,
    max_size=4,
)


@given(OBJECTS, st.data())
def test_no_part_of_a_cut_object_passes_for_it(value, data):
    text = json.dumps(value)
    assert object_in(f"Well: {text} So.") == value
    cut = data.draw(st.integers(1, len(text) - 1))
    assert object_in(f"Well: {text[:cut]}") is None


def test_the_words_that_ask_once_more():
    said = problems([{"loc": ("a", 0), "msg": "Field required"}, {"loc": (), "msg": "Value error, no"}])
    assert said == "a.0: Field required. The object: Value error, no."
    words = f"This is not valid. {said} Answer again, correctly."
    assert Parsed(said="{}", problem=said).second_question() == ("{}", words)
    assert Parsed(problem=said).second_question() == ("(nothing)", words)

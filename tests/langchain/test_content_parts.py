"""Content blocks of every origin as parts of the wire: each ends in its right part, or in a typed error."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from anyfast_transport import UnsupportedParameterError
from langchain_anyfast.messages import encode_messages

DATA = "data:image/png;base64,iVBORw0KGgo="
PICTURE = {"type": "image_url", "image_url": {"url": DATA}}
LINK = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}

READ = {
    "a bare string": ({"type": "image_url", "image_url": "https://example.com/a.png"}, LINK),
    "a data URI in base64": ({"type": "image", "base64": DATA}, PICTURE),
    "base64 as bytes": ({"type": "image", "base64": b"iVBORw0KGgo="}, PICTURE),
    "bytes in base64": ({"type": "image", "base64": b"\x89PNG\r\n\x1a\n", "mime_type": "image/png"}, PICTURE),
    "Google's media": ({"type": "media", "mime_type": "image/png", "data": "iVBORw0KGgo="}, PICTURE),
    "Google's media at a place": (
        {"type": "media", "mime_type": "image/png", "file_uri": "https://example.com/a.png"},
        LINK,
    ),
    "a video as a bare string": (
        {"type": "video_url", "video_url": "https://example.com/a.mp4"},
        {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
    ),
    "a detail stays": (
        {"type": "image_url", "image_url": {"url": DATA, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": DATA, "detail": "low"}},
    ),
}


@pytest.mark.parametrize(("block", "part"), READ.values(), ids=READ)
def test_a_block_is_its_part(block, part):
    assert encode_messages([HumanMessage([block])]) == [{"role": "user", "content": [part]}]


REFUSED = (
    {"type": "image_url"},
    {"type": "image_url", "image_url": {}},
    {"type": "image_url", "image_url": {"url": None}},
    {"type": "image"},
    {"type": "text"},
    {"type": "text", "text": None},
    {"type": "input_audio", "input_audio": "AAAA"},
    {"type": "media", "mime_type": "image/png"},
)


@pytest.mark.parametrize("block", REFUSED, ids=json.dumps)
def test_a_block_without_its_field_is_refused_and_left_out_of_an_earlier_turn(block):
    with pytest.raises(UnsupportedParameterError, match="block needs"):
        encode_messages([HumanMessage([block])])
    assert encode_messages([AIMessage([block, "said"])]) == [
        {"role": "assistant", "content": f"[{block['type']} left out]said"}
    ]


@pytest.mark.parametrize("block", [*REFUSED, {"type": "resource", "uri": "x"}, {"type": "non_standard", "value": 1}])
def test_an_odd_block_of_a_tools_result_is_its_json(block):
    (message,) = encode_messages([ToolMessage([block, "and text"], tool_call_id="1")])
    odd, text = message["content"]
    assert json.loads(odd["text"]) == block
    assert text == {"type": "text", "text": "and text"}


KINDS = st.sampled_from(
    [
        *("text", "image", "image_url", "video", "video_url", "audio", "input_audio", "file", "document", "media"),
        *("refusal", "text-plain", "reasoning", "thinking", "tool_use", "tool_result", "resource", "non_standard"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["url", "data", "type"]), inner),
    max_leaves=4,
)
FIELDS = st.sampled_from(
    [
        *("text", "image_url", "url", "base64", "data", "source", "extras", "file", "mime_type", "input_audio"),
        *("summary", "name", "id", "input", "content"),
    ]
)


@given(kind=KINDS, fields=st.dictionaries(FIELDS, VALUES, max_size=3), role=st.sampled_from([HumanMessage, AIMessage]))
def test_every_block_ends_in_a_part_or_in_a_typed_error(kind, fields, role):
    block = {**fields, "type": kind}
    encode_messages([ToolMessage([block], tool_call_id="1")])
    with contextlib.suppress(UnsupportedParameterError):
        encode_messages([role([block])])

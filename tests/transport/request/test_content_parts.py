"""Media and names of a conversation, in the form that the family takes."""

import pytest

from anyfast_transport import Call, ChatParameters, UnsupportedParameterError, build_request

DEEPSEEK, QWEN, PLAIN = "deepseek-v4-pro", "qwen3.6-flash", "gpt-5.4"
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
TEXT = {"type": "text", "text": "the screen"}


def sent(model, *messages):
    request = build_request(Call.of(ChatParameters(model=model), {}), messages)
    return request.body["messages"], list(request.repairs)


def called(content):
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    return (
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": content},
    )


@pytest.mark.filterwarnings("ignore::anyfast_transport.AnyfastWarning")
def test_a_picture_of_a_tool_goes_behind_its_result_or_is_left_out_with_a_word():
    messages, repairs = sent(QWEN, *called([TEXT, PICTURE]))
    assert messages[-1] == {"role": "user", "content": [{"type": "text", "text": "From tool call c1:"}, PICTURE]}
    assert repairs == []
    messages, repairs = sent(DEEPSEEK, *called([TEXT, PICTURE]))
    assert messages[-1]["content"] == "the screen\n[image_url left out: deepseek-v4-pro takes none]"
    assert repairs[0] == "media of a tool's result: left out, since deepseek-v4-pro takes none"


@pytest.mark.parametrize("url", ["/home/me/a.png", "a.png", "C:\\\\pictures\\a.png", "file:///a.png", "iVBORw0KGgo="])
def test_a_picture_at_a_place_of_this_machine_is_refused_with_the_remedy(url):
    part = {"type": "image_url", "image_url": {"url": url}}
    with pytest.raises(UnsupportedParameterError, match="base64"):
        sent(QWEN, {"role": "user", "content": [part]})


@pytest.mark.parametrize("url", ["https://example.com/a.png", "data:image/png;base64,iVBORw0KGgo=", "ms://file-1"])
def test_a_picture_at_a_place_that_somebody_may_read_goes_there(url):
    message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    assert sent(QWEN, message) == ([message], [])


def test_names_that_the_wire_does_not_take_stay_distinct_and_the_same_in_each_turn():
    said = ["张三", "李四", "张三", "a b", "a_b", "x" * 65, "x" * 66]
    messages, repairs = sent(PLAIN, *({"role": "user", "content": "hi", "name": name} for name in said))
    names = [message["name"] for message in messages]
    assert names[0] == names[2]
    assert len(set(names)) == 6
    assert names[4] == "a_b"
    assert all(0 < len(name) <= 64 and name.isascii() and " " not in name for name in names)
    assert repairs == ["participant's name that the wire does not take: spelled otherwise (×6)"]

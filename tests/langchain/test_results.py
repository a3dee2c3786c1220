"""What programs read of a result beside its message: its id, `llm_output`, `generation_info`."""

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage

from anyfast_emulator.answers import Answer

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "prompt_tokens_details": {"cached_tokens": 1}}
TWICE = {"prompt_tokens": 6, "completion_tokens": 4, "total_tokens": 10, "prompt_tokens_details": {"cached_tokens": 2}}


class Ended(BaseCallbackHandler):
    def __init__(self):
        self.outputs = []

    def on_llm_end(self, response, **_):
        self.outputs.append(response.llm_output)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_result_tells_usage_and_model_as_those_of_openais_classes_do(chat, emulator, asynchronous):
    emulator.script(Answer("a", usage=USAGE), Answer("b", usage=USAGE))
    ended, prompts = Ended(), [[HumanMessage("hi")], [HumanMessage("ho")]]
    llm = chat(callbacks=[ended])
    result = await llm.agenerate(prompts) if asynchronous else llm.generate(prompts)
    said = {"model_name": "deepseek-v4-pro", "model_provider": "anyfast"}
    fingerprint = result.llm_output["system_fingerprint"]
    assert result.llm_output == {**said, "system_fingerprint": fingerprint, "token_usage": TWICE}
    assert [output["token_usage"] for output in ended.outputs] == [USAGE, USAGE]
    generations = [generations[0] for generations in result.generations]
    assert [one.generation_info for one in generations] == [{"finish_reason": "stop"}] * 2
    assert sum(one.message.usage_metadata["total_tokens"] for one in generations) == 10


def test_the_end_of_a_stream_tells_why_it_ended(chat, emulator):
    emulator.script(Answer("a"))
    *_, last = chat()._stream([HumanMessage("hi")])
    assert last.generation_info == {"finish_reason": "stop"}


def test_a_server_that_reuses_its_ids_overwrites_no_turn(chat, emulator):
    emulator.script(Answer("a"), Answer("a"), Answer("b"), Answer("b"))
    llm = chat()
    ids = [llm.invoke("hi").id, llm.invoke("hi").id, next(llm.stream("hi")).id, next(llm.stream("hi")).id]
    assert len(set(ids)) == 4
    assert all(one.startswith("lc_run--") for one in ids)

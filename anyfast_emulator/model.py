"""The small rule-based model behind the emulator. It reads words, not meaning, and says that it is emulated."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from anyfast_emulator import drawing, words
from anyfast_emulator.answers import Answer, ToolCall
from anyfast_emulator.contract import Family
from anyfast_emulator.conversation import Conversation, embedded_schema, read_conversation
from anyfast_emulator.filling import Filling
from anyfast_emulator.picking import loosened, pick_calls
from anyfast_emulator.thinking import effort_of, google_config, is_thinking, recalled
from anyfast_emulator.tokens import count_tokens, first_tokens

Body = Mapping[str, Any]
# LlamaIndex's question-answering prompt, and the one of LangChain's pages on retrieval
_CONTEXT = re.compile(r"-{5,}\s*\n([\s\S]+?)\n\s*-{5,}|^Context:\s*([\s\S]+?)\n\s*(?=Question:)", re.MULTILINE)
_QUERY = re.compile(r"Query: *(.+)")
_HANDED_OVER = re.compile(r"Agent \S+ is now handling the request")  # LlamaIndex's, which says nothing to the user
_SOURCE = re.compile(r"Source (\d+):$")  # LlamaIndex's prompt for citations
_ASKS_JSON = re.compile(r"\b(?:answer|respond|reply|return|output)\b[^.\n]{0,60}\bJSON\b", re.IGNORECASE)
_WANTED_WORDS = re.compile(r"\b(?:repeat|say|reply with|answer with)\b[\w ]*: *(\S.*)", re.IGNORECASE | re.DOTALL)
_CODE_WORD = re.compile(r"\bcode ?word\b", re.IGNORECASE)
_CODE_WORD_IS = re.compile(r"\bcode ?word\s*(?:is|was|:|=)\s*[\"'“`]*([\w-]+)", re.IGNORECASE)
# Sentences that an effort adds to the reasoning.
_CARE = {"medium": 1, "high": 2, "xhigh": 4, "max": 4}
_ASKS_PICTURE = re.compile(r"\b(?:draw|paint|picture|image|sketch)\b|画", re.IGNORECASE)
_ASKS_NAME = re.compile(r"\b(?:make up|invent) a name\b", re.IGNORECASE)
_SYLLABLES = ("ve", "lo", "ri", "mas", "ten", "qu", "zar", "i")
_NEARLY_NONE = 0.1  # a share of the likeliest words so small leaves one
_GREETING = re.compile(r"^\W*(?:(?:hello|hi|hey|good morning)\b|你好|您好|こんにちは)", re.IGNORECASE)


def answer(body: Body, family: Family, luck: int = 0) -> Answer:
    """What the model says to a request.

    Args:
        body: a request that keeps to the contract.
        family: the row that the model belongs to.
        luck: what it makes up depends on, where the request leaves it to chance.

    Returns:
        The answer within the request's stop sequences and length limit.
    """
    talk = read_conversation(body, recalled(body, family))
    if family.draws and (drawn := _drawn(body, talk)):
        return drawn
    thinking = is_thinking(body, family)
    calls = pick_calls(talk, body.get("tool_choice"))
    if not family.temper.parallel_calls or body.get("parallel_tool_calls") is False:
        calls = calls[:1]
    if family.temper.strict_tools == "ignored":
        calls = [loosened(call, talk) for call in calls]
    if calls and not talk.reply_format:
        said = Answer(tool_calls=calls)
    else:
        said = Answer(text=_continued(_text(body, talk, calls, luck), talk.prefix))
    if thinking:
        said = replace(said, reasoning=_reasoning(talk, calls, effort_of(body, family)))
    return _within_length(_stopped(said, body), body, family)


def _drawn(body: Body, talk: Conversation) -> Answer | None:
    """The picture that the prompt asks for; None if it asks for none."""
    before = drawing.last_drawing(body["messages"])
    drawn = drawing.read_drawing(talk.prompt, before)
    if drawn == (before or drawing.Drawing()) and not _ASKS_PICTURE.search(talk.prompt):
        return None
    said = google_config(body, "image_config")
    size = drawing.size_of(**{key: said[key] for key in ("aspect_ratio", "image_size") if key in said})
    return Answer(text=f"Here is {drawn}.", pictures=(drawing.data_uri(drawing.png(drawn, *size)),))


def _continued(text: str, prefix: str) -> str:
    """The text without the prefix that it continues; a prefix that it does not begin with is continued freely."""
    return text.removeprefix(prefix) if prefix else text


def _reasoning(talk: Conversation, calls: list[ToolCall], effort: str) -> str:
    # Short, for thoughts eat the length limit on most families.
    asked = " ".join(talk.prompt.split()[:6])
    if calls:
        thought = f"I can call {' and '.join(_spelled(call) for call in calls)}."
    elif talk.results:
        thought = "The tools have told me enough, so I can answer."
    else:
        thought = "I can answer that at once."
    careful = " Let me check that once more: yes." * _CARE.get(effort, 0)
    return f"The user asks: {asked!r}. {thought}{careful}"


def _spelled(call: ToolCall) -> str:
    arguments = json.loads(str(call.arguments))
    return f"{call.name} with " + (", ".join(f"{key}={value!r}" for key, value in arguments.items()) or "no arguments")


def _text(body: Body, talk: Conversation, calls: list[ToolCall], luck: int) -> str:
    if talk.reply_format:
        return _react(talk, calls)
    if (schema := _wanted_schema(body, talk)) is not None:
        filled = Filling(talk.prompt, talk.results, spoken_of=schema.get("properties", ())).fill(schema)
        return json.dumps(filled, ensure_ascii=False)
    if _CODE_WORD.search(talk.prompt):
        return _code_word(talk)
    if talk.results:
        return f"Here is what I found: {_listed(talk)}"
    if _ASKS_NAME.search(talk.prompt):
        return _name(luck if _samples(body) else 0)
    return _reply(talk)


def _samples(body: Body) -> bool:
    """Whether chance has a say in the answer."""
    return bool(body.get("temperature", 1) >= 1 and body.get("top_p", 1) > _NEARLY_NONE)


def _name(luck: int) -> str:
    """A name that nobody has."""
    return "".join(_SYLLABLES[luck // 8**at % 8] for at in range(3)).capitalize()


def _code_word(talk: Conversation) -> str:
    """What a question about a code word is answered with: all that the model can read decides."""
    known = _CODE_WORD_IS.findall(f"{talk.recalled}\n{talk.transcript}")
    return f"The code word is {known[-1]}." if known else "I do not know the code word."


def _reply(talk: Conversation) -> str:
    context = _CONTEXT.search(talk.prompt)
    if context is not None:
        queries = _QUERY.findall(talk.prompt)  # the last, since LlamaIndex's prompt for citations has one as an example
        return _closest(context.group(1) or context.group(2), queries[-1] if queries else talk.prompt)
    if talk.media:
        seen = ", ".join(f"{count} {kind}" for kind, count in talk.media.items() if kind != "text")
        if seen:
            return f"I was sent {seen}, which an emulated model cannot see."
    if (wanted := _WANTED_WORDS.search(talk.prompt)) is not None:
        return wanted.group(1).strip()
    if _GREETING.search(talk.prompt):
        return "Hello! I am an emulated model. How can I help you today?"
    return f"This is an emulated answer on {words.topic(talk.prompt)}."


def _listed(talk: Conversation) -> str:
    return "; ".join(_plain(one) for one in talk.results if not _HANDED_OVER.match(one))


def _plain(result: str) -> str:
    """A tool's result as a person would quote it."""
    text = result.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _closest(context: str, query: str) -> str:
    """The sentence that has most words of the question, with the number of its source if sources are numbered."""
    asked = words.stems(query).keys()
    options, cited = [], ""
    for one in words.sentences(context):
        if (source := _SOURCE.match(one)) is not None:
            cited = f" [{source.group(1)}]"
        elif not re.match(r"\w+: \S+$", one):
            options.append(re.sub(r"([.!?]?)$", rf"{cited}\1", one, count=1))
    return max(options or [context], key=lambda one: len(words.stems(one).keys() & asked))


def _react(talk: Conversation, calls: list[ToolCall]) -> str:
    # The format that LlamaIndex's ReAct prompt asks for.
    if calls:
        call = calls[0]
        return f"Thought: I need to use a tool.\nAction: {call.name}\nAction Input: {call.arguments}"
    answer = f"Here is what I found: {_listed(talk)}" if talk.results else _reply(talk)
    return f"Thought: I can answer without using any more tools.\nAnswer: {answer}"


def _wanted_schema(body: Body, talk: Conversation) -> Mapping[str, Any] | None:
    """The schema that the answer has to fill, from the request or from its words."""
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        asked_for: Mapping[str, Any] = wanted["json_schema"]["schema"]
        return asked_for
    schema = embedded_schema(talk.instructions)
    if schema is not None and re.search("json", talk.instructions, re.IGNORECASE):
        return schema
    if wanted.get("type") != "json_object" and not _ASKS_JSON.search(talk.instructions):
        return None
    quoted = [one for one in words.quotations(talk.instructions) if one.isidentifier() and one.isascii()]
    names = list(dict.fromkeys(quoted))
    keys = {name: {"type": "string"} for name in names} or {"answer": {"const": _reply(talk)}}
    return {"type": "object", "properties": keys, "required": list(keys)}


def _stopped(said: Answer, body: Body) -> Answer:
    stop = body.get("stop") or []
    hits = [(said.text.find(one), one) for one in ([stop] if isinstance(stop, str) else stop) if one in said.text]
    if not hits:
        return said
    at, hit = min(hits)
    return replace(said, text=said.text[:at], matched_stop=hit)


def _within_length(said: Answer, body: Body, family: Family) -> Answer:
    limit = next((body[name] for name in family.lengths if name in body), None)
    if limit is None:
        return said
    if family.limit_counts_thoughts:
        if (spent := count_tokens(said.reasoning)) >= limit:
            return Answer(reasoning=first_tokens(said.reasoning, limit), finish_reason="length")
        limit -= spent
    if said.tool_calls:
        return _within_calls(said, limit)
    if count_tokens(said.text) <= limit:
        return said
    return replace(said, text=first_tokens(said.text, limit), finish_reason="length", matched_stop=None)


def _within_calls(said: Answer, limit: int) -> Answer:
    kept: list[ToolCall] = []
    for call in said.tool_calls:
        written = str(call.arguments)
        if (needed := count_tokens(call.name + written)) > limit:
            cut = first_tokens(written, limit - count_tokens(call.name))
            return replace(said, tool_calls=[*kept, replace(call, arguments=cut)], finish_reason="length")
        kept.append(call)
        limit -= needed
    return said

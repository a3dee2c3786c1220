"""The table of probes, in the order in which they are asked: each stands on what those above it have found."""

from anyfast_doctor import answers, formats, gateway, media, passing_back, sampling, thinking, tools
from anyfast_doctor.findings import Probe

# name, title, requests at most, tokens of prompt and answer together (about; thinking counted at a few hundred a call)
PROBES: tuple[Probe, ...] = (
    Probe("plain", "Plain answer, quota", 1, 300, answers.plain),
    Probe("length", "Length limit", 2, 100, answers.length),
    Probe("thinking_unsaid", "Thinking, unsaid", 2, 400, thinking.unsaid),
    Probe("thinking_on", "Thinking on", 6, 500, thinking.switched_on, thinking.no_switch_on),
    Probe("thinking_off", "Thinking off", 6, 100, thinking.switched_off, thinking.no_switch_off),
    Probe("effort", "Effort", 5, 3000, thinking.effort, thinking.no_effort),
    Probe("temperature", "Temperature", 10, 600, sampling.temperature),
    Probe("reasoning_back", "Reasoning back: required?", 3, 600, passing_back.required, passing_back.sends_none_back),
    Probe("reasoning_arrives", "Reasoning back: arrives?", 1, 500, passing_back.arrives, passing_back.sends_none_back),
    Probe("stream", "Stream", 1, 100, answers.stream),
    Probe("stream_end", "Stream without usage", 1, 100, answers.stream_without_usage),
    Probe("tools", "Tool loop", 2, 900, tools.loop),
    Probe("parallel_tools", "Parallel tool calls", 1, 500, tools.parallel),
    Probe("forced_tool", "Forced tool_choice", 2, 400, tools.forced),
    Probe("strict_tool", "Strict arguments", 1, 250, tools.strict),
    Probe("json_object", "JSON mode", 2, 500, formats.json_object),
    Probe("json_word", "JSON mode, the word", 1, 100, formats.json_word),
    Probe("json_schema", "JSON schema", 1, 150, formats.json_schema),
    Probe("prefix", "Prefix", 1, 60, answers.prefix, answers.no_prefix),
    Probe("stop", "Stop sequence", 1, 60, answers.stop),
    Probe("n", "Several answers", 1, 80, answers.number_of_answers, answers.n_is_unknown),
    Probe("system", "System message later", 1, 60, answers.system_anywhere),
    Probe("video", "Video", 2, 1200, media.video, media.no_video),
    Probe("image", "Image", 2, 400, media.image),
)

OF_THE_GATEWAY: tuple[Probe, ...] = (
    Probe("errors", "Errors", 3, 50, gateway.errors),
    Probe("embeddings", "Embeddings", 2, 30, gateway.embeddings),
)

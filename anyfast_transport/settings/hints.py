"""Arguments of other classes for OpenAI's API, and what to write here instead. Pure.

Gathered from the signatures of ChatOpenAI and ChatDeepSeek (LangChain), OpenAILike, OpenAI and DeepSeek (LlamaIndex),
the openai client, and the vendors' own pages. A name without a line gets no hint: none is better than a wrong one.
"""

from collections.abc import Mapping

_CLIENT = "make a client of your own: http_client=httpx.Client({0}), http_async_client=httpx.AsyncClient({0})."
_NOT_HERE = "leave it out: it means nothing to this gateway."
_BODY = "write extra_body={{{0!r}: ...}}."
_STRINGS = "leave it out: texts are sent as strings, in requests of the size that the model takes."
_ALWAYS_CHAT = "leave it out: this class always speaks to /chat/completions."

_UNDER_ANOTHER_NAME = {
    "api_key": (
        "openai_api_key anyfast_api_key deepseek_api_key dashscope_api_key ark_api_key google_api_key gemini_api_key "
        "openai_key apikey token"
    ),
    "base_url": (
        "openai_api_base anyfast_api_base deepseek_api_base azure_endpoint endpoint endpoint_url api_url api_host host "
        "url server_url base_uri"
    ),
    "model": "engine deployment deployment_name deployment_id azure_deployment model_id model_path",
    "timeout": "request_timeout api_timeout read_timeout timeout_seconds client_timeout",
    "max_retries": "num_retries retries retry max_retry openai_max_retries",
    "max_tokens": "max_new_tokens max_output_tokens max_tokens_to_sample max_length num_predict max_gen_len",
    "stop": "stop_words stop_strings stop_token stop_tokens",
    "user_id": "user end_user safety_identifier user_identifier",
    "default_headers": "headers custom_headers http_headers",
    "extra_body": "model_kwargs generate_kwargs generation_kwargs generation_config body extra_kwargs",
    "temperature": "temp",
    "http_async_client": "async_http_client http_client_async async_client",
    "http_client": "sync_client",
    "stream_usage": "stream_options include_usage",
    "reasoning_effort": "reasoning thinking_level effort openai_reasoning_effort",
    "batch_size": "chunk_size",
    "embed_batch_size": "batch_size",
    "dimensions": "dimension output_dimensionality embedding_dim",
    "context_window": "num_ctx n_ctx max_context context_length",
}
"""Our name → those that others have for it."""

_OF_OTHER_SERVERS = (
    "organization openai_organization org_id project openai_project api_version api_type openai_api_type "
    "openai_api_version azure_ad_token azure_ad_token_provider webhook_secret websocket_base_url root_async_client "
    "root_client custom_llm_provider model_provider"
)

_OF_SOME_MODELS = (
    "service_tier logit_bias top_k min_p top_a repetition_penalty length_penalty min_tokens store verbosity modalities "
    "audio prediction web_search_options enable_search search_options prompt_cache_key prompt_cache_retention "
    "truncation include previous_response_id best_of echo suffix guided_json safety_settings cached_content "
    "incremental_output metadata caching watermark"
)

_OTHERWISE = {
    "enable_thinking": "write thinking=True or thinking=False.",
    "enable_reasoning": "write thinking=True or thinking=False.",
    "include_thoughts": "write thinking=True or thinking=False.",
    "include_reasoning": "write thinking=True or thinking=False.",
    "thinking_config": "write thinking=True or thinking=False, and a level as reasoning_effort.",
    "thinking_dict": "write thinking=True or thinking=False, and a level as reasoning_effort.",
    "thinking_budget": "write reasoning_effort, or what the model documents as extra_body={'thinking_budget': ...}.",
    "budget_tokens": "write reasoning_effort, or what the model documents in extra_body.",
    "chat_template_kwargs": "write thinking=True or thinking=False; the rest as extra_body.",
    "openai_proxy": _CLIENT.format("proxy=..."),
    "proxy": _CLIENT.format("proxy=..."),
    "proxies": _CLIENT.format("proxy=..."),
    "verify": _CLIENT.format("verify=..."),
    "verify_ssl": _CLIENT.format("verify=..."),
    "ssl_verify": _CLIENT.format("verify=..."),
    "cert": _CLIENT.format("cert=..."),
    "default_query": _CLIENT.format("params=..."),
    "extra_query": _CLIENT.format("params=..."),
    "http_socket_options": _CLIENT.format("transport=..."),
    "max_concurrency": "say it where you ask for many: config={'max_concurrency': ...} of batch, num_workers=.",
    "max_connections": _CLIENT.format("limits=..."),
    "functions": "write tools; LangChain's bind_tools and LlamaIndex's chat_with_tools make them.",
    "function_call": "write tool_choice.",
    "strict": "say it where tools or a schema are given: bind_tools(..., strict=True), with_structured_output(...).",
    "image_documents": "put them into the message: chat([ChatMessage(blocks=[TextBlock(...), ImageBlock(...)])]).",
    "images": "put the picture into the message, as an image part or an ImageBlock.",
    "messages": "messages are what is asked: the first argument of invoke or chat.",
    "prompt": "a prompt is what is asked: the first argument of invoke or complete.",
    "stream": "ask for a stream by its method: stream(...) in LangChain, stream_chat(...) in LlamaIndex.",
    "streaming": "ask for a stream by its method: stream_chat(...) or stream_complete(...).",
    "max_input_tokens": "write it into a profile_file, or context_window= in LlamaIndex.",
    "system": "put it first among the messages, as a system message.",
    "system_prompt": "put it first among the messages, as a system message.",
    "use_responses_api": _ALWAYS_CHAT,
    "use_previous_response_id": _ALWAYS_CHAT,
    "is_chat_model": _ALWAYS_CHAT,
    "should_use_structured_outputs": "leave it out: the way to an object is chosen by the model's family.",
    "tokenizer": "leave it out: tokens are counted by the gateway, and estimated by the family's row.",
    "tiktoken_model_name": "leave it out: tokens are counted by the gateway, and estimated by the family's row.",
    "encoding_name": "leave it out: tokens are counted by the gateway, and estimated by the family's row.",
    "check_embedding_ctx_length": _STRINGS,
    "embedding_ctx_length": _STRINGS,
    "tiktoken_enabled": _STRINGS,
    "skip_empty": "leave it out: an empty text is sent as one blank.",
    "reuse_client": "leave it out: connections are kept and shared.",
    "disabled_params": "leave it out: what a family does not take is not sent.",
    "drop_params": "leave it out: what a family does not take is not sent.",
    **dict.fromkeys(_OF_OTHER_SERVERS.split(), _NOT_HERE),
    **{name: _BODY.format(name) for name in _OF_SOME_MODELS.split()},
}
"""What goes by no name of ours → what to do."""


def hint_for(name: str, known: Mapping[str, str]) -> str | None:
    """What to write instead of an argument of another class.

    Args:
        name: The argument.
        known: The names that are taken here, as `accepted_names` gives them.

    Returns:
        A sentence, or None if there is nothing to say.
    """
    ours = _OURS.get(name)
    if ours in known:
        return f"write {ours}= instead."
    return _OTHERWISE.get(name)


_OURS = {theirs: ours for ours, names in _UNDER_ANOTHER_NAME.items() for theirs in names.split()}

"""Another family answers where the first one cannot: out of credit, too busy, broken, or not served any more.

So that there is something to see, the first model is one that no gateway serves. `with_fallbacks` catches what it is
told to catch and no more: a wrong key or a mistake in the request is an error at once, since it would be wrong for the
next model, too.
"""

from gateway import run
from langchain.agents import create_agent
from langchain.agents.middleware import ModelFallbackMiddleware
from langchain_core.callbacks import BaseCallbackHandler

from anyfast_transport import NotFoundError, QuotaExceededError, RateLimitError, ServerError
from langchain_anyfast import ChatAnyfast

CANNOT = (QuotaExceededError, RateLimitError, ServerError, NotFoundError)


class Failures(BaseCallbackHandler):
    """Says why a model did not answer; else nobody would hear of it."""

    def on_llm_error(self, error: BaseException, **_: object) -> None:
        print(f"  {type(error).__name__}: {error}")


def get_weather(city: str) -> str:
    """Tells the weather in a city."""
    return f"{city}: 21 degrees, clear sky"


def main() -> None:
    # Without retries, since asking another model is faster than waiting for this one.
    first = ChatAnyfast(model="deepseek-v3-retired", thinking=True, max_retries=0, callbacks=[Failures()])
    second = ChatAnyfast(model="qwen3.6-flash", thinking=True, max_retries=0, callbacks=[Failures()])
    third = ChatAnyfast(model="doubao-seed-2.1-pro", thinking=True)

    print("A stream; it falls back before its first piece, never in the middle")
    model = first.with_fallbacks([second, third], exceptions_to_handle=CANNOT)
    name = ""
    for chunk in model.stream("What is a lighthouse for?"):
        print(chunk.text, end="", flush=True)
        name = chunk.response_metadata.get("model_name", name)
    print(f"  ({name})\n")

    print("An agent; its middleware falls back at each step")
    agent = create_agent(first, [get_weather], middleware=[ModelFallbackMiddleware(second, third)])
    for message in agent.invoke({"messages": [("user", "What is the weather in Lisbon?")]})["messages"]:
        name = message.response_metadata.get("model_name", message.type)
        print(f"  {name}: {message.text or message.tool_calls[0]['name']}")


if __name__ == "__main__":
    run(main)

"""A chat in the terminal: the reasoning dimmed, then the answer, both as they come.

Ctrl-C ends an answer, and with it the request; at the prompt it ends the chat. An argument names another model.
"""

import sys
from collections.abc import Iterator
from contextlib import closing

from gateway import dim, run
from langchain_core.messages import AIMessageChunk, AnyMessage, HumanMessage

from anyfast_transport import APIConnectionError, RateLimitError, ServerError, StreamInterruptedError
from langchain_anyfast import ChatAnyfast

MAY_PASS = (APIConnectionError, RateLimitError, ServerError, StreamInterruptedError)


def main() -> None:
    model = ChatAnyfast(model=sys.argv[1] if len(sys.argv) > 1 else "deepseek-v4-pro", thinking=True)
    conversation: list[AnyMessage] = []
    for question in questions():
        try:
            answer = shown(model, [*conversation, HumanMessage(question)])
        except MAY_PASS as error:
            print(f"\nThat did not work, ask again: {error}")
        else:
            conversation += [HumanMessage(question), answer] if answer.text else []


def questions() -> Iterator[str]:
    while True:
        try:
            question = input("you    ").strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if not sys.stdin.isatty():
            print(question)  # a pipe does not show what it holds
        if question:
            yield question


def shown(model: ChatAnyfast, conversation: list[AnyMessage]) -> AIMessageChunk:
    answer = AIMessageChunk("")
    with closing(model.stream(conversation)) as chunks:
        try:
            for chunk in chunks:
                print(dim(chunk.additional_kwargs.get("reasoning_content", "")), end="")
                print("\nmodel  " if chunk.text and not answer.text else "", chunk.text, sep="", end="", flush=True)
                answer += chunk
        except KeyboardInterrupt:
            print(" …", end="")
    print("\n")
    return answer


if __name__ == "__main__":
    run(main)

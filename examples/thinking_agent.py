"""A LangChain agent that thinks before each step.

DeepSeek refuses the second step of an agent that does not send the reasoning of the first one back. Here nothing has to
be done for that: the messages carry it.
"""

from gateway import dim, run
from langchain.agents import create_agent

from langchain_anyfast import ChatAnyfast

DOES = {"human": "asks", "tool": "gets", "ai": "answers"}


def find_order(customer: str) -> str:
    """Finds the latest order of a customer: what it is, and the number of its parcel."""
    return f"{customer}: one brass telescope, in parcel 4711"


def track_parcel(parcel: int) -> str:
    """Tracks a parcel: where it is now, and the day of its delivery."""
    return f"Parcel {parcel} is in Lyon, and is delivered on Thursday"


def main() -> None:
    model = ChatAnyfast(model="deepseek-v4-pro", thinking=True, reasoning_effort="high")
    agent = create_agent(model, [find_order, track_parcel], system_prompt="You answer customers in one sentence.")
    question = "Where is the parcel of the order that Ada Lovelace placed, and when is it delivered?"
    for message in agent.invoke({"messages": [("user", question)]})["messages"]:
        if thought := message.additional_kwargs.get("reasoning_content"):
            print(dim(f"thinks   {thought}"))
        for call in getattr(message, "tool_calls", []):
            print(f"calls    {call['name']} {call['args']}")
        if message.text:
            print(f"{DOES[message.type]:<8} {message.text}")


if __name__ == "__main__":
    run(main)

"""One conversation, four families: each turn goes on where another model stopped, tool calls and reasoning included.

Families want earlier turns in different forms: DeepSeek refuses a history with tools whose turns lack their reasoning,
Gemini 3 a call without a signature of its own. `model=` for one call brings the family's own form; what had to be put
right is in the answer's `repairs`.
"""

from gateway import dim, run
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool

from langchain_anyfast import ChatAnyfast

TURNS = {
    "deepseek-v4-pro": "What is the weather in Lisbon?",
    "gemini-3-flash-preview": "And what is the weather in Oslo?",
    "qwen3.6-flash": "How much is 21 degrees Celsius in Fahrenheit?",
    "doubao-seed-2.1-pro": "What is the weather in Turin?",
}


@tool
def get_weather(city: str) -> str:
    """Tells the weather in a city."""
    return f"{city}: {21 if city == 'Lisbon' else 8} degrees Celsius, clear sky"


@tool
def convert_temperature(celsius: float) -> str:
    """Converts a temperature from Celsius to Fahrenheit."""
    return f"{celsius:g} degrees Celsius are {celsius * 9 / 5 + 32:g} degrees Fahrenheit"


TOOLS = {one.name: one for one in (get_weather, convert_temperature)}


def main() -> None:
    model = ChatAnyfast(model="deepseek-v4-pro", thinking=True).bind_tools(TOOLS.values())
    conversation: list[AnyMessage] = [SystemMessage("You answer in one sentence, and use the tools.")]
    for name, question in [*TURNS.items(), ("deepseek-v4-pro", "And how much is 8 degrees Celsius?")]:
        print(f"{name} is asked: {question}")
        conversation.append(HumanMessage(question))
        while True:
            answer = model.invoke(conversation, model=name)
            conversation.append(answer)
            print(dim(f"  thinks  {answer.additional_kwargs.get('reasoning_content')}"))
            if not answer.tool_calls:
                break
            for call in answer.tool_calls:
                result: ToolMessage = TOOLS[call["name"]].invoke(call)
                conversation.append(result)
                print(f"  calls   {call['name']} {call['args']}: {result.text}")
        print(f"  says    {answer.text}")
        for repair in answer.response_metadata.get("repairs", []):
            print(dim(f"  (repaired: {repair})"))


if __name__ == "__main__":
    run(main)

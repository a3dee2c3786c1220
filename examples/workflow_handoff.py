"""Two LlamaIndex agents on two families: the clerk on Qwen hands over to the engineer on DeepSeek, which thinks.

The engineer goes on in the clerk's conversation. Its DeepSeek would refuse a history whose turns lack their reasoning,
or another model's calls; AnyfastLLM puts them right on the way out.
"""

from gateway import dim, run
from llama_index.core.agent.workflow import AgentOutput, AgentWorkflow, FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ThinkingBlock

from llama_index_anyfast import AnyfastLLM


def find_order(customer: str) -> str:
    """Finds the latest order of a customer."""
    return f"{customer} has ordered a lighthouse lens of 3 tonnes"


def crane_for(tonnes: float) -> str:
    """Tells which crane lifts a load of so many tonnes."""
    return f"For {tonnes:g} tonnes take the {'yellow' if tonnes > 2 else 'red'} crane"


async def main() -> None:
    clerk = FunctionAgent(
        name="clerk",
        description="Knows the customers and their orders.",
        system_prompt="You find orders. As soon as you have found one, you hand off to the engineer.",
        llm=AnyfastLLM(model="qwen3.6-flash", thinking=True),
        tools=[find_order],
        can_handoff_to=["engineer"],
    )
    engineer = FunctionAgent(
        name="engineer",
        description="Knows cranes and loads.",
        system_prompt="You tell which crane is to be used.",
        llm=AnyfastLLM(model="deepseek-v4-pro", thinking=True),
        tools=[crane_for],
    )
    question = "Find the order of Ada Lovelace, then let the engineer tell which crane lifts it."
    print(question)
    workflow = AgentWorkflow(agents=[clerk, engineer], root_agent="clerk").run(question)
    async for event in workflow.stream_events():
        if isinstance(event, AgentOutput):
            for block in event.response.blocks:
                if isinstance(block, ThinkingBlock):
                    print(dim(f"{event.current_agent_name:<9} thinks  {block.content}"))
            if event.response.content:
                print(f"{event.current_agent_name:<9} says    {event.response.content}")
        elif isinstance(event, ToolCallResult):
            result = event.tool_output.content.splitlines()[0]
            print(f"{'':<9} calls   {event.tool_name} {event.tool_kwargs}\n{'':<9} gets    {result}")
    await workflow


if __name__ == "__main__":
    run(main)

"""An object out of a text, from models that think.

A thinking model refuses the forced tool call that other classes ask for here. `with_structured_output` takes a way that
the model's family does not refuse, and `include_raw=True` tells which one, with what the model thought.
"""

from datetime import date
from typing import Literal

from gateway import dim, run
from pydantic import BaseModel, Field

from langchain_anyfast import ChatAnyfast

MAIL = """Dear Ada Lovelace,
thank you for your order of 2026-11-20. We ship 3 brass gears to Turin, by express, on 2026-11-24.
The total is 148.50 EUR."""


class Order(BaseModel):
    """What a customer has ordered."""

    customer: str
    city: str = Field(description="Where it goes.")
    quantity: int = Field(gt=0)
    ordered: date
    shipping: Literal["standard", "express"]
    total: float = Field(description="In the currency of the order.")
    currency: str = Field(pattern="^[A-Z]{3}$")


def main() -> None:
    print(MAIL)
    for name in ("deepseek-v4-pro", "qwen3.6-flash", "doubao-seed-2.1-pro"):
        model = ChatAnyfast(model=name, thinking=True).with_structured_output(Order, include_raw=True)
        told = model.invoke(f"What has been ordered?\n\n{MAIL}")
        print(f"\n{name}, by {told['raw'].response_metadata['structured_output']['way']}")
        print(dim(f"  thinks  {told['raw'].additional_kwargs['reasoning_content']}"))
        if told["parsing_error"]:
            print(f"  no order: {told['parsing_error']}")
        else:
            print(f"  says    {told['parsed']!r}")


if __name__ == "__main__":
    run(main)

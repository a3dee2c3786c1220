"""Reads whatever one of the LLM's methods answers, by what its name says of it."""


async def read(way, answer):
    """To its end.

    Args:
        way: The method's name.
        answer: What calling it returned.

    Returns:
        The answer, or all responses of a stream in a list.
    """
    if way.startswith("stream"):
        return list(answer)
    if way.startswith("astream"):
        return [response async for response in await answer]
    return await answer if way.startswith("a") else answer

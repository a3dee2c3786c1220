"""Calls that a model writes into its reasoning. Pure: it is pushed."""

from anyfast_transport.rescue import CallsInText, Rescued, Tools, opens_a_call


class PlannedCalls:
    """Calls within the reasoning.

    A model that only plans a call writes it there, too, so they count as calls only if nothing else answers, neither
    text nor a call. Until that is known, they and what follows them are held back.

    Args:
        tools: The tools that the request offers.

    Attributes:
        calls: The calls, after the end.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._pieces: list[str] = []
        self._found = False
        self.calls: list[Rescued] = []

    @property
    def busy(self) -> bool:
        """Whether anything is held back."""
        return bool(self._pieces)

    @property
    def held(self) -> str:
        """What is held back."""
        return "".join(self._pieces)

    def feed(self, reasoning: str, *, answered: bool) -> str:
        """Takes the next piece of the reasoning; returns what of it can be shown."""
        if self._found and not answered:
            self._pieces.append(reasoning)
            return ""
        reasoning, self._pieces, self._found = self.held + reasoning, [], False
        at = None if answered else opens_a_call(reasoning)
        if at is None:
            return reasoning
        self._pieces = [reasoning[at:]]
        # Half of a tag at the end of a piece is looked at again with the next one.
        self._found = opens_a_call(reasoning[at:] + "\0") is not None
        return reasoning[:at]

    def flush(self, *, cut: bool) -> str:
        """Ends the reasoning; returns what was held back and is no call. A plan that was cut short is none."""
        rest, self._pieces = self.held, []
        if cut or not rest:
            return rest
        reader = CallsInText(self._tools)
        rest = reader.feed(rest) + reader.flush(cut=False)
        self.calls = reader.calls
        return rest

"""A whole call: its request, and a second one within the call where the first answer asks for that. No I/O."""

from collections.abc import Sequence
from dataclasses import replace

from anyfast_transport.http.exchange import Exchange
from anyfast_transport.request.build import build_request
from anyfast_transport.request.call import Call
from anyfast_transport.request.changes import ignore
from anyfast_transport.response.verdicts import check, follow_up, joined
from anyfast_transport.settings.connection import Connection
from anyfast_transport.types import Completion, Delta, Message, new_call_id


class Asking:
    """One call, over the one or two requests that it takes: what both clients have in common.

    Args:
        connection: Where the gateway is, and how to speak to it.
        call: What is asked for.
        messages: The conversation in the wire's shape; not changed.

    Attributes:
        exchange: The request that is to be sent now; None when the call is over.
        completion: The answer of the call, once it is over.
    """

    def __init__(self, connection: Connection, call: Call, messages: Sequence[Message]) -> None:
        self._connection, self._call, self._messages = connection, call, messages
        request = build_request(call, messages)
        self._expected, self._quotable = request.expected, request.reading.messages
        self._first: Completion | None = None
        self._question = ""
        self._ids: dict[str, str] = {}
        self.exchange: Exchange | None = Exchange(connection, request, whole=not call.stream)
        self.completion: Completion

    def take(self, item: Delta | Completion) -> Delta | None:
        """Takes a piece of an answer, or the whole of it, which decides how the call goes on.

        Args:
            item: What the client read.

        Returns:
            What is to be shown of it; None for a completion.

        Raises:
            AnyfastError: The answer is none that the call can end with.
        """
        if isinstance(item, Completion):
            self._end(item)
            return None
        if self._first is None or not item.fragments:
            return item
        calls = self._first.choice.tool_calls
        for one in item.fragments:
            if any(one.id == call.id for call in calls):  # many servers count their calls anew in each answer
                self._ids.setdefault(str(one.id), new_call_id())
        moved = [
            replace(one, position=one.position + len(calls), id=self._ids.get(one.id or "", one.id))
            for one in item.fragments
        ]
        return replace(item, fragments=moved)

    def _end(self, completion: Completion) -> None:
        question = follow_up(completion, self._expected) if self._first is None else None
        if question:
            self._first, self._question = completion, str(question[-1]["content"])
            request = build_request(self._call, [*self._messages, *question], warn=ignore)
            # What is asked about holds the broken call: to make it again is not to quote it.
            request = replace(request, reading=replace(request.reading, messages=self._quotable))
            self.exchange = Exchange(self._connection, request, whole=not self._call.stream, after=self.exchange)
            self.exchange.brought = completion
            return
        self.exchange = None
        check(completion, self._expected)  # not of what was shown of the first, which was asked about
        if self._first is not None:
            for call in completion.choice.tool_calls:
                call.id = self._ids.get(call.id, call.id)
            completion = joined(self._first, completion, self._question, shown=self._call.stream)
        self.completion = completion

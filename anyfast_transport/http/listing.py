"""What all four classes offer of the gateway's list of models."""

from typing import ClassVar, cast

from anyfast_transport.http.sender import AsyncSender, Sender
from anyfast_transport.response.model_list import Endpoint, ListedModel
from anyfast_transport.settings.connection import Connection


class ListsModels:
    """A class with the fields of a connection, which can tell what models there are to give it."""

    _endpoint: ClassVar[Endpoint] = "chat"

    def list_models(self) -> list[ListedModel]:
        """Asks the gateway which models there are for this class.

        Returns:
            Each model with its id, its owner, and what our rows know of it; only those for this class' endpoint, where
            the gateway says which are (`supported_endpoint_types`).

        Raises:
            AnyfastError: Every end but a list; see `anyfast_transport.errors`.
        """
        return [model for model in Sender(cast("Connection", self)).models() if model.serves(self._endpoint)]

    async def alist_models(self) -> list[ListedModel]:
        """Asks the gateway which models there are for this class, asynchronously; see `list_models`."""
        models = await AsyncSender(cast("Connection", self)).models()
        return [model for model in models if model.serves(self._endpoint)]

"""Every name of LangChain's that it does not document and that this package rests on; a test misses each of them."""

from typing import TYPE_CHECKING

from langchain_core.language_models import chat_models
from langchain_core.runnables import RunnableBinding

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import _ChatModelBinding as ChatModelBinding
else:
    # What `bind` of a chat model gives; a plain binding in the oldest langchain-core.
    ChatModelBinding = getattr(chat_models, "_ChatModelBinding", RunnableBinding)

__all__ = ["ChatModelBinding"]

"""From parameters, messages and tools to the JSON of a request. Nothing here sends or reads an answer."""

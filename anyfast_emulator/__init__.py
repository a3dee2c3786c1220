"""The Anyfast gateway on your desk: strict about the contract, with every model family's accent.

```python
with Emulator() as emulator:
    client = openai.OpenAI(base_url=emulator.base_url, api_key=emulator.api_key)
```
"""

from anyfast_emulator.answers import Answer, Failure, Raw, ToolCall
from anyfast_emulator.emulator import Emulator

__all__ = ["Answer", "Emulator", "Failure", "Raw", "ToolCall"]

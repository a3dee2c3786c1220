"""The Anyfast gateway on your desk: strict about the contract, with every model family's accent.

```python
with Emulator() as emulator:
    client = openai.OpenAI(base_url=emulator.base_url, api_key=emulator.api_key)
```
"""

from anyfast_emulator.answers import Answer, Failure, Raw, ToolCall
from anyfast_emulator.emulator import Emulator
from anyfast_emulator.script import ScriptError
from anyfast_emulator.temperaments import Temperament

__all__ = ["Answer", "Emulator", "Failure", "Raw", "ScriptError", "Temperament", "ToolCall"]

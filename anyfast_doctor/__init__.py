"""`anyfast-doctor`: checks a key and a gateway with a few small calls, and writes down where the rows are wrong.

What is asked and how an answer is judged is pure, and a table: `probes.py`. Only `asking.py` sends.
"""

from anyfast_doctor.cli import main

__all__ = ["main"]

"""Compares the windows of `tests/families/ids.csv` with the model profiles that LangChain's packages bring.

Prints each id whose context window or longest answer differs by more than a quarter, unless the list says why.

python tools/check_models.py
"""

import csv
import importlib.util
import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

IDS = Path(__file__).parents[1] / "tests" / "families" / "ids.csv"
PACKAGES = (
    "langchain_deepseek",
    "langchain_fireworks",
    "langchain_google_genai",
    "langchain_groq",
    "langchain_openrouter",
    "langchain_xai",
)
FIELDS = {"context": "max_input_tokens", "output": "max_output_tokens"}
MOST = 0.25


def published() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Package, model id and profile, of each package that is installed."""
    for package in PACKAGES:
        # The module alone: the package itself wants its vendor's client.
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            profiles = runpy.run_path(str(Path(place, "data", "_profiles.py")))["_PROFILES"]
            yield from ((package, model, profile) for model, profile in profiles.items())


def is_made_up(profile: Mapping[str, Any], field: str) -> bool:
    """OpenRouter writes nine tenths of the window where it knows no longest answer."""
    return field == "max_output_tokens" and profile[field] == profile.get("max_input_tokens", 0) * 9 // 10


def differences(row: Mapping[str, str], profile: Mapping[str, Any]) -> Iterator[str]:
    """What a profile says otherwise than our list, in words."""
    for column, field in FIELDS.items():
        ours, theirs = int(row[column] or 0), profile.get(field) or 0
        if ours and theirs and not is_made_up(profile, field) and abs(ours - theirs) > MOST * theirs:
            yield f"{column} {ours:,}, theirs {theirs:,}"


def main() -> int:
    """Prints the differences; 1 if one has no reason."""
    with IDS.open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    compared, unexplained = 0, 0
    for package, model, profile in published():
        if model not in rows:
            continue
        compared += 1
        why = rows[model]["note"]
        for found in differences(rows[model], profile):
            unexplained += not why
            sys.stdout.write(f"{model} ({package}): {found}{f' – {why}' if why else ''}\n")
    sys.stdout.write(f"{len(rows)} ids, {compared} compared, {unexplained} differences without a reason\n")
    return 1 if unexplained or not compared else 0


if __name__ == "__main__":
    sys.exit(main())

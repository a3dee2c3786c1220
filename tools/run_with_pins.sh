#!/usr/bin/env bash
# Runs the tests in an environment of its own: on the oldest direct dependencies that the pins allow (lowest-direct),
# or on the newest that install (highest).
set -euo pipefail
resolution=${1:?lowest-direct or highest}
venv=.venv-$resolution
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --resolution "$resolution" --upgrade --editable '.[all]' --group test
"$venv/bin/uv" pip list --quiet --python "$venv/bin/python" 2>/dev/null |
    grep -E '^(httpx|pydantic|langchain-core|llama-index-core|langchain|langgraph|openai|starlette|uvicorn) ' || true
"$venv/bin/python" -m pytest -n 2 "${@:2}"

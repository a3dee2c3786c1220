#!/usr/bin/env bash
# Runs the fault suite on ChatOpenAI and OpenAILike beside our classes, in an environment of its own.
set -euo pipefail
venv=.venv-faults
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --editable '.[all]' --group test \
    langchain-openai llama-index-llms-openai-like
"$venv/bin/python" -m tools.faults.compare

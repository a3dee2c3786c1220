# `make` prints the targets. Needs Python 3.11+ and make; everything else goes into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv

.DEFAULT_GOAL := help
.PHONY: help demo test lint typecheck format lowest newest record fuzz soak mutations compare-faults compare-llama-index observe audit compare-captures wheel clean

help:  ## print the targets
	@grep -E '^[a-z-]+:.*##' Makefile | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# A stock pip backtracks from langchain-tests' pins into packages that no longer build; uv does not.
$(VENV)/.ready: pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(UV) pip install --quiet --python $(BIN)/python --editable '.[all]' --group test --group lint
	@touch $@

demo: $(VENV)/.ready  ## see both frameworks reason, call tools and answer (against Anyfast if ANYFAST_API_KEY is set)
	@$(BIN)/python examples/quickstart.py

test: $(VENV)/.ready lint typecheck  ## run every test, the linter and the type checker
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.ready  ## ruff, without changing anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(VENV)/.ready  ## mypy --strict over the four packages
	$(BIN)/mypy

format: $(VENV)/.ready  ## let ruff format and fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lowest:  ## the tests on the oldest frameworks that the pins allow
	PYTHON=$(PYTHON) tests/run_with_pins.sh lowest-direct

newest:  ## the tests on the newest frameworks that install
	PYTHON=$(PYTHON) tests/run_with_pins.sh highest

record: $(VENV)/.ready  ## make the cassettes anew (from Anyfast if ANYFAST_API_KEY is set); ONLY="word" chooses some
	$(BIN)/python -m cassettes.record $(ONLY)

# A venv of its own: atheris has no wheels for every Python that the project runs on.
.venv-fuzz/.ready: pyproject.toml $(VENV)/.ready
	$(PYTHON) -m venv .venv-fuzz
	$(UV) pip install --quiet --python .venv-fuzz/bin/python --editable . 'atheris>=3' pyyaml
	@touch $@

SECONDS ?= 60
fuzz: .venv-fuzz/.ready  ## feed the decoder what nobody would send, for SECONDS (60)
	SECONDS=$(SECONDS) .venv-fuzz/bin/python fuzz/fuzz_decoder.py

soak: SECONDS = 600
soak: $(VENV)/.ready  ## calls of every kind against a gateway that fails at random (SECONDS=600)
	$(BIN)/python -W error tests/faults/soak.py $(SECONDS)

mutations: $(VENV)/.ready  ## take each guard away in turn, and see a test miss it
	$(BIN)/python tests/faults/mutations.py

# Two venvs of their own: OpenAILike and the instrumentations pull in what the project has no use for.
.venv-compare/.ready: pyproject.toml $(VENV)/.ready
	$(PYTHON) -m venv .venv-compare
	$(UV) pip install --quiet --python .venv-compare/bin/python --editable '.[llama-index,emulator]' llama-index-llms-openai-like llama-index-llms-deepseek
	@touch $@

compare-llama-index: .venv-compare/.ready  ## what OpenAILike and DeepSeek answer to the same probes; writes docs/llama-index.md
	.venv-compare/bin/python -m tests.llama_index.compare

.venv-observe/.ready: pyproject.toml $(VENV)/.ready
	$(PYTHON) -m venv .venv-observe
	$(UV) pip install --quiet --python .venv-observe/bin/python --editable '.[llama-index,emulator]' pytest pytest-asyncio pytest-timeout llama-index-llms-openai openinference-instrumentation-llama-index opentelemetry-instrumentation-llamaindex opentelemetry-sdk
	@touch $@

observe: .venv-observe/.ready  ## what OpenInference and OpenTelemetry see of a LlamaIndex call
	.venv-observe/bin/python -m pytest tests/llama_index/observe.py

compare-faults:  ## the fault suite on ChatOpenAI and OpenAILike, too; writes docs/faults.md
	PYTHON=$(PYTHON) tests/faults/compare.sh

audit:  ## known holes and licences of all dependencies
	PYTHON=$(PYTHON) tests/audit.sh

compare-langchain: $(VENV)/.ready  ## probe ChatAnyfast and its peers, each in its own environment; writes docs/langchain.md
	UV=$(abspath $(UV)) $(BIN)/python tools/compare_langchain/compare.py

# A venv of its own: the peers' packages and their pins are none of the project's.
.venv-captures/.ready: pyproject.toml $(VENV)/.ready
	$(PYTHON) -m venv .venv-captures
	$(UV) pip install --quiet --python .venv-captures/bin/python --editable '.[all]' langchain-openai llama-index-llms-openai-like
	@touch $@

compare-captures: .venv-captures/.ready  ## recorded answers through both classes and their peers, into docs/captures.md
	.venv-captures/bin/python -m tests.wire.compare_captures

wheel: $(VENV)/.ready  ## build the wheel into dist/
	$(UV) build --wheel --python $(BIN)/python

clean:  ## remove what the targets above made
	rm -rf $(VENV) .venv-* fuzz/corpus fuzz/findings dist .mypy_cache .ruff_cache .hypothesis

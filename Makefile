# `make` prints the targets. Needs Python 3.11+ and make; everything else goes into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv

.DEFAULT_GOAL := help
.PHONY: help demo test lint typecheck typing format lowest newest record check-models fuzz soak load mutations compare-faults compare-llama-index observe audit compare-captures chat-page chat-page-check ray bench docs pages recording check-npm wheel clean

help:  ## print the targets
	@grep -E '^[a-z-]+:.*##' Makefile | awk -F':.*## ' '{printf "  make %-20s %s\n", $$1, $$2}'

# nltk refuses files that have several names, as uv gives them, and LlamaIndex's sentence splitter needs its files:
# run-llama/llama_index#22839.
export UV_LINK_MODE := copy

# Where nothing is kept of what Python compiles, each process of the tests compiles the frameworks anew.
test lowest newest: export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/bytecode
test lowest newest: export PYTHONDONTWRITEBYTECODE :=

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

typecheck: $(VENV)/.ready  ## mypy --strict over the packages
	$(BIN)/mypy

typing: $(VENV)/.ready  ## what mypy and pyright say of users' code
	$(UV) pip install --quiet --python $(BIN)/python pyright
	$(BIN)/python -m pytest tests/typing

format: $(VENV)/.ready  ## let ruff format and fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lowest:  ## the tests on the oldest frameworks that the pins allow
	PYTHON=$(PYTHON) tools/run_with_pins.sh lowest-direct

newest:  ## the tests on the newest frameworks that install
	PYTHON=$(PYTHON) tools/run_with_pins.sh highest

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
	$(BIN)/python -W error -m tools.faults.soak $(SECONDS)

load: $(VENV)/.ready  ## 300, 1,000 and 100,000 calls, sync and async: every outcome, sockets and memory
	$(BIN)/python -W error -m tools.faults.load

mutations: $(VENV)/.ready  ## take each guard away in turn, and see a test miss it
	$(BIN)/python -m tools.faults.mutations

# Two venvs of their own: OpenAILike and the instrumentations pull in what the project has no use for.
.venv-compare/.ready: pyproject.toml $(VENV)/.ready
	$(PYTHON) -m venv .venv-compare
	$(UV) pip install --quiet --python .venv-compare/bin/python --editable '.[llama-index,emulator]' llama-index-llms-openai-like llama-index-llms-deepseek
	@touch $@

compare-llama-index: .venv-compare/.ready  ## what OpenAILike and DeepSeek answer to the same probes; writes docs/peers-llama-index.md
	.venv-compare/bin/python -m tools.compare_llama_index.compare
	@$(MAKE) --no-print-directory pages

.venv-observe/.ready: pyproject.toml $(VENV)/.ready
	$(PYTHON) -m venv .venv-observe
	$(UV) pip install --quiet --python .venv-observe/bin/python --editable '.[langchain,llama-index,emulator]' pytest pytest-asyncio pytest-timeout llama-index-llms-openai langchain openinference-instrumentation-llama-index openinference-instrumentation-langchain opentelemetry-instrumentation-llamaindex opentelemetry-instrumentation-langchain opentelemetry-sdk mlflow
	@touch $@

observe: .venv-observe/.ready  ## what OpenInference, OpenTelemetry and MLflow see of a call, in both frameworks
	.venv-observe/bin/python -m pytest tools/observe.py

compare-faults:  ## the fault suite on ChatOpenAI and OpenAILike, too; writes docs/faults.md
	PYTHON=$(PYTHON) tools/faults/compare.sh
	@$(MAKE) --no-print-directory pages

audit:  ## known holes and licences of all dependencies
	PYTHON=$(PYTHON) tools/audit.sh

compare-langchain: $(VENV)/.ready  ## probe ChatAnyfast and its peers, each in its own environment; writes docs/peers-langchain.md
	UV=$(abspath $(UV)) $(BIN)/python tools/compare_langchain/compare.py
	@$(MAKE) --no-print-directory pages

# A venv of its own: the peers' packages and their pins are none of the project's.
.venv-captures/.ready: pyproject.toml $(VENV)/.ready
	$(PYTHON) -m venv .venv-captures
	$(UV) pip install --quiet --python .venv-captures/bin/python --editable '.[all]' langchain-openai llama-index-llms-openai-like
	@touch $@

compare-captures: .venv-captures/.ready  ## recorded answers through both classes and their peers, into docs/captures.md
	.venv-captures/bin/python -m tools.compare_captures
	@$(MAKE) --no-print-directory pages

# A venv of its own: Gradio and Playwright are heavy, and no part of the project.
.venv-chat-page/.ready: pyproject.toml examples/chat_page/requirements.txt $(VENV)/.ready
	$(PYTHON) -m venv .venv-chat-page
	$(UV) pip install --quiet --python .venv-chat-page/bin/python --editable '.[langchain,emulator]' --requirement examples/chat_page/requirements.txt playwright
	@touch $@

chat-page: .venv-chat-page/.ready  ## a chat in the browser (against Anyfast if ANYFAST_API_KEY is set)
	.venv-chat-page/bin/python examples/chat_page/app.py

chat-page-check: .venv-chat-page/.ready  ## use the chat page in headless Chromium; writes docs/images/chat-page.png
	.venv-chat-page/bin/python -m tools.check_chat_page

# A venv of its own: Ray is heavy, and no part of the project.
.venv-ray/.ready: pyproject.toml $(VENV)/.ready
	$(PYTHON) -m venv .venv-ray
	$(UV) pip install --quiet --python .venv-ray/bin/python --editable '.[langchain,emulator]' --group ray
	@touch $@

ROWS ?= 10000
ray: .venv-ray/.ready  ## ROWS (10000) prompts through a local Ray cluster, killed three times on the way, and counted
	.venv-ray/bin/python -m pytest tests/examples/test_batch.py
	ROWS=$(ROWS) .venv-ray/bin/python -m tools.ray_trial

# BENCH is a benchmark of LLM clients that is no part of the project. The environments are made in .venv-bench/.
bench: $(VENV)/.ready  ## CPU time beside the peers and the floors, for some minutes on a quiet machine; writes docs/performance.md (BENCH=../shared/bench FULL=1 ROUNDS=5)
	UV=$(abspath $(UV)) BENCH=$(or $(BENCH),../shared/bench) $(BIN)/python tools/bench/run.py

# A venv of its own: of the peers' packages only the data is read.
.venv-models/.ready: Makefile $(VENV)/.ready
	$(PYTHON) -m venv .venv-models
	$(UV) pip install --quiet --no-deps --python .venv-models/bin/python langchain-deepseek langchain-fireworks langchain-google-genai langchain-groq langchain-openrouter langchain-xai
	@touch $@

check-models: .venv-models/.ready  ## compare the windows of tests/families/ids.csv with LangChain's model profiles
	.venv-models/bin/python tools/check_models.py

pages: $(VENV)/.ready  ## write what the docs say of families and peers anew, from the rows of families and the comparisons
	$(BIN)/python -m tools.docs.families_page
	$(BIN)/python -m tools.docs.peers_page

# A venv of its own: what builds the site has no part in the project.
.venv-docs/.ready: pyproject.toml $(VENV)/.ready
	$(PYTHON) -m venv .venv-docs
	$(UV) pip install --quiet --python .venv-docs/bin/python --group docs
	@touch $@

docs: .venv-docs/.ready  ## build the documentation into site/; a warning or a dead link fails it
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --strict

recording: .venv-docs/.ready  ## draw docs/images/demo.svg from what `make demo` prints
	.venv-docs/bin/python -m tools.docs.recording $(BIN)/python examples/quickstart.py

check-npm: $(VENV)/.ready  ## a client that is not Python against the emulator (needs node 20 and npm)
	cd tests/emulator/ai_sdk && npm install --no-package-lock --no-audit --no-fund
	$(BIN)/python -m pytest tests/emulator/test_ai_sdk.py

wheel: $(VENV)/.ready  ## build the wheel into dist/
	$(UV) build --wheel --python $(BIN)/python

clean:  ## remove what the targets above made
	rm -rf tests/emulator/ai_sdk/node_modules $(VENV) .venv-* site fuzz/corpus fuzz/findings dist .mypy_cache .ruff_cache .hypothesis

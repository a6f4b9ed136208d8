# One command for each thing one does here; `make` alone lists them.
PYTHON ?= python3
MINUTES ?= 10
VENV := .venv
BIN := $(VENV)/bin
DATA ?= .data
STAMP := $(VENV)/.installed
# More than cores: many tests wait for a clock, and not for a processor.
WORKERS ?= 3
WEB ?= 1
WEB_RUN := $(BIN)/python web/with_node.py

.DEFAULT_GOAL := help
.PHONY: help setup web run test test-long web-test web-units web-browsers check lint format openapi bench profile fuzz chaos soak clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: $(STAMP) ## Install everything into .venv

web: $(STAMP) ## Build the web SDK into the service, if it has changed; WEB=0 leaves it out of `make run`
	@test "$(WEB)" = 0 || $(BIN)/python web/build.py

$(STAMP): pyproject.toml
	@echo "Setting up $(VENV): a minute the first time, nothing afterwards."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "MTChat needs Python 3.11 or later; $(PYTHON) is older. Say PYTHON=python3.12."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "  1/2 installer" && $(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@echo "  2/2 packages" && $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]' --group dev
	@touch $@

run: setup web ## Run the service with a demo order and three people at a desk
	@$(BIN)/mtchat demo --data $(DATA)

test: setup web ## Run every check and every test, against real servers and in real browsers; WEB=0 leaves the web SDK out
	@$(MAKE) -j2 --no-print-directory --output-sync=line lint web-units
	@$(MAKE) --no-print-directory web-browsers
	@echo "pytest" && $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not long"

test-long: setup ## What is too long for every change: each row of the benchmark at small sizes
	@$(BIN)/python -m pytest -m long

web-test: setup web web-units web-browsers ## Try the web SDK alone

web-units:
ifneq ($(WEB),0)
	@echo "eslint, vue-tsc" && $(WEB_RUN) npm run --silent check
	@echo "vitest" && NO_COLOR=1 $(WEB_RUN) vitest run --reporter=dot
	@echo "what is shipped" && NO_COLOR=1 $(WEB_RUN) vitest run --config vitest.packages.config.ts --reporter=dot && $(WEB_RUN) npm run --silent size
endif

web-browsers:
ifneq ($(WEB),0)
	@sh web/chromium.sh
	@echo "people in browsers" && $(WEB_RUN) playwright test
endif

check: test ## The whole truth: the same as make test

lint: setup ## Style, types and import rules
	@echo "ruff" && $(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .
	@echo "mypy" && $(BIN)/mypy --no-error-summary
	@echo "pyright" && $(BIN)/pyright --warnings
	@echo "import rules" && $(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

format: setup ## Put every file into the house's shape
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

openapi: setup ## Write docs/openapi.json
	@$(BIN)/mtchat openapi --output docs/openapi.json

bench: setup ## What everything costs beside its floor, in ratios; QUICK=1 shows in seconds that it works
	@$(BIN)/python -m bench $(if $(QUICK),--quick,--write docs/performance.md --plot docs/performance.svg)

profile: setup ## Where the service's time goes while it sends
	@mkdir -p $(DATA)
	@$(BIN)/python -m bench.profile --output $(DATA)/profile

fuzz: setup ## Strange inputs, long and anew: SEED=... repeats a run, TIMES=... sets its length
	@seed=$(or $(SEED),$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')); echo "SEED=$$seed TIMES=$(or $(TIMES),10)"; \
	MTCHAT_FUZZ_SEED=$$seed MTCHAT_FUZZ_TIMES=$(or $(TIMES),10) $(BIN)/python -m pytest --hypothesis-seed=$$seed \
	tests/http/test_parsers.py tests/contracts/test_markup.py tests/journeys/test_raw_bytes.py tests/journeys/test_api_description.py


chaos: setup ## People talk while things break: MINUTES=10, SEED= to repeat a run
	@$(BIN)/python -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

soak: setup ## Person after person comes and goes, and memory has to stay as it is: MINUTES=10
	@$(BIN)/python -m tests.chaos.soak --minutes $(MINUTES)

clean: ## Remove the environment, caches and what was built; data stays
	@rm -rf src/mtchat_app/sdk src/mtchat_app/demo_pages web/node_modules web/*/dist web/packages/*/dist
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Two commands to know: `make demo` and `make test`. PORT, CERCLE_HOME and DATABASE_URL are honoured.
PYTHON ?= python3
BIN = .venv/bin
WORKERS ?= 2

.PHONY: demo setup setup-dev test test-slow bench check fix

demo: setup
	@exec $(BIN)/cercle run --demo

setup:
	@$(PYTHON) scripts/setup.py

setup-dev:
	@$(PYTHON) scripts/setup.py --dev

# All that fits 15 minutes. Without Chromium, and when it cannot be installed, browser tests are skipped and counted.
test: setup-dev
	@$(PYTHON) scripts/chromium.py
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -q --durations 25

# Long model, fault and load tests.
test-slow: setup-dev
	@$(PYTHON) scripts/chromium.py
	@$(BIN)/pytest -q -m slow --timeout 3600

# SIZE=200, 1k, 10k, 100k or all; MATCHING=0 without, =1 with a million identities. See docs/bench.md.
SIZE ?= 10k
bench: setup
	@$(BIN)/python -m bench.run $(SIZE)

check: setup-dev
	@$(BIN)/python scripts/check.py

fix: setup-dev
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .

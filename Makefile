# quanyu: everything that a fresh machine with python3, make and git needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
PORT ?= 8000
DIR ?= city
FRONT := $(shell find web-ui -type f -not -path '*/node_modules/*' 2>/dev/null)

.PHONY: help run test check format bench reference shots clean

help: ## Show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: .stamps/run .stamps/front ## Start the demo city (PORT=8000 DIR=city)
	.venv/bin/quanyu demo --dir $(DIR) --port $(PORT) $(ARGS)

test: .stamps/dev .stamps/front .stamps/gltf .stamps/system ## Run every test
	$(PY) -m pytest -n 3 --no-loadscope-reorder $(ARGS)

check: .stamps/dev .stamps/front ## Format, lint, types, imports
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache
	$(PY) tools/front.py check

format: .stamps/dev ## Put the code in its form
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: .stamps/bench .stamps/front ## Measure beside peers (ARGS=--quick for a short run)
	$(PY) -m pytest -q -m cluster tests/editing/test_parts.py
	$(PY) benchmarks/run.py $(ARGS)

reference: .stamps/dev ## Write the reference pages that follow from the program
	$(PY) tools/reference.py

shots: .stamps/dev .stamps/front .stamps/system ## Make the pictures in docs/
	$(PY) tools/shots.py

clean: ## Remove everything that was made, but no city
	rm -rf .venv .stamps web-ui/node_modules tools/gltf/node_modules src/quanyu/web/static

.stamps/run: pyproject.toml constraints.txt tools/bootstrap.py
	@python3 tools/bootstrap.py
	@touch $@

.stamps/dev: .stamps/run
	@python3 tools/bootstrap.py --group dev
	@touch $@

.stamps/bench: .stamps/run
	@python3 tools/bootstrap.py --group dev --group bench
	@touch $@

.stamps/front: .stamps/run $(FRONT) tools/front.py
	@$(PY) tools/front.py build
	@touch $@

.stamps/gltf: .stamps/run tools/front.py tools/gltf/package-lock.json
	@$(PY) tools/front.py gltf
	@touch $@

.stamps/system: tools/system.py
	@python3 tools/system.py
	@touch $@

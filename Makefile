# make help lists what there is.
PYTHON ?= python3
CORES ?= all
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Where HOME can't be written, Snakemake, uv and pip keep their caches here.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export XDG_CACHE_HOME ?= $(CURDIR)/.cache
endif
# The venv's own Python, whatever the caller has switched on.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help table4 report test lint clean setup clean-venv

help: ## this list
	@sed -nE 's/^([a-z0-9-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo
	@echo "  CORES=4             with so many CPU cores; all of them without it"
	@echo "  FLAGS=--dry-run     more options for the command behind: Snakemake's, of clean --yes"
	@echo "  PYTHON=python3.12   the Python that the environment is made with"

table4: setup ## results/table4.csv from the embedded data
	snakemake --cores $(CORES) $(FLAGS) results/table4.csv

report: setup ## results/report.html: all tables and figures on a page, and all that they need
	snakemake --cores $(CORES) $(FLAGS) results/report.html

test: setup ## the tests
	OMP_NUM_THREADS=1 pytest -n auto

lint: setup ## style, layers of the code, rules
	ruff check .
	ruff format --check .
	lint-imports --no-logo --no-cache
	snakefmt --check Snakefile workflow
	snakemake --lint

clean: setup ## remove what Snakemake can make again; says first what, and how long it took, and asks
	python -m dg clean $(FLAGS)

setup: .venv/installed ## the Python environment .venv, which all others begin with

.venv/installed: requirements/uv.lock requirements/all.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is older than Python 3.11. Name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	@# Byte code now: where PYTHONDONTWRITEBYTECODE is set, as in many containers, each job would compile torch anew.
	.venv/bin/uv pip install --compile-bytecode --python .venv/bin/python --require-hashes -r requirements/all.lock
	touch $@

clean-venv: ## remove the Python environment
	rm -rf .venv

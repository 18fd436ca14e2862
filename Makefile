# make table4: set up and make results/table4.csv from the embedded data.   make test: the tests.
# FLAGS: more of Snakemake's options.
PYTHON ?= python3
CORES ?= all
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# The venv's own Python, whatever the caller has switched on.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.PHONY: table4 test lint setup clean-venv

table4: setup
	snakemake --cores $(CORES) $(FLAGS) results/table4.csv

test: setup
	OMP_NUM_THREADS=1 pytest -n auto

lint: setup
	ruff check .
	ruff format --check .
	lint-imports --no-logo --no-cache
	snakefmt --check Snakefile workflow
	snakemake --lint

setup: .venv/installed

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

clean-venv:
	rm -rf .venv

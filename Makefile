# make study            runs study `quick` and prints the path of its report      (STUDY=ckplus, CORES=8)
# make test             ruff, mypy and pytest
# make attack           damaged inputs, kills, planted failures and injections; pytest tries a share of them
# make test-cluster     runs a study through a real Slurm on this machine         (root, Debian; STUDY=quick)
# All use the active Python where fer_nb is installed in it, and .venv/ otherwise, which they make and keep up to date.

STUDY = quick
CORES = 2
PYTHON = python3
export STUDY CORES  # the shell of a command reads them as they are

UNKNOWN := $(filter-out STUDY=% CORES=% PYTHON=%,$(MAKEOVERRIDES))
ifneq ($(UNKNOWN),)
  $(error unknown: $(UNKNOWN): write STUDY=..., CORES=... or PYTHON=...; variables of the environment stand before make)
endif

# -P: the folder `fer_nb/` beside this file proves nothing, only an installed fer_nb with its dependencies does.
INSTALLED = -P -c 'import sys; from importlib.util import find_spec as f; \
  sys.exit(not all(map(f, ("fer_nb", "torch", "papermill", "snakemake", "ruamel.yaml"))))'
# An activated .venv of this checkout is still .venv: it is kept up to date.
ACTIVE := $(shell $(PYTHON) $(INSTALLED) 2>/dev/null && $(PYTHON) -c 'import sys; print(sys.prefix)')

ifeq ($(filter-out $(CURDIR)/.venv,$(ACTIVE)),)
  RUN = .venv/bin/python
  ENVIRONMENT = .venv/.installed
else
  RUN = $(PYTHON)
endif

.PHONY: study test attack test-cluster
study: $(ENVIRONMENT)
	@test -w "$${HOME:-/}" || export XDG_CACHE_HOME="$$PWD/.snakemake/cache"; \
	  $(RUN) -m snakemake --cores "$$CORES" --config "study=$$STUDY"
	@echo "$$PWD/reports/$$STUDY/index.html"

test: $(ENVIRONMENT)
	@$(RUN) -c 'import mypy, pytest, pytorch_grad_cam, ruff' || { echo 'make test needs more: $(RUN) -m pip install --group dev'; exit 1; }
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(RUN) -m pytest

attack: $(ENVIRONMENT)
	PYTHONPATH=.:tests $(RUN) -m attack inputs kills planted injections

test-cluster: $(ENVIRONMENT)
	$(RUN) -m pip install --quiet snakemake-executor-plugin-slurm
	$(RUN) tests/cluster/slurm.py "$$STUDY"

# The mark is set last: an install that was interrupted is taken up again. A .venv that was made by hand counts as it is.
.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	.venv/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv
	{ ! test -e $@ && .venv/bin/python $(INSTALLED); } || \
	  { .venv/bin/python -m pip install -r requirements.lock && .venv/bin/python -m pip install --no-deps -e .; }
	@touch $@

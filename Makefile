# Everything is set up by the targets that need it: Python >= 3.11, Git and (for the local control plane) Go >= 1.26.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never

.PHONY: setup demo test lint check-tools lock bench fmt fuzz kubernetes-schemas

setup: .venv/.ready

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv

.venv/.ready: pyproject.toml requirements-dev.lock | check-tools $(filter .uv/bin/uv,$(UV))
	test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

check-tools:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "error: Python 3.11 or newer is needed; name it with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@git --version >/dev/null 2>&1 || { echo "error: Git is needed and was not found on PATH" >&2; exit 1; }

demo: setup
	$(BIN)/spinfleet demo $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: lint
	$(BIN)/python -m reconciler.local.binary
	$(BIN)/pytest -n 2 --dist loadfile

# Made inputs for every parser, new ones each time: make fuzz ARGS='--minutes 10'
fuzz: setup
	$(BIN)/python -m tests.fuzz $(ARGS)

bench: setup
	$(BIN)/python -m bench $(ARGS)

# The schemas of the Kubernetes versions that maintain/kubernetes_schemas.py lists; needs Go and its module proxy.
kubernetes-schemas: setup
	$(BIN)/python -m maintain.kubernetes_schemas $(ARGS)

# The locks hold hashes and no index, so that they work behind any mirror (docs/adr/0001-hashed-requirements.md).
lock: | $(filter .uv/bin/uv,$(UV))
	$(UV) pip compile pyproject.toml --quiet --extra gpg --extra keyless --no-strip-extras --universal --generate-hashes --no-emit-index-url --no-header -o requirements.lock
	@# With hashes, pip takes name[extra] and name for two requirements and wants both.
	@awk '/^[a-z0-9-]+\[/ {block = $$0; sub(/\[[^]]*\]/, ""); print; next} block && /--hash/ {block = block "\n" $$0; print; next} block {print block; block = ""} {print}' requirements.lock > .requirements.new
	@mv .requirements.new requirements.lock
	$(UV) pip compile pyproject.toml --quiet --group dev --universal --generate-hashes --no-emit-index-url --no-header -o requirements-dev.lock

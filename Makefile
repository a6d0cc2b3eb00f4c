# The two commands are `git clone` and `make demo`. Everything runs in .venv, which `setup` makes once.
#
#   make demo DEMO='--port 9000 --no-traffic'    make test PYTEST='-k checkout'

PYTHON = .venv/bin/python
# the settings know a variable of this name too, and it is another one
unexport DEMO
# where this is set, every process compiles all that it imports: two seconds of a core each
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo dev setup run-setup test lint format lock clean

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: run-setup ## the whole shop on this machine, until Ctrl-C; options in DEMO='...'
	@exec $(PYTHON) manage.py demo $(DEMO)

dev: run-setup ## the demo that restarts when its code changes, with Django's error pages
	@DEBUG=1 exec $(PYTHON) manage.py demo --reload $(DEMO)

setup: python3 ## .venv with everything: to run, to test and to check
	@python3 -I tools/setup.py --dev

run-setup: python3
	@python3 -I tools/setup.py

.PHONY: python3
python3:
	@command -v python3 >/dev/null || { \
	  echo "make: python3 is missing. Install Python 3.11 or newer (Debian, Ubuntu: apt install python3 python3-venv)." >&2; exit 1; }

# files side by side, since most tests wait for servers; in this order the browser's come last (its conftest.py)
SIDE_BY_SIDE = -n 2 --dist loadfile --no-loadscope-reorder

test: setup ## all tests on a real Kafka and Redis; options in PYTEST='...'
	@exec $(PYTHON) -m pytest $(SIDE_BY_SIDE) $(PYTEST)

lint: setup ## formatting, types, layers, templates, migrations
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy .
	.venv/bin/lint-imports
	$(PYTHON) -m djlint --quiet --check --lint .
	$(PYTHON) manage.py makemigrations --check --dry-run

format: setup ## put code and templates in order
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
	$(PYTHON) -m djlint --quiet --reformat .

lock: setup ## resolve requirements*.in and Kafka's jars anew, with their hashes
	@test -x .local/lock/bin/uv || { $(PYTHON) -m venv .local/lock && .local/lock/bin/pip install -q uv; }
	@for part in requirements requirements-dev requirements-java; do \
	  .local/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --no-header --upgrade $$part.in -o $$part.txt || exit 1; done
	$(PYTHON) -m shopsite.runtime.lock_jars

clean: ## remove what demos and tools left, the data of demos included; .venv stays
	@if [ -e .local/demo.lock ] && ! flock -n .local/demo.lock true; then echo "A demo runs here: stop it first." >&2; exit 1; fi
	rm -rf .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -path ./.venv -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf

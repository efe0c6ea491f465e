PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ADDRESS ?= 127.0.0.1
PORT    ?= 8501
unexport PYTHONDONTWRITEBYTECODE # else each of the hundreds of processes of the tests compiles the package anew

.PHONY: run test e2e slow lint fix types check bench demo clean

run: $(VENV)/run.done ## install, start the page, print its address
	@echo "DIGITS: http://$(ADDRESS):$(PORT)"
	$(BIN)/streamlit run app.py --server.address $(ADDRESS) --server.port $(PORT) --server.headless true

demo: export DIGITS_DEMO = 1
demo: run ## the same, and the built-in demo starts by itself on an empty jobs folder

test: $(VENV)/test.done ## install, then every test that takes seconds, the browser journeys included
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --dist loadscope --no-loadscope-reorder $(ARGS)

e2e: $(VENV)/test.done ## only the browser journeys
	$(BIN)/python -m pytest -m e2e $(ARGS)

slow: $(VENV)/test.done ## the proofs that take minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --dist loadscope --no-loadscope-reorder -m slow --timeout 1800 $(ARGS)

lint: $(VENV)/test.done
	$(BIN)/ruff check .
	$(BIN)/codespell

fix: $(VENV)/test.done
	$(BIN)/ruff check --fix .

types: $(VENV)/test.done
	$(BIN)/mypy

check: test lint types slow ## what .ci/run runs

bench: $(VENV)/test.done ## side-by-side runs against peers; the heaviest pages in Chromium
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.done: requirements.txt constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -r requirements.txt -c constraints.txt
	@touch $@

$(VENV)/test.done: requirements-dev.txt $(VENV)/run.done
	$(BIN)/python -m pip install -q -r requirements-dev.txt -c constraints.txt
	@touch $@

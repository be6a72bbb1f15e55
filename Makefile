# make run: the app in the browser.  make test: lint, types, all tests.  make bench: the slow proofs.
# make words: translations.  make pictures: README's.
VENV := .venv
PY := $(VENV)/bin/python
FED := .venv-federation
export MLLEAK_ALLOW_PATHS ?= 1

.PHONY: run test lint bench shipped words pictures clean browser
run: $(VENV)/run.done
	$(PY) -m mlleak_core app

# Two at a time with a thread each: two threads each would wait for one another. In the order of tests/conftest.py, the longest files first.
test: $(VENV)/dev.done $(FED)/done browser lint
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart=0

lint: $(VENV)/dev.done
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(VENV)/dev.done browser
	$(PY) -m benchmarks

shipped: $(VENV)/run.done
	$(PY) -m mlleak_core ship

words: $(VENV)/dev.done
	$(PY) -m benchmarks.words

pictures: $(VENV)/dev.done browser
	$(PY) -m benchmarks.pictures

browser:
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
	  || echo "No chromium and no way to install it here: the browser tests will be skipped. On Debian: apt-get install chromium"

$(VENV)/bin/python:
	python3 -m venv $(VENV)

$(VENV)/run.done: requirements.txt | $(VENV)/bin/python
	$(PY) -m pip install -q -r requirements.txt
	@touch $@

$(VENV)/dev.done: requirements.txt requirements-dev.txt | $(VENV)/bin/python
	$(PY) -m pip install -q -r requirements-dev.txt
	@touch $@ $(VENV)/run.done

# Flower's pins disagree with the app's (requirements-federation.txt): an environment of its own,
# which borrows all it can, PyTorch above all.
$(FED)/done: requirements-federation.txt $(VENV)/dev.done
	$(PY) -m venv --clear $(FED)
	$(PY) -c "import sysconfig; print(sysconfig.get_paths()['purelib'])" \
	  > $$(echo $(FED)/lib/python3*/site-packages)/borrowed.pth
	$(FED)/bin/python -m pip install -q -r requirements-federation.txt
	@touch $@

clean:
	rm -rf $(VENV) $(FED) artifacts

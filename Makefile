# One environment, two commands: `make demo` and `make test`. Everything lands in .venv and runs/.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# What is imported compiles itself then; all that is installed would take half a minute.
PIP := $(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check -c constraints.txt

.PHONY: demo test lint types tests test-page test-slow reference format clean

demo: $(VENV)/installed
	$(BIN)/python -m jaxprobe.launch --config=configs/demo.py --workdir=runs/demo

test: lint
	@$(MAKE) --no-print-directory -j2 types tests

lint: $(VENV)/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/tested
	$(BIN)/pyright --pythonpath $(BIN)/python

# In the order of files: by their number of tests, the files of few and long ones would come last.
tests: $(VENV)/tested
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not gpu"

# The page in Chromium (Debian: apt-get install chromium chromium-driver); pictures to look at.
test-page: $(VENV)/tested
	JAXPROBE_SCREENSHOTS=runs/screenshots $(BIN)/python -m pytest -m page tests/reports
	@ls -1 runs/screenshots/*.png

test-slow: $(VENV)/tested
	$(BIN)/python -m pytest

format: $(VENV)/tested
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The environment: three steps, each with its share of the time.
$(VENV)/installed: setup.py constraints.txt
	@began=$$(date +%s); $(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2], "jaxprobe needs Python 3.11 or newer; say which with make PYTHON=python3.12"' \
	  && $(PYTHON) -m venv $(VENV) && echo "== environment: $$(( $$(date +%s) - began )) s"
	@began=$$(date +%s); $(PIP) -e . && echo "== dependencies: $$(( $$(date +%s) - began )) s"
	@touch $@

$(VENV)/tested: $(VENV)/installed
	$(PIP) -e '.[test]'
	@# mirdata without the cloud clients that it would bring along; its files are local here.
	$(PIP) --no-deps mirdata && $(PIP) chardet Deprecated openpyxl pandas pretty_midi smart_open
	@# torch is the reference some tests compare with; its wheel pinned here is for Python 3.11.
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; \
	  then $(PIP) torch==2.13.0; \
	  else echo "== torch: not installed on this Python; tests against it will say they skip"; fi
	@touch $@

clean:
	rm -rf $(VENV) runs build *.egg-info .pytest_cache .ruff_cache

# Live checks against torch packages whose versions fight with ours, in an environment of their own.
REFERENCE := .venv-reference
reference: $(VENV)/tested $(REFERENCE)/installed
	$(REFERENCE)/bin/python tests/reference/muq_live.py runs/reference/muq
	$(BIN)/jaxprobe check encoder muq --weights=runs/reference/muq/model.safetensors \
	  --arch=runs/reference/muq/config.json --reference=runs/reference/muq/io.npz
	@# Full-size random weights through transformers 5, and the pre-LN model through 4.x as well.
	for name in hubert_base mert_v1_95m mert_v1_330m data2vec_audio_base; do \
	  $(BIN)/$$($(BIN)/python tests/reference/transformers_live.py $$name runs/reference/$$name | tail -1) || exit 1; \
	done
	$(BIN)/$$(PYTHONPATH=. $(REFERENCE)/bin/python tests/reference/transformers_live.py mert_v1_330m runs/reference/mert_4x | tail -1)

$(REFERENCE)/installed: tests/reference/requirements.txt
	$(PYTHON) -m venv $(REFERENCE)
	$(REFERENCE)/bin/python -m pip install -qq torch==2.13.0
	$(REFERENCE)/bin/python -m pip install -qq -r tests/reference/requirements.txt
	$(REFERENCE)/bin/python -m pip install -qq --no-deps muq==0.1.0
	@# torchaudio's compiled part wants CUDA libraries; its Python part is all that MuQ uses.
	@$(REFERENCE)/bin/python -c 'import torch; raise SystemExit(torch.version.cuda is not None)' \
	  && rm -f $(REFERENCE)/lib/python*/site-packages/torchaudio/lib/*.so || true
	@touch $@

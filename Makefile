# `make help` lists the targets.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),./target)
RAPSHEET := $(TARGET)/release/rapsheet
NOW := 2026-11-23T00:00:00Z
FUZZ_SECONDS ?= 60
# `address` finds reads out of bounds in the few unsafe kernels as well, at a third of the speed.
FUZZ_SANITIZER ?= none
FUZZ_TARGETS ?= snapshot formats documents containers extract catalog state exports ship

# The linker that Rust has on Linux for x86-64 makes one of functions that came out alike; others do not know the flag.
comma := ,
EDGE_LINK := $(if $(findstring Linux x86_64,$(shell uname -sm)),-C link-arg=-Wl$(comma)--icf=all)

# Of the wheel and its tests.
PYTHON ?= python3
VENV := $(TARGET)/python
WHEELS := $(TARGET)/wheels
PYTHON_TOOLS := maturin==1.16.0 ziglang==0.17.1
# Of the tests of engines and of Spark, each with an environment of its own.
LAKE := $(TARGET)/lake
SPARK := $(TARGET)/spark
PYTHON_PACKAGES := pytest==9.2.0 pyarrow==26.0.1 numpy==2.4.6 'pandas<3' mypy==2.4.1

.PHONY: help demo build dist static capi wheel test lint doc deny check advisories bench fuzz
.PHONY: test-python test-lake test-spark bench-python

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

# Exit code 3: published, but some feed failed or was held. A sample may show just that.
demo: build ## build a snapshot from the samples, look up three indicators, score a log; results in demo/
	@mkdir -p demo
	@echo '$$ rapsheet build --catalog feeds/samples/catalog.toml --downloads feeds/samples --out demo/rapsheet.rap'
	@$(RAPSHEET) build --catalog feeds/samples/catalog.toml --downloads feeds/samples \
	    --out demo/rapsheet.rap --previous none --report demo/report.json --rejects demo/rejects.jsonl \
	    --now $(NOW) 2>demo/build.txt || [ $$? -eq 3 ] || { cat demo/build.txt; exit 1; }
	@awk 'NR <= 9 { print } { last = $$0 } END { if (NR > 9) print "  ...\n" last }' demo/build.txt
	@echo; echo '$$ rapsheet lookup 45.9.20.5 hxxp://login.evilpanel[.]com/gate.php 203.0.113.9'
	@$(RAPSHEET) lookup --snapshot demo/rapsheet.rap --now $(NOW) \
	    45.9.20.5 'hxxp://login.evilpanel[.]com/gate.php' 203.0.113.9
	@echo; echo '$$ rapsheet score --output lines feeds/samples/access.log'
	@$(RAPSHEET) score --snapshot demo/rapsheet.rap --now $(NOW) --output lines feeds/samples/access.log
	@echo; echo 'In demo/: rapsheet.rap (the snapshot), report.json, rejects.jsonl, build.txt (the whole table).'

build: ## target/release/rapsheet
	$(CARGO) build --release

dist: ## the binaries of a release, whole and without parsers, in dist/
	@mkdir -p dist
	$(CARGO) build --profile dist --locked
	cp $(TARGET)/dist/rapsheet dist/rapsheet
	RUSTFLAGS="$$RUSTFLAGS -C force-unwind-tables=no" \
	    $(CARGO) rustc --profile edge --locked --no-default-features --features remote --bin rapsheet -- $(EDGE_LINK)
	cp $(TARGET)/edge/rapsheet dist/rapsheet-edge
	@wc -c dist/rapsheet dist/rapsheet-edge | awk '$$2 != "total" { printf "%-20s %.1f MB\n", $$2, $$1 / 1e6 }'

static: ## static binaries for x86-64 and aarch64, in dist/; see contrib/static.sh for what it needs
	CARGO='$(CARGO)' contrib/static.sh
	CARGO='$(CARGO)' contrib/static.sh --edge

capi: ## the C library, with its header and a pkg-config file, in dist/capi/
	CARGO='$(CARGO)' contrib/capi.sh dist/capi
	@cd dist/capi/lib && wc -c librapsheet.so.0 librapsheet.a | awk '$$2 != "total" { printf "%-20s %.1f MB\n", $$2, $$1 / 1e6 }'

# Linked by Zig, which knows the symbols of old versions of glibc; maturin refuses a wheel that needs newer ones.
wheel: $(VENV)/tools ## the Python wheel of a release, in dist/
	@mkdir -p dist
	PATH="$(abspath $(VENV))/bin:$$PATH" $(VENV)/bin/maturin build --profile dist --locked --zig \
	    --target $(shell uname -m)-unknown-linux-gnu --compatibility manylinux_2_28 \
	    --manifest-path crates/python/Cargo.toml --out dist
	@ls -l dist/rapsheet-*.whl | awk '{ printf "%s %.1f MB\n", $$NF, $$5 / 1e6 }'

$(VENV)/tools:
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet $(PYTHON_TOOLS)
	@touch $@

$(VENV)/packages: $(VENV)/tools
	$(VENV)/bin/pip install --quiet $(PYTHON_PACKAGES)
	@touch $@

# Bounded: a wheel that is built fast, the program that `make test` builds, and the default sizes of long tests. Without
# Python or the package index, the tests are left out, which RAPSHEET_CONSUMERS=all forbids.
define with_python
	@if $(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' && $(MAKE) --silent $(1); then \
	    $(MAKE) --silent $@-here; \
	elif [ "$$RAPSHEET_CONSUMERS" = all ]; then \
	    echo 'make $@: no Python 3.11 with venv, or no package index' >&2; exit 1; \
	else \
	    echo 'make $@: left out: no Python 3.11 with venv, or no package index'; \
	fi
endef

test-python: ## the tests of the wheel; needs Python 3.11 or newer and the package index
	$(call with_python,$(VENV)/packages)

test-lake: ## the recipes of contrib/lake, run by DuckDB, Polars, pandas, Dask, DataFusion, ClickHouse; needs the same
	$(call with_python,$(VENV)/tools $(LAKE)/packages)

test-spark: ## rapsheet.spark on a cluster of two workers, with its failures; needs the same, and Java 17
	@java -version 2>/dev/null || [ "$$RAPSHEET_CONSUMERS" != all ] || { echo 'make $@: no Java' >&2; exit 1; }
	@if java -version 2>/dev/null; then $(MAKE) --silent $@-with-java; else echo 'make $@: left out: no Java'; fi

bench-python: build wheel $(LAKE)/packages ## Snapshot.score beside other ways to answer a column; see benches/README.md
	$(LAKE)/bin/pip install --quiet --force-reinstall --no-deps dist/rapsheet-*.whl
	RAPSHEET=$(RAPSHEET) $(LAKE)/bin/python benches/python/columns.py

$(LAKE)/packages: tests/lake/requirements.txt
$(SPARK)/packages: tests/spark/requirements.txt
$(LAKE)/packages $(SPARK)/packages:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --requirement $<
	@touch $@

.PHONY: test-wheel test-python-here test-lake-here test-spark-with-java test-spark-with-java-here
test-wheel:
	@rm -rf $(WHEELS)
	$(VENV)/bin/maturin build --quiet --profile wheel-test --locked --compatibility linux \
	    --manifest-path crates/python/Cargo.toml --out $(WHEELS)
	$(CARGO) build --profile test --locked --package rapsheet

test-python-here: test-wheel
	$(VENV)/bin/pip install --quiet --force-reinstall --no-deps $(WHEELS)/rapsheet-*.whl
	RAPSHEET=$(TARGET)/debug/rapsheet $(VENV)/bin/pytest --quiet -c crates/python/pyproject.toml tests/python

test-lake-here: test-wheel
	$(LAKE)/bin/pip install --quiet --force-reinstall --no-deps $(WHEELS)/rapsheet-*.whl
	RAPSHEET=$(TARGET)/debug/rapsheet $(LAKE)/bin/pytest --quiet -c crates/python/pyproject.toml -s tests/lake

test-spark-with-java:
	$(call with_python,$(VENV)/tools $(SPARK)/packages)

test-spark-with-java-here: test-wheel
	$(SPARK)/bin/pip install --quiet --force-reinstall --no-deps $(WHEELS)/rapsheet-*.whl
	RAPSHEET=$(TARGET)/debug/rapsheet $(SPARK)/bin/pytest --quiet -c crates/python/pyproject.toml -s tests/spark

check: lint doc deny test test-python test-lake ## what CI runs

test: ## the tests
	$(CARGO) test --workspace --quiet

# The edge build, without parsers, must stay clean as well; fuzz targets are checked without libFuzzer.
lint: ## formatting and warnings
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	$(CARGO) clippy --no-default-features --quiet -- -D warnings
	$(CARGO) clippy --no-default-features --features remote --quiet -- -D warnings
	$(CARGO) clippy --manifest-path fuzz/Cargo.toml --target-dir $(TARGET) --all-targets \
	    --no-default-features --quiet -- -D warnings

doc: ## the documentation of the libraries
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --quiet

# The network is used only where a crate of the lock file is not on this machine yet.
deny: ## licences, bans and sources of what we depend on
	@$(CARGO) deny --version >/dev/null 2>&1 || \
	    { echo 'make deny needs cargo-deny: cargo install cargo-deny --locked' >&2; exit 1; }
	$(CARGO) fetch --locked --quiet
	$(CARGO) deny --offline --locked --log-level error check --hide-inclusion-graph licenses bans sources

advisories: ## known vulnerabilities in what we depend on; needs the network
	$(CARGO) deny --locked check advisories

bench: ## figures against other libraries; see benches/README.md
	$(CARGO) bench
	$(CARGO) test --test rapsheet costs -- --nocapture

# RUSTC_BOOTSTRAP lets a stable compiler take the flags that fuzzing needs.
fuzz: ## every fuzz target for FUZZ_SECONDS (60); needs cargo-fuzz and a C++ compiler
	@$(CARGO) fuzz --version >/dev/null 2>&1 || \
	    { echo 'make fuzz needs cargo-fuzz: cargo install cargo-fuzz --locked' >&2; exit 1; }
	$(CARGO) run --quiet --manifest-path fuzz/Cargo.toml --example seeds
	@for target in $(FUZZ_TARGETS); do \
	    mkdir -p fuzz/corpus/$$target fuzz/seeds/$$target && \
	    RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --sanitizer $(FUZZ_SANITIZER) $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
	        -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=4096 -max_len=131072 -print_final_stats=1 || exit 1; \
	done

# What people type; nothing clever. `make demo` shows rapsheet at work, `make test` tries it, `make check` is
# what CI runs.

CARGO ?= cargo
RAPSHEET := $(or $(CARGO_TARGET_DIR),./target)/release/rapsheet
NOW := 2026-11-23T00:00:00Z

.PHONY: demo build test lint doc bench check

# Exit code 3 means published, though some feed is in trouble: a sample may be there to show just that.
demo: build
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

build:
	$(CARGO) build --release

test:
	$(CARGO) test --workspace --quiet

# The edge build, without parsers, must stay clean as well.
lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	$(CARGO) clippy --no-default-features --quiet -- -D warnings

doc:
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --quiet

bench:
	$(CARGO) bench
	$(CARGO) test --test rapsheet costs -- --nocapture

check: lint doc test

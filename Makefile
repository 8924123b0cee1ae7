# The two commands of a fresh machine are `make demo` and `make test`. They do all the set-up.
# Needed beforehand: cargo (Rust 1.90 or later), a C compiler, python3. What else the tests use is installed by tests/setup.sh:
# Debian's chromium, a JDK and Maven (as root or with sudo), Python packages below target/, cluster jars in the user's cache.

CARGO ?= cargo
BIN := target/debug/watchbell
PYTHON := target/venv/bin/python
E2E := $(PYTHON) -m pytest -q --durations=8 tests/e2e

.PHONY: demo build test test-rust test-e2e test-all bench ci setup lint deny

demo: build
	./$(BIN) demo $(DEMO)

build:
	$(CARGO) build --package watchbell-server

setup:
	tests/setup.sh

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) xtask tidy

test-rust:
	$(CARGO) test --workspace --locked

test-e2e: build setup
	$(E2E) -m "not long"

# Everything CI runs, on a clean clone too.
test: test-rust test-e2e

# What takes longer: all of it before a change is called finished. More random cases, and the contract on real clusters.
test-all: lint deny build setup
	PROPTEST_CASES=300 $(CARGO) test --workspace --locked
	$(E2E)
	tests/on-clusters.sh

# Licences, banned crates and sources of every dependency (deny.toml); brings its tool once.
deny:
	test -x target/tools/bin/cargo-deny || $(CARGO) install cargo-deny --version 0.20.2 --locked --root target/tools
	target/tools/bin/cargo-deny check licenses bans sources

ci: lint deny test

bench:
	$(CARGO) build --release --package watchbell-server --package watchbell-store-embedded --examples --bins
	python3 bench/run.py

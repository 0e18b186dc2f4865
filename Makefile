# SPDX-License-Identifier: MIT OR Apache-2.0
# The only list of developer commands. `make` prints it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
CARGO ?= cargo
SEEDS ?= 2000
SECONDS ?= 300
SEED ?=
ROWS ?=
PREFIX ?= /usr
DESTDIR ?=
# Where `make install` takes the programs from.
BUILT ?= target/release

export PATH := $(HOME)/.cargo/bin:$(PATH)

.PHONY: help
help: ## print this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: need
need: ## install what building and testing lack (Debian packages, by name) and say so
	@dist/need build test

.PHONY: build
build: ## build the release binaries
	@dist/need build
	$(CARGO) build --release --locked --workspace

# The demonstrations do not wait for what makes a release small and fast, nor for TLS, which nothing in them speaks.
DEMO := target/demo/steadfast
build_demo = $(CARGO) build --profile demo --locked --no-default-features --features daemon --bin steadfast

.PHONY: demo
demo: ## build, lay a lab of directors, web servers and a client, show what the client feels while they die, clean up
	@dist/need program demo
	$(build_demo)
	@dist/demo/run $(DEMO)

.PHONY: demo-shell
demo-shell: ## the same lab with a shell in it, to look around and break things
	@dist/need program demo
	$(build_demo)
	@dist/demo/run $(DEMO) shell

.PHONY: ipvs-demo
ipvs-demo: ## build, boot a kernel with load balancing, show servers that die and return with the table at each step
	@dist/need program guest
	$(build_demo)
	@dist/ipvs-demo/run $(DEMO)

.PHONY: test
test: ## everything that must hold: format, lints, all tests, generated documents
	@dist/need build test
	@dist/need browser || echo "SKIPPED: the page is not looked at in a browser, because Debian's package chromium cannot be installed"
	@dist/need metrics || echo "SKIPPED: promtool does not read the metrics, because Debian's package prometheus cannot be had"
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --features steadfast/model -- -D warnings
	# The labs of namespaces wait more than they work, so there are more of them than cores. The simulated worlds are fresh
	# for every state of the sources, and the same again for the same one; `make sim` plays fresh ones each time.
	SEED_START=$${SEED_START:-$$(printf %d 0x$$(git rev-parse HEAD^{tree} 2>/dev/null | cut -c1-10 | grep . || echo a52b00b))} \
	  RUST_TEST_THREADS=8 $(CARGO) test --locked --workspace
	$(CARGO) test --locked --no-default-features --features model --lib sim::model
	@if rustup target list --installed 2>/dev/null | grep -q '^wasm32-unknown-unknown$$'; then \
	  $(CARGO) build --locked --lib --no-default-features --target wasm32-unknown-unknown; \
	else \
	  echo "SKIPPED: the pure core was not built for wasm32, because the target wasm32-unknown-unknown is not installed"; \
	  $(CARGO) check --locked --lib --no-default-features; \
	fi

.PHONY: interop
interop: ## play every combination beside keepalived and FRR, print the table, keep it in docs/interop.md
	@dist/need build test interop
	STEADFAST_INTEROP=all STEADFAST_NETNS=require $(CARGO) test --locked --test netns interop

.PHONY: chaos
chaos: ## kill random processes of three nodes for SECONDS (300), with SEED when given, and look at the end state
	@dist/need build test
	STEADFAST_CHAOS_SECONDS=$(SECONDS) STEADFAST_CHAOS_SEED=$(SEED) STEADFAST_NETNS=require \
	  $(CARGO) test --locked --test netns chaos

.PHONY: lint
lint: ## format check and clippy only
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --features steadfast/model -- -D warnings

.PHONY: deny
deny: ## licences, sources and known faults of everything we are built from (cargo-deny)
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is missing: cargo install --locked cargo-deny" >&2; exit 1; }
	$(CARGO) deny check

.PHONY: sim
sim: ## simulate SEEDS fresh worlds (2000) and all saved ones, watching every promise; SEED=N plays one and shows it
	@if [ -n "$${SEED:-}" ]; then \
	  $(CARGO) test --locked --release --no-default-features --test sim one_seed -- --nocapture; \
	else \
	  SEEDS=$(SEEDS) $(CARGO) test --locked --release --no-default-features --test sim -- --nocapture; \
	fi

# All rows, or those that ROWS names: checks and ipvs have programs of their own.
define bench
$(if $(or $(if $(ROWS),,all),$(filter-out checks ipvs,$(ROWS))),$(CARGO) bench --locked --bench peers -- $(1) $(filter-out checks ipvs,$(ROWS)))
$(if $(filter checks,$(or $(ROWS),checks)),@benches/checks.sh $(1))
$(if $(filter ipvs,$(or $(ROWS),ipvs)),@benches/ipvs.sh $(1))
endef

.PHONY: bench
bench: ## ours beside the packaged keepalived in the same labs: one table a row (under 40 minutes); ROWS="failover checks ipvs" plays some
	@dist/need build bench guest
	$(call bench,)

.PHONY: bench-quick
bench-quick: ## the same with few rounds (under 5 minutes)
	@dist/need build bench guest
	$(call bench,quick)

.PHONY: bench-core
bench-core: ## time the VRRP machine itself and print the figures beside their aims
	$(CARGO) bench --locked --no-default-features --bench core

.PHONY: bench-checks
bench-checks: ## time one TCP check and one HTTP check, alone and many at once, and thousands a second beside keepalived
	@dist/need build bench
	$(CARGO) bench --locked --bench checks -- alone
	@benches/checks.sh

.PHONY: bench-conf
bench-conf: ## time reading a configuration of 37,205 real servers beside keepalived -t
	@benches/conf.sh

.PHONY: bench-ipvs
bench-ipvs: ## time programming 37,205 real servers in the kernel of a guest, beside keepalived in the same boot
	@dist/need build guest
	@benches/ipvs.sh

.PHONY: model
model: ## search small worlds of the VRRP machine exhaustively, the large ones too (minutes)
	LARGE=1 $(CARGO) test --release --locked --no-default-features --features model --lib sim::model -- --nocapture

.PHONY: fuzz
fuzz: ## build and play the fuzz targets, SECONDS_EACH (20) for each; TARGET=name plays one
	@dist/need build
	@fuzz/run

.PHONY: mutants
mutants: ## break one rule at a time and demand that a test notices (about ten minutes)
	@tests/mutants/run.sh

.PHONY: docs
docs: ## write the generated documents, manual pages and completions anew
	$(CARGO) run -q --locked -p keepalived-conf --example keywords > docs/keywords.md
	$(CARGO) run -q --locked -p genhash --example genhash_manual > docs/man/genhash.1
	$(CARGO) build -q --locked
	target/debug/steadfast manual > docs/man/steadfast.8
	$(CARGO) run -q --locked -p keepalived-conf --example manual > docs/man/keepalived.conf.5
	target/debug/steadfast completions bash > dist/completions/steadfast.bash
	target/debug/steadfast completions zsh > dist/completions/_steadfast
	target/debug/steadfast completions fish > dist/completions/steadfast.fish
	docs/pictures/draw
	dist/demo/record --draw

.PHONY: docs-test
docs-test: ## run every command that README and docs name
	@dist/need build test
	$(CARGO) test --locked --test documents --test architecture
	$(CARGO) test --locked --package genhash --test document

.PHONY: install
install: build ## install programs, the name `keepalived`, manual, completions and the unit below DESTDIR
	install -D -m 755 $(BUILT)/steadfast $(DESTDIR)$(PREFIX)/sbin/steadfast
	install -D -m 755 $(BUILT)/steadfast-web $(DESTDIR)$(PREFIX)/sbin/steadfast-web
	install -D -m 755 $(BUILT)/genhash $(DESTDIR)$(PREFIX)/bin/genhash
	ln -sf steadfast $(DESTDIR)$(PREFIX)/sbin/keepalived
	install -D -m 644 docs/man/steadfast.8 $(DESTDIR)$(PREFIX)/share/man/man8/steadfast.8
	ln -sf steadfast.8 $(DESTDIR)$(PREFIX)/share/man/man8/keepalived.8
	install -D -m 644 docs/man/keepalived.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/keepalived.conf.5
	install -D -m 644 docs/man/genhash.1 $(DESTDIR)$(PREFIX)/share/man/man1/genhash.1
	install -D -m 644 dist/completions/steadfast.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/steadfast
	ln -sf steadfast $(DESTDIR)$(PREFIX)/share/bash-completion/completions/keepalived
	install -D -m 644 dist/completions/_steadfast $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_steadfast
	install -D -m 644 dist/completions/steadfast.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/steadfast.fish
	install -D -m 644 dist/keepalived.conf.example $(DESTDIR)$(PREFIX)/share/doc/steadfast/examples/keepalived.conf
	install -D -m 644 dist/sysusers.d/steadfast.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/steadfast.conf
	sed 's,/usr/sbin/,$(PREFIX)/sbin/,' dist/systemd/steadfast.service | \
	  install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/systemd/system/steadfast.service

.PHONY: deb
deb: ## build the Debian package in target/deb
	@dist/need build deb
	@dist/deb/build

.PHONY: deb-test
deb-test: ## install, upgrade and remove the Debian package in a root of its own
	@dist/need build deb
	@dist/deb/test

.PHONY: static
static: ## build programs that need no library, for containers
	@dist/need build static
	@dist/static

.PHONY: static-test
static-test: static ## run them as a container has them, with nothing beside (by podman where that works)
	@dist/need static-test
	@dist/static-test

.PHONY: clean
clean: ## remove what building made
	$(CARGO) clean

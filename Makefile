# Everything a developer needs. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# Node 24 comes with `npm ci` on Linux; elsewhere the user's own Node (24 or later) serves.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: sim soak sim-mutants kafka test-kafka test-kafka-smoke kafka-kill-run oracle fuzz help install demo test check bench bench-peers clean types lint layers unit

help: ## Lists these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

install: node_modules/.installed ## Installs what is needed, Node 24 too where there is a binary for this platform

node_modules/.installed: package.json package-lock.json
	@echo "Installing packages (Node 24 and native libraries among them, about half a minute)..."
	npm ci --no-audit --no-fund --loglevel=error
	@node -e 'const major = Number(process.versions.node.split(".")[0]); if (major < 24) { console.error("Mto needs Node 24 or later; this is " + process.version + ", and there is no binary of Node 24 for " + process.platform + "-" + process.arch + " among the packages. Install Node 24 and run this again."); process.exit(1) }'
	@touch $@

demo: install ## A SACCO in one process with live dashboards: prints `ready http://127.0.0.1:8080` (PORT, MTO_DATA_DIR)
	@exec node cli/mto.ts demo

load-test: install ## 10,000 events/s for a minute, API and live feed open, then the money is verified; exit code 1 on a miss
	node cli/mto.ts load --data build/load-test --fresh --rate $(RATE) --seconds $(LOAD_SECONDS) --p95-max-ms 100 --labels build/load-test/labels.jsonl; \
	  load=$$?; node cli/mto.ts verify --data build/load-test && exit $$load

test: install ## Installs, then runs every check and test; those on Kafka where a broker can be had (CI requires it)
	@$(MAKE) --no-print-directory types lint layers
	vitest run
	@$(MAKE) --no-print-directory test-kafka-smoke

check: install ## Types, lint, layers and the quick tests: under a minute
	@$(MAKE) --no-print-directory types lint layers unit

types:
	node node_modules/typescript-native/bin/tsc --noEmit -p .

lint:
	biome ci --error-on-warnings .

layers:
	depcruise --config .dependency-cruiser.mjs --output-type err-long streams state-stores connectors schemas topologies load api host cli testing bench

unit:
	vitest run --exclude '**/*.slow.test.ts' --exclude 'testing/{simulation,fuzz,takeover}/**' --exclude 'load/**' --exclude 'connectors/schema-registry/**'

bench: install ## The engine on the embedded log: throughput, where the time goes, cost as work grows; ARGS=--help says more
	@node bench/run.ts $(ARGS)

bench-peers: install ## Mto and Java Kafka Streams on one broker, in turns, with ratios (JDK 17, Maven); ARGS=--help says more
	@node bench/peers/run.ts $(ARGS)

clean: ## Removes what was installed and produced (not your data directory)
	rm -rf node_modules coverage build

oracle: install ## Runs Java's cases through the test driver, on all stores, with crashes: all equal, or exit code 1
	node testing/oracle/check.ts

RATE ?= 10000
LOAD_SECONDS ?= 60

SEED ?= 1
COUNT ?= 1000
fuzz: install ## Random topologies and inputs, run in every way; SEED= and COUNT= say which
	node testing/fuzz/fuzz.ts $(SEED) $(COUNT)

kafka: install ## A Kafka broker on localhost:9092 for development, until Ctrl-C (Java 17; Maven the first time)
	node testing/broker/run.ts

test-kafka: install ## The tests on a real broker: that of KAFKA_BROKERS, or one that is started for them
	vitest run --config vitest.kafka.config.ts

test-kafka-smoke: install ## The quick ones of them (make test runs these), or a loud word why not
	@if node testing/broker/can-run.ts; then KAFKA_SUITE=smoke vitest run --config vitest.kafka.config.ts; else [ -z "$$CI" ]; fi

MINUTES ?= 5
kafka-kill-run: install ## Processes on Kafka under load, one killed every 10 s, the broker in the middle; MINUTES= says how long
	node testing/crash/kafka-kill-run.ts --minutes $(MINUTES)

sim: install ## Simulates the engine with faults: make sim SEED=1 COUNT=200 (a failure prints how to repeat it)
	node testing/simulation/sim.ts --seed $(SEED) --count $(COUNT)

soak: install ## The SACCO under load for MINUTES=10, looked at from outside: memory, files, timers, iterators must not grow
	node testing/soak/soak.ts --minutes $(or $(MINUTES),10)

sim-mutants: install ## Plants bugs in the engine, and shows how many seeds the simulator took to find each
	node testing/simulation/mutants.ts

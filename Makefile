# make demo   a question about a real novel, answered by a local model
# make test   everything that CI runs
# make help   the rest

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The build outlives the clone: the engine takes a quarter of an hour to build, once.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/catena
export CARGO_TARGET_DIR := $(or $(CATENA_TARGET_DIR),$(CACHE)/target)
CATENA := $(CARGO_TARGET_DIR)/debug/catena
BOOK := examples/data/pride_and_prejudice.txt

# What takes long to build: the engine, the far ends of the memory, and the command, which has both.
# Apart from the rest, so that neither changes the features of the dependencies of the other.
HEAVY := -p catena-cli -p catena-edge -p catena-fastembed -p catena-local -p catena-qdrant

.PHONY: help
help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

.PHONY: setup
setup:
	@command -v cargo >/dev/null || { echo "Rust is missing: install it with rustup (https://rustup.rs), then call make again"; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is missing: install gcc or clang (Debian: apt-get install build-essential), then call make again"; exit 1; }
	@command -v python3 >/dev/null || echo "python3 is missing: weights can only come from the Hugging Face hub"

# make build  the catena command
.PHONY: build
build: setup
	@echo "Building catena (the first time takes about 25 minutes on two cores: it contains a language-model engine)"
	cargo build --locked -p catena-cli

# make weights  the models that demo and tests use (710 MB, once)
.PHONY: weights
weights: build
	$(CATENA) models pull smollm2-135m
	$(CATENA) models pull qwen2.5-coder-0.5b
	$(CATENA) models pull minilm

# The opening chapters of the novel; the model has to find the answer in one of several chunks.
.PHONY: demo
demo: weights
	@echo
	@echo "A question about the opening chapters of Pride and Prejudice, read chunk by chunk by a model of 0.5B parameters:"
	@echo "  head -c 14000 $(BOOK) | catena ask - --window 768 -q \"What is the name of the estate that Mr. Bingley has taken?\""
	@echo
	head -c 14000 $(BOOK) | $(CATENA) ask - --window 768 -q "What is the name of the estate that Mr. Bingley has taken?"

.PHONY: test
test: lint weights
	scripts/test.sh

# make lint  formatting, clippy and rustdoc, warnings as errors
.PHONY: lint
lint: setup
	cargo fmt --all --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked $(HEAVY) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps $(HEAVY)

# make bench  what the runtime costs, beside LangGraph where pip can install it (3 minutes, after the build)
.PHONY: bench
bench: setup
	@echo "Building the benchmarks as a release is built, without the engine (the first time takes about 5 minutes on two cores)"
	cargo bench --locked --bench runtime --no-run
	@if CATENA_BENCH_PEER=$$(scripts/venv.sh bench benches/langgraph.txt); then export CATENA_BENCH_PEER; \
	else echo "LangGraph could not be installed; the benchmark goes on without it"; \
	fi; \
	cargo bench --locked --bench runtime

# make random  only the 10,000 random graphs of make test; CATENA_CASES for more, CATENA_SEED for one
.PHONY: random
random: setup
	cargo test --locked --test random_graphs

# make crash  kills a process at 200 random moments and resumes it (make test: at 20); CATENA_KILLS, CATENA_SEED
.PHONY: crash
crash: setup
	CATENA_KILLS=$${CATENA_KILLS:-200} cargo test --locked --test crash -- --nocapture
	CATENA_KILLS=$${CATENA_KILLS:-200} cargo test --locked $(HEAVY) --test crash -- --nocapture

# make needle  a made-up fact at five depths of 12,000 tokens (about half an hour; it takes more than CI may)
.PHONY: needle
needle: weights
	scripts/needle.py --catena $(CATENA) --book $(BOOK)

# make orders  fifteen orders in an inventor's notes, and what becomes of them (hours on two cores; CATENA_MODEL)
.PHONY: orders
orders: weights
	scripts/orders.py --catena $(CATENA) -- --length brief --rounds 0 --model $(or $(CATENA_MODEL),qwen2.5-coder-1.5b)

# make memory-eval  what memory finds again and answers, beside plain retrieval (CATENA_DATA; hours on a CPU)
DATA := $(or $(CATENA_DATA),../shared/data)
CONVERSATIONS := $(DATA)/scm/dialogue_en.jsonl $(DATA)/locomo/conv-26.jsonl
.PHONY: memory-eval
memory-eval: weights
	@for file in $(CONVERSATIONS); do \
		[ -f "$$file" ] || { echo "$$file is missing: set CATENA_DATA to the folder that holds scm/ and locomo/"; exit 1; }; \
	done
	$(CATENA) eval $(CONVERSATIONS) --no-answers --out eval-results/retrieval --markdown
	$(CATENA) eval $(CONVERSATIONS) --window 2048 --model $(or $(CATENA_MODEL),qwen2.5-coder-1.5b) --out eval-results/memory --markdown

# make repair-eval  broken programs repaired in rounds, beside plain feedback and samples (CATENA_DATA; hours on a CPU)
PROGRAMS := $(DATA)/quixbugs/quixbugs_python.jsonl $(DATA)/humanevalfix/python.jsonl $(DATA)/humanevalfix/rust.jsonl
.PHONY: repair-eval
repair-eval: weights
	@for file in $(PROGRAMS); do \
		[ -f "$$file" ] || { echo "$$file is missing: set CATENA_DATA to the folder that holds quixbugs/ and humanevalfix/"; exit 1; }; \
	done
	$(CATENA) eval $(PROGRAMS) --model $(or $(CATENA_MODEL),qwen2.5-coder-1.5b) --out eval-results/repair --markdown

# make patent-eval  patents from the drafts of real ones, beside one call and the paper (CATENA_DATA; about an hour on two cores)
PATENTS := $(DATA)/patents/full_text.jsonl
.PHONY: patent-eval
patent-eval: weights
	@[ -f "$(PATENTS)" ] || { echo "$(PATENTS) is missing: set CATENA_DATA to the folder that holds patents/"; exit 1; }
	$(CATENA) eval $(PATENTS) --length $(or $(LENGTH),brief) --rounds $(or $(ROUNDS),0) --window $(or $(WINDOW),2048) \
		--model $(or $(CATENA_MODEL),qwen2.5-coder-1.5b) --out eval-results/patents-$(or $(LENGTH),brief) --markdown

# make speed  the local engine beside llama.cpp on the same file, in one run (about 10 minutes)
.PHONY: speed
speed: weights
	python=$$(scripts/venv.sh servers models/tests/servers/requirements.txt); \
	$$python scripts/speed.py --catena $(CATENA) --book $(BOOK) --weights "$$($(CATENA) models pull qwen2.5-coder-0.5b)"

# make search  searching 1,000,000 vectors in the embedded index (about 10 minutes); POINTS, NAMESPACES
.PHONY: search
search: setup
	cargo build --locked $(HEAVY) --example search
	$(CARGO_TARGET_DIR)/debug/examples/search $(or $(POINTS),1000000) $(NAMESPACES)

# make items  searching 1,000,000 items, archive and embedded index together (20 minutes on two busy cores); ITEMS, NAMESPACES
.PHONY: items
items: setup
	cargo build --locked $(HEAVY) --example items
	$(CARGO_TARGET_DIR)/debug/examples/items $(or $(ITEMS),1000000) $(NAMESPACES)

# make long-talk  300 turns with the local model: facts of the first turns, some changed since, asked at the end (hours; QUICK=1 says 20 of them)
.PHONY: long-talk
long-talk: weights
	scripts/long_talk.py --catena $(CATENA) --turns $(or $(TURNS),300) $(if $(QUICK),--quick) -- --window 2048

# make forgetting  what it takes until no file of the embedded index holds a forgotten point; POINTS (10000)
.PHONY: forgetting
forgetting: setup
	POINTS=$(or $(POINTS),10000) cargo test --locked $(HEAVY) --test index -- --ignored --nocapture being_rid

# make soak  a conversation of 20,000 turns with a scripted model over the embedded index; TURNS
.PHONY: soak
soak: setup
	cargo build --locked $(HEAVY) --example soak
	MALLOC_ARENA_MAX=2 $(CARGO_TARGET_DIR)/debug/examples/soak $(TURNS)

# make install  catena, optimised, into cargo's folder
.PHONY: install
install: setup
	cargo install --locked --path cli

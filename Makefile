# make           builds the BPF objects
# make setup     installs what building and testing need (Debian packages, .venv)
# make test      setup, build and every check; the parts in namespaces need root
# make demo      the tutorial, live: namespaces, daemon, HTTP through FullNAT and NAT64
# make lab       the tutorial's network with the daemon in it, until Ctrl-C (LAB=two-arm for another one)

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.SUFFIXES:

PYTHON := .venv/bin/python
RUFF := $(PYTHON) -m ruff
MYPY := $(PYTHON) -m mypy
PYTEST := $(PYTHON) -m pytest
CLANG ?= clang
CLANG_FORMAT ?= clang-format
LLVM_STRIP ?= llvm-strip

# <linux/types.h> includes <asm/types.h>, which Debian keeps in the directory of the machine.
MULTIARCH = $(shell $(CC) -print-multiarch 2>/dev/null)
# Atomics with a result (claiming a slot) are instructions of v3; every kernel from 5.12 on has them.
BPF_CFLAGS = -O2 -g -target bpf -mcpu=v3 -fno-strict-aliasing -Wall -Werror -I/usr/include/$(MULTIARCH) -Ibpf

PROGRAM := src/xdpvs/bpf/xdpvs.bpf.o
LAB_PROGRAMS := $(patsubst lab/bpf/%.bpf.c,build/lab/%.o,$(filter-out lab/bpf/tc_vlan.bpf.c,$(wildcard lab/bpf/*.bpf.c)))
# One object per VLAN the topologies use.
LAB_VLANS := 102
LAB_PROGRAMS += $(LAB_VLANS:%=build/lab/tc_vlan_%.o)
TEST_PROGRAMS := $(patsubst tests/bpf/%.bpf.c,build/%.bpf.o,$(wildcard tests/bpf/*.bpf.c))
HEADERS := $(wildcard bpf/*.h)
C_FILES := $(wildcard bpf/*.[ch] lab/bpf/*.[ch] tests/bpf/*.[ch])
PYTHON_DIRS := $(wildcard src lab tests tools bench containers)

LAB ?= tutorial

.PHONY: setup build bytecode test check check-root format-check lint types imports layout headers unit cli api bpf netns \
	containers format generate demo lab bench clean

setup:
	./tools/setup.sh

build: $(PROGRAM) $(LAB_PROGRAMS) $(TEST_PROGRAMS) bytecode

# What pip does for a wheel: where PYTHONDONTWRITEBYTECODE is set, every start of a tool would compile it anew.
bytecode:
	$(PYTHON) -m compileall -q src

build/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF build/$*.bpf.d -c $< -o $@

# A test includes the headers it is about, and does not call everything in them.
build/%.bpf.o: tests/bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -Wno-unused-function -MMD -MP -MF build/$*.bpf.d -c $< -o $@

build/lab/tc_vlan_%.o: lab/bpf/tc_vlan.bpf.c lab/bpf/lab.h
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -DVLAN_ID=$* -c $< -o $@

build/lab/%.o: lab/bpf/%.bpf.c lab/bpf/lab.h
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -c $< -o $@

# The copy beside the loader is what a wheel carries: BTF stays, DWARF goes. Renamed into place, for a daemon or a
# test may be reading the old one.
$(PROGRAM): build/xdpvs.bpf.o
	$(LLVM_STRIP) -g -o $@.new $<
	mv $@.new $@

-include $(wildcard build/*.d)

test:
	$(MAKE) setup
	$(MAKE) build
	$(MAKE) check
	$(MAKE) check-root

check: format-check lint types imports layout headers unit cli api

check-root: bpf netns containers

format-check:
	$(RUFF) format --check $(PYTHON_DIRS)
	$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)

lint:
	$(RUFF) check $(PYTHON_DIRS)

types:
	$(MYPY) $(PYTHON_DIRS)

imports:
	.venv/bin/lint-imports

# The committed layouts must be those of the program as it compiles now.
layout: build/xdpvs.bpf.o
	$(PYTHON) tools/gen_layout.py --check $<

# Every header compiles alone. A header's static functions are unused then.
headers:
	@for header in $(HEADERS); do \
		$(CLANG) $(BPF_CFLAGS) -Wno-unused-function -fsyntax-only -x c $$header || exit 1; \
	done

unit cli api bpf netns containers: build
	@if [ -d tests/$@ ]; then set -x; $(PYTEST) tests/$@; else echo "no tests/$@ yet"; fi

format:
	$(RUFF) format $(PYTHON_DIRS)
	$(RUFF) check --fix --exit-zero $(PYTHON_DIRS)
	$(CLANG_FORMAT) -i $(C_FILES)

generate: build/xdpvs.bpf.o
	$(PYTHON) tools/gen_layout.py $<

demo:
	$(MAKE) setup
	$(MAKE) build
	$(PYTHON) tools/demo.py

lab: build
	$(PYTHON) -m lab up $(LAB)

bench: build
	$(PYTHON) tools/bench.py

# Also takes away namespaces, mounts and processes of lab runs that died; those of living ones stay.
clean:
	if [ -x $(PYTHON) ]; then $(PYTHON) -m lab clean; fi
	rm -rf build $(PROGRAM) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src lab tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

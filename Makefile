# A thin front to Meson and tools/. `make help` tells the targets.
#
#   CC=clang make        builds in a folder of its own (build/clang)
#   make BUILD=DIR …     any other folder, also one that meson set up by hand

ifneq ($(filter default undefined,$(origin CC)),)
  NAME  := release
  SETUP :=
else
  NAME  := $(notdir $(CC))
  SETUP := CC='$(CC)' CXX='$(if $(filter clang%,$(NAME)),$(subst clang,clang++,$(CC)),$(if $(filter gcc%,$(NAME)),$(subst gcc,g++,$(CC)),$(CXX)))'
endif
BUILD  ?= build/$(NAME)
PREFIX ?= /usr/local

.PHONY: all help setup test demo bench lint format fuzz faults install clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet
	@mkdir -p build && ln -srfn $(BUILD)/usher build/usher

$(BUILD)/build.ninja:
	@mkdir -p $(dir $(BUILD))
	@$(SETUP) meson setup $(BUILD) >$(BUILD).log 2>&1 || { cat $(BUILD).log >&2; exit 1; }

help:
	@echo "make           builds build/usher (CC=clang make: in a folder of its own)"
	@echo "make setup     installs missing Debian and npm packages (tools/setup)"
	@echo "make demo      installs, builds, and moves 1,000 users into a local Clerk"
	@echo "make test      installs, builds, runs every test, also under ASan and UBSan"
	@echo "make bench     every performance claim as a ratio (BENCH='check ledger', QUICK=1)"
	@echo "make lint      layers, tables, formatting, both compilers' warnings"
	@echo "make format    clang-format on every source file"
	@echo "make fuzz      libFuzzer on every parser (FUZZ_SECONDS=60 each, FUZZ='json csv')"
	@echo "make faults    kills, power cuts, failing allocations and clock steps at full size"
	@echo "make install   into PREFIX=/usr/local, under DESTDIR="
	@echo "make clean     removes build/"

setup:
	@tools/setup

test: setup
	@tools/test

demo:
	@tools/setup build
	@$(MAKE) --no-print-directory all
	@tools/demo

bench: all
	@tools/bench $(BENCH)

lint: $(BUILD)/build.ninja
	@tools/lint --build $(BUILD)

format:
	@git ls-files '*.c' '*.h' '*.cc' | xargs clang-format -i

fuzz:
	@tools/fuzz $(FUZZ)

faults: all
	@USHER_LONG=1 meson test -C $(BUILD) --no-rebuild --suite faults --timeout-multiplier 0 --verbose

install: all
	@meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX))
	@DESTDIR='$(DESTDIR)' meson install -C $(BUILD)

clean:
	@rm -rf build

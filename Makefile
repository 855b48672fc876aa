# A thin front to Meson. `make demo` and `make test` install what is missing first.
BUILD := build/release
ASAN  := build/asan

.PHONY: all test demo bench lint fuzz faults install setup clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet
	@ln -sf release/usher build/usher

$(BUILD)/build.ninja:
	@meson setup $(BUILD) >/dev/null

$(ASAN)/build.ninja:
	@meson setup $(ASAN) -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 >/dev/null

setup:
	@tools/setup

test: setup
	@$(MAKE) --no-print-directory all $(ASAN)/build.ninja
	@ninja -C $(ASAN) --quiet
	@tools/test

clean:
	@rm -rf build

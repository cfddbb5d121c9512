# SPDX-License-Identifier: Apache-2.0
#
# usher: a mutual-TLS reverse proxy with rules.
#
#   make            build build/usher (needs what `make deps` brings)
#   make deps       install and build what usher is made from; needs root when a package is missing
#   make demo       deps, build, and show usher at work with real clients; KEEP=1 leaves it running
#   make check      deps, build, and every test below that ends in minutes
#   make unit       unit tests; UNIT=test_lines runs one
#   make rules      lint the shipped rule files and run the rule tests
#   make e2e        clients, usher and origins together; E2E=name picks tests
#   make fuzz       every fuzzer for SECONDS=60; FUZZ=fuzz_rules runs one
#   make soak       SECONDS=3600 of mixed load and reloads
#   make oom        memory that runs out at every allocation in the life of a request, a reload, a start
#   make bench      measure usher beside its peers
#   make cover      how much of each file the unit and end-to-end tests reach
#   make format     lay out the sources with clang-format
#   make graph      show which folder includes which; fails when an arrow points up
#   make docs       render the manual pages as text
#   make install    into $(DESTDIR)$(PREFIX)
#   make clean      remove what was built, but not what `make deps` brought
#
# Settings: BUILD=build  DEPS=build/deps  PREFIX=/usr/local  DESTDIR=  CC=cc  CFLAGS='-O2 -g'  V=1 shows commands.
# SAN=address,undefined or SAN=thread builds everything with sanitizers, beside the plain build:
# `make SAN=address,undefined check`.

BUILD  ?= build
DEPS   ?= build/deps
SAN    ?=
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
PYTHON ?= /usr/bin/python3
CLANG  ?= clang
DEMO   ?= tests/demo/demo.sh
JOBS   ?= $(shell nproc)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
Q := $(if $(V),,@)
comma := ,

# ---- Ways to build: plain, SAN=<gcc's sanitizers>, and two for the targets `fuzz` and `cover` ----

OUT := $(BUILD)
WERROR := -Werror
HARDEN := -fstack-protector-strong -fstack-clash-protection $(if $(findstring -O0,$(CFLAGS)),,-D_FORTIFY_SOURCE=2)
LDHARDEN := -Wl,-z,relro,-z,now
ifneq ($(SAN),)
HARDEN :=
LDHARDEN :=
ifeq ($(SAN),fuzz)
OUT := $(BUILD)/fuzz
override CC := $(CLANG)
WERROR := -Wno-unknown-warning-option
MODE := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
else ifeq ($(SAN),cover)
OUT := $(BUILD)/cover
MODE := -O0 --coverage
else
OUT := $(BUILD)/san-$(subst $(comma),-,$(SAN))
MODE := -O1 -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
endif

# Mbed TLS is kept under a name made from its configuration and recipe, so that a changed one is another library.
MBEDTLS := $(DEPS)/mbedtls-$(shell cat mtls/mbedtls_config.h mtls/gcm_alt.h base/build/mbedtls.sh | sha256sum | cut -c1-12)
MBEDTLS_LIBS := $(MBEDTLS)/lib/libmbedtls.a $(MBEDTLS)/lib/libmbedx509.a $(MBEDTLS)/lib/libmbedcrypto.a

CPPFLAGS_ALL := -D_GNU_SOURCE -I. -I$(BUILD)/gen -I$(MBEDTLS)/include -I$(DEPS)/include \
	-DMBEDTLS_USER_CONFIG_FILE='"mtls/mbedtls_config.h"' $(CPPFLAGS)
WARN := -Wall -Wextra $(WERROR)
CFLAGS_ALL := -std=c11 $(WARN) $(CFLAGS) $(HARDEN) $(MODE)
# bison and flex write code that these would complain about
GENERATED := -Wno-unused-function -Wno-unused-parameter -Wno-unused-but-set-variable -Wno-sign-compare \
	-Wno-implicit-fallthrough
# A client's certificates are parsed by mtls/global.c's function, which knows critical name constraints, and judged by
# mtls/handshake.c's, once. X25519 is mtls/x25519.c's. Allocations that fail are counted by base/memory.c.
WRAPPED := mbedtls_x509_crt_parse_der mbedtls_x509_crt_verify_restartable mbedtls_ecp_mul malloc calloc realloc
LDFLAGS_ALL := $(LDHARDEN) $(MODE) $(WRAPPED:%=-Wl,--wrap=%) $(LDFLAGS)
LIBS := $(MBEDTLS_LIBS) $(DEPS)/lib/libllhttp.a \
	-Wl,--as-needed -luv -lcares -lcurl -lcrypto -lnghttp2 -lpcre2-8 -ljansson -lmaxminddb -lpthread -lm

# ---- What there is ----

FOLDERS := base grammar headers mtls engine lint proxy cli
SRC := $(wildcard $(FOLDERS:%=%/*.c))
GEN := $(patsubst grammar/%.y,$(BUILD)/gen/grammar/%.c,$(wildcard grammar/*.y)) \
	$(patsubst grammar/%.l,$(BUILD)/gen/grammar/%.c,$(wildcard grammar/*.l))
OBJ := $(SRC:%.c=$(OUT)/obj/%.o)
GENOBJ := $(GEN:$(BUILD)/%.c=$(OUT)/obj/%.o)
MAIN := $(filter $(OUT)/obj/cli/main.o,$(OBJ))
LIBOBJ := $(strip $(filter-out $(MAIN),$(OBJ)) $(GENOBJ))
LIB := $(OUT)/libusher.a
USHER := $(OUT)/usher
UNITS := $(patsubst %.c,$(OUT)/%,$(wildcard tests/unit/test_*.c))
UNIT_SHARED := $(patsubst %.c,$(OUT)/obj/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
FUZZERS := $(patsubst tests/fuzz/%.c,$(OUT)/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCHES := $(patsubst %.c,$(OUT)/%,$(wildcard bench/*.c)) \
	$(patsubst %,$(OUT)/bench/engine-driver,$(wildcard bench/engine/driver.c))

.PHONY: all deps deps-demo deps-test deps-bench demo unit rules e2e check fuzz fuzz-seeds soak oom bench cover format \
	graph docs install clean help fuzzers benches FORCE

all: $(if $(LIBOBJ),$(LIB)) $(if $(MAIN),$(USHER))

help:
	@sed -n '/^# usher:/,/^$$/s/^# \{0,1\}//p' Makefile

# ---- Libraries from outside ----

RUN_DEPS = DEPS='$(DEPS)' MBEDTLS='$(MBEDTLS)' JOBS='$(JOBS)' base/build/deps.sh
deps:
	$(Q)$(RUN_DEPS) build
deps-demo:
	$(Q)$(RUN_DEPS) build demo
deps-test:
	$(Q)$(RUN_DEPS) build demo test
deps-bench:
	$(Q)$(RUN_DEPS) build demo test bench

# Reached by a plain `make` when they are not there yet, or when the configuration changed.
$(MBEDTLS)/lib/libmbedcrypto.a $(DEPS)/lib/libllhttp.a &:
	$(Q)$(RUN_DEPS) build
$(MBEDTLS)/lib/libmbedtls.a $(MBEDTLS)/lib/libmbedx509.a: $(MBEDTLS)/lib/libmbedcrypto.a ;

# ---- Objects ----

# Everything is compiled again when the compiler or its flags change.
FLAGS := $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL) $(LIBS)
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS))' >$@

OBJ_NEEDS := $(OUT)/flags | $(GEN) $(MBEDTLS)/lib/libmbedcrypto.a
define compile
	@$(if $(V),,echo '  CC      $<')
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(1) -MMD -MP -c -o $@ $<
endef

$(OUT)/obj/gen/%.o: $(BUILD)/gen/%.c $(OBJ_NEEDS)
	$(call compile,$(GENERATED))
$(OUT)/obj/%.o: %.c $(OBJ_NEEDS)
	$(call compile)

$(BUILD)/gen/%.c $(BUILD)/gen/%.h &: %.y
	@$(if $(V),,echo '  BISON   $<')
	@mkdir -p $(@D)
	$(Q)bison -Wall -Werror --defines=$(BUILD)/gen/$*.h -o $(BUILD)/gen/$*.c $<
$(BUILD)/gen/%.c $(BUILD)/gen/%.h &: %.l
	@$(if $(V),,echo '  FLEX    $<')
	@mkdir -p $(@D)
	$(Q)flex --header-file=$(BUILD)/gen/$*.h -o $(BUILD)/gen/$*.c $<

# ---- Library and programs ----

$(LIB): $(LIBOBJ)
	@$(if $(V),,echo '  AR      $@')
	$(Q)rm -f $@ && ar rcs $@ $(LIBOBJ)

define link
	@$(if $(V),,echo '  LINK    $@')
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) $(1) -o $@ $(filter %.o,$^) -Wl,--start-group $(LIB) $(LIBS) -Wl,--end-group $(2)
endef
LINK_NEEDS := $(LIB) $(MBEDTLS)/lib/libmbedcrypto.a $(DEPS)/lib/libllhttp.a

$(USHER): $(MAIN) $(LINK_NEEDS)
	$(call link)
$(OUT)/tests/unit/%: $(OUT)/obj/tests/unit/%.o $(UNIT_SHARED) $(LINK_NEEDS)
	$(call link,,-lcmocka)
$(OUT)/bench/%: $(OUT)/obj/bench/%.o $(LINK_NEEDS)
	$(call link,,$(if $(wildcard /usr/include/openssl/ssl.h),-lssl -lcrypto))
$(OUT)/bench/engine-%: $(OUT)/obj/bench/engine/%.o $(LINK_NEEDS)
	$(call link)
ifeq ($(SAN),fuzz)
$(OUT)/%: $(OUT)/obj/tests/fuzz/%.o $(LINK_NEEDS)
	$(call link,-fsanitize=fuzzer)
endif

fuzzers: $(if $(FUZZ),$(FUZZ:%=$(OUT)/%),$(FUZZERS))
	@:
benches: all $(BENCHES)
.SECONDARY:

# ---- Tests ----

# A sanitizer's exit code is none of usher's own, so that no test that expects usher to fail takes a report for it.
export ASAN_OPTIONS ?= exitcode=99:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS ?= exitcode=99:print_stacktrace=1
export TSAN_OPTIONS ?= exitcode=99:second_deadlock_stack=1:suppressions=$(abspath tests/tsan.supp)
# Sanitizers are slow: the end-to-end tests wait this many times longer before they give up.
export USHER_PATIENCE ?= $(if $(SAN),4,1)

UNITS_WANTED := $(if $(UNIT),$(UNIT:%=$(OUT)/tests/unit/%),$(sort $(UNITS)))
unit: all $(UNITS_WANTED)
	$(Q)$(if $(UNITS_WANTED),base/build/unit.sh $(UNITS_WANTED),echo 'unit: none yet')

RULES := $(wildcard rules/*.rules)
rules: all
	$(Q)$(if $(and $(RULES),$(MAIN)),$(USHER) lint $(RULES),echo 'rules: none yet')

e2e: all
	$(Q)$(if $(and $(wildcard tests/e2e),$(MAIN)),PYTHONDONTWRITEBYTECODE=1 USHER='$(abspath $(USHER))' DEPS='$(abspath $(DEPS))' \
		SAN='$(SAN)' $(PYTHON) -m pytest -q -p no:cacheprovider $(if $(E2E),-k '$(E2E)') tests/e2e,echo 'e2e: none yet')

# Fuzzers are built by clang, whole, in a folder of their own.
SECONDS ?= 60
fuzz:
	$(Q)$(MAKE) --no-print-directory SAN=fuzz fuzzers
	$(Q)BUILD='$(BUILD)/fuzz' base/build/fuzz.sh -max_total_time=$(SECONDS) -- $(FUZZ)
fuzz-seeds:
	$(Q)$(MAKE) --no-print-directory SAN=fuzz fuzzers
	$(Q)BUILD='$(BUILD)/fuzz' base/build/fuzz.sh -runs=3000 -max_total_time=20 -seed=1 -- $(FUZZ)

# One after the other, each with all processors, so that output stays readable and the first failure ends it.
STEP = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))
check:
	+$(Q)$(STEP) deps-test
	+$(Q)$(STEP) all
	+$(Q)$(STEP) graph
	+$(Q)$(STEP) unit
	+$(Q)$(STEP) rules
	+$(Q)$(STEP) e2e
	+$(Q)$(STEP) fuzz-seeds
	@echo 'check: all passed'

demo:
	+$(Q)$(STEP) deps-demo
	+$(Q)$(STEP) all
	$(Q)USHER='$(abspath $(USHER))' KEEP='$(KEEP)' $(DEMO)

soak: SECONDS = 3600
soak: all
	$(Q)PYTHONDONTWRITEBYTECODE=1 USHER='$(abspath $(USHER))' DEPS='$(abspath $(DEPS))' SAN='$(SAN)' SOAK_SECONDS='$(SECONDS)' \
		$(PYTHON) -m pytest -q -s -p no:cacheprovider -k 'soak or slowhttptest' tests/e2e

# The same tests as make check has, over all allocations instead of a sample of them.
oom: all $(OUT)/tests/unit/test_no_memory
	$(Q)OOM=all base/build/unit.sh $(OUT)/tests/unit/test_no_memory
	$(Q)PYTHONDONTWRITEBYTECODE=1 USHER='$(abspath $(USHER))' DEPS='$(abspath $(DEPS))' SAN='$(SAN)' OOM=all \
		$(PYTHON) -m pytest -q -s -p no:cacheprovider -k no_memory tests/e2e

bench:
	+$(Q)$(STEP) deps-bench
	+$(Q)$(STEP) benches
	$(Q)$(if $(wildcard bench/run.sh),USHER='$(abspath $(USHER))' BUILD='$(abspath $(OUT))' bench/run.sh,echo 'bench: none yet')

cover:
	$(Q)find $(BUILD)/cover -name '*.gcda' -delete 2>/dev/null || true
	+$(Q)$(STEP) SAN=cover unit
	+$(Q)$(STEP) SAN=cover e2e
	$(Q)base/build/cover.sh $(BUILD)/cover/obj

# ---- Housekeeping ----

format:
	$(Q)clang-format -i $(wildcard $(FOLDERS:%=%/*.[ch]) tests/*/*.[ch] bench/*.[ch])

graph:
	$(Q)base/build/graph.sh $(FOLDERS)

MANUALS := $(wildcard docs/*.[1-8])
docs:
	$(Q)mkdir -p $(BUILD)/docs
	$(Q)for page in $(MANUALS); do man -P cat -l $$page | col -b >$(BUILD)/docs/$${page##*/}.txt; done

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/usher/rules
	install -m 755 $(USHER) $(DESTDIR)$(PREFIX)/bin/usher
	$(if $(RULES),install -m 644 $(wildcard rules/*.rules rules/*.txt) $(DESTDIR)$(PREFIX)/share/usher/rules)
	@$(foreach page,$(MANUALS),install -D -m 644 $(page) \
		$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page)) &&) true

clean:
	$(Q)find $(BUILD) -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} +

-include $(wildcard $(OUT)/obj/*/*.d $(OUT)/obj/*/*/*.d)

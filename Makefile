# The interface of the project: `make help`. README.md's first screen is `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
BUILD := build/release
PYTHON := /usr/bin/python3
# Our programs and tests talk to loopback only; a proxy would not know it.
export NO_PROXY := 127.0.0.1,localhost,::1
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help setup packages build assets test unit integration demo asan tsan fuzz bench rotations soak overload lint fmt \
	manifests image image-dockerfile side-by-side cert-manager verify clean

help: ## list the targets
	@grep -hE '^[a-z -]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

packages:
	@scripts/packages.sh

assets: packages
	@tests/controlplane/install.sh > /dev/null

setup: packages assets ## install what is missing: Debian packages, the test control plane

build: packages ## build the programs and tests (build/release)
	@[[ -f $(BUILD)/build.ninja ]] || cmake --preset release -DCOUNTERSIGN_TESTS=ON > /dev/null
	cmake --build --preset release -j $(JOBS)

demo: packages ## the story of the mortgage example on a real control plane (or on KUBECONFIG's)
	@[[ -f $(BUILD)/build.ninja ]] || cmake --preset release > /dev/null
	cmake --build --preset release -j $(JOBS) --target countersign countersign-webhook countersign-operator
	if [[ -n "$${KUBECONFIG:-}" ]]; then assets=$$(tests/controlplane/install.sh --clients); else assets=$$(tests/controlplane/install.sh); fi
	COUNTERSIGN_BIN=$(CURDIR)/$(BUILD)/bin COUNTERSIGN_ASSETS=$$assets $(PYTHON) examples/mortgage/demo.py

test: build assets ## everything: unit, integration on a real control plane, end to end
	cd $(BUILD)
	COUNTERSIGN_ASSETS=$$($(CURDIR)/tests/controlplane/install.sh) \
	  ctest --output-on-failure --no-tests=error -j $(JOBS)

unit: build ## the unit tests alone
	cd $(BUILD) && ctest --output-on-failure --no-tests=error -L unit -j $(JOBS)

integration: build assets ## the tests on a real control plane
	cd $(BUILD)
	COUNTERSIGN_ASSETS=$$($(CURDIR)/tests/controlplane/install.sh) \
	  ctest --output-on-failure --no-tests=error -L 'integration|e2e' -j $(JOBS)

asan tsan: packages assets ## unit tests and the short integration run under sanitizers
	cmake --preset $@ > /dev/null
	cmake --build --preset $@ -j $(JOBS)
	cd build/$@
	export TSAN_OPTIONS=halt_on_error=1 ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
	COUNTERSIGN_ASSETS=$$($(CURDIR)/tests/controlplane/install.sh) \
	  ctest --output-on-failure --no-tests=error -L 'unit|short' -j $(JOBS)

fuzz: packages ## fuzz each parser for FUZZ_SECONDS (60), or FUZZ_RUNS inputs; the corpus stays in build/fuzz/corpus
	@scripts/packages.sh scripts/packages-fuzz.txt
	cmake --preset fuzz -DCOUNTERSIGN_FUZZ_SECONDS=$(FUZZ_SECONDS) -DCOUNTERSIGN_FUZZ_RUNS=$(FUZZ_RUNS) > /dev/null
	cmake --build --preset fuzz -j $(JOBS)
	echo "Fuzzing each target: FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_RUNS=$(FUZZ_RUNS), JOBS=$(JOBS) at a time."
	cd build/fuzz && ctest --output-on-failure --no-tests=error -L fuzz -j $(JOBS) || {
	  echo "Findings are in build/fuzz/findings: see tests/fuzz/README.md." >&2; exit 1; }

bench: packages assets ## throughput, latency and memory, as ratios in one run
	cmake --preset bench > /dev/null
	cmake --build --preset bench -j $(JOBS)
	COUNTERSIGN_ASSETS=$$(tests/controlplane/install.sh) COUNTERSIGN_BIN=$(CURDIR)/build/bench/bin \
	  $(PYTHON) bench/run.py

side-by-side: build assets ## a decision beside a controller-runtime webhook that only parses; needs Go
	COUNTERSIGN_ASSETS=$$(tests/controlplane/install.sh) COUNTERSIGN_BIN=$(CURDIR)/$(BUILD)/bin \
	  $(PYTHON) bench/side_by_side.py

COUNT ?= 1000
rotations: build assets ## COUNT (1000) forced rotations of the webhook's authority under load
	COUNTERSIGN_ASSETS=$$(tests/controlplane/install.sh) COUNTERSIGN_BIN=$(CURDIR)/$(BUILD)/bin \
	  $(PYTHON) bench/rotations.py --count $(COUNT)

overload: build assets ## ten times what one replica can do; needs Go
	COUNTERSIGN_ASSETS=$$(tests/controlplane/install.sh) COUNTERSIGN_BIN=$(CURDIR)/$(BUILD)/bin \
	  $(PYTHON) bench/overload.py

SOAK_SECONDS ?= 3600
SOAK_RATE ?= 200
soak: build assets ## SOAK_SECONDS (3600) of good and bad requests while every part is restarted, killed or rotated
	COUNTERSIGN_ASSETS=$$(tests/controlplane/install.sh) COUNTERSIGN_BIN=$(CURDIR)/$(BUILD)/bin \
	  $(PYTHON) bench/soak.py --seconds $(SOAK_SECONDS) --rate $(SOAK_RATE)

cert-manager: build assets ## the chart beside cert-manager's own controllers and cainjector; needs Go
	COUNTERSIGN_ASSETS=$$(tests/controlplane/install.sh) COUNTERSIGN_BIN=$(CURDIR)/$(BUILD)/bin \
	  $(PYTHON) tests/e2e/cert_manager.py

lint: build ## clang-format, clang-tidy and the rules of the house
	@scripts/packages.sh scripts/packages-lint.txt
	git ls-files '*.h' '*.cc' | xargs clang-format-19 --dry-run -Werror
	git ls-files '*.sh' .ci/run | xargs shellcheck
	scripts/lint.sh
	git ls-files '*.cc' | grep -vE '^(tests|bench)/' | xargs -P $(JOBS) -n 4 clang-tidy-19 -p $(BUILD) --quiet

fmt: ## format the C++ sources
	git ls-files '*.h' '*.cc' | xargs clang-format-19 -i

manifests: build assets ## write crds/, docs/reference/, the chart's files and plain YAML from one source
	$(BUILD)/bin/countersign-manifests .
	assets=$$(tests/controlplane/install.sh --clients)
	scripts/manifests.py "$$assets/helm"
	scripts/flags.py $(BUILD)/bin
	mkdir -p build/manifests
	"$$assets/kubectl" kustomize deploy/kustomize > build/manifests/countersign.yaml

verify: manifests lint ## what must hold before a change is handed in
	git diff --exit-code crds docs/reference charts deploy

image: build ## an OCI image in build/image/oci, with its SBOM, made without Docker
	@scripts/packages.sh scripts/packages.txt scripts/packages-image.txt
	scripts/image.sh build/image

image-dockerfile: ## the same from the Dockerfile, by buildah and without a registry; says why where it cannot
	scripts/image-dockerfile.sh

clean: ## remove what was built here (the control plane's cache stays)
	rm -rf build

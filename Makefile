# What one does with a checkout of cxmirror. `make` alone lists it.
#
# Needed: Go (the version in go.mod), Node with npm (charts are bundled once), and make.

GO      ?= go
NPM     ?= npm
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)

# The linter has a module file of its own, so that its dependencies are not the program's.
LINTER := $(GO) tool -modfile=tools.mod golangci-lint

# One static binary that knows the time zones by itself, and is the same bytes wherever one version of Go builds it.
BUILD := CGO_ENABLED=0 $(GO) build -trimpath -tags timetzdata -ldflags '-s -w -X main.version=$(VERSION)'

# What `make assets` makes, what it makes it from, and what npm leaves when it has installed.
BUNDLE         := charts/assets/echarts.js
BUNDLE_SOURCES := $(wildcard charts/*.mjs charts/src/*)
NPM_INSTALLED  := charts/node_modules/.package-lock.json

# For `make image`: the tool that builds it, and where the certificates come from.
BUILDER      ?= $(firstword $(foreach tool,buildah podman docker,$(shell command -v $(tool))))
IMAGE        ?= cxmirror
IMAGE_FLAGS  ?=
CERTIFICATES ?= /etc/ssl/certs/ca-certificates.crt

FUZZTIME ?= 30s

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## list what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## serve an organisation with simulated answers, and say where; ARGS=--fresh starts anew
	bin/cxmirror demo $(ARGS)

.PHONY: example
example: build ## compare both sides of a published survey, and say where the page lies
	bin/cxmirror example

.PHONY: build
build: $(BUNDLE) ## build bin/cxmirror
	$(BUILD) -o bin/cxmirror ./cmd/cxmirror

.PHONY: assets
assets: $(BUNDLE) ## install and bundle what charts are drawn with, when its sources changed

$(BUNDLE): $(NPM_INSTALLED) $(BUNDLE_SOURCES)
	cd charts && $(NPM) run --silent build
	@test -s $@ && touch $@

$(NPM_INSTALLED): charts/package.json charts/package-lock.json
	cd charts && $(NPM) ci --no-audit --no-fund
	@touch $@

.PHONY: test
test: $(BUNDLE) ## run all tests
	$(GO) test -timeout 20m ./...

.PHONY: race
race: $(BUNDLE) ## run the tests of the libraries under the race detector, without browsers
	$(GO) test -race -short -timeout 20m ./pkg/... ./charts/...

.PHONY: fuzz
fuzz: $(BUNDLE) ## run every fuzz target for FUZZTIME (30s)
	@$(GO) list -f '{{.ImportPath}}' ./... | while read -r package; do \
		for target in $$($(GO) test -list '^Fuzz' "$$package" | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" || exit 1; \
		done; \
	done

# Files are compared first, in a process of their own: the memory of a child process is only known while its
# parent is the smaller of the two.
.PHONY: bench
bench: $(BUNDLE) ## measure speed and memory against their limits
	$(GO) test -run '^$$' -bench '^BenchmarkCompare' ./cmd/cxmirror
	$(GO) test -run '^$$' -bench . -skip '^BenchmarkCompare' -benchmem ./...

# Not a part of .ci/run: it takes minutes, and what scanners find on a busy machine changes.
.PHONY: attack
attack: build ## attack a demonstration with wapiti and sqlmap, which have to be installed
	.ci/attack bin/cxmirror

.PHONY: lint
lint: $(BUNDLE) ## check style, mistakes and formatting
	$(GO) mod tidy -diff
	$(LINTER) run ./...

.PHONY: fmt
fmt: ## format the code
	$(LINTER) fmt ./...

# The root file system of the image, as the Dockerfile's last stage copies it, and the directory of its data, which
# belongs to another user. Large spreadsheets are written by way of /tmp.
.PHONY: image-root
image-root: $(BUNDLE)
	rm -rf dist/image/rootfs dist/image/data
	mkdir -p dist/image/rootfs/usr/bin dist/image/rootfs/etc/ssl/certs
	mkdir -m 1777 dist/image/rootfs/tmp
	mkdir -p dist/image/rootfs/var/lib dist/image/data
	mkdir -m 700 dist/image/data/cxmirror
	GOOS=linux $(BUILD) -o dist/image/rootfs/usr/bin/cxmirror ./cmd/cxmirror
	cp -L $(CERTIFICATES) dist/image/rootfs/etc/ssl/certs/ca-certificates.crt

.PHONY: image
image: image-root ## build the container image from a binary built here (buildah, podman or docker)
	$(if $(BUILDER),,$(error make image needs buildah, podman or docker on the PATH))
	$(BUILDER) build $(if $(filter buildah podman,$(notdir $(BUILDER))),--format docker) $(IMAGE_FLAGS) --build-context build=dist/image --tag $(IMAGE) .

.PHONY: clean
clean: ## remove what was built
	rm -rf bin dist
	git clean -qfdX charts

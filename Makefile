# What can be made: demo, test, build, lint, lab-test. `make test` is all of it.
# Debian or Ubuntu, root, Linux on x86-64, with Go.

GO ?= go
export CGO_ENABLED = 0

.PHONY: demo test unit lint build lab-test tools clean

demo: build ## a real cluster in the lab: deployed, verified
	sh lab/install.sh
	sh lab/demo.sh bin/lvsdeploy $(MODE)

test: tools lint unit lab-test

# A module cache that is not there yet is filled first, so that downloads do not
# count as tests.
tools:
	sh lab/install.sh
	sh lab/test-tools.sh
	$(GO) mod download

lint: tools
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }
	$(GO) vet -tags lab ./...
	$(GO) tool staticcheck -tags lab ./...
	shellcheck lab/*.sh lab/image/*.sh .ci/run

unit: tools
	$(GO) test -timeout 10m ./...
	$(GO) test -timeout 30m ./cmd/lvsdeploy -run 'TestBrokenOnce|TestDryRun' -full # what the line above leaves out

lab-test: build
	$(GO) test -tags lab -count 1 -timeout 40m -v ./lab/tests

build:
	$(GO) build -trimpath -o bin/lvsdeploy ./cmd/lvsdeploy

clean:
	rm -rf bin

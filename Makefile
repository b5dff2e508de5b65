# What can be made: demo, test, build, lint, unit, unit-long, lab-test; test-all, which adds
# what takes long: every way to break a run, in the process and on machines;
# bench, how fast it is beside Ansible;
# dist, what is given away; dist-test, that on bare machines.
# Debian or Ubuntu, root, Linux on x86-64, with Go (packaging/go.sh says which).

GO ?= go
export CGO_ENABLED = 0

# What is installed where it is missing, from Debian's packages.
for_lab = user-mode-linux gcc libc6-dev mmdebstrap dpkg-dev e2fsprogs iproute2 ethtool openssh-client util-linux
for_fakehost = busybox-static dash bash openssh-server openssh-client util-linux iproute2 curl nftables procps
for_tests = $(for_fakehost) shellcheck tcsh
for_bench = $(for_fakehost) ansible ansible-mitogen python3
for_dist = git
for_dist_test = mmdebstrap util-linux

.PHONY: bench demo test test-all unit unit-long unit-all lint build lab-test lab-test-all dist dist-test tools clean new-enough

new-enough:
	@sh packaging/go.sh $(GO)

demo: build ## a real cluster in the lab: deployed, verified
	sh lab/packages.sh 'the lab' $(for_lab)
	sh lab/demo.sh bin/lvsdeploy $(MODE)

test: tools lint unit unit-long lab-test

test-all: tools lint unit unit-all lab-test-all dist-test

# A module cache that is not there yet is filled first, so that downloads do not
# count as tests.
tools: new-enough
	sh lab/packages.sh 'the lab' $(for_lab)
	sh lab/packages.sh 'the tests' $(for_tests)
	$(GO) mod download

lint: tools
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted"; exit 1; }
	$(GO) vet -tags lab ./...
	$(GO) tool staticcheck -tags lab ./...
	GO=$(GO) sh packaging/vet.sh windows
	shellcheck lab/*.sh lab/image/*.sh lab/image/*/*.sh lab/image/el/files/usr/sbin/* lab/image/el/files/etc/rc.d/init.d/* \
		packaging/*.sh cmd/lvsdeploy/completion/*.bash .ci/run

unit: tools
	@echo 'the short form: unit-long runs what is left out here, and TestBrokenOnce is in unit-all'
	$(GO) test -timeout 15m ./...

# The tests that go test ./... runs in a short form, for its minute; those of
# minutes each are in unit-all only.
unit-long: tools
	@echo 'not run here, but by make unit-all: TestBrokenOnce, the long forms of engine (full disks, slow and hung changes, a revert killed at each step) and of TestHostileValues'
	$(GO) test -timeout 30m ./cmd/lvsdeploy ./tasks -full -skip TestBrokenOnce
	$(GO) test -timeout 5m ./roles -full -run TestShellcheck

unit-all: tools
	$(GO) test -timeout 60m ./cmd/lvsdeploy ./roles ./tasks ./engine -full

# What is skipped here is in lab-test-all, and says that it was not run.
long = TestNAT/(faults|ordinary_user|a_host_down|cut_and_killed|to_DR_and_back|host_keys|teardown)|TestDR/(dr_schedulers|dr_faults|dr_origins)|TestLockout/(workstation_killed|power_and_reboot|right_after_all)|TestSystems/(opened_again|by_hand|cold_start|dr|taken_away)|TestImage|TestBefore/(debian-nm|debian-netplan|el)|TestTwoClusters/el|TestServices/el
lab-test: build
	@echo 'not run here, but by make lab-test-all: $(long)'
	$(GO) test -tags lab -count 1 -timeout 60m -v -skip '$(long)' ./lab/tests

lab-test-all: build
	$(GO) test -tags lab -count 1 -timeout 180m -v ./lab/tests

# BENCH='-hosts 4,20 -rounds 3' or other flags: bin/bench -h
bench: build ## beside Ansible, on the same hosts: bench/latest.json, bench/latest.svg
	sh lab/packages.sh 'the bench' $(for_bench) $(if $(filter -lab,$(BENCH)),$(for_lab))
	$(GO) build -trimpath -o bin/bench ./bench
	bin/bench $(BENCH)

build: new-enough
	$(GO) build -trimpath -o bin/lvsdeploy ./cmd/lvsdeploy

dist: new-enough ## binaries, .deb, .rpm, checksums
	sh lab/packages.sh packaging $(for_dist)
	GO=$(GO) sh packaging/dist.sh

dist-test: dist
	sh lab/packages.sh 'bare machines' $(for_dist_test)
	GO=$(GO) sh packaging/test.sh

clean:
	rm -rf bin dist

# Every target is a line or two over dotnet or a script in hack/; `make deps` shows what each needs from Debian.
SHELL := /bin/bash
.DEFAULT_GOAL := build

PREFIX ?= /opt/cni/bin
DESTDIR ?=
# For make install: --force where plugins of others are to be replaced, --names=...; docs/install.md.
INSTALL_FLAGS ?=

# make publishes again when a source is newer than the product; directories are listed too, so that a deleted file counts.
SOURCES := $(shell find src -not -name '.*') Directory.Build.props Directory.Packages.props BannedSymbols.txt global.json hack/build

BUILD_DEPS := gcc libc6-dev zlib1g-dev
ENGINE_DEPS := containerd:containerd podman conmon catatonit:catatonit docker.io:dockerd docker.io:docker
TEST_DEPS := iproute2 nftables iptables conntrack ethtool iputils-ping iperf3 procps util-linux strace jq runc:runc busybox-static containernetworking-plugins \
    net-tools:ifconfig bsdutils:script curl:curl firewalld dbus libglib2.0-bin dnsmasq-base:dnsmasq isc-dhcp-server:dhcpd systemd:systemd-socket-activate python3-yaml yggdrasil:yggdrasil $(ENGINE_DEPS)
DIST_DEPS := dpkg tar gzip jq docker.io:dockerd
DIST_TEST_DEPS := $(TEST_DEPS) debootstrap lintian
DEMO_DEPS := iproute2 nftables iptables iputils-ping util-linux jq runc:runc busybox-static
VM_DEPS := qemu-system-x86:qemu-system-x86_64 cpio kmod
BENCH_DEPS := $(TEST_DEPS) netavark hyperfine

.PHONY: build test test-net10 test-vm fuzz demo bench bench-vm dist test-dist install deps clean format deps-build deps-test deps-demo deps-vm deps-bench deps-dist deps-dist-test

build: out/cni/patchbay-cni ## out/cni: the plugins, one file under every name

out/cni/patchbay-cni: $(SOURCES) | deps-build
	hack/build

test: build deps-test ## both test suites; the last line is the count
	hack/test

test-net10: deps-build ## the unit tests, everything compiled for net10.0
	hack/test-net10

test-vm: build deps-test deps-vm ## the system tests under Debian's full kernel
	tests/vm/run

fuzz: build deps-test ## 20,000 damaged configurations a plugin; make test tries 3,000
	dotnet build tests/Patchbay.SystemTests -v q
	PATCHBAY_FUZZ=20000 PATCHBAY_SUITE_MINUTES=60 hack/suite Patchbay.SystemTests artifacts/test-fuzz/fuzz.json --filter-class '*FuzzTests'

demo: build deps-demo ## a bridge and real containers, step by step, in namespaces of their own
	hack/demo

bench: build deps-bench ## ours beside the peers
	dotnet run -c Release --project bench/Patchbay.Bench

bench-vm: build deps-bench deps-vm ## what this kernel has no interfaces for, under Debian's full kernel
	bench/vm

dist: build deps-dist ## out/dist: archive, Debian package, image, NuGet packages
	hack/dist

test-dist: dist deps-dist-test ## what is in out/dist: installed, upgraded, removed, run
	hack/debian-root
	hack/test-dist

install: build ## into DESTDIR/PREFIX, /opt/cni/bin unless told
	install -d -m 755 '$(DESTDIR)$(PREFIX)'
	out/cni/patchbay-cni install $(INSTALL_FLAGS) '$(DESTDIR)$(PREFIX)'

format:
	dotnet format Patchbay.slnx

clean:
	rm -rf artifacts out

deps: ## every Debian package that any target needs
	hack/deps $(sort $(BUILD_DEPS) $(TEST_DEPS) $(DEMO_DEPS) $(VM_DEPS) $(DIST_DEPS) $(DIST_TEST_DEPS))
deps-build:
	@hack/deps $(BUILD_DEPS)
deps-test:
	@hack/deps $(TEST_DEPS)
deps-demo:
	@hack/deps $(DEMO_DEPS)
deps-vm:
	@hack/deps $(VM_DEPS)
deps-dist:
	@hack/deps $(DIST_DEPS)
deps-dist-test:
	@hack/deps $(DIST_TEST_DEPS)
deps-bench:
	@hack/deps $(BENCH_DEPS)

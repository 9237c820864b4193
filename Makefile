# Every target is a line or two over dotnet or a script in hack/; `make deps` shows what each needs from Debian.
SHELL := /bin/bash
.DEFAULT_GOAL := build

PREFIX ?= /opt/cni/bin
DESTDIR ?=
# For make install: --force where plugins of others are to be replaced, --names=...; docs/install.md.
INSTALL_FLAGS ?=

# make publishes again when a source is newer than the product; directories are listed too, so that a deleted file counts.
SOURCES := $(shell find src -not -name '.*') Directory.Build.props Directory.Packages.props BannedSymbols.txt BannedSymbols.Static.txt global.json hack/build

BUILD_DEPS := gcc libc6-dev zlib1g-dev
ENGINE_DEPS := containerd:containerd podman conmon catatonit:catatonit docker.io:dockerd docker.io:docker docker-compose:docker-compose openvswitch-switch:ovs-vswitchd
TEST_DEPS := iproute2 nftables iptables conntrack ethtool iputils-ping iperf3 procps util-linux strace jq runc:runc busybox-static containernetworking-plugins \
    net-tools:ifconfig bsdutils:script curl:curl firewalld dbus libglib2.0-bin dnsmasq-base:dnsmasq isc-dhcp-server:dhcpd systemd:systemd-socket-activate python3-yaml \
    yggdrasil:yggdrasil graphviz:dot chromium:chromium tcpdump:tcpdump postgresql sqlite3:sqlite3 openssl:openssl python3:python3 faketime:faketime \
    libsqlite3-0 $(ENGINE_DEPS)
DIST_DEPS := dpkg tar gzip jq binutils docker.io:dockerd
DIST_TEST_DEPS := $(TEST_DEPS) debootstrap lintian
LAB_DEMO_DEPS := iproute2 iputils-ping util-linux jq iperf3
DEMO_DEPS := iproute2 nftables iptables iputils-ping util-linux jq runc:runc busybox-static
DEMO_YGG_DEPS := $(DEMO_DEPS) yggdrasil:yggdrasil
DEMO_POLICY_DEPS := iproute2 iputils-ping util-linux procps jq curl:curl openssl:openssl libsqlite3-0 nftables busybox-static
BENCH_POLICY_DEPS := $(DEMO_POLICY_DEPS) siege:siege nghttp2-client:h2load stunnel4:stunnel
BENCH_AGENT_DEPS := $(DEMO_POLICY_DEPS) iperf3 iptables python3:python3
VM_DEPS := qemu-system-x86:qemu-system-x86_64 cpio kmod
BENCH_DEPS := $(TEST_DEPS) netavark hyperfine
LAB_BENCH_DEPS := iproute2 util-linux mininet:mn bridge-utils:brctl time:time

.PHONY: build test test-net10 test-vm fuzz demo demo-ygg bench bench-vm dist test-dist install deps clean format deps-build deps-test deps-demo deps-demo-ygg deps-vm deps-bench deps-dist deps-dist-test demo-lab bench-lab lab-image deps-demo-lab deps-bench-lab demo-policy bench-policy deps-demo-policy deps-bench-policy bench-policy-agent deps-bench-policy-agent

build: out/cni/patchbay-cni ## out/cni: the plugins, one file under every name; out/patchbay

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

demo-ygg: build deps-demo-ygg ## two hosts and two containers on a Yggdrasil mesh, step by step
	hack/demo-ygg

demo-lab: build deps-demo-lab ## three routers and four hosts from one file, in namespaces of its own
	hack/demo-lab

demo-policy: build deps-demo-policy ## a policy server, three apps, two policies, what agents ask, Garden's networker, an agent that enforces, step by step
	hack/demo-policy

bench: build deps-bench ## ours beside the peers
	dotnet run -c Release --project bench/Patchbay.Bench

bench-vm: build deps-bench deps-vm ## what this kernel has no interfaces for, under Debian's full kernel
	bench/vm

lab-image: build deps-dist ## out/dist/patchbay-VERSION-image.tar: patchbay as a service of a compose file
	hack/lab-image

bench-lab: build deps-bench-lab ## labs beside mininet and a script of ip commands
	bench/lab

bench-policy: build deps-bench-policy ## 1,000 agents that poll a policy server with 60,000 policies
	bench/policy

bench-policy-agent: build deps-bench-policy-agent ## 20,000 policies on a host: ours, the reference's layout, none
	bench/policy-agent

dist: build deps-dist ## out/dist: archives, Debian packages and images of both programs, NuGet packages
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
	hack/deps $(sort $(BUILD_DEPS) $(TEST_DEPS) $(DEMO_YGG_DEPS) $(VM_DEPS) $(DIST_DEPS) $(DIST_TEST_DEPS) $(DEMO_DEPS) $(LAB_DEMO_DEPS) $(DEMO_POLICY_DEPS))
deps-build:
	@hack/deps $(BUILD_DEPS)
deps-test:
	@hack/deps $(TEST_DEPS)
	@hack/yggdrasil
deps-demo:
	@hack/deps $(DEMO_DEPS)
deps-demo-ygg:
	@hack/deps $(DEMO_YGG_DEPS)
deps-demo-lab:
	@hack/deps $(LAB_DEMO_DEPS)
deps-demo-policy:
	@hack/deps $(DEMO_POLICY_DEPS)
deps-vm:
	@hack/deps $(VM_DEPS)
deps-dist:
	@hack/deps $(DIST_DEPS)
deps-dist-test:
	@hack/deps $(DIST_TEST_DEPS)
deps-bench:
	@hack/deps $(BENCH_DEPS)
deps-bench-lab:
	@hack/deps $(LAB_BENCH_DEPS)
deps-bench-policy:
	@hack/deps $(BENCH_POLICY_DEPS)
deps-bench-policy-agent:
	@hack/deps $(BENCH_AGENT_DEPS)

#!/usr/bin/env bash
# engine-host.sh NAME DATA: a machine for one container engine. Its processes, mounts, control groups, host name and IPC are its own
# (its network is its caller's); /etc is a copy, /run, /opt and /var/lib are empty, DATA is its /var/lib/cni. So an engine runs there with its
# default paths, as a reader of docs/engines has it. Prints "ready", lives until its standard input ends, and all its processes end with it.
set -euo pipefail

cgroups=/sys/fs/cgroup
# The control groups that this machine has, one line each: where it is mounted below /sys/fs/cgroup, and the options that mount it.
hierarchies() {
    if [ -f "$cgroups/cgroup.procs" ]; then
        echo ". cgroup2 rw"
        return
    fi
    local number names path
    while IFS=: read -r number names path; do
        case $names in
            '') [ ! -d "$cgroups/unified" ] || echo "unified cgroup2 rw" ;;
            name=*) echo "${names#name=} cgroup none,$names" ;;
            *) echo "$names cgroup $names" ;;
        esac
    done <<<"$(cat /proc/self/cgroup)"
}

if [ "$1" != inside ]; then
    # A group of its own in each hierarchy, which becomes the root of all that the engine sees.
    while read -r at _ _; do
        own=$cgroups/$at/$1
        mkdir "$own" 2>/dev/null || { echo "needs a /sys/fs/cgroup in which groups can be made"; exit 1; }
        # Without processors and memory of its own, a version 1 cpuset takes no process (cpusets(7)).
        if [ "$at" = cpuset ]; then
            for file in cpuset.cpus cpuset.mems; do cat "$cgroups/$at/$file" >"$own/$file"; done
        fi
        echo $$ >"$own/cgroup.procs"
    done <<<"$(hierarchies)"
    exec unshare --mount --pid --cgroup --ipc --uts --fork --kill-child --mount-proc -- "${BASH_SOURCE[0]}" inside "$2" "$(hierarchies)"
fi

data=$2 mounts=$3
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs "$cgroups"
while read -r at type options; do
    mkdir -p "$cgroups/$at"
    mount -t "$type" -o "$options" cgroup "$cgroups/$at"
done <<<"$mounts"
if [ -f "$cgroups/cgroup.procs" ]; then
    # Version 2 gives controllers to the children of a group only when no process is in the group itself (cgroups(7)).
    mkdir "$cgroups/engine"
    echo 1 >"$cgroups/engine/cgroup.procs"
fi

mount -t tmpfs tmpfs /run
cp -a /etc /run/etc
rm -rf /run/etc/cni /run/etc/containerd /run/etc/containers
mkdir -p /run/data /run/lock
mount --bind "$data" /run/data
for own in /etc /opt /var/lib; do mount -t tmpfs tmpfs "$own"; done
cp -a /run/etc/. /etc
rm -rf /run/etc
mkdir /var/lib/cni
mount --move /run/data /var/lib/cni
rmdir /run/data
hostname engine

# A daemon moves itself into the control groups of this machine: a process that enters from outside is in none of them.
groups=("$cgroups"/*/cgroup.procs)
[ ! -f "$cgroups/cgroup.procs" ] || groups=("$cgroups/engine/cgroup.procs")
printf '#!/bin/bash\nfor each in %s; do echo $$ >$each; done\nexec "$@"\n' "${groups[*]}" >/run/daemon
chmod 755 /run/daemon

echo ready
read -r _ || :

# Sourced by demo-policy: Garden's networker, which connects containers by the wrapper plugin, as Cloud Foundry's cells do.
# shellcheck shell=bash

bin=$(realpath -m "${PATCHBAY_CNI_BIN:-$root/out/cni}")

# sandbox NAME: a process with an empty network namespace, as Garden makes one for a container; its process id is in $NAME.
sandbox() {
    local pid
    unshare --net -- sleep infinity &
    pid=$!
    printf -v "$1" %s "$pid"
    # The new namespace is there once the process has another one than we have.
    until [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do :; done
    inside "$pid" ip link set lo up
}

# networker ACTION HANDLE INPUT: Garden's call; what it prints is in $output.
networker() {
    typed "garden-external-networker --configFile networker.json --action $1 --handle $2 <<<'$3'" \
        "$bin/garden-external-networker" --configFile networker.json --action "$1" --handle "$2" <<<"$3"
}

# up HANDLE PID APP: connects a container of an app.
up() {
    networker up "$1" "{\"Pid\": $2, \"Properties\": {\"app_id\": \"$3\", \"policy_group_id\": \"$3\"}}"
    address=$(jq -r '.properties["garden.network.container-ip"]' <<<"$output")
}

inside() { nsenter -t "$1" -n -- "${@:2}"; }

demo_networker() {
    [ -x "$bin/garden-external-networker" ] || fail "no garden-external-networker in $bin; run make build"
    step "On a host: Garden's networker, and a network of the wrapper plugin around flannel and bridge"
    jq -n --arg bin "$bin" --arg here "$work" '{cni_plugin_dir: $bin, cni_config_dir: "\($here)/net.d", bind_mount_dir: "\($here)/container-netns",
        overlay_network: "10.255.0.0/16", state_file: "\($here)/ports.json", start_port: 60000, total_ports: 5000}' >networker.json
    mkdir -p net.d /run/flannel
    cp "$root/examples/cloudfoundry/30-cni-wrapper-plugin.conf" net.d/
    run jq -c . networker.json
    run jq . net.d/30-cni-wrapper-plugin.conf
    printf '%s\n' FLANNEL_NETWORK=10.255.0.0/16 FLANNEL_SUBNET=10.255.30.1/24 FLANNEL_MTU=1450 FLANNEL_IPMASQ=false >/run/flannel/subnet.env
    run cat /run/flannel/subnet.env

    step "up: Garden tells the process of a container of frontend, and its properties"
    sandbox first
    # shellcheck disable=SC2154 # sandbox makes the variable
    up web-0 "$first" "$frontend"
    expect "address" "$address" 10.255.30.2
    run inside "$first" ip -o -4 addr show eth0
    expect "MTU in the container, for an overlay on hosts of 1500" "$(inside "$first" ip -j link show dev eth0 | jq '.[0].mtu')" 1450
    expect "where the host's end is plugged in" "$(ip -j link show type veth | jq -r '.[0].master')" cni-flannel0
    run ping -c 1 -W 5 "$address"
    run jq . /var/lib/cni/cloudfoundry/datastore.json
    expect "the app that the datastore names" "$(jq -r '.["web-0"].metadata.policy_group_id' /var/lib/cni/cloudfoundry/datastore.json)" "$frontend"

    step "down, and once more: what is gone is no error"
    networker down web-0 null
    networker down web-0 null
    expect "links in the container" "$(inside "$first" ip -j link show | jq -r '[.[].ifname] | join(" ")')" lo
    expect "containers in the datastore" "$(jq -r 'keys | join(" ")' /var/lib/cni/cloudfoundry/datastore.json)" ""
    expect "namespaces that are mounted" "$(ls container-netns)" ""
    expect "addresses that are taken" "$(find /var/lib/cni/networks/cni-flannel -name '10.*' -printf '%f ')" ""
    kill "$first"
}

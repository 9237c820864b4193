# Sourced by demo-policy: a host with two containers and an agent, and a connection that fails, passes and fails again as policies come and go.
# shellcheck shell=bash

# container NAME ADDRESS: a network namespace with one routed interface, as the CNI plugin ptp leaves it; it lives as long as a process in it.
container() {
    local name=$1 address=$2 pid
    shown "# container $name: $address"
    unshare --net -- sleep infinity &
    pid=$!
    printf -v "$name" %s "$pid"
    # The new namespace is there once the process has another one than we have.
    until [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do :; done
    ip link add "v$name" type veth peer name eth0 netns "$pid"
    ip addr add 169.254.0.1/32 dev "v$name"
    ip link set "v$name" up
    ip route add "$address" dev "v$name"
    nsenter -t "$pid" -n sh -c "ip link set lo up && ip addr add $address/32 dev eth0 && ip link set eth0 up && ip route add 169.254.0.1 dev eth0 && ip route add default via 169.254.0.1"
}

# connects WHAT STATUS: tries a real connection from the one container to the other.
connects() {
    shown "curl http://10.255.1.3:7070/     # in container web"
    local status=0
    # shellcheck disable=SC2154 # container makes the variable
    nsenter -t "$web" -n curl -sS --max-time 10 http://10.255.1.3:7070/ 2>&1 | indented || status=$?
    expect "$1: curl's status" "$status" "$2"
}

# changes PATH PRESENT: posts a policy from frontend to backend's port 7070, and waits until the agent, whom the server tells, has followed.
changes() {
    local path=$1 wanted=$2 has tries
    typed "curl … $path -d '{… frontend to backend, tcp 7070 …}'" \
        external POST "$path" -d "{\"policies\":[{\"source\":{\"id\":\"$frontend\"},\"destination\":{\"id\":\"$backend\",\"protocol\":\"tcp\",\"ports\":{\"start\":7070,\"end\":7070}}}]}"
    for ((tries = 0; tries < 2000; tries++)); do
        has=no
        ! nft list set ip cf_networking agent-allowed | grep -q ' 7070 ' || has=yes
        [ "$has" != "$wanted" ] || return 0
    done
    fail "the agent did not follow"
}

demo_agent() {
    step "A host with a container of frontend and one of backend; the CNI plugin writes down who they are"
    sysctl -qw net.ipv4.ip_forward=1
    container web 10.255.1.2
    container api 10.255.1.3
    jq -n --arg frontend "$frontend" --arg backend "$backend" '{
        "web-1": {handle: "web-1", ip: "10.255.1.2", metadata: {policy_group_id: $frontend}},
        "api-1": {handle: "api-1", ip: "10.255.1.3", metadata: {policy_group_id: $backend}}}' >store.json
    indented <store.json
    mkdir www
    echo "hello from backend" >www/index.html
    # shellcheck disable=SC2154
    nsenter -t "$api" -n busybox httpd -f -p 7070 -h www &
    local served=$!
    until nsenter -t "$api" -n curl -sf -o /dev/null http://10.255.1.3:7070/; do kill -0 "$served" 2>/dev/null || fail "busybox httpd ended"; done

    step "The agent of this host: no policy is for port 7070, so the connection fails"
    shown "patchbay policy agent --certs certs --server https://localhost:4003 --datastore store.json 2>agent.log &"
    "$patchbay" policy agent --certs certs --server https://localhost:4003 --datastore "$work/store.json" 2>agent.log &
    agent_pid=$!
    grep -m 1 -q '"EventId":3,' < <(tail -f -n +1 --pid="$agent_pid" agent.log) || { indented <agent.log; fail "the agent did not start"; }
    tail -n 1 agent.log | jq -r .Message | indented
    curl -sf http://localhost:8722/force-policy-poll-cycle || fail "the agent could not poll"
    connects "denied" 7
    typed "patchbay policy explain web-1 api-1 7070" sh -c '"$0" policy explain web-1 api-1 7070 --datastore store.json || [ $? = 2 ]' "$patchbay"

    step "A policy allows it: the server tells the agent at once"
    changes policies yes
    connects "allowed" 0
    typed "patchbay policy explain web-1 api-1 7070" "$patchbay" policy explain web-1 api-1 7070 --datastore store.json
    typed "patchbay policy show" "$patchbay" policy show --datastore store.json

    step "The policy is removed: it fails again"
    changes policies/delete no
    connects "denied" 7

    step "The agent stops; what it enforced stays"
    kill "$agent_pid"
    wait "$agent_pid" || fail "the agent ended with status $?"
    connects "denied" 7
    kill "$served" "$web" "$api"
}

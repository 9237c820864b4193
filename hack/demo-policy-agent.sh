# Sourced by demo-policy: two containers and an agent, and a connection that fails, passes and fails again as policies come and go.
# shellcheck shell=bash

# connects WHAT STATUS: tries a real connection from the one container to the other.
connects() {
    shown "curl http://10.255.1.3:7070/     # in container web"
    local status=0
    # shellcheck disable=SC2154 # sandbox makes the variable
    inside "$web" curl -sS --max-time 10 http://10.255.1.3:7070/ 2>&1 | indented || status=$?
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
    step "A container of frontend and one of backend; the wrapper plugin writes down who they are"
    sysctl -qw net.ipv4.ip_forward=1
    # Around ptp: the packets of two containers on one bridge are switched, and pass no rules.
    jq -n --arg here "$work" '{cniVersion: "1.0.0", name: "apps", type: "cni-wrapper-plugin", datastore: "\($here)/store.json",
        delegate: {type: "ptp", ipam: {type: "host-local", subnet: "10.255.1.0/24", routes: [{dst: "0.0.0.0/0"}]}}}' >net.d/30-cni-wrapper-plugin.conf
    run jq -c . net.d/30-cni-wrapper-plugin.conf
    sandbox web
    sandbox api
    # shellcheck disable=SC2154 # sandbox makes the variables
    up web-1 "$web" "$frontend"
    expect "frontend's address" "$address" 10.255.1.2
    # shellcheck disable=SC2154
    up api-1 "$api" "$backend"
    expect "backend's address" "$address" 10.255.1.3
    run jq . store.json
    mkdir www
    echo "hello from backend" >www/index.html
    # shellcheck disable=SC2154
    nsenter -t "$api" -n -- busybox httpd -f -p 7070 -h www &
    local served=$!
    until inside "$api" curl -sf -o /dev/null http://10.255.1.3:7070/; do kill -0 "$served" 2>/dev/null || fail "busybox httpd ended"; done

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

    step "The agent stops; what it enforced stays, until the container goes"
    kill "$agent_pid"
    wait "$agent_pid" || fail "the agent ended with status $?"
    connects "denied" 7
    kill "$served"
    networker down web-1 null
    networker down api-1 null
    expect "marks of packets" "$(nft -j list map ip cf_networking source_tags | jq -r '[.nftables[].map? | select(. != null) | .elem // [] | length] | add')" 0
    kill "$web" "$api"
}

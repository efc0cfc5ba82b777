#!/bin/sh
# The tutorial of docs/containers.md from its first line to its last.
#
#   run.sh [initial] [NIC]    takes away what an earlier run started and starts everything anew;
#                             `initial` also makes the images and the work directory if there are none
#   run.sh stop               takes everything away
#
# NIC is a netdev or a PCI address. Without one the balancer, a client and two servers are on a network of their own, in
# the container dpvs-lab. XDPVS_IMAGE (xdpvs) names the image; -builder is appended for the one of the lab.
set -eu

image=${XDPVS_IMAGE:-xdpvs}
work=/var/run/dpvs
here=$(cd "$(dirname "$0")" && pwd)
components="dpvs-agent healthcheck keepalived dpvs dpvs-lab"

say() { printf '\n# %s\n' "$*"; }

fail() {
    echo "run.sh: $*" >&2
    exit 1
}

has() { [ -n "$(docker ps -aq -f "name=^$1\$")" ]; }

# Asks again and again, for half a minute, what has to become true.
await() {
    what=$1
    shift
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 60 ]; then
            for name in $components; do
                has "$name" && docker logs --tail 20 "$name" 2>&1 | sed "s/^/$name: /" >&2
            done
            fail "not within half a minute: $what"
        fi
        sleep 0.5
    done
}

initial=
nic=
for word in "$@"; do
    case $word in
    initial | stop) initial=$word ;;
    -*) fail "usage: run.sh [initial] [NIC] | run.sh stop" ;;
    *) nic=$word ;;
    esac
done
[ "$(id -u)" = 0 ] || fail "root is needed"
docker version >/dev/null || fail "no docker answers"

## Stop what runs. dpvs and keepalived get the time to take back what they did; the others have nothing to take back.
say "away with what an earlier run left"
for name in $components; do
    has "$name" || continue
    docker stop -t 10 "$name" >/dev/null
    docker rm -f "$name" >/dev/null
    echo "$name removed"
done
rm -f "$work"/*.pid "$work"/*.pid.lock "$work"/dpvs.ipc
[ "$initial" != stop ] || exit 0

## What the host needs: the images, a directory, a BPF filesystem.
if [ "$initial" = initial ]; then
    say "images, work directory and configuration"
    if ! docker image inspect "$image" >/dev/null 2>&1; then
        docker build --network host -t "$image" "$here/.."
    fi
    if [ -z "$nic" ] && ! docker image inspect "$image-builder" >/dev/null 2>&1; then
        docker build --network host --target builder -t "$image-builder" "$here/.."
    fi
    mkdir -p "$work/logs/dpvs-agent" "$work/logs/healthcheck"
    chown 6601:6601 "$work/logs/healthcheck"
    for file in dpvs.conf keepalived.conf; do
        [ -e "$work/$file" ] || cp "$here/$file" "$work/$file"
    done
fi
[ -d "$work/logs" ] || fail "there is no $work yet: run.sh initial makes it"
mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf

# Before version 23 docker knew CAP_SYS_ADMIN only for what CAP_BPF and CAP_PERFMON allow.
if [ "$(docker version -f '{{.Server.Version}}' | cut -d . -f 1)" -ge 23 ]; then
    bpf="--cap-add BPF --cap-add PERFMON"
else
    bpf="--cap-add SYS_ADMIN"
fi
confined="--cap-drop ALL --read-only --security-opt no-new-privileges"

## The network: the host's, or the lab's. A pod in either case: all containers have the same.
if [ -n "$nic" ]; then
    network=host
    on_host() { "$@"; }
else
    say "a network with a client and two servers"
    nic=dpdk0
    network=container:dpvs-lab
    docker run --name dpvs-lab -d --network none \
        --sysctl net.ipv6.conf.all.disable_ipv6=0 --sysctl net.ipv6.conf.default.disable_ipv6=0 \
        --cap-add SYS_ADMIN --cap-add NET_ADMIN \
        --security-opt systempaths=unconfined --security-opt apparmor=unconfined \
        --entrypoint .venv/bin/python "$image-builder" -m lab up tutorial --no-daemon --here lb
    on_host() { docker exec dpvs-lab "$@"; }
    client() { docker exec dpvs-lab nsenter --net=/run/netns/xdpvs-1-1-client "$@"; }
    lab_is_up() { docker logs dpvs-lab 2>&1 | grep -q "is up"; }
    await "the lab is up" lab_is_up
fi

dpip() {
    docker run --name dpip --rm --network none $confined \
        -v "$work":/dpvs -e DPVS_IPC_FILE=/dpvs/dpvs.ipc --entrypoint=/usr/bin/dpip "$image" "$@"
}

ipvsadm() {
    docker run --name ipvsadm --rm --network none $confined \
        -v "$work":/dpvs -e DPVS_IPC_FILE=/dpvs/dpvs.ipc --entrypoint=/usr/bin/ipvsadm "$image" "$@"
}

put() {
    on_host curl -sSf -X PUT "http://127.0.0.1:6601/v2/$1" -H "Content-type:application/json" ${2+-d "$2"} >/dev/null
}

say "dpvs"
docker run --name dpvs \
    -d --network $network \
    $confined $bpf --cap-add NET_ADMIN --cap-add NET_RAW \
    -v /sys/fs/bpf:/sys/fs/bpf \
    -v "$work":/dpvs \
    "$image" \
    -c /dpvs/dpvs.conf -p /dpvs/dpvs.pid -x /dpvs/dpvs.ipc \
    -- -a "$nic"
dpvs_serves() { [ -s "$work/dpvs.pid" ]; }
await "dpvs serves" dpvs_serves

say "dpvs-agent"
docker run --name dpvs-agent \
    -d --network $network \
    $confined --cap-add NET_ADMIN \
    -v "$work":/dpvs \
    --entrypoint=/usr/bin/dpvs-agent \
    "$image" \
    --log-dir=/dpvs/logs/dpvs-agent \
    --ipc-sockopt-path=/dpvs/dpvs.ipc \
    --host=0.0.0.0 --port=6601
agent_answers() { on_host curl -sf -o /dev/null http://127.0.0.1:6601/v2/vs; }
await "dpvs-agent answers" agent_answers

say "VLAN 102 and its addresses, by the API"
put device/dpdk0.102/vlan '{"device":"dpdk0", "id":"102"}'
put device/dpdk0.102/addr '{"addr":"192.168.88.28/24"}'
put device/dpdk0.102/addr '{"addr":"2001::28/64"}'
put device/dpdk0.102.kni/netlink/addr '{"addr":"192.168.88.28/24"}'
put device/dpdk0.102.kni/netlink/addr '{"addr":"2001::28/64"}'
put device/dpdk0.102.kni/netlink

say "keepalived, with two services"
docker run --name keepalived \
    -d --network $network \
    $confined --cap-add NET_ADMIN --cap-add NET_RAW --tmpfs /tmp \
    -v "$work":/dpvs \
    -e DPVS_IPC_FILE=/dpvs/dpvs.ipc \
    --entrypoint=/usr/bin/keepalived "$image" \
    -D -n -f /dpvs/keepalived.conf \
    --log-console --log-facility=6 \
    --pid=/dpvs/keepalived.pid \
    --vrrp_pid=/dpvs/vrrp.pid \
    --checkers_pid=/dpvs/checkers.pid

say "a third service, by the API"
put vs/2001::2-80-tcp '{"SchedName":"wrr"}'
put device/dpdk0.102/addr '{"addr":"2001::2"}'
put vs/2001::2-80-tcp/laddr '{"device":"dpdk0.102", "addr":"192.168.88.241"}'
put vs/2001::2-80-tcp/laddr '{"device":"dpdk0.102", "addr":"192.168.88.242"}'
put 'device/dpdk0.102/addr?sapool=true' '{"addr":"192.168.88.241"}'
put 'device/dpdk0.102/addr?sapool=true' '{"addr":"192.168.88.242"}'
put vs/2001::2-80-tcp/rs '{"Items":[{"ip":"192.168.88.30", "port":80, "weight":100}]}'
put vs/2001::2-80-tcp/rs '{"Items":[{"ip":"192.168.88.130", "port":8080, "weight":100}]}'
put vs/2001::2-80-tcp/rs '{"Items":[{"ip":"10.1.1.1", "port":80, "weight":100}]}'

say "healthcheck, which finds that 10.1.1.1 is not there"
docker run --name healthcheck \
    -d --network $network \
    $confined --user 6601:6601 \
    -v "$work":/dpvs \
    --entrypoint=/usr/bin/healthcheck \
    "$image" \
    -log_dir=/dpvs/logs/healthcheck \
    -lb_iface_addr=localhost:6601
services_are_up() { [ "$(ipvsadm -ln | grep -c 'FullNat 100 ')" = 7 ]; }
await "the servers answer their checks" services_are_up
server_is_down() { ipvsadm -ln -t '[2001::2]:80' | grep -q '10.1.1.1:80.*inhibited'; }
await "the third server of [2001::2]:80 is inhibited" server_is_down

if [ "$network" != host ]; then
    say "the three services, asked by the client"
    for url in http://192.168.88.1/ 'http://[2001::1]/' 'http://[2001::2]/'; do
        client curl -sSfg --max-time 5 "$url" | sed "s|^|$url: |"
    done
fi

say "what there is now"
shown() {
    echo "[dpvs]# $*"
    "$@"
}
shown docker ps
shown ipvsadm -ln
shown ipvsadm -G
shown dpip addr show
shown dpip route show
shown dpip -6 route show
echo "[dpvs]# ip addr show dpdk0.102.kni"
on_host ip addr show dpdk0.102.kni

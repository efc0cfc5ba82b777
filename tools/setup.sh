#!/bin/sh
# Installs what building, testing and demonstrating xdpvs needs on Debian 12, then makes .venv.
# Idempotent: a second run finds everything in place and takes a few seconds.
# `setup.sh packages` installs the Debian packages only; XDPVS_SETUP=image leaves out what nobody needs in a container.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"

# Build: clang, llvm, libbpf-dev, bpftool. Run: libbpf1, iproute2, ethtool.
# Lab, demo, tests and benchmark: the rest.
packages="
clang clang-format llvm libbpf-dev libbpf1 bpftool linux-libc-dev make gcc libc6-dev
iproute2 ethtool python3-venv
nginx-light curl wrk nftables tcpdump iputils-ping iputils-arping procps keepalived
"
# Tests of the containers: docker, and the base image where there is no registry.
[ "${XDPVS_SETUP:-}" = image ] || packages="$packages docker.io mmdebstrap"

installed() { [ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" = "install ok installed" ]; }

missing=""
for package in $packages; do
    installed "$package" || missing="$missing $package"
done
if [ -n "$missing" ]; then
    echo "setup: installing Debian packages:$missing"
    if [ "$(id -u)" != 0 ]; then
        echo "setup: root is needed to install packages; run: sudo make setup" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    # Packages that ship a service must not start it here: the lab runs its own nginx in namespaces.
    policy=/usr/sbin/policy-rc.d
    made_policy=""
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        made_policy=yes
    fi
    trap '[ -z "$made_policy" ] || rm -f "$policy"' EXIT
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of package names
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

[ "${1:-}" != packages ] || exit 0

if [ ! -x .venv/bin/python ]; then
    echo "setup: creating .venv"
    python3 -m venv .venv
fi
stamp=.venv/.setup-stamp
if [ ! -e "$stamp" ] || [ pyproject.toml -nt "$stamp" ] || [ requirements.lock -nt "$stamp" ]; then
    echo "setup: installing Python packages into .venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
    touch "$stamp"
fi
echo "setup: ready"

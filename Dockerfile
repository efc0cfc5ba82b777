# Two images:
#
#   docker build --target builder -t xdpvs-builder .    toolchain, sources, everything the tests need
#   docker build -t xdpvs .                             the programs, for production
#
# Either builder of docker will do, BuildKit (quicker) or the classic one. Behind a proxy that signs certificates itself or with a package
# index of one's own, put its *.crt and a pip.conf into containers/local; they end up in neither image.

ARG BASE_IMAGE=debian:bookworm-slim


# --- Python packages, at the versions requirements.lock says: all of them for the builder, ours for the runner.
FROM $BASE_IMAGE AS python-packages

RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates python3-venv >/dev/null

COPY containers/local /tmp/local
COPY pyproject.toml requirements.lock /xdpvs/
WORKDIR /xdpvs

RUN set -e; \
    cp /tmp/local/*.crt /usr/local/share/ca-certificates/ 2>/dev/null || true; \
    update-ca-certificates >/dev/null 2>&1; \
    export PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_CONFIG_FILE=/tmp/local/pip.conf \
        PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_QUIET=1; \
    python3 -m venv .venv; \
    .venv/bin/pip install --no-compile -r requirements.lock; \
    python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
        >/tmp/runtime.txt; \
    python3 -m venv --without-pip /opt/xdpvs; \
    .venv/bin/pip --python /opt/xdpvs/bin/python install -c requirements.lock -r /tmp/runtime.txt; \
    # What only numpy's own developers need is a third of it.
    cd /opt/xdpvs/lib/python3*/site-packages; \
    find . -type d -name tests -prune -exec rm -rf {} +; \
    rm -rf numpy/f2py numpy/_core/include numpy/_core/lib numpy/random/lib; \
    find . -name '*.pyi' -delete


# --- Toolchain and sources.
FROM $BASE_IMAGE AS builder

ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="xdpvs-builder" \
      org.opencontainers.image.description="Development image of xdpvs: toolchain, sources, tests and lab" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.licenses="MIT"

WORKDIR /xdpvs
COPY tools/setup.sh tools/
RUN XDPVS_SETUP=image tools/setup.sh packages && rm -rf /var/lib/apt/lists/*

COPY --from=python-packages /xdpvs/.venv .venv
COPY . .
RUN rm -rf containers/local/* \
    && XDPVS_SETUP=image PIP_NO_INDEX=1 tools/setup.sh \
    && make build

ENTRYPOINT ["/bin/bash"]


# --- The wheel, installed beside its packages.
FROM builder AS installed

COPY --from=python-packages /opt/xdpvs /opt/xdpvs
RUN .venv/bin/pip wheel -q --no-deps --no-build-isolation -w /tmp/wheel . \
    && .venv/bin/pip --python /opt/xdpvs/bin/python install -q --no-deps --no-index /tmp/wheel/*.whl


# --- Production.
FROM $BASE_IMAGE AS runner

# libbpf1 loads the data plane; iproute2 and what follows it are for whoever looks into a container.
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        libbpf1 python3 iproute2 ncat nmap socat tcpdump wget >/dev/null \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/*.log /var/log/apt \
    # The tools, healthcheck and, without KNI addresses, dpvs-agent need no root.
    && groupadd --gid 6601 dpvs \
    && useradd --uid 6601 --gid dpvs --no-create-home --home-dir / --shell /usr/sbin/nologin dpvs

COPY --from=installed /opt/xdpvs /opt/xdpvs
COPY containers/probe.py /opt/xdpvs/bin/container-probe
RUN cd /usr/bin && for program in dpvs dpip ipvsadm ipvsadm-save ipvsadm-restore keepalived dpvs-agent healthcheck; do \
        ln -s /opt/xdpvs/bin/$program $program; \
    done

ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="xdpvs" \
      org.opencontainers.image.description="Layer-4 load balancer: DPVS's tools and protocols over an XDP data plane" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.licenses="MIT"

HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 CMD ["/opt/xdpvs/bin/container-probe"]

# Others: /usr/bin/{dpip,ipvsadm,keepalived,dpvs-agent,healthcheck} and /bin/bash, by --entrypoint.
ENTRYPOINT ["/usr/bin/dpvs"]

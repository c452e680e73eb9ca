# Heddle's own images, one target each: operator, webhook, proxy, init.
#
#   npm ci && npm run build                      # bundles into .build/dist, which is all that is copied from here
#   docker build --target proxy -t heddle/proxy .
#
# BASE is any Debian with Node in its PATH; where no registry is reached, hack/images makes one and gives it.
ARG BASE=docker.io/library/node:26.9.0-bookworm-slim

# Node, the libraries it links to, and what a C library wants to find. No shell, no package manager.
FROM ${BASE} AS files
RUN set -eu; \
    mkdir -p /out/usr/local/bin /out/etc /out/app; \
    mkdir -m 1777 /out/tmp; \
    node="$(command -v node)"; \
    cp -L "$node" /out/usr/local/bin/node; \
    ldd "$node" | grep -o '/[^ ]*' | while read -r library; do \
      mkdir -p "/out$(dirname "$library")"; cp -L "$library" "/out$library"; \
    done; \
    printf 'root:x:0:0::/:/nologin\nheddle-proxy:x:7357:7358::/:/nologin\nnonroot:x:65532:65532::/:/nologin\n' > /out/etc/passwd; \
    printf 'root:x:0:\nheddle-proxy:x:7358:\nnonroot:x:65532:\n' > /out/etc/group; \
    printf 'hosts: files dns\n' > /out/etc/nsswitch.conf; \
    find /out -exec touch -h -d @0 {} +

FROM scratch AS node
COPY --from=files /out/ /
ENV PATH=/usr/local/bin NODE_ENV=production
WORKDIR /app
# Node warns that node:ffi is experimental; the version is pinned, so the warning says nothing.
ENTRYPOINT ["node", "--enable-source-maps", "--disable-warning=ExperimentalWarning", "/app/main.mjs"]
LABEL org.opencontainers.image.vendor="Heddle" \
      org.opencontainers.image.licenses="Apache-2.0"

FROM node AS operator
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="heddle-operator" \
      org.opencontainers.image.description="Compiles policies, signs identities and tells every proxy of a Heddle mesh what to do" \
      org.opencontainers.image.version="${VERSION}"
COPY .build/dist/operator/ /app/
USER 65532:65532

FROM node AS webhook
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="heddle-webhook" \
      org.opencontainers.image.description="Injects Heddle's sidecar into pods and refuses policies that cannot hold" \
      org.opencontainers.image.version="${VERSION}"
COPY .build/dist/webhook/ /app/
USER 65532:65532

# 7357 with group 7358: only what runs as both is left alone by the rules of init (proxy/contract/bootstrap.ts).
FROM node AS proxy
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="heddle-proxy" \
      org.opencontainers.image.description="The sidecar of a Heddle mesh" \
      org.opencontainers.image.version="${VERSION}"
COPY .build/dist/proxy/ /app/
# One copy a pod: a small young generation (what a request allocates is dead when it ends), and no source maps (0.5 MiB and 6 ms; the bundle is readable, its map lies beside it).
ENTRYPOINT ["node", "--max-semi-space-size=4", "--disable-warning=ExperimentalWarning", "/app/main.mjs"]
USER 7357:7358

# What iptables-restore and ip6tables-restore need: both back ends (nft is the default, as in Debian), their modules, their libraries.
FROM ${BASE} AS iptables-files
RUN set -eu; \
    command -v iptables-nft-restore >/dev/null || { apt-get update && apt-get install -y --no-install-recommends iptables; }; \
    modules="$(dirname "$(find /usr/lib -path '*/xtables/libxt_tcp.so')")"; \
    mkdir -p /out/usr/sbin "/out$modules"; \
    cp -L /usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi /out/usr/sbin/; \
    cp -L "$modules"/*.so "/out$modules/"; \
    for tool in iptables ip6tables; do for verb in '' -save -restore; do \
      ln -s xtables-nft-multi "/out/usr/sbin/$tool$verb"; \
      ln -s xtables-nft-multi "/out/usr/sbin/$tool-nft$verb"; \
      ln -s xtables-legacy-multi "/out/usr/sbin/$tool-legacy$verb"; \
    done; done; \
    ldd /usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi | grep -o '/[^ :]*' | grep -v '^/usr/sbin/' | sort -u | while read -r library; do \
      mkdir -p "/out$(dirname "$library")"; cp -L "$library" "/out$library"; \
    done; \
    find /out -exec touch -h -d @0 {} +

# Runs once in a pod, as root with NET_ADMIN and nothing else, and ends.
FROM node AS init
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="heddle-init" \
      org.opencontainers.image.description="Writes the redirect rules of a Heddle pod, once" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=iptables-files /out/ /
ENV PATH=/usr/local/bin:/usr/sbin
COPY .build/dist/init/ /app/
USER 0:0

# The verifier as an image: Node and our own files, no shell, no package manager, no root (docs/kubernetes.md).
#
#   docker build --tag countersign:0.1.0 .
#
# The bases are named by version. A release names them by digest, and puts its own words on the labels:
#   docker build --build-arg NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:… \
#     --build-arg RUST_IMAGE=rust:1.95.0-slim-bookworm@sha256:… \
#     --build-arg COMPILER_IMAGE=node:24.21.0-bookworm@sha256:… \
#     --build-arg RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot@sha256:… \
#     --build-arg REVISION="$(git rev-parse HEAD)" --build-arg SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" .
# Where crates cannot be had, or no Rust is wanted: --build-arg ENGINE=none. Signatures cost more time then, no more.
# No step writes a date or anything of the building machine; with BuildKit's rewrite-timestamp=true two builds of
# one commit are the same bytes.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
ARG RUST_IMAGE=rust:1.95.0-slim-bookworm
ARG COMPILER_IMAGE=node:24.21.0-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot
ARG ENGINE=dalek

# The optional engine of verification (docs/adr/0046-native-engine.md), by the lock file. Debian 12 has the C library that
# it finds when it runs.
FROM ${RUST_IMAGE} AS engine-dalek
WORKDIR /build/native
COPY native/Cargo.toml native/Cargo.lock native/build.rs ./
COPY native/.cargo .cargo
COPY native/src src
RUN cargo build --release --locked
WORKDIR /build/engine
COPY native/LICENSES.txt ./
RUN mv ../native/target/release/libcountersign_native.so countersign.node

FROM ${NODE_IMAGE} AS engine-none
WORKDIR /build/engine

# A stage of this file, so it has no tag.
# hadolint ignore=DL3006
FROM engine-${ENGINE} AS engine

# Needs the development packages, and leaves nothing but JavaScript.
FROM ${NODE_IMAGE} AS compile
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run --silent build

# What runs: the packages of the lock file without the development ones. No package runs a script of its own,
# as the native modules come built, but for one (below).
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error

# pkcs11js comes as source. Its three files are compiled by this line, which is what its build script comes to, so that the
# script need not run; the compiler stays here. The headers are those of the Node beside them.
FROM ${COMPILER_IMAGE} AS pkcs11
WORKDIR /build
COPY --from=dependencies /build/node_modules/pkcs11js pkcs11js
RUN mkdir -p pkcs11js/build/Release \
  && g++ -std=gnu++17 -O2 -s -shared -fPIC -DNAPI_DISABLE_CPP_EXCEPTIONS -DNODE_GYP_MODULE_NAME=pkcs11 \
    -DBUILDING_NODE_EXTENSION -I pkcs11js/includes -I "$(dirname "$(command -v node)")/../include/node" \
    -o pkcs11js/build/Release/pkcs11.node pkcs11js/src/dl.cpp pkcs11js/src/common.cpp pkcs11js/src/main.cpp

# The tree as it will lie in the image. `countersign` is a program: manifests and probes call it by that name.
FROM ${NODE_IMAGE} AS assemble
WORKDIR /build/countersign
COPY package.json LICENSE* ./
COPY --from=dependencies /build/node_modules node_modules
COPY --from=pkcs11 /build/pkcs11js/build node_modules/pkcs11js/build
COPY --from=compile /build/dist/src dist/src
COPY --from=engine /build/engine native
COPY scripts/prune-production.mjs ../
RUN node ../prune-production.mjs . \
  && sed -i '1s|^#!.*|#!/usr/local/bin/node|' dist/src/main.js \
  && chmod -R u=rwX,go=rX . \
  && chmod 0755 dist/src/main.js \
  && mkdir ../bin ../empty \
  && ln -s /opt/countersign/dist/src/main.js ../bin/countersign

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="countersign" \
  org.opencontainers.image.description="An Envoy-fronted verifier: pinned party, exact bytes, now, once" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.documentation="docs/kubernetes.md" \
  org.opencontainers.image.base.name="gcr.io/distroless/cc-debian12:nonroot"
COPY --from=assemble /usr/local/bin/node /usr/local/bin/node
# A folder is copied as it is; a link that is named would be copied as the file that it leads to.
COPY --from=assemble /build/bin/ /usr/local/bin/
COPY --from=assemble /build/countersign /opt/countersign
# The socket that Envoy reaches, and the nonces and records: the only places that are written to.
COPY --from=assemble --chown=65532:65532 --chmod=2770 /build/empty /run/countersign
COPY --from=assemble --chown=65532:65532 --chmod=0750 /build/empty /var/lib/countersign
ENV NODE_ENV=production
WORKDIR /var/lib/countersign
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["/usr/local/bin/countersign", "health", "--socket", "/run/countersign/verifier.sock"]
ENTRYPOINT ["/usr/local/bin/countersign"]
CMD ["serve", "--config", "/etc/countersign/config/countersign.yaml"]

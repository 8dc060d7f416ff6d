# Nauthera operator. The context is what scripts/bundle.ts writes: app/ (one file a process, its source map, what it reads) and bin/.
# BASE: an image with Node 24 at /usr/local/bin/node; neither a shell nor npm is needed. `npm run images` brings its own.
ARG BASE=node:24-bookworm-slim

# A bundle that does not start on this base never becomes an image.
FROM ${BASE} AS tried
COPY app /app
COPY --chown=65532:65532 compiled /app/compiled
# What V8 made of the files when it tried them lies beside them, so that a start compiles little. It holds for the user who runs it, and the
# fixed seed makes it the same bytes each time.
ENV NODE_COMPILE_CACHE=/app/compiled
USER 65532:65532
RUN ["/usr/local/bin/node", "--random-seed=1", "--max-semi-space-size=4", "--heap-growing-percent=40", "--expose-gc", "/app/src/main.js", "--version"]
RUN ["/usr/local/bin/node", "--random-seed=1", "/app/src/create-keys.js", "--version"]

FROM ${BASE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Nauthera operator" \
      org.opencontainers.image.description="OIDCClients become Secrets and client shards" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY app /app
COPY --from=tried --chown=65532:65532 /app/compiled /app/compiled
# One heap for all threads, and large buffers given back to the system at once: glibc would keep most of what a load of clients took.
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/compiled MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=131072
WORKDIR /app
USER 65532:65532
# Node is process 1 and handles SIGTERM itself: the runtime's lifecycle listens for it.
# Source maps lie beside the bundle; reading them at start costs 40 to 70 MB, so it is off: NODE_OPTIONS=--enable-source-maps.
# Most of what a first load allocates is soon garbage: collecting it sooner costs no more time, and a third less memory. With gc() it gives back what a load leaves
# (runtime/src/give-back.ts).
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=4", "--heap-growing-percent=40", "--expose-gc", "/app/src/main.js"]

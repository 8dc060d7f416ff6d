# A real PostgreSQL for the cluster of the end-to-end run, from the binaries that the tests use too. Never for people.
FROM scratch
COPY rootfs /
COPY postgres /postgres
COPY postgresql.mjs /postgresql.mjs
ENV PATH=/usr/local/bin:/usr/bin:/bin LD_LIBRARY_PATH=/postgres/lib
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node", "/postgresql.mjs"]

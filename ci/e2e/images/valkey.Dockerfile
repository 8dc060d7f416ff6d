# Valkey for the cluster of the end-to-end run: Debian's, with the shell and the tools that the chart's scripts use.
FROM scratch
COPY rootfs /
ENV PATH=/usr/local/bin:/usr/bin:/bin
USER 65532:65532

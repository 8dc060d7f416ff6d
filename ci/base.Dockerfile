# The base that `npm run images` makes on this machine: the node binary, the libraries that it loads, names and certificates.
FROM scratch
COPY rootfs /
ENV PATH=/usr/local/bin:/usr/bin:/bin

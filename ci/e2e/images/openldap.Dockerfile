# OpenLDAP for the cluster of the end-to-end run: Debian's, with a shell to start it. Never for people.
FROM scratch
COPY rootfs /
COPY openldap.sh /openldap.sh
ENV PATH=/usr/sbin:/usr/bin
USER 65532:65532
ENTRYPOINT ["/usr/bin/sh", "/openldap.sh"]

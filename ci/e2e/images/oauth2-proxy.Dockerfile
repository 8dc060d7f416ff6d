# oauth2-proxy, built from its Go module.
FROM scratch
COPY oauth2-proxy /oauth2-proxy
USER 65532:65532
ENTRYPOINT ["/oauth2-proxy"]

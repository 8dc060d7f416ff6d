# The applications of the end-to-end run: the driver and the sample application, on the base of the product's images.
ARG BASE
FROM ${BASE}
COPY app /app
WORKDIR /app
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node"]
CMD ["/app/driver.js"]

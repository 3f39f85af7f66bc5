# syntax=docker/dockerfile:1
# The image of both programs and the command line. What is in it scripts/image.sh decides, which also
# makes an OCI image without Docker: `make image`. Name the base by its digest in your pipeline.
ARG DEBIAN=debian:bookworm-slim
FROM ${DEBIAN} AS build
WORKDIR /src
COPY scripts/packages.sh scripts/packages.txt scripts/packages-image.txt scripts/
RUN scripts/packages.sh scripts/packages.txt scripts/packages-image.txt
COPY . .
ARG SOURCE_DATE_EPOCH=0
RUN cmake --preset release \
 && cmake --build --preset release --target countersign countersign-operator countersign-webhook \
 && SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} scripts/image.sh --rootfs /rootfs

FROM scratch
COPY --from=build /rootfs /
ENV PATH=/usr/bin
USER 65532:65532
CMD ["countersign", "version"]
LABEL org.opencontainers.image.title="countersign" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.description="No model goes live without its evidence"

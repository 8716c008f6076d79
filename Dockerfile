# The image of cxmirror: one static program on nothing else, run by a user that is not root.
#
#   docker build --build-arg VERSION=$(git describe --tags --always) --tag cxmirror .
#   docker run --rm --volume "$PWD:/work:ro" cxmirror compare --questionnaire q.yaml --external a.csv --internal b.csv
#   docker run --detach --network host --volume cxmirror:/var/lib/cxmirror --restart unless-stopped cxmirror
#
# Without a command it serves. Answers are in /var/lib/cxmirror, unless CXMIRROR_DSN names a PostgreSQL: keep that
# directory in a volume (a directory of the machine has to belong to user 65532). As it is here, the service answers on
# 127.0.0.1 only, which is why it is given the machine's own network, and a proxy there lets others in over TLS
# (CXMIRROR_TRUST_PROXY, CXMIRROR_ADDRESS); its log has the link to set it up. CXMIRROR_LISTEN is its address, which the
# health check reads too. cmd/cxmirror/compose.yaml has it with PostgreSQL, in a network of their own.
#
# `make image` builds the program outside and only the last stage here: a build context named "build"
# stands in for the stage of that name, so that no base image has to be pulled.

# What charts are drawn with, by the npm lock file.
FROM --platform=$BUILDPLATFORM node:24 AS assets
WORKDIR /src
COPY Makefile ./
COPY charts ./charts
RUN make assets

# The program, with the assets, the questionnaires and the time zones inside. --assume-old: they are built.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=assets /src/charts/assets ./charts/assets
ARG VERSION=unversioned
ARG TARGETARCH
RUN make image-root --assume-old=charts/assets/echarts.js GOARCH=$TARGETARCH VERSION="$VERSION" \
 && mv dist/image/rootfs dist/image/data /

FROM scratch
LABEL org.opencontainers.image.title="cxmirror" \
      org.opencontainers.image.description="What customers expect, outside and inside a company, side by side" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /rootfs/ /
COPY --from=build --chown=65532:65532 /data/ /var/lib/
ENV CXMIRROR_DATA=/var/lib/cxmirror
VOLUME /var/lib/cxmirror
USER 65532:65532
WORKDIR /work
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/usr/bin/cxmirror", "healthcheck"]
ENTRYPOINT ["/usr/bin/cxmirror"]
CMD ["serve"]

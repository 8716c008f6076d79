# The image of cxmirror: one static program on nothing else, run by a user that is not root.
#
#   docker build --build-arg VERSION=$(git describe --tags --always) --tag cxmirror .
#   docker run --rm --volume "$PWD:/work:ro" cxmirror compare --questionnaire q.yaml --external a.csv --internal b.csv
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
 && mv dist/image/rootfs /rootfs

FROM scratch
LABEL org.opencontainers.image.title="cxmirror" \
      org.opencontainers.image.description="What customers expect, outside and inside a company, side by side" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /rootfs/ /
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/usr/bin/cxmirror"]

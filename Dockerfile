# The controller's image: `docker build -t trainmaster .`
# Everything that is installed is pinned by hash in requirements.txt; the base only by its tag.
ARG PYTHON=3.11.13-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# the locked dependencies, wheels only: nothing is compiled, and nothing of a package's own setup is run
COPY requirements.txt requirements-build.txt ./
RUN python -m venv --without-pip /opt/trainmaster \
 && pip install --require-hashes --only-binary :all: -r requirements-build.txt \
 && pip --python /opt/trainmaster/bin/python install --require-hashes --only-binary :all: -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY controller controller
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip --python /opt/trainmaster/bin/python install --no-deps --no-index /wheels/*.whl

FROM python:${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="trainmaster" \
      org.opencontainers.image.description="An operator for machine-learning training on Hadoop YARN" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# clusters with Kerberos are spoken to by this library, which the base brings
RUN python -c "import ctypes; ctypes.CDLL('libgssapi_krb5.so.2')"
RUN groupadd --gid 65532 trainmaster \
 && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin trainmaster
COPY --from=build /opt/trainmaster /opt/trainmaster
# the root may be read-only: byte code is there, and whatever is written goes to /tmp
ENV PATH=/opt/trainmaster/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp
USER 65532:65532
EXPOSE 9090 9091 9092 9443
ENTRYPOINT ["trainmaster"]
CMD ["controller"]

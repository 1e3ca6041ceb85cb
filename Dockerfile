# herken: one image for every role and for set-up. No compiler, no pip of its own, not root.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv --without-pip /opt/herken \
    && pip --python /opt/herken/bin/python install --require-hashes -r requirements/runtime.lock
# The build back end, from the lock file of development; a part that lacks stops pip.
RUN awk '/^[a-z]/ { taken = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } taken' \
        requirements/dev.lock > /tmp/backend.lock \
    && pip install --require-hashes -r /tmp/backend.lock
COPY . .
RUN pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /tmp/wheels . \
    && pip --python /opt/herken/bin/python install --no-deps --no-index /tmp/wheels/*.whl

FROM python:3.11-slim
# A new volume takes over the owner of the folder that it is mounted on.
RUN groupadd --gid 10001 herken \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin herken \
    && install --directory --owner=10001 --group=10001 --mode=0755 /run/herken/network \
    && install --directory --owner=10001 --group=10001 --mode=0700 /run/herken/secrets
COPY --from=build /opt/herken /opt/herken
WORKDIR /srv/herken
COPY scenarios/ scenarios/
ENV PATH=/opt/herken/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
CMD ["herken", "--help"]

# The agent's image. Built in two stages: what builds the wheel does not ship.
FROM docker.io/library/python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE CHANGELOG.md ./
COPY reconciler ./reconciler
COPY schemas ./schemas
COPY deploy ./deploy
COPY fleet-example ./fleet-example
RUN python -m venv /opt/build
RUN /opt/build/bin/pip install --quiet --disable-pip-version-check hatchling
RUN /opt/build/bin/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir /wheels .
RUN python -m venv /opt/spinfleet
RUN /opt/spinfleet/bin/pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes --requirement requirements.lock
RUN /opt/spinfleet/bin/pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps --no-index --find-links /wheels spinfleet

FROM docker.io/library/python:3.13-slim
COPY --from=build /opt/spinfleet /opt/spinfleet
# No account in /etc/passwd is needed; the number is what Kubernetes checks.
USER 65532:65532
ENV PATH=/opt/spinfleet/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
ENTRYPOINT ["spinfleet"]

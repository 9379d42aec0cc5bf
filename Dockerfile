# One image for every process: `interlock serve api | worker | beat | simulator ...`, `interlock migrate`.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/interlock
COPY requirements.lock ./
RUN /opt/interlock/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN /opt/interlock/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/interlock --create-home interlock
COPY --from=build /opt/interlock /opt/interlock
ENV PATH=/opt/interlock/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    INTERLOCK_DATA_DIR=/var/lib/interlock/data \
    INTERLOCK_HOST=0.0.0.0
USER interlock
RUN mkdir -p /var/lib/interlock/data
VOLUME /var/lib/interlock/data
EXPOSE 8400
ENTRYPOINT ["interlock"]
CMD ["doctor"]

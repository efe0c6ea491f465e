# docker build -t digits .                            torch for the CPU
# docker build -t digits --build-arg TORCH_INDEX= .   torch with CUDA (PyPI's); run it with --gpus all
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}

RUN apt-get update \
    && apt-get install -y --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 digits \
    && mkdir /data /jobs && chown digits:digits /data /jobs

WORKDIR /opt/digits
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY requirements.txt constraints.txt ./
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir ${TORCH_INDEX:+--extra-index-url ${TORCH_INDEX}} \
        -r requirements.txt -c constraints.txt
COPY . .

# Nothing outlives a container, so trainings save and stop with it; its network is closed, -p says who may come in.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DIGITS_JOBS_DIR=/jobs DIGITS_DATA_ROOTS=/data DIGITS_STOP_JOBS=1
USER digits
VOLUME ["/data", "/jobs"]
EXPOSE 8501
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD python -c "from urllib.request import urlopen; from digits_core.settings import Settings; \
        urlopen(f'http://127.0.0.1:8501{Settings.load().url_prefix}/api/health', timeout=8)"
ENTRYPOINT ["tini", "--", "python", "-m", "digits_core"]
CMD ["serve", "--address", "0.0.0.0", "--insecure-no-auth"]

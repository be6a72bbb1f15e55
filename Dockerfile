# The app on a server: CPU only, without root. Visitors can name no folder of the machine.
FROM python:3.11-slim

# PyTorch's own index of small CPU builds; PyPI's build for Linux on x86-64 brings gigabytes of CUDA along.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home mlleak && mkdir /cache && chown mlleak /cache
WORKDIR /app
COPY requirements.txt .
RUN grep '^torch==' requirements.txt > torch.txt \
    && pip install --no-cache-dir --index-url "$TORCH_INDEX" -r torch.txt \
    && pip install --no-cache-dir -r requirements.txt
COPY .streamlit .streamlit
COPY app.py ./
COPY mlleak_core mlleak_core
COPY pages pages
COPY assets assets
COPY docs docs

USER mlleak
ENV MLLEAK_CACHE_HOME=/cache PYTHONUNBUFFERED=1
VOLUME /cache
# The app, and the page on which a class joins by phone.
EXPOSE 8501 8502
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["python", "-m", "mlleak_core", "app", "--server.address", "0.0.0.0", "--server.port", "8501"]

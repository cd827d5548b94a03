# CPU:  docker build -t recon .
# CUDA: docker build -t recon:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126 .
# Run:  docker run --rm -v "$PWD:/data" recon run           (CUDA: --gpus all ... --device cuda)
ARG PYTHON=3.12
FROM python:${PYTHON}-slim
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY . /source
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" torch \
 && pip install --no-cache-dir "/source[all]" \
 && rm -rf /source
# Compiled kernels are cached here, whoever runs the container.
ENV NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /data
ENTRYPOINT ["recon"]
CMD ["--help"]

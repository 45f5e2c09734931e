# The course in a container: docker build -t facevalue . && docker run -p 8888:8888 facevalue
FROM python:3.12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends git make npm \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 learner \
    && install --directory --owner=learner /course
COPY --chown=learner . /course
USER 1000
WORKDIR /course
RUN make install
EXPOSE 8888
CMD ["make", "lab", "IP=0.0.0.0"]

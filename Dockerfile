# The workers of compose.yaml, and a pattern for your own: the command runs node itself, so that SIGTERM reaches it.
# Run it with an init process (init: true, docker run --init), so that it does during the start, too.
FROM node:22.20.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts scripts
COPY machines machines
COPY src src
# What a worker needs, at the versions of the lock file, and the two packages that --http takes.
RUN npm run build && npm pkg delete devDependencies peerDependencies \
  && npm install --save-exact --ignore-scripts --omit=optional fastify@5.12.8 prom-client@15.1.3

FROM node:22.20.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY examples/order examples/order
USER node
# Probes come from outside of the container; nobody else should.
EXPOSE 9090
CMD ["node", "dist/src/cli/main.js", "worker", "examples/order/workflow.mjs", "--http", "0.0.0.0:9090"]

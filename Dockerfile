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
RUN npm run build && npm prune --omit=dev --omit=peer --omit=optional --ignore-scripts

FROM node:22.20.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY examples/order examples/order
USER node
CMD ["node", "dist/src/cli/main.js", "worker", "examples/order/workflow.mjs"]

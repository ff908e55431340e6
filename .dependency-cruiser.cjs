/**
 * Which way dependencies point. Each layer lists all that it may import, of ours and of others'; anything else is an
 * error. The layers below runtime don't know each other:
 *
 *     core ← machines, store, transport ← runtime ← inspect ← client ← cli, testing ← index
 */
const { builtinModules } = require('node:module');

const OURS = {
  core: [],
  machines: [],
  store: ['core'],
  transport: ['core'],
  runtime: ['core', 'machines', 'store', 'transport'],
  inspect: ['core', 'machines', 'transport', 'runtime'],
  client: ['core', 'machines', 'store', 'transport', 'runtime', 'inspect'],
  cli: ['core', 'machines', 'store', 'transport', 'runtime', 'inspect', 'client'],
  testing: ['core', 'store', 'transport', 'runtime', 'client'],
};

// `node:` alone stands for every module of Node's.
const THEIRS = {
  // Both are pure: hashing, and telling an Error from what only looks like one.
  core: ['@standard-schema/spec', 'devalue', 'ms', 'node:crypto', 'node:util'],
  machines: ['xstate'],
  store: ['pg', '@electric-sql/pglite', 'node:'],
  transport: ['amqplib', 'node:'],
  runtime: ['xstate', 'pino', 'fastify', 'prom-client', 'node:'],
  inspect: ['xstate', '@statelyai/inspect', 'ws', 'node:'],
  client: ['pg', 'amqplib', 'pino', 'node:'],
  cli: ['commander', 'pino', 'node:'],
  testing: ['pg', 'amqplib', 'pino', '@testcontainers/postgresql', '@testcontainers/rabbitmq', 'node:'],
};

const folderOf = (layer) => (layer === 'machines' ? '^machines/' : `^src/${layer}/`);

const layers = Object.keys(OURS).map((layer) => ({
  name: `${layer}-imports-only-what-it-may`,
  severity: 'error',
  from: { path: folderOf(layer) },
  to: {
    // Everything but this: the layer itself, the layers below it, and the packages that are its outside world.
    pathNot: [folderOf(layer), ...OURS[layer].map(folderOf), ...THEIRS[layer].map(moduleOf), ...extra(layer)],
  },
}));

/** Node's modules go by their name, packages by where they are installed, as code or as types. */
function moduleOf(name) {
  if (name === 'node:') return `^(node:)?(${builtinModules.join('|')})$`;
  if (name.startsWith('node:')) return `^(node:)?${name.slice('node:'.length)}$`;
  return `^node_modules/(@types/)?${name}/`;
}

function extra(layer) {
  // Types of core are how machines speak of the same things: see the rule below, that it is types alone.
  if (layer === 'machines') return ['^src/core/'];
  return layer === 'cli' ? ['^src/index\\.ts$'] : [];
}

module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'machines-take-only-types-from-core',
      severity: 'error',
      from: { path: '^machines/' },
      to: { path: '^src/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'specifications-are-types-alone',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^node_modules/@standard-schema/spec/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'index-is-above-all',
      severity: 'error',
      from: { path: '^(src|machines)/', pathNot: '^src/(cli/|index\\.ts$)' },
      to: { path: '^src/index\\.ts$' },
    },
    {
      name: 'index-lists-and-does-nothing',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { pathNot: '^(src|machines)/' },
    },
    {
      // Of types too.
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: '^(src|machines)/' },
      // What users install beside, if they want what takes it, is an optional peer.
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm-peer'] },
    },
    {
      name: 'nothing-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // What a browser loads knows only what is beside it.
    exclude: { path: '^src/inspect/page/' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Imports of types are arrows too.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
};

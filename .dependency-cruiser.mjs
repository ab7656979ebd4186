// Who may import whom. Each folder's door is its index.ts, reached by the names in package.json's "imports".
const doors = {
  'state-stores': ['streams/base', 'streams/ports'],
  connectors: ['streams/base', 'streams/ports', 'schemas'],
  schemas: ['streams/base', 'streams/ports', 'streams'],
  topologies: ['streams', 'streams/base', 'schemas'],
  load: ['streams/base', 'streams/ports', 'schemas'],
  host: [
    'streams',
    'streams/base',
    'streams/ports',
    'streams/runtime',
    'streams/query',
    'state-stores',
    'connectors/[^/]+',
    'schemas',
  ],
  api: [
    'streams',
    'streams/base',
    'streams/ports',
    'streams/query',
    'streams/runtime',
    'host',
    'schemas',
    'topologies/sacco',
  ],
}
// Inside the engine: a folder may import those named here, by relative path.
const engine = {
  base: [],
  ports: ['base'],
  serdes: ['base', 'ports'],
  stores: ['base', 'ports', 'serdes'],
  topology: ['base', 'ports', 'serdes', 'stores'],
  processors: ['base', 'ports', 'serdes', 'stores', 'topology'],
  dsl: ['base', 'ports', 'serdes', 'stores', 'topology', 'processors'],
  runtime: ['base', 'ports', 'serdes', 'stores', 'topology'],
  query: ['base', 'ports', 'serdes', 'stores', 'topology', 'runtime'],
}
const isTest = '[.](test|contract|test-d)[.]ts$|/testing/|[.]bench[.]ts$'
// What a host runs: there an application is put together with what it runs on.
const isApplication = '^topologies/[^/]+/application[.]ts$'
const door = (folder) => `^${folder}/index[.]ts$`

export default {
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    // Packages that give several builds (hono, playwright-core): the one that Node takes.
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
  forbidden: [
    ...Object.entries(doors).map(([folder, allowed]) => ({
      name: `layer-${folder}`,
      severity: 'error',
      comment: `${folder}/ may import only itself and the doors of: ${allowed.join(', ')}`,
      from: { path: `^${folder}/`, pathNot: `${isTest}|${isApplication}` },
      to: {
        path: '^[^/]+/',
        pathNot: [`^${folder}/`, '^node_modules/', ...allowed.map(door)],
        dependencyTypesNot: ['core', 'npm', 'npm-dev', 'npm-optional'],
      },
    })),
    ...Object.entries(engine).map(([folder, allowed]) => ({
      name: `engine-${folder}`,
      severity: 'error',
      comment: `streams/${folder}/ may import only itself and: ${allowed.join(', ') || 'nothing'}`,
      from: { path: `^streams/${folder}/`, pathNot: isTest },
      to: { path: '^[a-z]', pathNot: [`^streams/${folder}/`, ...allowed.map((name) => `^streams/${name}/`)] },
    })),
    {
      name: 'streams-is-pure',
      severity: 'error',
      comment: 'streams/ imports no node module and no package: what it needs of the world comes through streams/ports',
      from: { path: '^streams/', pathNot: isTest },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional'] },
    },
    {
      name: 'nobody-imports-cli',
      severity: 'error',
      comment: 'cli/ is where parts are put together: nothing depends on it',
      from: { pathNot: '^cli/' },
      to: { path: '^cli/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'two files that need each other are one idea: merge them, or move what both need down',
      from: { pathNot: isTest },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
}

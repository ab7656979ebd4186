/**
 * Schema registry: an embedded one (a state machine over append-only records, kept in memory or in a compacted topic
 * of the log), Confluent's REST interface over it, and a client for it and for any other registry that speaks the same.
 * Both are `SchemaRegistry`, the port that the serdes of `#schemas` use.
 */
export { asSchemaRegistry } from './embedded-schema-registry.ts'
export { createLogStore, type LogStoreOptions, SCHEMAS_TOPIC } from './log-store.ts'
export { readRegistry } from './read-registry.ts'
export { createRegistryApp, REGISTRY_CONTENT_TYPE } from './registry-app.ts'
export { createRegistryClient, type RegistryAuth, type RegistryClientOptions } from './registry-client.ts'
export { createEmbeddedRegistry, type EmbeddedRegistry } from './registry-core.ts'
export { RegistryError } from './registry-error.ts'
export { type RegistryServer, type RegistryServerOptions, startRegistryServer } from './registry-server.ts'
export type { RegistryState } from './registry-state.ts'
export { createMemoryStore, type RegistryStore } from './registry-store.ts'

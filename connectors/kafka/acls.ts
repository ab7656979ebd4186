import { createAclsV3 } from '@platformatic/kafka'
import type { Cluster } from './cluster.ts'
import { check } from './kafka-errors.ts'
import { withRetries } from './retry.ts'

/** The numbers of Kafka's protocol. */
const RESOURCES = { topic: 2, group: 3, cluster: 4, 'transactional-id': 5 } as const
const PATTERNS = { literal: 3, prefixed: 4 } as const
const OPERATIONS = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  describe: 8,
  'describe-configs': 10,
  'alter-configs': 11,
} as const
const ALLOW = 3 as const
const ANY_HOST = '*'

/** Something that a client must be allowed. */
export type Acl = {
  readonly resource: keyof typeof RESOURCES
  readonly name: string
  readonly pattern: keyof typeof PATTERNS
  readonly operation: keyof typeof OPERATIONS
}

/** Allows a principal (`User:name`) these things, from any host. What is allowed already stays so. */
export async function allow(cluster: Cluster, principal: string, acls: readonly Acl[]): Promise<void> {
  const what = `allowing ${principal} what the application needs`
  const creations = acls.map(({ resource, name, pattern, operation }) => ({
    resourceType: RESOURCES[resource],
    resourceName: name,
    resourcePatternType: PATTERNS[pattern],
    principal,
    host: ANY_HOST,
    operation: OPERATIONS[operation],
    permissionType: ALLOW,
  }))
  await withRetries({ limits: cluster.limits, what }, async () => {
    const response = await cluster.connections.call(cluster.controller(), createAclsV3.api, creations)
    for (const { errorCode, errorMessage } of response.results) check(errorCode, what, errorMessage)
  })
}

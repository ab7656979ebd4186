import { localSchemas } from '#schemas'
import { DEAD_LETTER_TOPIC } from './shared/names.ts'
import { SACCO_DEFINITIONS } from './stores.ts'
import { saccoTopics } from './topics.ts'
import { createSaccoTopology } from './topology.ts'

/** The SACCO as a module that a host runs. Each stream thread makes its own topology. */
export const topology = () => createSaccoTopology(localSchemas(SACCO_DEFINITIONS))

export const topics = saccoTopics()

/** What cannot be read or processed goes to the dead letters with its reason, and the stream goes on. */
const toDeadLetters = () => ({ action: 'continue', deadLetterTopic: DEAD_LETTER_TOPIC }) as const

export const config = {
  processingGuarantee: 'exactly_once_v2',
  // A flag about a device is three commits away from its event: short ones keep it below a tenth of a second.
  commitIntervalMs: 25,
  deserializationExceptionHandler: toDeadLetters,
  processingExceptionHandler: toDeadLetters,
  deadLetterTopic: DEAD_LETTER_TOPIC,
} as const

import { enableCompileCache } from 'node:module'
import type { MetricSample } from '#host'
import type { ProcessingGuarantee } from '#streams/runtime'

/**
 * Mto's side of the comparison: an application on Kafka, until SIGTERM. Its argument says what it is to do, as JSON; what
 * it does goes to standard output in the form of Java's side (java/src/main/java/mto/peer/Report.java).
 */
export type MtoProcessSettings = {
  readonly module: string
  readonly brokers: readonly string[]
  readonly applicationId: string
  readonly dataDirectory: string
  readonly guarantee: ProcessingGuarantee
  readonly cacheBytes: number
  /** Left out: the default. */
  readonly commitIntervalMs?: number
  readonly threads: number
}

/** How often the counter is looked at, as on Java's side. */
const LOOK_FIRST_MS = 20
const LOOK_MS = 100

function tell(kind: string, fields: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(`${JSON.stringify({ kind, atMs: Date.now(), ...fields })}\n`)
}

function processedOf(samples: readonly MetricSample[]): number {
  let records = 0
  for (const sample of samples)
    if (sample.name === 'process-total' && sample.kind === 'counter') records += sample.value
  return records
}

// As the command line does.
enableCompileCache()
const { startKafkaApplication } = await import('#host')

const settings = JSON.parse(process.argv[2] ?? '{}') as MtoProcessSettings
let hasRun = false
const restore = { restored: 0, restoreStartMs: 0, restoreEndMs: 0 }
const application = await startKafkaApplication({
  module: settings.module,
  applicationId: settings.applicationId,
  dataDirectory: settings.dataDirectory,
  threads: settings.threads,
  kafka: { brokers: settings.brokers },
  logLevel: 'warn',
  options: {
    processingGuarantee: settings.guarantee,
    // Java's setting is for all threads together, Mto's for each.
    cacheBytesMax: Math.floor(settings.cacheBytes / settings.threads),
    commitIntervalMs: settings.commitIntervalMs,
  },
  onRestore: ({ kind, records }) => {
    if (kind === 'start') restore.restoreStartMs ||= Date.now()
    else if (kind === 'batch') restore.restored += records
    else if (kind === 'end') restore.restoreEndMs = Date.now()
  },
  onState: (state, before) => {
    if (state === 'running') {
      tell('running', restore)
      hasRun = true
    } else if (before === 'running' && (state === 'starting' || state === 'restoring')) tell('rebalancing')
  },
})
application.finished.catch((error: unknown) => {
  tell('failed', { message: String(error) })
  process.exit(1)
})

let told = 0
let isStopping = false
async function look(): Promise<void> {
  if (isStopping) return
  // All metrics are asked for, the sizes of state databases too: while state is restored that would be part of it.
  const records = hasRun ? processedOf(await application.samples()) : 0
  if (records > told) {
    told = records
    tell('processed', { records })
  }
  setTimeout(look, told === 0 ? LOOK_FIRST_MS : LOOK_MS)
}
process.once('SIGTERM', async () => {
  isStopping = true
  await application.stop()
  tell('stopped', { records: told })
  process.exit(0)
})
await look()

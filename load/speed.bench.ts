import { asSchemaRegistry, createEmbeddedRegistry, createMemoryStore } from '#connectors/schema-registry'
import { registerSchemas, SACCO_EVENTS } from '#schemas'
import { createEncoder } from './encoder.ts'
import { events } from './event-stream.ts'
import { createSacco } from './population.ts'

/** Records made and encoded per second on one core, and what stays in memory. Run: node load/speed.bench.ts [records] */
const recordsWanted = Number(process.argv[2] ?? 1_000_000)
const registry = asSchemaRegistry(await createEmbeddedRegistry(createMemoryStore()))
const encode = createEncoder(await registerSchemas({ registry, definitions: SACCO_EVENTS }))

const sacco = createSacco({ seed: 7, startMs: Date.parse('2026-02-20T00:00:00+03:00') })
const stream = events(sacco)
const startedMs = performance.now()
const startedCpu = process.cpuUsage()
let records = 0
let bytes = 0
for (const record of stream) {
  bytes += encode(record).length
  if (++records === recordsWanted) break
}
const { user, system } = process.cpuUsage(startedCpu)
const perSecond = (ms: number): number => Math.round((records * 1_000) / ms)
console.log({
  records,
  bytesPerRecord: Math.round(bytes / records),
  perSecondWall: perSecond(performance.now() - startedMs),
  // With the collector's threads: what is left of it when others use the machine too.
  perSecondCpu: perSecond((user + system) / 1_000),
  heapMb: Math.round(process.memoryUsage().heapUsed / 1e6),
  scenarios: { ...stream.scenarioCounts },
})

import { afterAll } from 'vitest'
import { createPrng } from '#streams/base'
import { logContract } from '../../streams/ports/log.contract.ts'
import { LogCore } from './log-core.ts'
import { createSimulatedLog } from './simulated-log.ts'
import { SimulatedProcess } from './simulated-process.ts'
import { TraceHash } from './trace-hash.ts'
import { VirtualTime } from './virtual-time.ts'

/** What the simulated brokers promise is what every log promises. */
const time = new VirtualTime()
let isOver = false
afterAll(() => {
  isOver = true
})
/** Time runs as fast as there is something to do. */
async function pump(): Promise<void> {
  while (!isOver) {
    await time.run(() => isOver, { untilMs: Number.POSITIVE_INFINITY, ticksMax: Number.POSITIVE_INFINITY })
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
void pump()

for (const controlRecords of [true, false]) {
  for (const lingerMs of [undefined, 1]) {
    const core = new LogCore({ controlRecords, authorize: () => undefined, onOffsets: () => {} })
    let connections = 0
    logContract(`simulated log ${controlRecords ? 'with' : 'without'} control records, linger ${lingerMs}`, {
      connect: async () => {
        const name = `client-${connections++}`
        const process = new SimulatedProcess({
          name,
          time,
          prng: createPrng(connections),
          trace: new TraceHash(),
          latencyMs: 1,
          clockOffsetMs: () => 0,
          onFault: () => {},
          onDeath: () => {},
        })
        return createSimulatedLog({ core, process, time, member: name, lingerMs, retriesMax: 1 })
      },
    })
  }
}

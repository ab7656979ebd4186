import { parseArgs } from 'node:util'
import { benchEngine } from './engine.ts'

const usage = `Measures the engine on the embedded log with RocksDB stores.

  node bench/run.ts [--events 1000000] [--rounds 3] [--threads 1] [--only count,window]

Topologies: stateless, count, window, join. A machine that does something else at the same time measures that too.`

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '1' },
    only: { type: 'string', default: 'stateless,count,window,join' },
    help: { type: 'boolean', default: false },
  },
})
const write = (line: string): void => void process.stdout.write(`${line}\n`)
if (values.help) write(usage)
else {
  await benchEngine({
    events: Number(values.events),
    rounds: Number(values.rounds),
    threads: Number(values.threads),
    topologies: values.only.split(','),
    write,
  })
}

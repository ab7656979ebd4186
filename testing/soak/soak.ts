import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { judge, type Look } from './flatness.ts'

const HELP = `Runs the SACCO under load for a while and looks at its process from outside: does anything grow?

  node testing/soak/soak.ts [--minutes 10] [--rate 1500] [--data DIR]

Resident memory, heap, open files, timers, handles and open iterators of stores are looked at every two seconds. The
first half of the run is warm-up; then nothing may grow. Meanwhile clients ask the API, and come and go on its live
feeds. A warning of Node about listeners that pile up is a failure too. At the end the money is verified.
`
const LOOK_INTERVAL_MS = 2_000
const VISIT_INTERVAL_MS = 500
const MIB = 1024 * 1024
const mto = fileURLToPath(new URL('../../cli/mto.ts', import.meta.url))

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '1500' },
    data: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}
const minutes = positive('minutes', values.minutes)
const rate = positive('rate', values.rate)

function positive(name: string, text: string): number {
  const value = Number(text)
  if (value > 0) return value
  process.stderr.write(`--${name} is ${text}, it must be a number above 0\n`)
  process.exit(2)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { readonly port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Sum of all samples of a metric in the text format of Prometheus. */
function sumOf(text: string, metric: string): number {
  let sum = Number.NaN
  for (const line of text.split('\n')) {
    if (!line.startsWith(metric) || !/^[ {]/.test(line.slice(metric.length))) continue
    sum = (Number.isNaN(sum) ? 0 : sum) + Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  return sum
}

async function look(pid: number, api: string, startedMs: number): Promise<Look> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const metrics = await (await fetch(`${api}/metrics`)).text()
  return {
    second: Math.round((performance.now() - startedMs) / 1000),
    residentMib: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) / 1024,
    heapMib: sumOf(metrics, 'nodejs_heap_size_used_bytes') / MIB,
    files: (await readdir(`/proc/${pid}/fd`)).length,
    timers: sumOf(metrics, 'nodejs_active_resources{type="Timeout"}'),
    handles: sumOf(metrics, 'nodejs_active_handles_total'),
    iterators: sumOf(metrics, 'kafka_streams_stream_state_metrics_num_open_iterators'),
  }
}

/** Somebody opens a page, looks at a list and a member, follows a feed for a moment, and leaves. */
async function visit(api: string): Promise<void> {
  const leaving = new AbortController()
  const feed = fetch(`${api}/v1/live/fraud-flags`, { signal: leaving.signal }).catch(() => undefined)
  const members = (await (await fetch(`${api}/v1/members?limit=5`)).json()) as {
    readonly items: readonly { readonly memberId: string }[]
  }
  for (const { memberId } of members.items) await (await fetch(`${api}/v1/members/${memberId}`)).text()
  await (await fetch(`${api}/v1/fraud-flags?limit=20`)).text()
  await (await fetch(`${api}/v1/stores/input-accounting/range?limit=50`)).text()
  leaving.abort()
  await feed
}

async function main(): Promise<number> {
  const data = values.data ?? (await mkdtemp(join(tmpdir(), 'mto soak-')))
  const port = await freePort()
  const api = `http://127.0.0.1:${port}`
  const seconds = Math.ceil(minutes * 60)
  const load = ['load', '--data', data, '--fresh', '--rate', String(rate), '--seconds', String(seconds), '--port']
  const child = spawn(process.execPath, ['--trace-warnings', mto, ...load, String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
  let errors = ''
  let isLive = false
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (text.includes(' lag ')) isLive = true
    else errors += text
  })
  const startedMs = performance.now()
  const looks: Look[] = []
  let isOver = false
  void ended.then(() => {
    isOver = true
  })
  const visiting = repeat(VISIT_INTERVAL_MS, () => (isLive ? visit(api) : undefined))
  await repeat(LOOK_INTERVAL_MS, async () => {
    if (!isLive) return
    const seen = await look(child.pid as number, api, startedMs)
    looks.push(seen)
    if (looks.length % 15 === 0) process.stderr.write(`${lineOf(seen)}\n`)
  })
  await visiting
  const code = await ended

  async function repeat(intervalMs: number, action: () => Promise<void> | undefined): Promise<void> {
    while (!isOver) {
      // While it starts and while it ends the API is not there.
      await action()?.catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, intervalMs))
    }
  }
  const verdicts = judge(looks)
  for (const { gauge, before, after, allowed, isFlat } of verdicts) {
    const figures = [before, after, allowed].map((value) => value.toFixed(0))
    process.stdout.write(
      `${isFlat ? 'flat ' : 'GROWS'}  ${gauge.padEnd(12)} ${figures[0]} → ${figures[1]}, ${figures[2]} allowed\n`,
    )
  }
  const hasWarned = /MaxListenersExceededWarning/.test(errors)
  if (hasWarned) process.stdout.write(`GROWS  listeners: ${errors.slice(0, 2_000)}\n`)
  if (code !== 0) process.stdout.write(`mto load has ended with ${code}: ${errors.slice(-2_000)}\n`)
  const verified = await run(['verify', '--data', data])
  process.stdout.write(`${looks.length} looks in ${minutes} minutes at ${rate} events/s; mto verify: ${verified}\n`)
  if (values.data === undefined) await rm(data, { recursive: true, force: true })
  return verdicts.every(({ isFlat }) => isFlat) && !hasWarned && code === 0 && verified === 0 ? 0 : 1
}

const lineOf = (seen: Look): string =>
  `${String(seen.second).padStart(5)} s  resident ${seen.residentMib.toFixed(0)} MiB, heap ${seen.heapMib.toFixed(0)} MiB, ` +
  `${seen.files} files, ${seen.timers} timers, ${seen.handles} handles, ${seen.iterators} iterators`

function run(args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [mto, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
}

process.exitCode = await main()

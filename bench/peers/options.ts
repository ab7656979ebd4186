import { parseArgs } from 'node:util'
import { configurations, type Peer, pacedConfigurations, peers } from './configurations.ts'

export type PeerOptions = {
  readonly events: number
  readonly rounds: number
  readonly threads: number
  readonly peers: readonly Peer[]
  /** Names of configurations of the throughput; none where only the latency is asked for. */
  readonly only: readonly string[]
  readonly restore: boolean
  /** Records of changelogs that both are to restore; 0: none. */
  readonly restoreRecords: number
  readonly latency: boolean
  /** Names of configurations of the latency. */
  readonly paced: readonly string[]
  readonly rate: number
  readonly latencySeconds: number
  readonly warmUpSeconds: number
  readonly groupProtocol: string
  readonly baseline: string | undefined
  readonly profileDirectory: string | undefined
}

export const usage = `Runs Mto and Java Kafka Streams side by side: same broker, same machine, same topology, same data, in
turns (Java, Mto, Java, Mto, …), and prints both with their ratios: smallest, middle and largest of the rounds.

  make bench-peers                                    all configurations, 1,000,000 events, 3 rounds
  make bench-peers ARGS='--latency'                   and the latency at a steady 10,000 events/s
  make bench-peers ARGS='--events 50000 --rounds 1 --only eos'   a quick look: does it work at all?

What is run
  --events N           events that lie on the broker before each run (1000000)
  --rounds N           turns of each configuration (3)
  --only NAMES         of ${configurations.map(({ name }) => name).join(',')}: alo at-least-once, eos exactly-once, -cache with a
                       record cache of 10 MiB, -own with each side's default commits; none: no throughput, for --latency alone
  --threads N          stream threads of both (2)
  --peers NAMES        of java,mto: one alone gives figures, but no ratios
  --no-restore         leaves out: state directory deleted, how long until all tasks run again
  --restore-records N  both restore the same changelogs of at least N records, which Java has written (none); there
                       are then at least N / 2 events
  --latency            events at a steady rate, one output each: how long from due to read
  --paced NAMES        of ${pacedConfigurations.map(({ name }) => name).join(',')}: what --latency runs
  --rate N             of these (10000 a second)
  --latency-seconds N  measured so long (60), after
  --warm-up-seconds N  (30)
  --group-protocol P   Java's: classic (its default) or streams (KIP-1071, which Mto always uses)

What becomes of it
  --baseline FILE      says what became slower than in this file, by the ratios (machines differ, ratios less)
  --profile            Mto's processes write CPU profiles into build/bench-peers/profiles
  Results also go to build/bench-peers/DATE.json; committed as bench/peers/baseline.json they are the baseline.

It needs java (17 or later) and mvn on the PATH; the jars (95 MB) are downloaded the first time. The broker is one that
it starts, or that of KAFKA_BROKERS=host:port, on which it deletes topics and groups that begin with bench-peers-.
Exit code 1: the peers wrote different outputs, or one of them failed.

Both sides and the broker share the machine: what else runs on it is measured too, so let nothing else run.`

/** Undefined: only help was asked for. Throws with what is wrong and what to do. */
export function parseOptions(args: readonly string[]): PeerOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      events: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '3' },
      threads: { type: 'string', default: '2' },
      only: { type: 'string', default: configurations.map(({ name }) => name).join() },
      peers: { type: 'string', default: peers.join() },
      restore: { type: 'boolean', default: true },
      'restore-records': { type: 'string' },
      latency: { type: 'boolean', default: false },
      paced: { type: 'string', default: pacedConfigurations.map(({ name }) => name).join() },
      rate: { type: 'string', default: '10000' },
      'latency-seconds': { type: 'string', default: '60' },
      'warm-up-seconds': { type: 'string', default: '30' },
      'group-protocol': { type: 'string', default: 'classic' },
      baseline: { type: 'string' },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const known = configurations.map(({ name }) => name)
  const restored = values['restore-records']
  const restoreRecords = restored === undefined ? 0 : countOf('restore-records', restored)
  return {
    // Each event is in two changelogs.
    events: Math.max(countOf('events', values.events), Math.ceil(restoreRecords / 2)),
    rounds: countOf('rounds', values.rounds),
    threads: countOf('threads', values.threads),
    peers: namesOf('peers', values.peers, peers),
    only: values.only === 'none' ? [] : namesOf('only', values.only, known),
    restore: values.restore,
    restoreRecords,
    latency: values.latency,
    paced: namesOf(
      'paced',
      values.paced,
      pacedConfigurations.map(({ name }) => name),
    ),
    rate: countOf('rate', values.rate),
    latencySeconds: countOf('latency-seconds', values['latency-seconds']),
    warmUpSeconds: countOf('warm-up-seconds', values['warm-up-seconds']),
    groupProtocol: namesOf('group-protocol', values['group-protocol'], ['classic', 'streams'])[0] as string,
    baseline: values.baseline,
    profileDirectory: values.profile ? 'build/bench-peers/profiles' : undefined,
  }
}

function countOf(option: string, text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1)
    throw new Error(`--${option} is a whole number from 1 on, not '${text}' (--help says what it is for)`)
  return count
}

function namesOf<Name extends string>(option: string, text: string, known: readonly Name[]): readonly Name[] {
  return text.split(',').map((given) => {
    const name = known.find((each) => each === given)
    if (name === undefined) throw new Error(`--${option}: there is no '${given}', only ${known.join(', ')}`)
    return name
  })
}

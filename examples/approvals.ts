import {
  createStreamsBuilder,
  type KeyValueStore,
  keyValueStore,
  type ProcessorContext,
  type ProcessorSupplier,
  serdes,
} from 'mto'

export type Loan = { readonly branch: string; readonly amount: number; readonly state: 'asked' | 'decided' }

const MINUTE_MS = 60_000
const waiting = keyValueStore({ name: 'waiting', key: serdes.string, value: serdes.json<Loan>() })

/** Reminds every minute, of the wall clock, of the loans that nobody has decided on. */
const remind: ProcessorSupplier<string, Loan, string, string> = {
  stores: [waiting],
  get: () => {
    let context: ProcessorContext<string, string>
    let store: KeyValueStore<string, Loan>
    return {
      init: (given) => {
        context = given
        store = context.store(waiting)
        context.schedule({ intervalMs: MINUTE_MS, type: 'wall-clock-time' }, (timestampMs) => {
          for (const { key, value } of store.all()) {
            context.forward({ key, value: `${value.amount} is waiting`, timestampMs, headers: [] })
          }
        })
      },
      process: ({ key, value }) => {
        if (value.amount <= 0) throw new Error(`loan ${key} is of ${value.amount}`)
        store.put(key, value.state === 'asked' ? value : null)
      },
    }
  },
}

export function topology() {
  const builder = createStreamsBuilder()
  const loans = builder.stream('loans', { key: serdes.string, value: serdes.json<Loan>() })

  loans.process(remind, { name: 'remind', key: serdes.string, value: serdes.string }).to('reminders')
  loans
    .groupBy((_loanId, { branch }) => branch, { name: 'by-branch', key: serdes.string })
    .count({ store: 'branch-counts' })
    .toStream()
    .to('branch-counts')
  return builder.build()
}

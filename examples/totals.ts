import { createStreamsBuilder, keyValueStore, type ProcessorContext, type ProcessorSupplier, serdes } from 'mto'

const { int64, string } = serdes
type Totals = ProcessorSupplier<string, number, string, number>

/** Adds up the payments of each member. With a mistake: the totals live in the processor. */
export const totalsInField: Totals = {
  get: () => {
    const totals = new Map<string, number>()
    let context: ProcessorContext<string, number>
    return {
      init: (given) => {
        context = given
      },
      process: (record) => {
        const total = (totals.get(record.key) ?? 0) + record.value
        totals.set(record.key, total)
        context.forward({ ...record, value: total })
      },
    }
  },
}

const totalsStore = keyValueStore({ name: 'totals', key: string, value: int64 })

/** As it should be: in a store, which is committed together with what was sent. */
export const totalsInStore: Totals = {
  stores: [totalsStore],
  get: () => {
    let context: ProcessorContext<string, number>
    return {
      init: (given) => {
        context = given
      },
      process: (record) => {
        const totals = context.store(totalsStore)
        const total = (totals.get(record.key) ?? 0) + record.value
        totals.put(record.key, total)
        context.forward({ ...record, value: total })
      },
    }
  },
}

export function topology(totals: Totals) {
  const builder = createStreamsBuilder()
  builder.stream('payments', { key: string, value: int64 }).process(totals, { key: string, value: int64 }).to('totals')
  return builder.build()
}

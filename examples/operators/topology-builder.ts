import { createTopologyBuilder, type ProcessorContext, type ProcessorSupplier, serdes } from 'mto'

const double: ProcessorSupplier<string, number, string, number> = {
  get: () => {
    let context: ProcessorContext<string, number>
    return {
      init: (given) => {
        context = given
      },
      process: (record) =>
        context.forward({ ...record, value: 2 * record.value }, record.value < 0 ? 'debits' : 'credits'),
    }
  },
}

export function topology() {
  return createTopologyBuilder()
    .addSource({ name: 'amounts', topics: 'amounts', key: serdes.string, value: serdes.int64 })
    .addProcessor({ name: 'double', supplier: double, parents: ['amounts'] })
    .addSink({ name: 'debits', topic: 'debits', key: serdes.string, value: serdes.int64, parents: ['double'] })
    .addSink({ name: 'credits', topic: 'credits', key: serdes.string, value: serdes.int64, parents: ['double'] })
    .build()
}

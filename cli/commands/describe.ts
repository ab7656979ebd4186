import { Command } from 'commander'
import { loadApplication } from '#host'
import { fail } from '../fail.ts'

export function describeCommand(): Command {
  return new Command('describe')
    .description('Prints the topology of a module: sub-topologies, nodes, stores, topics (as Kafka Streams does).')
    .argument('<module>', 'a TypeScript or JavaScript module that exports `topology`')
    .option('--json', 'as data')
    .action(async (module: string, options: { readonly json?: true }) => {
      try {
        const { topology } = await loadApplication(module)
        if (options.json !== true) {
          process.stdout.write(topology.describe())
          return
        }
        const { subTopologies, stores, repartitionTopics } = topology
        const data = { subTopologies, stores: [...stores.keys()], repartitionTopics: [...repartitionTopics.values()] }
        process.stdout.write(`${JSON.stringify(data, undefined, 2)}\n`)
      } catch (error) {
        fail(error)
      }
    })
}

import { registerHooks } from 'node:module'
import { MUTANTS } from './planted-bugs.ts'

/**
 * Loads the engine with one planted bug (the line is changed as the file is read; nothing on the disk is) and runs seeds
 * until one fails. Prints what was found as a line of JSON.
 */
const [name, seedsMax] = process.argv.slice(2)
const mutant = MUTANTS.find((candidate) => candidate.name === name)
if (mutant === undefined) throw new Error(`there is no planted bug ${name}`)

const target = new URL(`../../${mutant.file}`, import.meta.url).href
registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (url !== target || loaded.source === undefined || loaded.source === null) return loaded
    const source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source)
    return { ...loaded, source: source.replace(mutant.find, () => mutant.replace) }
  },
})

const { chooseApplication, loadCatalogue } = await import('./applications.ts')
const { drawPlan, prngFor } = await import('./plan.ts')
const { runPlan } = await import('./run.ts')

const catalogue = await loadCatalogue()
for (let seeds = 1; seeds <= Number(seedsMax); seeds++) {
  const application = chooseApplication(catalogue, prngFor(seeds, 'application'), mutant.topology)
  const plan = drawPlan(seeds, application, {
    ...(mutant.log === undefined ? {} : { log: mutant.log }),
    ...(mutant.faults === undefined ? {} : { kinds: mutant.faults }),
  })
  const [violation] = (await runPlan(plan)).violations
  if (violation === undefined) continue
  process.stdout.write(`${JSON.stringify({ seeds, seed: seeds, ...violation })}\n`)
  break
}

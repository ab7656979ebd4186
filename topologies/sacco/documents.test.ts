import { readFile, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { localSchemas } from '#schemas'
import { DEFAULT_FRAUD_RULES } from './fraud/default-rules.ts'
import type { FraudRule } from './fraud/rule.ts'
import { amountText, durationText } from './fraud/words.ts'
import { SACCO_STORES, type StoreHandle } from './store-handles.ts'
import { createSaccoStores, SACCO_DEFINITIONS } from './stores.ts'

/** The tables of docs/SACCO.md are made from the rules and stores. `UPDATE=1` writes them anew. */
const document = new URL('../../docs/SACCO.md', import.meta.url)

function valueText({ name, value }: FraudRule['params'][number]): string {
  if (name.endsWith('_minor')) return amountText(value)
  if (name.endsWith('_ms')) return durationText(value)
  if (name.endsWith('_bps')) return `${value / 100} %`
  return String(value)
}

const ruleRow = (rule: FraudRule): string => {
  const params = rule.params.map((each) => `${each.name} ${valueText(each)}`).join(', ')
  return `| \`${rule.rule_id}\` | ${rule.description} | ${params} | ${rule.severity}, ${rule.outcome} | ${rule.status} |`
}
const where = ({ isByKey, partitions, key, doc }: StoreHandle): string => {
  if (doc.includes('Global')) return 'global'
  if (doc.includes('added up') || doc.includes('entry per task')) return 'sum'
  return isByKey && key !== '' ? `by key (${partitions})` : `any task (${partitions})`
}
const storeRow = (store: StoreHandle): string =>
  `| \`${store.name}\` | ${store.kind} | ${store.key.replaceAll('|', '\\|')} | ${store.doc} | ${where(store)} |`

const TABLES = {
  rules: [
    '| rule | looks for | defaults | severity, asks for | status |',
    '|---|---|---|---|---|',
    ...DEFAULT_FRAUD_RULES.map(ruleRow),
  ],
  stores: [
    '| store | kind | key | holds | where |',
    '|---|---|---|---|---|',
    ...Object.values(SACCO_STORES).map(storeRow),
  ],
}

test.each(Object.entries(TABLES))('docs/SACCO.md has the table of %s as it is', async (name, lines) => {
  const text = await readFile(document, 'utf8')
  const block = new RegExp(`<!-- ${name} -->\\n[\\s\\S]*?<!-- end -->`)
  const updated = text.replace(block, () => `<!-- ${name} -->\n${lines.join('\n')}\n<!-- end -->`)
  if (process.env.UPDATE === '1') await writeFile(document, updated)
  else expect(text, 'run UPDATE=1 vitest run topologies/sacco/documents.test.ts').toBe(updated)
})

test('every store has a handle, and every handle a store', () => {
  const { intake, members, balances, velocity, loans, risk, fraud } = createSaccoStores(localSchemas(SACCO_DEFINITIONS))
  const specs = [
    ...Object.values(intake),
    members,
    ...Object.values(balances),
    ...velocity.windows,
    velocity.sessions,
    ...Object.values(loans),
    ...Object.values(risk),
    ...Object.values(fraud),
  ]
  const kinds = Object.fromEntries(specs.map(({ name, kind }) => [name, kind]))
  expect(Object.fromEntries(Object.values(SACCO_STORES).map(({ name, kind }) => [name, kind]))).toEqual(kinds)
})

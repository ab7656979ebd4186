import type { BalanceFold } from '#load'
import { createTopicSerde, problemOfEvent, type RegisteredSchemas } from '#schemas'
import type { Log } from '#streams/ports'
import type { AccountBalance, LedgerTotal, SaccoStores } from '#topologies/sacco'
import type { OpenData } from '../platform/open-data.ts'
import { readTopics } from '../platform/read-topic.ts'
import { ACCESS_CHECK, checkAccessTrail } from './access-trail.ts'
import { type Check, type Checks, createChecks } from './differences.ts'
import { INPUT_TOPICS, type Inputs, readInputs, type TopicAccount } from './inputs.ts'
import { createJournalBook, type JournalBook } from './journal-book.ts'
import { type Refusals, readRefusals } from './refusals.ts'
import { checkStateOnDisk } from './state-on-disk.ts'
import { readStore, type StoreContents, saccoStores } from './store-contents.ts'

export type VerifyReport = {
  readonly differences: number
  readonly checks: readonly Check[]
  readonly inputs: Readonly<Record<string, TopicAccount>>
  readonly refusedByReason: Readonly<Record<string, number>>
  readonly currencies: Readonly<Record<string, { readonly debitsMinor: number; readonly creditsMinor: number }>>
  readonly journals: number
  readonly postings: number
  readonly accounts: number
  readonly loans: number
  readonly flags: number
}

const SUM_CHECK = 'postings add up to zero, per currency'
const BALANCE_CHECK = 'each balance is the fold of its events'
const POSTINGS_CHECK = 'each balance is the sum of its postings'
const LEDGER_CHECK = "the SACCO's own accounts agree with the journals"
const LOAN_CHECK = 'each loan is the fold of its events'
const INPUT_CHECK = 'every input is accounted for'
const SOURCE_CHECK = 'each journal has one processed event'
const FLAG_CHECK = 'no flag twice'
const REFUSAL_CHECK = 'what was refused had to be'
const VALID_CHECK = 'what was processed is valid'

export type VerifyOptions = {
  readonly data: OpenData
  readonly dataDirectory: string
  readonly applicationId: string
  readonly onProgress?: (text: string) => void
}

/** Checks the money and the account of all inputs against the log alone: nothing that runs is asked. */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { data, dataDirectory, applicationId, onProgress } = options
  const { log, schemas, topology } = data
  const checks = createChecks()
  for (const name of [SUM_CHECK, BALANCE_CHECK, POSTINGS_CHECK, LOAN_CHECK, LEDGER_CHECK]) checks.declare(name)
  for (const name of [INPUT_CHECK, VALID_CHECK, REFUSAL_CHECK, SOURCE_CHECK, FLAG_CHECK, ACCESS_CHECK]) {
    checks.declare(name)
  }
  const stores = saccoStores(schemas)
  onProgress?.('reading what was refused')
  const refusals = await readRefusals(log, schemas)
  const parked = await readStore(log, applicationId, stores.intake.parked)
  const waiting = new Set(parked.entries.map(({ value }) => value.event_id))
  const journals = createJournalBook(checks)
  const inputs = await readInputs({
    ...{ log, schemas, refusals, waiting, journals, checks, hasMarkers: data.hasMarkers },
    onProgress: (records) => onProgress?.(`reading inputs and journals: ${records} records`),
  })
  onProgress?.('comparing stores')
  checkSums(journals, checks)
  checkSources(journals, inputs, checks)
  checkRefusals(refusals, inputs, checks)
  const balances = await readStore(log, applicationId, stores.balances.balances)
  checkBalances(balances, inputs.fold, journals, checks)
  checkLedger(await readStore(log, applicationId, stores.balances.ledger), balances, journals, checks)
  const loans = await checkLoans(log, applicationId, stores, inputs.fold, checks)
  await checkAccounting(log, applicationId, stores, inputs, checks)
  const flags = await checkFlags(log, schemas, checks)
  await checkAccessTrail(log, schemas, checks)
  onProgress?.('comparing local state with changelogs')
  const compared = [stores.balances.balances, stores.balances.ledger, stores.intake.accounting, stores.loans.loans]
  await checkStateOnDisk({
    ...{ log, dataDirectory, applicationId, topology, checks },
    stores: compared.map(({ name }) => name),
  })
  for (const at of refusals.unexplained)
    checks.compare(INPUT_CHECK, `the dead letter at ${at} does not say what it is of`)
  return reportOf({ checks, inputs, refusals, journals, accounts: balances.entries.length, loans, flags })
}

function reportOf(parts: {
  readonly checks: Checks
  readonly inputs: Inputs
  readonly refusals: Refusals
  readonly journals: JournalBook
  readonly accounts: number
  readonly loans: number
  readonly flags: number
}): VerifyReport {
  const { checks, inputs, refusals, journals, accounts, loans, flags } = parts
  return {
    differences: checks.all.reduce((sum, { differences }) => sum + differences, 0),
    checks: checks.all,
    inputs: Object.fromEntries(inputs.byTopic),
    refusedByReason: Object.fromEntries(refusals.countByReason),
    currencies: Object.fromEntries(journals.byCurrency),
    journals: journals.count,
    postings: journals.postings,
    accounts,
    loans,
    flags,
  }
}

function checkSums(journals: JournalBook, checks: Checks): void {
  for (const [currency, { debitsMinor, creditsMinor }] of journals.byCurrency) {
    checks.compare(
      SUM_CHECK,
      debitsMinor === creditsMinor ? undefined : `${currency}: debits ${debitsMinor}, credits ${creditsMinor}`,
    )
  }
}

function checkSources(journals: JournalBook, inputs: Inputs, checks: Checks): void {
  for (const [eventId, at] of journals.sources) {
    const problem = inputs.isProcessed(eventId)
      ? undefined
      : `the journal at ${at} is of ${eventId}, which was not processed`
    checks.compare(SOURCE_CHECK, problem)
  }
}

type Subject = { readonly member_id?: string | null; readonly account_id?: string | null }

/** A refusal that the events themselves contradict is money that was lost with a receipt. */
function checkRefusals(refusals: Refusals, { fold, members }: Inputs, checks: Checks): void {
  for (const { event, reason } of refusals.events) {
    const { member_id, account_id } = event.data as Subject
    const isWrong =
      (reason === 'unknown-member' && members.has(member_id ?? '')) ||
      (reason === 'unknown-account' && fold.account(account_id as never)?.isOpened === true) ||
      (reason === 'invalid' && problemOfEvent(event) === undefined)
    const words = `${event.event_type} ${event.event_id} was refused as ${reason}, but it is not (member ${member_id}, account ${account_id})`
    checks.compare(REFUSAL_CHECK, isWrong ? words : undefined)
  }
}

type Balances = StoreContents<AccountBalance>

function checkBalances(balances: Balances, fold: BalanceFold, journals: JournalBook, checks: Checks): void {
  const stored = new Map<string, AccountBalance>()
  for (const { key, partition, value } of balances.entries) {
    const isAgain = stored.has(key)
    stored.set(key, value)
    if (isAgain) checks.compare(BALANCE_CHECK, `account ${key} is in two tasks, one of them ${partition}`)
  }
  const { accounts, unknownAccounts } = fold.result()
  const folded = new Map([...accounts, ...unknownAccounts].map(([id, account]) => [String(id), account]))
  for (const id of new Set([...stored.keys(), ...folded.keys(), ...journals.members.keys()])) {
    const balance = stored.get(id)
    const expected = folded.get(id)
    const posted = journals.members.get(id) ?? { balanceMinor: 0, postings: 0 }
    checks.compare(BALANCE_CHECK, problemOfBalance(id, balance, expected?.balanceMinor ?? 0, expected?.heldMinor ?? 0))
    const agrees = balance?.balance_minor === posted.balanceMinor && balance.postings === posted.postings
    const words = `account ${id}: balance ${balance?.balance_minor} of ${balance?.postings} postings, the journals have ${posted.balanceMinor} of ${posted.postings}`
    checks.compare(POSTINGS_CHECK, agrees ? undefined : words)
  }
}

function problemOfBalance(
  id: string,
  balance: AccountBalance | undefined,
  balanceMinor: number,
  heldMinor: number,
): string | undefined {
  if (balance === undefined) return `account ${id} has no balance, its events come to ${balanceMinor}`
  if (balance.balance_minor !== balanceMinor) {
    return `account ${id}: balance ${balance.balance_minor}, its events come to ${balanceMinor}`
  }
  if (balance.held_minor !== heldMinor) return `account ${id}: held ${balance.held_minor}, its events say ${heldMinor}`
  const available = balance.balance_minor - balance.held_minor
  if (balance.available_minor !== available)
    return `account ${id}: available ${balance.available_minor}, not ${available}`
  return undefined
}

const MEMBER_ACCOUNTS_ID = 'gl:member-accounts'

/** Each task keeps its share of the SACCO's own accounts: the sum over all tasks must be what the journals say. */
function checkLedger(
  ledger: StoreContents<LedgerTotal>,
  balances: Balances,
  journals: JournalBook,
  checks: Checks,
): void {
  const totals = new Map<string, number>()
  for (const { key, value } of ledger.entries) totals.set(key, (totals.get(key) ?? 0) + value.balance_minor)
  const membersMinor = balances.entries.reduce((sum, { value }) => sum + value.balance_minor, 0)
  for (const id of new Set([...totals.keys(), ...journals.ledger.keys()])) {
    const total = totals.get(id) ?? 0
    const expected = id === MEMBER_ACCOUNTS_ID ? membersMinor : (journals.ledger.get(id)?.balanceMinor ?? 0)
    checks.compare(LEDGER_CHECK, total === expected ? undefined : `${id}: ${total}, expected ${expected}`)
  }
  const sum = [...totals.values()].reduce((left, right) => left + right, 0)
  checks.compare(LEDGER_CHECK, sum === 0 ? undefined : `all accounts together come to ${sum}, not 0`)
}

async function checkLoans(
  log: Log,
  applicationId: string,
  stores: SaccoStores,
  fold: BalanceFold,
  checks: Checks,
): Promise<number> {
  const { entries } = await readStore(log, applicationId, stores.loans.loans)
  const stored = new Map(entries.map(({ key, value }) => [key, value]))
  for (const [id, expected] of fold.result().loans) {
    const loan = stored.get(id)
    const agrees = loan?.outstanding_minor === expected.outstandingMinor
    checks.compare(
      LOAN_CHECK,
      agrees
        ? undefined
        : `loan ${id}: outstanding ${loan?.outstanding_minor}, its events come to ${expected.outstandingMinor}`,
    )
  }
  return stored.size
}

const OUTCOMES = [
  ['processed', 'processed'],
  ['duplicate', 'duplicate'],
  ['late', 'late'],
  ['dead-lettered', 'deadLettered'],
] as const

/** What the intake has counted must be what the records themselves say. */
async function checkAccounting(
  log: Log,
  applicationId: string,
  stores: SaccoStores,
  inputs: Inputs,
  checks: Checks,
): Promise<void> {
  const counted = new Map<string, number>()
  for (const { key, value } of (await readStore(log, applicationId, stores.intake.accounting)).entries) {
    const [topic, outcome] = key.split('|')
    const name = `${topic}|${outcome}`
    counted.set(name, (counted.get(name) ?? 0) + value)
  }
  for (const topic of INPUT_TOPICS) {
    const account = inputs.byTopic.get(topic) as TopicAccount
    if (account.compacted > 0 || account.mayLack) {
      // Which of the events that are gone was a duplicate cannot be told any more: their number can.
      const intake = OUTCOMES.reduce((sum, [outcome]) => sum + (counted.get(`${topic}|${outcome}`) ?? 0), 0)
      const appended = account.records + account.compacted - account.own - account.unreadable - account.waiting
      const isRight = account.mayLack ? intake >= appended : intake === appended
      const words = `${topic}: the intake counts ${intake} events, ${account.mayLack ? 'at least ' : ''}${appended} were appended`
      checks.compare(INPUT_CHECK, isRight ? undefined : words)
      continue
    }
    for (const [outcome, field] of OUTCOMES) {
      const intake = counted.get(`${topic}|${outcome}`) ?? 0
      const words = `${topic}: the intake counts ${intake} ${outcome}, the records say ${account[field]}`
      checks.compare(INPUT_CHECK, intake === account[field] ? undefined : words)
    }
  }
}

async function checkFlags(log: Log, schemas: RegisteredSchemas, checks: Checks): Promise<number> {
  const topic = 'sacco.analytics.events'
  const serde = createTopicSerde(topic, schemas)
  const seen = new Set<string>()
  await readTopics({
    log,
    topics: [topic],
    onRecord: ({ offset, value, headers }, { partition }) => {
      if (value === null) return
      const event = serde.deserialize(value, topic, headers)
      if (event.event_type !== 'fraud.detected') return
      const { flag_id } = event.data
      checks.compare(
        FLAG_CHECK,
        seen.has(flag_id) ? `flag ${flag_id} again at ${topic}-${partition}@${offset}` : undefined,
      )
      seen.add(flag_id)
    },
  })
  return seen.size
}

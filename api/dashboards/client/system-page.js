// @ts-check
import { get } from './api.js'
import { legend, lineChart } from './charts.js'
import { h, replace } from './dom.js'
import { count, fullTime, milliseconds, short, shortTime } from './format.js'
import { badge, card, empty, problem, table, tile } from './parts.js'
import { topologyView } from './topology-view.js'

/** @typedef {import('./types.d.ts').SystemSnapshot} SystemSnapshot */
/** @typedef {import('./types.d.ts').DeadLetter} DeadLetter */
/** @typedef {import('./types.d.ts').RefusalCount} RefusalCount */
/** @typedef {Pick<SystemSnapshot, 'at' | 'consumedPerSecond' | 'producedPerSecond'> & { p50Ms: number | null, p95Ms: number | null, p99Ms: number | null }} Point */

const POINTS_MAX = 300
const REFRESH_MS = 5_000
const SLOW_MS = 500
const LAG_SECONDS_MAX = 30
const LETTERS_SHOWN = 20

/** How bad it is: a repetition is harmless, what is late is kept. @param {string} kind @param {string} reason */
const reasonKind = (kind, reason) => (reason === 'duplicate' ? 'low' : kind === 'late' ? 'medium' : 'high')

/** What the machinery does: throughput, latency, lag, what was refused, the topology with its rates. */
export class SystemPage {
  /** @param {import('./types.d.ts').PageContext} context */
  constructor(context) {
    this.context = context
    /** @type {Point[]} */
    this.points = []
    /** Of the dead letters that are listed; empty: any. */
    this.reason = ''
    this.duplicates = 0
  }

  async show() {
    const { context } = this
    this.build()
    try {
      await this.loadHistory()
      await this.loadTopology()
    } catch (error) {
      if (!context.signal.aborted) replace(context.root, problem(error))
      return
    }
    context.onSnapshot((snapshot) => this.snapshot(snapshot))
    await this.refresh()
    const timer = setInterval(() => this.refresh(), REFRESH_MS)
    context.onLeave(() => clearInterval(timer))
  }

  build() {
    const { context } = this
    this.tiles = h('div', { class: 'tiles' })
    const throughput = h('div')
    const latency = h('div')
    this.topology = h('div', { class: 'body table-wrap' }, empty('Loading'))
    this.inputs = h('div', {}, empty('Loading'))
    this.letters = h('div', {}, empty('Loading'))
    this.refusals = h('div', {}, empty('Loading'))
    this.topics = h('div', {}, empty('Loading'))
    const rates = ['Consumed', 'Produced']
    const shares = ['Half below', '95 % below', '99 % below']
    replace(
      context.root,
      h(
        'div',
        { class: 'page-head' },
        h('h1', {}, 'System'),
        h('a', { href: '/docs' }, 'API documentation'),
        h('a', { href: '/metrics' }, 'Metrics'),
      ),
      this.tiles,
      h(
        'div',
        { class: 'grid two' },
        card('Events per second', [h('div', { class: 'body' }, throughput)], legend(rates)),
        card('From log to committed', [h('div', { class: 'body' }, latency)], legend(shares)),
      ),
      h(
        'div',
        { class: 'grid below' },
        card('Topology', [this.topology], h('a', { href: '/v1/topology?format=text' }, 'As text')),
      ),
      h(
        'div',
        { class: 'grid wide-left below' },
        h(
          'div',
          { class: 'grid' },
          card('What became of every input', [this.inputs]),
          card('Refused and late, by reason', [this.refusals]),
          card('Dead letters and late events, the newest', [this.letters]),
        ),
        card('Topics', [this.topics]),
      ),
    )
    this.throughput = lineChart(throughput, {
      labels: rates,
      format: short,
      filled: true,
      height: 200,
      title: 'Events per second',
    })
    this.latency = lineChart(latency, {
      labels: shares,
      format: milliseconds,
      height: 200,
      title: 'Latency from log to committed',
    })
    context.onLeave(() => this.throughput?.destroy())
    context.onLeave(() => this.latency?.destroy())
  }

  async loadHistory() {
    const { now, history } = /** @type {{ now: SystemSnapshot | null, history: Point[] }} */ (await get('/v1/system'))
    this.points = history
    if (now !== null) this.renderTiles(now)
    this.draw()
  }

  async loadTopology() {
    const drawing = /** @type {import('./types.d.ts').TopologyDrawing} */ (
      await get('/v1/topology', { format: 'json' }, this.context.signal)
    )
    this.view = topologyView(drawing, document.body.dataset.application ?? '')
    if (this.topology) replace(this.topology, this.view.svg)
  }

  /** @param {SystemSnapshot} snapshot */
  snapshot(snapshot) {
    const { p50Ms, p95Ms, p99Ms } = snapshot.latency
    if (this.points.at(-1)?.at !== snapshot.at) this.points.push({ ...snapshot, p50Ms, p95Ms, p99Ms })
    if (this.points.length > POINTS_MAX) this.points.shift()
    this.renderTiles(snapshot)
    this.renderTopics(snapshot)
    this.view?.update(snapshot)
    this.draw()
  }

  draw() {
    const times = this.points.map(({ at }) => Date.parse(at) / 1_000)
    const column = (/** @type {(point: Point) => number | null} */ of) => this.points.map(of)
    this.throughput?.set([
      times,
      column((point) => point.consumedPerSecond),
      column((point) => point.producedPerSecond),
    ])
    this.latency?.set([
      times,
      column((point) => point.p50Ms),
      column((point) => point.p95Ms),
      column((point) => point.p99Ms),
    ])
  }

  /** @param {SystemSnapshot} now */
  renderTiles(now) {
    if (!this.tiles) return
    const { latency } = now
    replace(
      this.tiles,
      tile(
        'Events per second',
        short(Math.round(now.consumedPerSecond)),
        `${short(Math.round(now.processedPerSecond))} records in all tasks`,
      ),
      tile(
        'Latency, 95 % below',
        milliseconds(latency.p95Ms),
        `half below ${milliseconds(latency.p50Ms)}, worst ${milliseconds(latency.maxMs)}`,
        (latency.p95Ms ?? 0) > SLOW_MS,
      ),
      tile(
        'Lag',
        count(now.lagRecords),
        `records; the oldest waits ${now.lagSeconds} s`,
        now.lagSeconds > LAG_SECONDS_MAX,
      ),
      tile('Commits', `${now.commitsPerSecond}/s`, `take ${milliseconds(now.commitAverageMs)} on average`),
      tile(
        'Dead letters',
        count(now.deadLetters),
        `${count(this.duplicates)} are duplicates; ${count(now.late)} too late`,
      ),
      tile(
        'State',
        now.state,
        now.streamTime === null ? '' : `stream time ${shortTime(now.streamTime)}`,
        now.state !== 'running',
      ),
    )
  }

  /** @param {SystemSnapshot} now */
  renderTopics(now) {
    if (!this.topics) return
    const rows = now.topics.map((topic) =>
      h(
        'tr',
        {},
        h(
          'td',
          {},
          h('div', {}, topic.name),
          h('div', { class: 'muted' }, `${topic.role}, ${topic.partitions} partitions`),
        ),
        h('td', { class: 'number' }, topic.perSecond === 0 ? '–' : short(topic.perSecond)),
        h('td', { class: 'number' }, short(topic.records)),
        h(
          'td',
          { class: 'number' },
          topic.lagRecords === null ? '' : topic.lagRecords === 0 ? '–' : short(topic.lagRecords),
        ),
      ),
    )
    replace(this.topics, table(['Topic', '#Per second', '#Records', '#Lag'], rows))
  }

  async refresh() {
    const { signal } = this.context
    try {
      const [inputs, letters, refusals] = await Promise.all([
        /** @type {Promise<import('./types.d.ts').Page<{ topic: string, outcome: string, reason: string | null, count: number }>>} */ (
          get('/v1/input-accounting', {}, signal)
        ),
        /** @type {Promise<import('./types.d.ts').Page<DeadLetter>>} */ (
          get('/v1/dead-letters', { limit: LETTERS_SHOWN, reason: this.reason || undefined }, signal)
        ),
        /** @type {Promise<{ items: readonly RefusalCount[], complete: boolean }>} */ (
          get('/v1/dead-letter-counts', {}, signal)
        ),
      ])
      this.renderInputs(inputs.items)
      this.renderRefusals(refusals)
      this.renderLetters(letters.items)
    } catch (error) {
      if (!signal.aborted && this.inputs) replace(this.inputs, problem(error))
    }
  }

  /** @param {readonly { topic: string, outcome: string, reason: string | null, count: number }[]} items */
  renderInputs(items) {
    if (!this.inputs) return
    const topics = [...new Set(items.map(({ topic }) => topic))]
    const sum = (/** @type {string} */ topic, /** @type {string} */ outcome) =>
      items
        .filter((item) => item.topic === topic && item.outcome === outcome)
        .reduce((total, item) => total + item.count, 0)
    const rows = topics.map((topic) =>
      h(
        'tr',
        {},
        h('td', {}, topic),
        ['processed', 'duplicate', 'late', 'dead-lettered'].map((outcome) =>
          h('td', { class: 'number' }, count(sum(topic, outcome))),
        ),
      ),
    )
    replace(
      this.inputs,
      rows.length === 0
        ? empty('Nothing yet.')
        : table(['Topic', '#Processed', '#Duplicate', '#Late', '#Refused'], rows),
    )
  }

  /** @param {{ items: readonly RefusalCount[], complete: boolean }} refusals */
  renderRefusals({ items, complete }) {
    const duplicates = items.filter(({ reason }) => reason === 'duplicate')
    this.duplicates = duplicates.reduce((sum, each) => sum + each.count, 0)
    // Whoever moves through the buttons with the keyboard keeps their place.
    if (!this.refusals || this.refusals.contains(document.activeElement)) return
    if (items.length === 0) {
      replace(this.refusals, empty(complete ? 'Nothing was refused.' : 'Counting …'))
      return
    }
    const rows = items.map(({ kind, topic, reason, count: number, newest }) =>
      h(
        'tr',
        { 'data-reason': reason },
        h(
          'td',
          {},
          h(
            'button',
            {
              class: `badge ${reasonKind(kind, reason)}`,
              type: 'button',
              'aria-pressed': String(this.reason === reason),
              title: 'Show only these below',
              onclick: () => this.chooseReason(reason),
            },
            reason,
          ),
        ),
        h('td', {}, topic ?? '–'),
        h('td', { class: 'number' }, count(number)),
        h('td', { class: 'number muted' }, fullTime(newest)),
      ),
    )
    replace(this.refusals, table(['Reason', 'Topic', '#Records', '#Newest'], rows))
  }

  /** Shows the dead letters of one reason; chosen again, those of all. @param {string} reason */
  chooseReason(reason) {
    this.reason = this.reason === reason ? '' : reason
    for (const button of this.refusals?.querySelectorAll('button') ?? []) {
      button.setAttribute('aria-pressed', String(button.textContent === this.reason))
    }
    if (this.letters) replace(this.letters, empty('Loading'))
    this.refresh()
  }

  /** @param {readonly DeadLetter[]} letters */
  renderLetters(letters) {
    // An opened one stays open: the list is not drawn anew while somebody reads.
    if (!this.letters || this.letters.querySelector('details[open]') !== null) return
    if (letters.length === 0) {
      replace(this.letters, empty('None. What cannot be read or processed lands here with its reason.'))
      return
    }
    const rows = letters.map((letter) => {
      const source =
        letter.source.topic === null
          ? ''
          : `${letter.source.topic}${letter.source.offset === null ? '' : ` ${letter.source.partition} @ ${letter.source.offset}`}`
      const content = letter.value === null ? (letter.valueHex ?? 'empty') : JSON.stringify(letter.value, null, 1)
      return h(
        'tr',
        {},
        h('td', {}, badge(letter.reason, reasonKind(letter.kind, letter.reason))),
        h(
          'td',
          {},
          h('details', {}, h('summary', {}, letter.message || letter.id), h('pre', {}, content)),
          h('div', { class: 'muted' }, `${source}${letter.key === null ? '' : ` · key ${letter.key}`}`),
        ),
        h('td', { class: 'number muted' }, fullTime(letter.time)),
      )
    })
    replace(this.letters, table(['Reason', 'What and where from', '#Time of the record'], rows))
  }
}

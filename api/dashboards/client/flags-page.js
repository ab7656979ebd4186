// @ts-check
import { follow, get } from './api.js'
import { byId, h, replace } from './dom.js'
import { flagDetail } from './flag-detail.js'
import { isInQueue, QUEUES } from './flag-queues.js'
import { flagRow } from './flag-row.js'
import { isClosed, reviewFlag } from './flag-work.js'
import { count } from './format.js'
import { bars, empty, problem, SEVERITIES } from './parts.js'
import { may, staffId } from './session.js'

/** @typedef {import('./types.d.ts').FlagView} FlagView */
/** @typedef {import('./types.d.ts').RuleView} RuleView */

const PAGE_SIZE = 100
/** More are not kept in the page: older ones are loaded again when asked for. */
const KEPT_MAX = 1_000
const RENDER_DELAY_MS = 120
/** Ages of flags are shown anew so often. */
const AGES_INTERVAL_MS = 5_000
/** Between a review in the log and its effect lies a commit. */
const REVIEW_DELAY_MS = 250

/** The page that an analyst keeps open: flags as they are raised, and the one that is looked at. */
export class FlagsPage {
  /** @param {import('./types.d.ts').PageContext} context */
  constructor(context) {
    this.context = context
    /** @type {FlagView[]} The newest first. */
    this.flags = []
    /** @type {FlagView[]} Came while paused. */
    this.held = []
    /** @type {Set<string>} */
    this.fresh = new Set()
    /** @type {Set<string>} */
    this.severities = new Set(SEVERITIES)
    this.rule = ''
    this.text = ''
    this.queue = 'todo'
    this.isPaused = false
    /** @type {string | null} */
    this.next = null
    /** @type {string | undefined} */
    this.selected = context.argument === '' ? undefined : context.argument
    /** @type {Map<string, RuleView>} */
    this.rules = new Map()
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined
    this.loading = 0
    this.unseen = 0
    /** @type {FlagView | undefined} */
    this.current = undefined
    this.isOpened = false
    this.chips = h('fieldset', { class: 'chips', 'aria-label': 'Severity' })
    this.ruleSelect = h('select', { class: 'select', 'aria-label': 'Rule', onchange: () => this.chooseRule() })
    this.queueSelect = h('select', {
      class: 'select',
      'aria-label': 'Which flags',
      onchange: () => this.chooseQueue(),
    })
    this.search = h('input', {
      class: 'input',
      id: 'flag-search',
      type: 'search',
      placeholder: 'Search in the list',
      'aria-label': 'Search in the list',
      oninput: () => this.searched(),
    })
    this.pauseButton = h(
      'button',
      {
        class: 'button',
        type: 'button',
        'aria-pressed': 'false',
        title: 'Pause or go on (p)',
        onclick: () => this.pause(),
      },
      'Pause',
    )
    this.live = h(
      'span',
      { class: 'pill', 'data-state': 'waiting' },
      h('i', { class: 'dot' }),
      h('span', {}, 'Connecting'),
    )
    this.list = h('ul', {
      class: 'flag-list',
      role: 'listbox',
      tabindex: 0,
      'aria-label': 'Fraud flags, the newest first',
    })
    this.newBar = h('button', { class: 'new-bar', type: 'button', hidden: true, onclick: () => this.pause() })
    this.more = h('div', { class: 'empty' })
    this.detail = h('section', { class: 'card desk-detail', 'aria-label': 'Opened flag', tabindex: -1 })
    this.status = h('div', { class: 'visually-hidden', role: 'status' })
  }

  async show() {
    const { context } = this
    this.build()
    context.onKey((key) => this.key(key))
    context.onLeave(() => clearTimeout(this.timer))
    context.onLeave(
      follow(
        '/v1/live/fraud-flags',
        {
          flag: (flag) => this.arrived(flag),
          review: (review) => this.touched(review),
          gap: () => this.reload(),
        },
        (state) => this.liveState(state),
      ),
    )
    const seen = () => this.showUnseen(0)
    document.addEventListener('visibilitychange', seen)
    context.onLeave(() => document.removeEventListener('visibilitychange', seen))
    const ages = setInterval(() => this.later(), AGES_INTERVAL_MS)
    context.onLeave(() => clearInterval(ages))
    await Promise.all([this.load(), this.loadRules()])
    if (context.argument !== '') await this.open(context.argument)
    else this.renderDetail()
  }

  build() {
    replace(
      this.context.root,
      h(
        'div',
        { class: 'page-head' },
        h('h1', {}, 'Fraud flags'),
        this.live,
        h('span', { class: 'spacer' }),
        this.pauseButton,
      ),
      h('div', { class: 'page-head' }, this.chips, this.queueSelect, this.ruleSelect, this.search),
      h(
        'div',
        { class: 'desk' },
        h('div', { class: 'card desk-list' }, this.newBar, this.list, this.more),
        this.detail,
      ),
      this.status,
    )
    replace(this.ruleSelect, h('option', { value: '' }, 'All rules'))
    replace(
      this.queueSelect,
      QUEUES.map(([queue, text]) => h('option', { value: queue }, text)),
    )
    this.renderDetail()
    this.renderChips()
  }

  async loadRules() {
    try {
      const page = /** @type {import('./types.d.ts').Page<RuleView>} */ (await get('/v1/fraud-rules'))
      this.rules = new Map(page.items.map((rule) => [rule.id, rule]))
      const sorted = [...page.items].sort((left, right) => left.name.localeCompare(right.name))
      const options = sorted.map(({ id, name }) => h('option', { value: id }, name))
      replace(this.ruleSelect, h('option', { value: '' }, 'All rules'), options)
      this.ruleSelect.value = this.rule
    } catch {
      // Without their names the rules are shown by what the flags say.
    }
  }

  filter() {
    const all = this.severities.size === SEVERITIES.length
    return {
      severity: all ? undefined : [...this.severities].join(','),
      rule: this.rule || undefined,
      status: QUEUES.find(([queue]) => queue === this.queue)?.[2] || undefined,
      assignee: this.queue === 'mine' ? staffId() || '-' : undefined,
      limit: PAGE_SIZE,
    }
  }

  /** @param {string | null} [cursor] */
  async load(cursor = null) {
    const turn = ++this.loading
    try {
      const page = /** @type {import('./types.d.ts').Page<FlagView>} */ (
        await get('/v1/fraud-flags', { ...this.filter(), cursor: cursor ?? undefined }, this.context.signal)
      )
      if (turn !== this.loading) return
      this.flags = merge(this.flags, page.items)
      this.next = page.next
      this.render()
    } catch (error) {
      if (!this.context.signal.aborted) replace(this.more, problem(error))
    }
  }

  /**
   * Somebody has worked on a flag, here or elsewhere.
   * @param {{ flagId: string }} review
   */
  touched({ flagId }) {
    const isSeen = this.flags.some(({ id }) => id === flagId) || this.current?.id === flagId
    if (isSeen) setTimeout(() => this.loadOne(flagId), REVIEW_DELAY_MS)
  }

  /** @param {string} id */
  async loadOne(id) {
    try {
      this.changed(
        /** @type {FlagView} */ (await get(`/v1/fraud-flags/${encodeURIComponent(id)}`, {}, this.context.signal)),
      )
    } catch {
      // The next one who touches it, or the next load of the list, brings it.
    }
  }

  /** @param {FlagView} flag */
  changed(flag) {
    this.flags = this.flags.map((each) => (each.id === flag.id ? flag : each))
    if (this.current?.id === flag.id && flag.history.length !== this.current.history.length) {
      this.current = flag
      this.renderDetail()
    }
    this.later()
  }

  /** What lies between the list and now is not known: it begins anew. */
  reload() {
    this.flags = []
    this.load()
  }

  /** @param {FlagView} flag */
  arrived(flag) {
    if (this.isPaused) this.held.unshift(flag)
    else this.take([flag])
    if (this.held.length > KEPT_MAX) this.held.length = KEPT_MAX
    if (document.hidden) this.showUnseen(this.unseen + 1)
    this.later()
  }

  /**
   * How many came while the page was in the background, in its title.
   * @param {number} count
   */
  showUnseen(count) {
    this.unseen = count
    document.title = `${count === 0 ? '' : `(${count}) `}Fraud flags · Mto`
  }

  /** @param {FlagView[]} flags */
  take(flags) {
    for (const flag of flags) this.fresh.add(flag.id)
    // What is known already may be further on than what the feed says of its beginning.
    this.flags = merge(flags, this.flags).slice(0, KEPT_MAX)
    if (flags.length === 1) this.status.textContent = `New flag: ${flags[0]?.severity}, ${flags[0]?.rule.name}`
  }

  later() {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      this.render()
    }, RENDER_DELAY_MS)
  }

  pause() {
    this.isPaused = !this.isPaused
    if (!this.isPaused) {
      this.take(this.held)
      this.held = []
    }
    this.pauseButton.setAttribute('aria-pressed', String(this.isPaused))
    this.pauseButton.textContent = this.isPaused ? 'Go on' : 'Pause'
    this.render()
  }

  /** @param {'live' | 'waiting' | 'lost'} state */
  liveState(state) {
    this.live.dataset.state = state
    const text = { live: 'New flags arrive live', waiting: 'Connecting', lost: 'Not connected' }[state]
    replace(this.live, h('i', { class: 'dot' }), h('span', {}, text))
  }

  searched() {
    this.text = this.search.value.trim().toLowerCase()
    this.render()
  }

  chooseQueue() {
    this.queue = this.queueSelect.value
    this.flags = []
    this.load()
  }

  chooseRule() {
    this.rule = this.ruleSelect.value
    this.load()
  }

  /** @param {string} severity */
  toggle(severity) {
    if (this.severities.has(severity)) this.severities.delete(severity)
    else this.severities.add(severity)
    if (this.severities.size === 0) for (const each of SEVERITIES) this.severities.add(each)
    this.renderChips()
    this.load()
  }

  visible() {
    const parts = this.text.split(/\s+/).filter(Boolean)
    return this.flags.filter((flag) => {
      if (!this.severities.has(flag.severity)) return false
      if (this.rule !== '' && flag.rule.id !== this.rule) return false
      // What is looked at stays, also when it has just been closed.
      if (!isInQueue(flag, this.queue) && flag.id !== this.current?.id) return false
      if (parts.length === 0) return true
      const text =
        `${flag.rule.name} ${flag.subject.id} ${flag.memberName ?? ''} ${flag.memberId ?? ''} ${flag.reason}`.toLowerCase()
      return parts.every((part) => text.includes(part))
    })
  }

  renderChips() {
    const counts = new Map(SEVERITIES.map((severity) => [severity, 0]))
    for (const { severity } of this.flags) counts.set(severity, (counts.get(severity) ?? 0) + 1)
    replace(
      this.chips,
      SEVERITIES.map((severity) =>
        h(
          'button',
          {
            class: 'chip severity',
            type: 'button',
            'data-severity': severity,
            'aria-pressed': String(this.severities.has(severity)),
            onclick: () => this.toggle(severity),
          },
          bars(severity),
          severity,
          h('b', {}, count(counts.get(severity) ?? 0)),
        ),
      ),
    )
  }

  render() {
    this.renderChips()
    const shown = this.visible()
    const streamTime = this.context.streamTime()
    replace(
      this.list,
      shown.map((flag) =>
        flagRow(flag, {
          streamTime,
          isFresh: this.fresh.has(flag.id),
          isSelected: flag.id === this.selected,
          onClick: () => this.select(flag, true),
        }),
      ),
    )
    this.fresh.clear()
    this.newBar.hidden = this.held.length === 0
    this.newBar.textContent = `${count(this.held.length)} new while paused. Show them`
    if (this.next !== null) {
      const load = () => this.load(this.next)
      replace(this.more, h('button', { class: 'button', type: 'button', onclick: load }, 'Load older flags'))
    } else
      replace(
        this.more,
        shown.length === 0 ? 'No flags that fit. New ones appear here as they are raised.' : 'No older flags.',
      )
    if (this.selected === undefined && shown[0] !== undefined && isWide()) this.select(shown[0], false)
  }

  /**
   * @param {FlagView} flag
   * @param {boolean} isAsked by the analyst, not by the page
   */
  select(flag, isAsked) {
    this.selected = flag.id
    this.current = flag
    this.isOpened = isAsked
    for (const row of this.list.children) row.setAttribute('aria-selected', String(row.id === `flag-${flag.id}`))
    this.list.setAttribute('aria-activedescendant', `flag-${flag.id}`)
    if (isAsked) history.replaceState(null, '', `#/flags/${encodeURIComponent(flag.id)}`)
    this.renderDetail()
  }

  /** @param {string} id */
  async open(id) {
    const known = this.flags.find((flag) => flag.id === id)
    try {
      const flag = known ?? /** @type {FlagView} */ (await get(`/v1/fraud-flags/${encodeURIComponent(id)}`))
      this.select(flag, true)
      byId('main').scrollTo(0, 0)
      document.getElementById(`flag-${id}`)?.scrollIntoView({ block: 'nearest' })
    } catch (error) {
      replace(this.detail, h('div', { class: 'section' }, problem(error)))
    }
  }

  renderDetail() {
    const flag = this.current
    this.detail.classList.toggle('open', flag !== undefined && this.isOpened)
    if (flag === undefined) {
      replace(
        this.detail,
        empty('Choose a flag to see why it fired. j and k move, t takes it, Enter opens the member.'),
      )
      return
    }
    replace(
      this.detail,
      flagDetail(
        flag,
        this.rules.get(flag.rule.id),
        this.context.streamTime(),
        () => this.close(),
        (seen) => this.changed(seen),
      ),
    )
    this.detail.scrollTop = 0
  }

  close() {
    this.isOpened = false
    history.replaceState(null, '', '#/flags')
    this.detail.classList.remove('open')
    this.list.focus({ preventScroll: true })
  }

  /** @param {string} key */
  key(key) {
    if (key === 'p') this.pause()
    else if (key === 'j' || key === 'ArrowDown') this.move(1)
    else if (key === 'k' || key === 'ArrowUp') this.move(-1)
    else if (key === 'Enter' && this.current?.memberId)
      this.context.go(`#/members/${encodeURIComponent(this.current.memberId)}`)
    else if (key === '/') this.search.focus()
    else if (key === 't') this.takeCurrent()
    else if (key === 'n') document.getElementById('work-note')?.focus()
    else if (key === 'Escape') this.close()
    else return false
    return true
  }

  /** Takes the opened flag; who that is has to be known. */
  async takeCurrent() {
    const flag = this.current
    if (flag === undefined || !may('reviews') || isClosed(flag) || flag.status === 'taken') return
    if (staffId() === '') {
      document.getElementById('work-staff')?.focus()
      return
    }
    try {
      this.changed(await reviewFlag(flag, { action: 'take' }))
    } catch (error) {
      this.status.textContent = error instanceof Error ? error.message : String(error)
    }
  }

  /** @param {1 | -1} step */
  move(step) {
    const shown = this.visible()
    const at = shown.findIndex(({ id }) => id === this.selected)
    const target = shown[Math.max(0, Math.min(shown.length - 1, at + step))]
    if (target === undefined) return
    this.select(target, isWide())
    document.getElementById(`flag-${target.id}`)?.scrollIntoView({ block: 'nearest' })
  }
}

const isWide = () => window.matchMedia('(min-width: 1001px)').matches

/**
 * Both lists without repeats, the newest first: ids begin with their time. The right one knows better.
 * @param {readonly FlagView[]} left
 * @param {readonly FlagView[]} right
 */
function merge(left, right) {
  const all = new Map([...left, ...right].map((flag) => [flag.id, flag]))
  return [...all.values()].sort((one, other) => (one.id < other.id ? 1 : one.id > other.id ? -1 : 0))
}

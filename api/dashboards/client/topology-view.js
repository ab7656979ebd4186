// @ts-check
import { s } from './dom.js'
import { short } from './format.js'

/** @typedef {import('./types.d.ts').TopologyDrawing} TopologyDrawing */
/** @typedef {import('./types.d.ts').SystemSnapshot} SystemSnapshot */
/** @typedef {{ id: string, kind: 'topic' | 'sub', title: string, lines: string[], internal: boolean, rank: number, y: number, height: number }} Box */

const WIDTH = 214
const GAP_X = 46
const GAP_Y = 12
const TOPIC_HEIGHT = 52
const LINE = 19
const TITLE_LENGTH_MAX = 25
const RANKS_MAX = 12

/**
 * The topology as topics and sub-topologies, from left to right, with what flows now.
 * @param {TopologyDrawing} drawing
 * @param {string} applicationId internal topics begin with it
 */
export function topologyView(drawing, applicationId) {
  const boxes = layout(drawing, applicationId)
  const ranks = Math.max(...[...boxes.values()].map(({ rank }) => rank)) + 1
  const width = ranks * WIDTH + (ranks - 1) * GAP_X + 4
  const height = Math.max(...[...boxes.values()].map(({ y, height: tall }) => y + tall)) + 4
  /** @type {Map<string, SVGElement>} */
  const rates = new Map()
  /** @type {{ path: SVGElement, topic: string }[]} */
  const paths = []
  const edges = edgesOf(drawing).flatMap(({ from, to, topic }) => {
    const path = edge(boxes.get(from), boxes.get(to))
    if (path === null) return []
    paths.push({ path, topic })
    return [path]
  })
  const nodes = [...boxes.values()].map((box) => node(box, rates))
  const svg = s(
    'svg',
    { class: 'topology', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': 'Topology with rates' },
    edges,
    nodes,
  )
  return {
    svg,
    /** @param {SystemSnapshot} snapshot */
    update(snapshot) {
      const perSecond = new Map(snapshot.topics.map((topic) => [topic.name, topic.perSecond]))
      for (const topic of snapshot.topics) setRate(rates, `topic:${topic.name}`, topic.perSecond)
      for (const sub of snapshot.subTopologies) setRate(rates, `sub:${sub.id}`, sub.processedPerSecond)
      for (const { path, topic } of paths) path.classList.toggle('flowing', (perSecond.get(topic) ?? 0) > 0)
    },
  }
}

/**
 * @param {Map<string, SVGElement>} rates
 * @param {string} id
 * @param {number} value
 */
function setRate(rates, id, value) {
  const text = rates.get(id)
  if (text !== undefined) text.textContent = value === 0 ? 'quiet' : `${short(value)}/s`
}

/** @param {TopologyDrawing} drawing */
function edgesOf(drawing) {
  return drawing.subTopologies.flatMap((sub) => [
    ...sub.sources.map((topic) => ({ from: `topic:${topic}`, to: `sub:${sub.id}`, topic })),
    ...sub.sinks.map((topic) => ({ from: `sub:${sub.id}`, to: `topic:${topic}`, topic })),
  ])
}

/**
 * Each box stands right of what flows into it; loops are broken where they close.
 * @param {TopologyDrawing} drawing
 * @param {string} applicationId
 */
function layout(drawing, applicationId) {
  /** @type {Map<string, Box>} */
  const boxes = new Map()
  const topic = (/** @type {string} */ name) => {
    const title = name.startsWith(`${applicationId}-`) ? name.slice(applicationId.length + 1) : name
    const internal = title !== name
    boxes.set(`topic:${name}`, {
      id: `topic:${name}`,
      kind: 'topic',
      title,
      lines: [],
      internal,
      rank: 0,
      y: 0,
      height: TOPIC_HEIGHT,
    })
  }
  for (const sub of drawing.subTopologies) {
    for (const name of [...sub.sources, ...sub.sinks]) topic(name)
    const lines = storeLines(sub.stores)
    const height = 58 + lines.length * LINE
    boxes.set(`sub:${sub.id}`, {
      id: `sub:${sub.id}`,
      kind: 'sub',
      title: `Sub-topology ${sub.id}`,
      lines,
      internal: false,
      rank: 0,
      y: 0,
      height,
    })
  }
  rank(boxes, edgesOf(drawing))
  place(boxes)
  return boxes
}

const STORES_SHOWN = 10
/** @param {readonly string[]} stores */
function storeLines(stores) {
  if (stores.length <= STORES_SHOWN) return [...stores]
  return [...stores.slice(0, STORES_SHOWN), `and ${stores.length - STORES_SHOWN} more stores`]
}

/**
 * @param {Map<string, Box>} boxes
 * @param {readonly { from: string, to: string }[]} edges
 */
function rank(boxes, edges) {
  /** @type {Map<string, string[]>} */
  const targets = new Map()
  for (const { from, to } of edges) targets.set(from, [...(targets.get(from) ?? []), to])
  const hasSource = new Set(edges.map(({ to }) => to))
  /** @type {(id: string, at: number, path: readonly string[]) => void} */
  const visit = (id, at, path) => {
    const box = boxes.get(id)
    if (box === undefined || path.includes(id) || at > RANKS_MAX) return
    if (at < box.rank || (at === box.rank && path.length > 0 && at !== 0)) return
    box.rank = at
    for (const target of targets.get(id) ?? []) visit(target, at + 1, [...path, id])
  }
  for (const id of boxes.keys()) if (!hasSource.has(id)) visit(id, 0, [])
}

/** @param {Map<string, Box>} boxes */
function place(boxes) {
  /** @type {Map<number, Box[]>} */
  const columns = new Map()
  for (const box of boxes.values()) columns.set(box.rank, [...(columns.get(box.rank) ?? []), box])
  const heightOf = (/** @type {Box[]} */ column) => column.reduce((sum, { height }) => sum + height + GAP_Y, -GAP_Y)
  const tallest = Math.max(...[...columns.values()].map(heightOf))
  for (const column of columns.values()) {
    let y = 2 + (tallest - heightOf(column)) / 2
    for (const box of column) {
      box.y = y
      y += box.height + GAP_Y
    }
  }
}

/**
 * @param {Box | undefined} from
 * @param {Box | undefined} to
 */
function edge(from, to) {
  if (from === undefined || to === undefined) return null
  const x1 = 2 + from.rank * (WIDTH + GAP_X) + WIDTH
  const y1 = from.y + from.height / 2
  const x2 = 2 + to.rank * (WIDTH + GAP_X)
  const y2 = to.y + to.height / 2
  const bend = to.rank > from.rank ? Math.min(GAP_X * 0.55, (x2 - x1) / 2) : GAP_X * 0.6
  return s('path', { d: `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` })
}

/**
 * @param {Box} box
 * @param {Map<string, SVGElement>} rates
 */
function node(box, rates) {
  const x = 2 + box.rank * (WIDTH + GAP_X)
  const rate = s('text', { class: 'rate', x: x + 14, y: box.y + 42 })
  rates.set(box.id, rate)
  const title = box.title.length > TITLE_LENGTH_MAX ? `${box.title.slice(0, TITLE_LENGTH_MAX - 1)}…` : box.title
  return s(
    'g',
    { class: `${box.kind}${box.internal ? ' internal' : ''}` },
    s('title', {}, box.title),
    s('rect', { x, y: box.y, width: WIDTH, height: box.height, rx: box.kind === 'topic' ? 26 : 8 }),
    s('text', { class: 'title', x: x + 14, y: box.y + 22 }, title),
    box.lines.map((line, index) => s('text', { x: x + 14, y: box.y + 64 + index * LINE }, line)),
    rate,
  )
}

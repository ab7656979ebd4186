import type { FoldedStack } from './attribute.ts'
import { type Stage, stageNames } from './stages.ts'

/**
 * A flame graph as SVG: callers below, what they call above, as wide as the processor time. It brings its own colours
 * for light and dark pages, and no script; the title of a box (which a browser shows when the picture is opened by
 * itself) says the whole name and the figure.
 */
const WIDTH = 1200
const ROW = 17
const MARGIN = 8
const HEADING = 46
const CHARACTER_WIDTH = 6.7
/** Boxes that are narrower are left out: nobody can see them, and the file stays small. */
const WIDTH_MIN = 1.5
const TEXT_WIDTH_MIN = 30

/** Hues, so that light and dark pages have the same ones; stages of one part of the way lie together. */
const HUES: Readonly<Record<Stage, number | undefined>> = {
  fetch: 210,
  decode: 190,
  choose: 225,
  step: 45,
  'store get': 130,
  'store put': 95,
  encode: 170,
  produce: 155,
  'commit: flush': 10,
  'commit: changelog': 20,
  'commit: log': 350,
  'commit: state': 0,
  loop: undefined,
  'log owner': 260,
  collector: 300,
  native: undefined,
  unattributed: undefined,
}

type Box = { readonly name: string; readonly stage: Stage; micros: number; readonly children: Map<string, Box> }

export function mergeStacks(stacks: readonly FoldedStack[]): Box {
  const all: Box = { name: 'all', stage: 'loop', micros: 0, children: new Map() }
  for (const { frames, micros } of stacks) {
    let box = all
    box.micros += micros
    for (const { name, stage } of frames) {
      const key = `${stage}\n${name}`
      const child: Box = box.children.get(key) ?? { name, stage, micros: 0, children: new Map() }
      box.children.set(key, child)
      child.micros += micros
      box = child
    }
  }
  return all
}

export function flameGraph(stacks: readonly FoldedStack[], heading: string): string {
  const all = mergeStacks(stacks)
  const scale = all.micros === 0 ? 0 : (WIDTH - 2 * MARGIN) / all.micros
  const depth = depthOf(all, scale)
  const legend = stageNames.filter((stage) => HUES[stage] !== undefined && stacksHave(all, stage, scale))
  const legendRows = Math.ceil(legend.length / LEGEND_COLUMNS)
  const height = HEADING + legendRows * ROW + depth * ROW + MARGIN
  const boxes: string[] = []
  draw(all, { x: MARGIN, bottom: height - MARGIN, level: 0, scale }, boxes)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(heading)}">`,
    styles(),
    `<rect class="page" width="${WIDTH}" height="${height}"/>`,
    `<text class="heading" x="${MARGIN}" y="22">${escaped(heading)}</text>`,
    ...legend.map((stage, index) => legendOf(stage, index)),
    ...boxes,
    '</svg>',
    '',
  ].join('\n')
}

const LEGEND_COLUMNS = 7

function legendOf(stage: Stage, index: number): string {
  const x = MARGIN + (index % LEGEND_COLUMNS) * 168
  const y = 34 + Math.floor(index / LEGEND_COLUMNS) * ROW
  return `<rect class="${classOf(stage)}" x="${x}" y="${y}" width="12" height="12"/><text x="${x + 17}" y="${y + 10}">${stage}</text>`
}

function classOf(stage: Stage): string {
  return HUES[stage] === undefined ? 'none' : `s${stageNames.indexOf(stage)}`
}

function styles(): string {
  const rules = (saturation: number, lightness: number): string =>
    stageNames
      .flatMap((stage) => {
        const hue = HUES[stage]
        return hue === undefined ? [] : [`.${classOf(stage)}{fill:hsl(${hue} ${saturation}% ${lightness}%)}`]
      })
      .join('')
  return [
    '<style>',
    'text{font:11px ui-monospace,Menlo,Consolas,monospace;fill:#1b1f24}.heading{font:600 14px system-ui,sans-serif}',
    `.page{fill:#fff}.none{fill:#d8dde3}${rules(70, 76)}`,
    `@media (prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}.none{fill:#39414b}${rules(45, 32)}}`,
    '</style>',
  ].join('')
}

type Place = { readonly x: number; readonly bottom: number; readonly level: number; readonly scale: number }

function draw(box: Box, { x, bottom, level, scale }: Place, boxes: string[]): void {
  const width = box.micros * scale
  if (width < WIDTH_MIN) return
  const y = bottom - (level + 1) * ROW
  const title = `<title>${escaped(`${box.name}: ${box.micros.toFixed(2)} µs an event (${box.stage})`)}</title>`
  const rect = `<rect class="${classOf(box.stage)}" x="${round(x)}" y="${y}" width="${round(width - 0.4)}" height="${ROW - 1}"/>`
  const text =
    width < TEXT_WIDTH_MIN
      ? ''
      : `<text x="${round(x + 3)}" y="${y + 12}">${escaped(shortened(box.name, width))}</text>`
  boxes.push(`<g>${title}${rect}${text}</g>`)
  let at = x
  for (const child of sorted(box)) {
    draw(child, { x: at, bottom, level: level + 1, scale }, boxes)
    at += child.micros * scale
  }
}

function sorted({ children }: Box): readonly Box[] {
  return [...children.values()].sort((left, right) => right.micros - left.micros)
}

function depthOf(box: Box, scale: number): number {
  if (box.micros * scale < WIDTH_MIN) return 0
  return 1 + Math.max(0, ...[...box.children.values()].map((child) => depthOf(child, scale)))
}

function stacksHave(box: Box, stage: Stage, scale: number): boolean {
  if (box.micros * scale < WIDTH_MIN) return false
  return box.stage === stage || [...box.children.values()].some((child) => stacksHave(child, stage, scale))
}

function shortened(name: string, width: number): string {
  const characters = Math.floor((width - 6) / CHARACTER_WIDTH)
  return name.length <= characters ? name : `${name.slice(0, Math.max(1, characters - 1))}…`
}

function round(figure: number): string {
  return String(Math.round(figure * 10) / 10)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

// @ts-check

// @ts-expect-error The browser loads it from this address; the package's own types describe it.
import uPlotModule from '/assets/uplot.js'
import { h, s } from './dom.js'
import { count, short } from './format.js'

/** @type {typeof import('uplot')} */
const Plot = uPlotModule

/** @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
const COLOURS = ['--chart-1', '--chart-2', '--chart-3', '--chart-4']

/**
 * @typedef {object} ChartOptions
 * @property {readonly string[]} labels of the series
 * @property {(value: number) => string} format
 * @property {number} [height]
 * @property {boolean} [stepped] values hold until the next one
 * @property {boolean} [filled]
 * @property {boolean} [clock] times of the wall clock with seconds, rather than days
 * @property {string} title for those who cannot see it
 */

/**
 * A line chart that follows its place's width and the theme.
 * @param {HTMLElement} place
 * @param {ChartOptions} options
 */
export function lineChart(place, options) {
  const { labels, format, height = 220, title } = options
  place.classList.add('chart')
  place.setAttribute('role', 'img')
  place.setAttribute('aria-label', title)
  /** @type {import('uplot').AlignedData} */
  let data = [[], ...labels.map(() => [])]
  /** @type {import('uplot') | undefined} */
  let plot

  const build = () => {
    plot?.destroy()
    const axis = {
      stroke: colour('--ink-3'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
      font: '11px sans-serif',
    }
    plot = new Plot(
      {
        width: Math.max(200, place.clientWidth),
        height,
        tzDate: (seconds) => Plot.tzDate(new Date(seconds * 1e3), 'Africa/Nairobi'),
        cursor: { points: { size: 6 }, y: false, drag: { x: false, y: false } },
        legend: { show: false },
        padding: [8, 8, 0, 0],
        scales: {
          y: {
            range: (_plot, min, max) => /** @type {[number, number]} */ ([Math.min(0, min), max > 0 ? max * 1.1 : 1]),
          },
        },
        axes: [
          { ...axis, space: 80, size: 26, values: (_plot, times) => timeLabels(times) },
          { ...axis, size: 62, values: (_plot, values) => values.map(format) },
        ],
        series: [{}, ...labels.map((label, index) => series(label, index, options))],
        hooks: { setCursor: [(current) => showValues(place, current, labels, format)] },
      },
      data,
      place,
    )
  }
  const resize = new ResizeObserver(() => plot?.setSize({ width: Math.max(200, place.clientWidth), height }))
  resize.observe(place)
  const theme = new MutationObserver(build)
  theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
  build()
  return {
    /** @param {import('uplot').AlignedData} next */
    set(next) {
      data = next
      plot?.setData(data)
    },
    destroy() {
      resize.disconnect()
      theme.disconnect()
      plot?.destroy()
    },
  }
}

const clockTime = new Intl.DateTimeFormat('en-GB', { timeZone: 'Africa/Nairobi', timeStyle: 'medium' })
const calendarDay = new Intl.DateTimeFormat('en-GB', { timeZone: 'Africa/Nairobi', day: 'numeric', month: 'short' })
const DAY_SECONDS = 86_400

/**
 * Days where the marks are days apart, else times of the clock.
 * @param {readonly number[]} times in seconds
 */
function timeLabels(times) {
  const step = (times[1] ?? 0) - (times[0] ?? 0)
  return times.map((seconds) => {
    const date = new Date(seconds * 1e3)
    if (step >= DAY_SECONDS) return calendarDay.format(date)
    const text = clockTime.format(date)
    return step >= 60 ? text.slice(0, 5) : text
  })
}

/**
 * @param {string} label
 * @param {number} index
 * @param {ChartOptions} options
 */
function series(label, index, { stepped = false, filled = false }) {
  const stroke = colour(COLOURS[index % COLOURS.length] ?? '--chart-1')
  return {
    label,
    stroke,
    width: 2,
    points: { show: false },
    spanGaps: true,
    ...(filled ? { fill: `${stroke}22` } : {}),
    ...(stepped && Plot.paths.stepped ? { paths: Plot.paths.stepped({ align: 1 }) } : {}),
  }
}

/**
 * @param {HTMLElement} place
 * @param {import('uplot')} plot
 * @param {readonly string[]} labels
 * @param {(value: number) => string} format
 */
function showValues(place, plot, labels, format) {
  const index = plot.cursor.idx
  const time = index == null ? undefined : plot.data[0][index]
  if (index == null || time === undefined) {
    place.removeAttribute('title')
    return
  }
  const when = new Date(time * 1e3).toLocaleString('en-GB', { timeZone: 'Africa/Nairobi' })
  const values = labels.map((label, at) => {
    const value = plot.data[at + 1]?.[index]
    return value == null ? '' : `${label}: ${format(value)}`
  })
  place.title = [when, ...values.filter(Boolean)].join('\n')
}

/** @param {readonly string[]} labels */
export function legend(labels) {
  return h(
    'div',
    { class: 'legend' },
    labels.map((label, index) => h('span', {}, h('i', { class: `key-${index + 1}` }), label)),
  )
}

/**
 * Counts by bins as columns.
 * @param {readonly { readonly label: string, readonly value: number, readonly kind: string }[]} bins
 * @param {string} title
 */
export function histogram(bins, title) {
  const width = 1_300
  const height = 190
  const base = height - 22
  const step = width / bins.length
  const most = Math.max(1, ...bins.map(({ value }) => value))
  const columns = bins.map(({ label, value, kind }, index) => {
    const tall = value === 0 ? 0 : Math.max(2, (value / most) * (base - 22))
    const x = index * step
    return s(
      'g',
      {},
      s('title', {}, `${label}: ${count(value)}`),
      s('rect', { class: kind, x: x + 2, y: base - tall, width: step - 4, height: tall, rx: 2 }),
      value === 0
        ? null
        : s('text', { class: 'number', x: x + step / 2, y: base - tall - 6, 'text-anchor': 'middle' }, short(value)),
      index % 2 === 0 ? s('text', { x: x + step / 2, y: height - 5, 'text-anchor': 'middle' }, label) : null,
    )
  })
  return s('svg', { class: 'histogram', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title }, columns)
}

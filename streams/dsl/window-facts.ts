import { serdes } from '../serdes/index.ts'
import { invalidTopology } from '../topology/names.ts'
import type { AnySerde, AnyWindows, StorePlan } from './plan.ts'

/** What the kinds of windows mean for keys, stores and closing. */

export function windowedKeySerde(keySerde: AnySerde, windows: AnyWindows): AnySerde {
  switch (windows.kind) {
    case 'session':
      return serdes.sessionWindowed(keySerde)
    case 'sliding':
      return serdes.timeWindowed(keySerde, windows.timeDifferenceMs)
    case 'time':
    case 'custom':
      return serdes.timeWindowed(keySerde, windows.sizeMs)
    case 'unlimited':
      return serdes.timeWindowed(keySerde, Number.MAX_SAFE_INTEGER)
    default:
      return windows satisfies never
  }
}

/** How long a windowed store must keep what its operator still reads. */
export function retentionMinMs(windows: AnyWindows): number {
  switch (windows.kind) {
    case 'session':
      return windows.inactivityGapMs + windows.graceMs
    case 'sliding':
      return 2 * windows.timeDifferenceMs + windows.graceMs
    case 'time':
    case 'custom':
      return windows.sizeMs + windows.graceMs
    case 'unlimited':
      return Number.MAX_SAFE_INTEGER
    default:
      return windows satisfies never
  }
}

export function checkRetention(store: StorePlan, windows: AnyWindows): void {
  const minMs = retentionMinMs(windows)
  if (store.retentionMs !== undefined && store.retentionMs < minMs) {
    throw invalidTopology(
      `Store ${store.name} keeps windows for ${store.retentionMs} ms, but the operator reads them for ${minMs} ms ` +
        `(size and grace): make \`retentionMs\` at least ${minMs}.`,
    )
  }
  if (store.historyRetentionMs !== undefined) {
    throw invalidTopology(
      `Store ${store.name} holds windows and cannot be versioned: leave \`historyRetentionMs\` out.`,
    )
  }
}

/** How long after its end a window still changes. */
export function closesAfterMs(windows: AnyWindows): number {
  switch (windows.kind) {
    case 'session':
      return windows.graceMs + windows.inactivityGapMs
    case 'unlimited':
      return 0
    default:
      return windows.graceMs
  }
}

import { expect, test } from 'vitest'
import { serdes } from '../serdes/index.ts'
import { keyValueStore, sessionStore, versionedKeyValueStore, windowStore } from '../stores/index.ts'
import { changelogConfig } from './changelog-config.ts'

const serdesOfAll = { name: 's', key: serdes.string, value: serdes.string }
const DAY_MS = 86_400_000
const window = { ...serdesOfAll, windowSizeMs: 10, retentionMs: 1000 }

test.each([
  ['key-value', keyValueStore(serdesOfAll), { cleanupPolicy: 'compact' }],
  ['window', windowStore(window), { cleanupPolicy: 'compact,delete', retentionMs: 1000 + DAY_MS }],
  [
    'window with duplicates',
    windowStore({ ...window, retainDuplicates: true }),
    { cleanupPolicy: 'delete', retentionMs: 1000 + DAY_MS },
  ],
  [
    'session',
    sessionStore({ ...serdesOfAll, retentionMs: 1000 }),
    { cleanupPolicy: 'compact,delete', retentionMs: 1000 + DAY_MS },
  ],
  [
    'versioned',
    versionedKeyValueStore({ ...serdesOfAll, historyRetentionMs: 60_000 }),
    { cleanupPolicy: 'compact', minCompactionLagMs: 60_000 + DAY_MS },
  ],
  [
    'with settings of its own',
    windowStore({ ...window, logging: { 'retention.ms': '5', 'cleanup.policy': 'delete, compact' } }),
    { cleanupPolicy: 'compact,delete', retentionMs: 5 },
  ],
])('%s', (_name, spec, expected) => {
  expect(changelogConfig(spec, DAY_MS)).toEqual(expected)
})

test.each([
  [{ 'no.such.setting': '1' }, /no\.such\.setting.*known: cleanup\.policy/],
  [{ 'retention.ms': 'soon' }, /whole number/],
  [{ 'cleanup.policy': 'burn' }, /compact, delete/],
])('%o is refused', (logging, message) => {
  expect(() => changelogConfig(keyValueStore({ ...serdesOfAll, logging }), DAY_MS)).toThrow(message)
})

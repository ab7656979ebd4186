import { expect, test } from 'vitest'
import { createStreamsBuilder, serdes } from '#streams'
import { resolveConfig } from '#streams/runtime'
import { type AclsOptions, neededAcls } from './needed-acls.ts'

const strings = { key: serdes.string, value: serdes.string }

function needed(topology: AclsOptions['topology'], options: Partial<AclsOptions> = {}, config = {}) {
  const { acls, notes } = neededAcls({
    topology,
    config: resolveConfig({ applicationId: 'app', ...config }),
    topics: [],
    setsStandbys: false,
    createsTopics: false,
    ...options,
  })
  const lines = acls.map(({ resource, name, pattern, operation }) => `${resource} ${name} ${pattern} ${operation}`)
  return { lines, notes }
}

test('a topology without state needs its own topics, its group, and its transactions', () => {
  const builder = createStreamsBuilder()
  builder.stream('in', strings).to('out')
  const own = ['topic in literal read', 'topic out literal write', 'topic out literal describe-configs']
  const group = ['group app literal read', 'group app literal describe-configs']
  expect(needed(builder.build()).lines).toEqual([...own, ...group, 'transactional-id app- prefixed write'])
  expect(needed(builder.build(), {}, { processingGuarantee: 'at_least_once' }).lines).toEqual([...own, ...group])
})

test('state, dead letters, owned topics, standbys and topics of its own are added', () => {
  const builder = createStreamsBuilder()
  builder.stream('in', strings).groupByKey().count({ store: 'counts' })
  builder.globalTable('rates', { ...strings, store: 'rates' })
  const { lines } = needed(
    builder.build(),
    {
      setsStandbys: true,
      createsTopics: true,
      topics: [
        { name: 'in', partitions: 1 },
        { name: 'extra', partitions: 1 },
      ],
    },
    { deadLetterTopic: 'dead', ownedTopics: ['in'] },
  )
  expect(lines).toEqual([
    'topic dead literal write',
    'topic dead literal describe-configs',
    'topic extra literal describe',
    'topic extra literal create',
    'topic in literal read',
    'topic in literal delete',
    'topic in literal create',
    'topic rates literal read',
    'topic app- prefixed read',
    'topic app- prefixed write',
    'topic app- prefixed create',
    'topic app- prefixed delete',
    'topic app- prefixed describe-configs',
    'group app literal read',
    'group app literal describe-configs',
    'group app literal alter-configs',
    'transactional-id app- prefixed write',
  ])
})

test('what a topology does not say is noted', () => {
  const builder = createStreamsBuilder()
  builder.stream(/^in-.*$/, strings).to((key) => `out-${key}`, strings)
  const { lines, notes } = needed(builder.build())
  expect(lines.filter((line) => line.startsWith('topic'))).toEqual([])
  expect(notes).toEqual([expect.stringContaining('/^in-.*$/'), expect.stringContaining('chooses its topic by record')])
})

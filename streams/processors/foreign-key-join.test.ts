import { describe, expect, test } from 'vitest'
import { INSTRUCTION, type Subscription, type SubscriptionResponse } from './foreign-key-formats.ts'
import { createHarness, type Harness, type HarnessNode } from './testing/harness.ts'
import { foreignKeyJoinOf, foreignKeyNodes } from './testing/join-topologies.ts'
import { openStore } from './testing/open-store.ts'

const only = (nodes: readonly HarnessNode[], ...names: readonly string[]): Harness =>
  createHarness({ nodes: nodes.filter(({ name }) => names.includes(name)), openStore })

/** What the left side sends for a change, as `foreign key:instruction`. */
function sent(harness: Harness, key: string, value: string | null): string[] {
  const names = Object.fromEntries(Object.entries(INSTRUCTION).map(([name, number]) => [number, name]))
  return harness.pipe('left', { key, value, timestampMs: 1 }).map((output) => {
    const { instruction, primaryKey, primaryPartition } = output.value as Subscription<string>
    expect([primaryKey, primaryPartition]).toEqual([key, 0])
    return `${output.key}:${names[instruction]}`
  })
}

describe('what the left side subscribes to', () => {
  test('inner join', () => {
    const harness = only(foreignKeyNodes('inner'), 'left-source', 'send')
    expect(sent(harness, 'k', 'a:1')).toEqual(['a:propagateOnlyIfForeignValue'])
    expect(sent(harness, 'k', 'a:2')).toEqual(['a:propagateOnlyIfForeignValue'])
    expect(sent(harness, 'k', 'b:2')).toEqual(['a:deleteKeyNoPropagate', 'b:propagateNullIfNoForeignValue'])
    expect(sent(harness, 'k', 'no key')).toEqual(['b:deleteKeyAndPropagate'])
    expect(harness.dropped).toEqual(['Skipping record due to null foreign key.'])
    expect(sent(harness, 'k', 'c:1')).toEqual(['c:propagateOnlyIfForeignValue'])
    expect(sent(harness, 'k', null)).toEqual(['c:deleteKeyAndPropagate'])
    expect(sent(harness, 'k', null)).toEqual([])
  })

  test('left join', () => {
    const harness = only(foreignKeyNodes('left'), 'left-source', 'send')
    expect(sent(harness, 'k', 'a:1')).toEqual(['a:propagateNullIfNoForeignValue'])
    expect(sent(harness, 'k', 'b:1')).toEqual(['a:deleteKeyNoPropagate', 'b:propagateNullIfNoForeignValue'])
    expect(sent(harness, 'k', 'no key')).toEqual(['b:deleteKeyNoPropagate', 'null:propagateNullIfNoForeignValue'])
    expect(sent(harness, 'k', null)).toEqual(['null:propagateNullIfNoForeignValue'])
    expect(sent(harness, 'k', null)).toEqual([])
    expect(harness.dropped).toEqual([])
  })
})

describe('what the right side answers', () => {
  const rightSide = (): Harness => {
    const nodes = foreignKeyNodes('inner').map((node) =>
      node.name === 'receive' ? { ...node, parents: ['subscriptions'] } : node,
    )
    return only(nodes, 'right-source', 'receive', 'answer', 'foreign')
  }
  const subscribe = (
    harness: Harness,
    foreignKey: string | null,
    primaryKey: string,
    instruction: number,
  ): string[] => {
    const value = { version: 1, hash: null, instruction, primaryKey, primaryPartition: 3 }
    return answers(harness.pipe('subscriptions', { key: foreignKey, value, timestampMs: 50 }))
  }
  const answers = (outputs: ReturnType<Harness['pipe']>): string[] =>
    outputs.map((output) => {
      const { foreignValue, primaryPartition } = output.value as SubscriptionResponse<string>
      expect(primaryPartition).toBe(3)
      return `${output.key}:${foreignValue}@${output.timestampMs}`
    })
  const change = (harness: Harness, key: string, value: string | null, timestampMs: number): string[] =>
    answers(harness.pipe('right', { key, value, timestampMs }))

  test('each instruction', () => {
    const harness = rightSide()
    expect(subscribe(harness, 'a', 'k1', INSTRUCTION.propagateOnlyIfForeignValue)).toEqual([])
    expect(subscribe(harness, 'a', 'k2', INSTRUCTION.propagateNullIfNoForeignValue)).toEqual(['k2:null@50'])
    expect(subscribe(harness, 'ab', 'k3', INSTRUCTION.propagateOnlyIfForeignValue)).toEqual([])
    expect(change(harness, 'a', 'A', 90)).toEqual(['k1:A@90', 'k2:A@90'])
    expect(subscribe(harness, 'a', 'k1', INSTRUCTION.propagateOnlyIfForeignValue)).toEqual(['k1:A@90'])
    expect(subscribe(harness, 'a', 'k2', INSTRUCTION.deleteKeyNoPropagate)).toEqual([])
    expect(change(harness, 'a', null, 95)).toEqual(['k1:null@95'])
    expect(subscribe(harness, 'a', 'k1', INSTRUCTION.deleteKeyAndPropagate)).toEqual(['k1:null@50'])
    expect(change(harness, 'a', 'A2', 99)).toEqual([])
  })

  test('a null foreign key is only answered, never stored', () => {
    const harness = rightSide()
    expect(subscribe(harness, null, 'k', INSTRUCTION.propagateNullIfNoForeignValue)).toEqual(['k:null@50'])
    expect(subscribe(harness, null, 'k', INSTRUCTION.deleteKeyNoPropagate)).toEqual([])
    expect(harness.dropped).toEqual(['Skipping record due to null foreign key.'])
    expect([...harness.store<{ all(): Iterable<unknown> }>('subscription-store').all()]).toEqual([])
  })
})

test('an answer to an older value of the left side is dropped', () => {
  const nodes = foreignKeyNodes('inner').map((node) =>
    node.name === 'out' ? { ...node, parents: ['responses'] } : node,
  )
  const harness = only(nodes, 'left-source', 'send', 'out')
  const [old] = harness.pipe('left', { key: 'k', value: 'a:1', timestampMs: 1 })
  const [current] = harness.pipe('left', { key: 'k', value: 'a:2', timestampMs: 2 })
  const respond = (subscription: unknown) => {
    const { hash } = subscription as Subscription<string>
    const value = { version: 0, hash, foreignValue: 'A', primaryPartition: null }
    return harness.pipe('responses', { key: 'k', value, timestampMs: 9 }).map((output) => output.value)
  }
  expect(respond(old?.value)).toEqual([])
  expect(harness.dropped).toEqual(['Dropping FK-join response due to hash mismatch.'])
  expect(respond(current?.value)).toEqual(['a:2+A'])
})

test('an answer goes to the partition that asked; answers to version 0 are partitioned by key', () => {
  const { responsePartitioner } = foreignKeyJoinOf('inner')
  const answer = { version: 0, hash: null, foreignValue: 'A' } as const
  expect(responsePartitioner('topic', 'k', { ...answer, primaryPartition: 3 }, 8, [])).toBe(3)
  expect(responsePartitioner('topic', 'k', { ...answer, primaryPartition: null }, 8, [])).toBe(undefined)
})

import { describe, expect, test } from 'vitest'
import { type TaskId, taskId } from '../base/ids.ts'
import { createPrng } from '../base/prng.ts'
import { createLocalGroup, dealTasks, type LocalGroup } from './local-group.ts'

const tasks = [0, 1, 2, 3, 4, 5].map((partition) => taskId(0, partition))

function member(group: LocalGroup, id: string) {
  const seen: { readonly generation: number; readonly active: readonly TaskId[] }[] = []
  group.join(id, tasks, (assignment) => seen.push(assignment))
  const last = () => seen.at(-1) ?? { generation: -1, active: [] }
  return { id, seen, last, acknowledge: () => group.acknowledge(id, last().generation, last().active) }
}

describe('local group', () => {
  test('waits for the threads that were announced, then deals evenly', () => {
    const group = createLocalGroup()
    group.expect('a')
    group.expect('b')
    const a = member(group, 'a')
    expect(a.seen).toEqual([])
    const b = member(group, 'b')
    expect([a.last().active.length, b.last().active.length]).toEqual([3, 3])
    expect(new Set([...a.last().active, ...b.last().active]).size).toBe(6)
  })

  test('an announced thread that dies before it joins holds nobody up', () => {
    const group = createLocalGroup()
    group.expect('a')
    group.expect('b')
    const a = member(group, 'a')
    group.leave('b')
    expect(a.last().active).toEqual(tasks)
  })

  test('a new thread is given a task only when its owner has let it go', () => {
    const group = createLocalGroup()
    const a = member(group, 'a')
    a.acknowledge()
    const b = member(group, 'b')
    expect(b.last().active).toEqual([])
    expect(a.last().active.length).toBe(3)
    a.acknowledge()
    expect(b.last().active.length).toBe(3)
    expect(a.seen.length).toBe(2)
  })

  test('a late answer to an older assignment gives nothing away', () => {
    const group = createLocalGroup()
    const a = member(group, 'a')
    const b = member(group, 'b')
    const early = a.last()
    a.acknowledge()
    b.acknowledge()
    group.leave('b')
    expect(a.last().active).toEqual(tasks)
    group.acknowledge('a', early.generation, early.active)
    expect(tasks.map((task) => group.ownerOf(task))).toEqual(tasks.map(() => 'a'))
  })

  test('tasks of a thread that has left go to the others, and the others keep theirs', () => {
    const group = createLocalGroup()
    for (const id of ['a', 'b', 'c']) group.expect(id)
    const [a, b] = [member(group, 'a'), member(group, 'b'), member(group, 'c')]
    const before = [a.last().active, b.last().active]
    group.leave('c')
    expect(a.last().active).toEqual(expect.arrayContaining([...(before[0] ?? [])]))
    expect(b.last().active).toEqual(expect.arrayContaining([...(before[1] ?? [])]))
    expect(a.last().active.length + b.last().active.length).toBe(6)
  })

  test('no task ever has two owners, and all have one in the end, whatever comes and goes', () => {
    for (let seed = 0; seed < 200; seed++) {
      const prng = createPrng(seed)
      const group = createLocalGroup()
      const members = new Map<string, ReturnType<typeof member> & { open: Set<TaskId>; handled: number }>()
      const handle = (id: string): void => {
        const found = members.get(id)
        if (found === undefined || found.handled === found.seen.length) return
        found.handled = found.seen.length
        const { generation, active } = found.last()
        found.open = new Set(active)
        const owners = [...members.values()].flatMap(({ open }) => [...open])
        expect(new Set(owners).size, `seed ${seed}: ${owners}`).toBe(owners.length)
        group.acknowledge(id, generation, active)
      }
      for (let step = 0, next = 0; step < 60; step++) {
        const ids = [...members.keys()]
        const id = ids[prng.below(Math.max(1, ids.length))]
        const what = prng.below(10)
        if (what === 0 || id === undefined) {
          const name = `m${next++}`
          members.set(name, { ...member(group, name), open: new Set(), handled: 0 })
        } else if (what === 1 && ids.length > 1) {
          members.delete(id)
          group.leave(id)
        } else handle(id)
      }
      for (let round = 0; round < 5; round++) for (const id of members.keys()) handle(id)
      const counts = [...members.values()].map(({ open }) => open.size)
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(tasks.length)
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
    }
  })

  test('tasks of one sub-topology are spread', () => {
    const all = [0, 1].flatMap((sub) => [0, 1, 2].map((partition) => taskId(sub, partition)))
    const dealt = dealTasks(all, ['a', 'b', 'c'], () => undefined)
    for (const own of dealt.values()) expect(new Set(own.map((task) => task.split('_')[0])).size).toBe(2)
  })
})

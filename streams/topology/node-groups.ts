/**
 * Which nodes belong to one sub-topology: those that are connected by edges or share a store. Java: QuickUnion. The
 * groups come in the order of their first node.
 */
export type NodeGroups = {
  add(name: string): void
  unite(name: string, other: string): void
  /** Names in the order they were added. */
  groups(): readonly (readonly string[])[]
}

export function createNodeGroups(): NodeGroups {
  const parentOf = new Map<string, string>()
  const rootOf = (name: string): string => {
    let root = name
    for (let parent = parentOf.get(root); parent !== undefined && parent !== root; parent = parentOf.get(root)) {
      root = parent
    }
    parentOf.set(name, root)
    return root
  }
  return {
    add: (name) => {
      parentOf.set(name, name)
    },
    unite: (name, other) => {
      parentOf.set(rootOf(other), rootOf(name))
    },
    groups: () => {
      const byRoot = new Map<string, string[]>()
      for (const name of parentOf.keys()) {
        const root = rootOf(name)
        const group = byRoot.get(root)
        if (group === undefined) byRoot.set(root, [name])
        else group.push(name)
      }
      return [...byRoot.values()]
    },
  }
}

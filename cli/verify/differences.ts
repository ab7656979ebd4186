/** What does not agree. The first few of each check are kept with their words; all are counted. */
export type Check = {
  readonly name: string
  /** Things that were compared. */
  compared: number
  differences: number
  readonly examples: string[]
}

const EXAMPLES_MAX = 10

export type Checks = {
  readonly all: readonly Check[]
  /** Counts a comparison; `problem` is undefined where all is well. */
  compare(name: string, problem: string | undefined): void
  /** Makes a check appear in the report even if there is nothing to compare. */
  declare(name: string): void
}

export function createChecks(): Checks {
  const checks = new Map<string, Check>()
  const checkOf = (name: string): Check => {
    let check = checks.get(name)
    if (check === undefined) {
      check = { name, compared: 0, differences: 0, examples: [] }
      checks.set(name, check)
    }
    return check
  }
  return {
    get all() {
      return [...checks.values()]
    },
    declare: (name) => {
      checkOf(name)
    },
    compare(name, problem) {
      const check = checkOf(name)
      check.compared++
      if (problem === undefined) return
      check.differences++
      if (check.examples.length < EXAMPLES_MAX) check.examples.push(problem)
    },
  }
}

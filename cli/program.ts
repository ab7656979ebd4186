import { Command } from 'commander'
import { aclsCommand } from './commands/acls.ts'
import { consumeCommand } from './commands/consume.ts'
import { demoCommand } from './commands/demo.ts'
import { describeCommand } from './commands/describe.ts'
import { evaluateCommand } from './commands/evaluate.ts'
import { groupsCommand } from './commands/groups.ts'
import { healthCommand } from './commands/health.ts'
import { lagCommand } from './commands/lag.ts'
import { loadCommand } from './commands/load.ts'
import { planTopicsCommands } from './commands/plan-topics.ts'
import { produceCommand } from './commands/produce.ts'
import { resetCommand } from './commands/reset.ts'
import { runCommand } from './commands/run.ts'
import { tokenCommand } from './commands/token.ts'
import { topicsCommand } from './commands/topics.ts'
import { verifyCommand } from './commands/verify.ts'

/** The `mto` command. Each file in `commands/` is one of its commands; only they read the environment. */
export function createProgram(): Command {
  const program = new Command('mto')
    .description('Kafka Streams for TypeScript, and a financial event platform on it.')
    .addHelpText(
      'after',
      `
Start with:
  mto demo                                     a SACCO with live dashboards on http://127.0.0.1:8080
  mto run examples/word-count.ts --data ./data your own topology`,
    )
    .showHelpAfterError('(add --help for what can be given)')

  const topics = topicsCommand()
  for (const command of planTopicsCommands()) topics.addCommand(command)

  for (const command of [
    demoCommand(),
    loadCommand(),
    verifyCommand(),
    evaluateCommand(),
    topics,
    produceCommand(),
    consumeCommand(),
    aclsCommand(),
    groupsCommand(),
    lagCommand(),
    resetCommand(),
    healthCommand(),
    runCommand(),
    describeCommand(),
    tokenCommand(),
  ])
    program.addCommand(command)
  return program
}

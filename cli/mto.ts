#!/usr/bin/env node
import { Command } from 'commander'
import { describeCommand } from './commands/describe.ts'
import { runCommand } from './commands/run.ts'

/** The `mto` command. Each file in `commands/` is one of its commands; only they read the environment. */
const program = new Command('mto')
  .description('Kafka Streams for TypeScript, and a financial event platform on it.')
  .addHelpText('after', '\nStart with: mto run examples/word-count.ts --data ./data')
  .showHelpAfterError('(add --help for what can be given)')

for (const command of [runCommand(), describeCommand()]) program.addCommand(command)

await program.parseAsync()

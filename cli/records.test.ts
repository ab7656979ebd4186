import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runCli, startCli, temporaryDirectory } from './testing/run-cli.ts'

const wordCount = fileURLToPath(new URL('../examples/word-count.ts', import.meta.url))

test('lines go in while nothing runs, results come out while an application does', { timeout: 120_000 }, async () => {
  await using directory = await temporaryDirectory()
  const data = ['--data', join(directory.path, 'data')]
  const missing = await runCli(['produce', 'lines', ...data], 'to be\n')
  expect([missing.exitCode, missing.stderr]).toEqual([
    1,
    expect.stringMatching(/^error CONFIG_INVALID: there is no log in/),
  ])

  const first = await runCli(['produce', 'lines', '--create', '3', ...data], 'to be or not to be\nto err is human\n')
  expect(first).toEqual({ exitCode: 0, stdout: '2 records acknowledged\n', stderr: '' })

  const application = startCli(['run', wordCount, ...data])
  await application.waitFor(/^ready$/m)
  const counts = startCli(['consume', 'counts', '--format', 'int64', '--follow', '--timeout', '40', ...data])
  await counts.waitFor(/ be {2}2\n/)
  const second = await runCli(['produce', 'lines', '--json', '--partition', '1', ...data], 'be\n')
  expect(JSON.parse(second.stdout)).toMatchObject({ topic: 'lines', acknowledged: 1, rejected: 0, lastLine: 1 })
  await counts.waitFor(/ be {2}3\n/)

  const { stdout: listed } = await runCli(['topics', '--json', ...data])
  expect(
    JSON.parse(listed).map((each: { name: string; origin: string; doc: string }) => [each.name, each.origin, each.doc]),
  ).toEqual([
    ['counts', 'yours', ''],
    ['lines', 'yours', ''],
    ['word-count-by-word-repartition', 'internal', 'Records on their way to the task of another key of word-count.'],
    ['word-count-word-counts-changelog', 'internal', 'Changelog of store word-counts of word-count.'],
  ])

  // The reader outlives the application, and goes on with the next one.
  application.process.kill('SIGKILL')
  await application.ended
  await counts.waitFor(/has ended; waiting for the next one/)
  const again = startCli(['run', wordCount, ...data])
  await again.waitFor(/^ready$/m)
  await runCli(['produce', 'lines', ...data], 'be\n')
  await counts.waitFor(/ be {2}4\n/)
  counts.process.kill('SIGINT')
  const { exitCode, stdout } = await counts.ended
  expect(exitCode).toBe(0)
  expect(stdout.match(/ be {2}\d/g)?.map((each) => each.trim())).toEqual(['be  2', 'be  3', 'be  4'])
  again.process.kill('SIGINT')
  expect((await again.ended).exitCode).toBe(0)
})

test('a bad line stops it, is shown whole, and the rest can follow', { timeout: 120_000 }, async () => {
  await using directory = await temporaryDirectory()
  const data = ['--data', join(directory.path, 'data')]
  const file = join(directory.path, 'lines.txt')
  await writeFile(file, 'a=1\nb=2\nno key here\nc=3\n')
  const produce = (...more: string[]) => runCli(['produce', 'pairs', file, '--key-separator', '=', ...data, ...more])
  const stopped = await produce('--create', '1')
  expect(stopped).toEqual({
    exitCode: 1,
    stdout: '2 records acknowledged\n',
    stderr: expect.stringMatching(
      /^line 3: it has no key: "=" separates key and value\n {2}no key here\nstopped before line 3: .*--from-line 3/,
    ),
  })
  const rejects = join(directory.path, 'rejects.txt')
  const rest = await produce('--from-line', '3', '--rejects', rejects)
  expect([rest.exitCode, rest.stdout]).toEqual([1, '1 record acknowledged\n'])
  expect(await readFile(rejects, 'utf8')).toBe('no key here\n')
  const { stdout } = await runCli(['consume', 'pairs', '--json', ...data])
  const records = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(records.map(({ key, value }) => `${key}${value}`)).toEqual(['a1', 'b2', 'c3'])

  // What was read goes into another topic as it is.
  await runCli(['produce', 'copies', '--format', 'record', '--create', '1', ...data], stdout)
  const copies = await runCli(['consume', 'copies', '--json', ...data])
  expect(copies.stdout).toBe(stdout.replaceAll('"topic":"pairs"', '"topic":"copies"'))
})

test('positions, partitions and limits', { timeout: 120_000 }, async () => {
  await using directory = await temporaryDirectory()
  const data = ['--data', join(directory.path, 'data')]
  for (const partition of [0, 1])
    await runCli(
      ['produce', 'numbers', '--create', '2', '--format', 'record', ...data],
      Array.from({ length: 5 }, (_, i) => `${JSON.stringify({ value: i, partition, timestamp: i * 1_000 })}\n`).join(
        '',
      ),
    )
  const read = async (...more: string[]) => {
    const { stdout, stderr, exitCode } = await runCli(['consume', 'numbers', '--json', ...data, ...more])
    const records = stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
    return exitCode === 0
      ? records
          .map(({ partition, value }) => `${partition}:${value}`)
          .sort()
          .join(' ')
      : stderr
  }
  expect(await read()).toBe('0:0 0:1 0:2 0:3 0:4 1:0 1:1 1:2 1:3 1:4')
  expect(await read('--from', 'last:1')).toBe('0:4 1:4')
  expect(await read('--from', 'offset:3', '--partition', '1')).toBe('1:3 1:4')
  expect(await read('--from', 'offset:99')).toBe('')
  expect(await read('--from', 'time:1970-01-01T00:00:03Z')).toBe('0:3 0:4 1:3 1:4')
  expect(await read('--from', 'end')).toBe('')
  expect(await read('--partition', '0', '--max', '2')).toBe('0:0 0:1')
  expect(await read('--partition', '2')).toMatch(/has no partition 2: it has 0 to 1/)
  expect(await read('--follow', '--from', 'end', '--max', '1', '--timeout', '1')).toMatch(
    /0 records of 2 partitions, timeout/,
  )
})

test('a reader that goes away early ends it quietly', { timeout: 120_000 }, async () => {
  await using directory = await temporaryDirectory()
  const data = ['--data', join(directory.path, 'data')]
  await runCli(['produce', 'many', '--create', '1', ...data], `${'x'.repeat(100)}\n`.repeat(20_000))
  const mto = fileURLToPath(new URL('./mto.ts', import.meta.url))
  const script = `"${process.execPath}" "${mto}" consume many --data "${data[1]}" | head -2; echo "exit \${PIPESTATUS[0]}"`
  const shell = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let errors = ''
  shell.stdout.on('data', (chunk) => {
    out += chunk
  })
  shell.stderr.on('data', (chunk) => {
    errors += chunk
  })
  await once(shell, 'close')
  expect([out.trimEnd().split('\n').length, out.trimEnd().split('\n').at(-1), errors]).toEqual([3, 'exit 0', ''])
})

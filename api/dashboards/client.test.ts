import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { dashboardPage, escapeHtml } from './shell.ts'

/** The pages' scripts are served as they are: their types are in comments, and the compiler checks them. */
test('the scripts of the pages are type-correct', () => {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript-native/package.json')), 'bin/tsc')
  const run = () =>
    execFileSync(process.execPath, [compiler, '--noEmit', '-p', join(import.meta.dirname, 'client')], {
      encoding: 'utf8',
    })
  try {
    expect(run()).toBe('')
  } catch (error) {
    expect((error as { stdout?: string }).stdout ?? String(error)).toBe('')
  }
})

test('what varies in the frame of a page is escaped', () => {
  expect(escapeHtml(`<a href="x" title='y'>&`)).toBe('&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;')
  expect(dashboardPage('"><script>')).not.toContain('"><script>')
})

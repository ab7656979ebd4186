import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { runCli, startCli, temporaryDirectory } from './testing/run-cli.ts'

const READY = /ready (http:\/\/127\.0\.0\.1:\d+)/

async function eventsTaken(url: string): Promise<number> {
  const answer = await fetch(`${url}/v1/stores/input-accounting/range?limit=500`)
  const { items } = (await answer.json()) as { readonly items: readonly { readonly value: number | string }[] }
  return items.reduce((sum, { value }) => sum + Number(value), 0)
}

async function waitForEvents(url: string, count: number): Promise<number> {
  for (;;) {
    const taken = await eventsTaken(url)
    if (taken >= count) return taken
    await sleep(100)
  }
}

describe('mto demo', () => {
  test('goes on where kill -9 has stopped it, ends cleanly with Ctrl-C, and all money is accounted for', {
    timeout: 240_000,
  }, async () => {
    await using data = await temporaryDirectory()
    const args = ['demo', '--members', '200', '--registry-port', '0', '--speed', '3000']
    const environment = { MTO_DATA_DIR: data.path, PORT: '0' }

    const first = startCli(args, environment)
    const [, url = ''] = await first.waitFor(READY)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    // It says when there is something to look at.
    await first.waitFor(/fraud flags? after [\d.]+ s: http.*#\/flags/)
    // The history of 200 members is there, and live traffic is on its way.
    const opening = await eventsTaken(url)
    expect(opening).toBeGreaterThan(1_500)
    const before = await waitForEvents(url, opening + 50)
    first.process.kill('SIGKILL')
    expect((await first.ended).exitCode).toBeNull()

    const second = startCli(args, environment)
    const [, again = ''] = await second.waitFor(READY)
    expect(await waitForEvents(again, before + 50)).toBeGreaterThan(before)
    second.process.kill('SIGINT')
    const stopped = await second.ended
    expect(stopped).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('stopped') })

    const verified = await runCli(['verify', '--data', data.path, '--json'])
    expect(JSON.parse(verified.stdout)).toMatchObject({ differences: 0 })
    expect(verified.exitCode).toBe(0)
  })

  test('says what to do when its directory is in use', { timeout: 120_000 }, async () => {
    await using data = await temporaryDirectory()
    const args = ['demo', '--data', data.path, '--members', '100', '--port', '0', '--registry-port', '0', '--no-feed']
    const first = startCli(args)
    await first.waitFor(READY)
    const second = await runCli(args)
    expect(second.exitCode).toBe(1)
    expect(second.stderr).toContain('DIRECTORY_LOCKED')
    first.process.kill('SIGINT')
    expect((await first.ended).exitCode).toBe(0)
  })
})

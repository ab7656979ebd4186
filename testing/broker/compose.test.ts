import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { KAFKA_VERSION } from './broker-jars.ts'
import { brokerSettings } from './broker-settings.ts'

/** Where these differ, a container is not this machine. */
const PLACES = /^(listeners|advertised\.listeners|listener\.|inter\.broker|controller\.quorum\.voters|log\.dirs)/

test('the broker of the compose file has the settings of the one from jars', async () => {
  const text = await readFile(new URL('./compose.yaml', import.meta.url), 'utf8')
  const found = new Map(
    [...text.matchAll(/^ {6}(KAFKA_\w+): "?([^"\n]*)"?$/gm)].map(([, name, value]) => [name, value]),
  )
  const place = { id: 1, port: 9092, controllerPort: 9093 }
  const settings = Object.entries(brokerSettings(place, [place], '')).filter(([name]) => !PLACES.test(name))
  expect(settings.length).toBeGreaterThan(20)
  for (const [name, value] of settings)
    expect(found.get(`KAFKA_${name.toUpperCase().replaceAll('.', '_')}`), name).toBe(value)
  expect(text).toContain(`image: apache/kafka:${KAFKA_VERSION}`)
})

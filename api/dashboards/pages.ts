import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import type { Hono } from 'hono'
import { ApiProblem, problemResponse } from '../http/problem.ts'
import { dashboardPage, docsPage, ICON_SVG, THEME_SCRIPT } from './shell.ts'

/** The pages and their files, read once at start and served as they are: no build step, no other server. */

type Asset = { readonly body: Uint8Array<ArrayBuffer>; readonly type: string; readonly tag: string }

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

export function dashboardRoutes(app: Hono, applicationId: string): void {
  const assets = loadAssets()
  const html = (text: string) => () =>
    new Response(text, { headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' } })
  app.get('/', html(dashboardPage(applicationId)))
  app.get('/docs', html(docsPage(applicationId)))
  app.get('/assets/:name', (context) => {
    const asset = assets.get(context.req.param('name'))
    if (asset === undefined) return problemResponse(new ApiProblem('not-found', 'There is no such file.'))
    const headers = { 'content-type': asset.type, etag: asset.tag, 'cache-control': 'no-cache' }
    if (context.req.header('if-none-match') === asset.tag) return new Response(null, { status: 304, headers })
    return new Response(asset.body, { headers })
  })
}

function loadAssets(): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>()
  const add = (name: string, content: Uint8Array<ArrayBuffer>): void => {
    const tag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
    assets.set(name, { body: content, type: TYPES[extname(name)] ?? 'application/octet-stream', tag })
  }
  const text = (content: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(content)
  const client = join(import.meta.dirname, 'client')
  for (const name of readdirSync(client)) {
    if (name.endsWith('.js') || name.endsWith('.css')) add(name, text(readFileSync(join(client, name), 'utf8')))
  }
  const plot = dirname(createRequire(import.meta.url).resolve('uplot'))
  add('uplot.js', text(readFileSync(join(plot, 'uPlot.esm.js'), 'utf8')))
  add('uplot.css', text(readFileSync(join(plot, 'uPlot.min.css'), 'utf8')))
  add('mto.svg', text(ICON_SVG))
  add('theme.js', text(THEME_SCRIPT))
  return assets
}

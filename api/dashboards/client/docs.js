// @ts-check
import { byId, h, replace } from './dom.js'
import { problem, table } from './parts.js'

/** The API's documentation, drawn from /openapi.json in this page: no other server is asked. */

/**
 * @typedef {{ type?: string, $ref?: string, anyOf?: Schema[], items?: Schema, properties?: Record<string, Schema>, enum?: string[], description?: string, minimum?: number, maximum?: number, default?: unknown, format?: string }} Schema
 * @typedef {{ name: string, in: string, required: boolean, description: string, schema: Schema }} Parameter
 * @typedef {{ operationId: string, tags: string[], summary: string, description?: string, parameters: Parameter[], requestBody?: { content: Record<string, { schema: Schema }> }, responses: Record<string, { description: string, content: Record<string, { schema: Schema }> }> }} Operation
 * @typedef {{ info: { title: string, description: string }, tags: { name: string, description: string }[], paths: Record<string, Record<string, Operation>>, components: { schemas: Record<string, Schema> } }} Document
 */

/** @param {Schema} schema @returns {Node | string} */
function typeOf(schema) {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? ''
    return h('a', { href: `#schema-${name}` }, name)
  }
  if (schema.anyOf !== undefined) {
    const parts = schema.anyOf.flatMap((option, index) => (index === 0 ? [typeOf(option)] : [' or ', typeOf(option)]))
    return h('span', {}, parts)
  }
  if (schema.type === 'array' && schema.items !== undefined) return h('span', {}, 'array of ', typeOf(schema.items))
  if (schema.enum !== undefined) return schema.enum.join(', ')
  if (schema.type === 'object' && schema.properties !== undefined)
    return h('span', {}, `{ ${Object.keys(schema.properties).join(', ')} }`)
  const bounds = schema.minimum === undefined ? '' : ` ${schema.minimum} to ${schema.maximum ?? '…'}`
  return `${schema.format ?? schema.type ?? 'any'}${bounds}`
}

/** @param {Parameter} parameter */
function parameterRow({ name, in: place, required, description, schema }) {
  const note = schema.default === undefined ? '' : ` Default ${String(schema.default)}.`
  return h(
    'tr',
    {},
    h('td', {}, h('code', {}, name), h('div', { class: 'muted' }, required ? `${place}, required` : place)),
    h('td', {}, typeOf(schema)),
    h('td', {}, `${description}${note}`),
  )
}

/** @param {string} path @param {string} method @param {Operation} operation */
function operationCard(path, method, operation) {
  const responses = Object.entries(operation.responses).map(([status, { description, content }]) =>
    h(
      'tr',
      {},
      h('td', {}, h('code', {}, status)),
      h(
        'td',
        {},
        Object.entries(content).map(([type, { schema }]) => h('div', {}, h('code', {}, type), ' ', typeOf(schema))),
      ),
      h('td', {}, description),
    ),
  )
  const sent = operation.requestBody?.content['application/json']
  const canTry = method === 'get' && operation.parameters.every(({ required }) => !required)
  return h(
    'section',
    { class: 'card', id: operation.operationId },
    h(
      'header',
      {},
      h('code', {}, method.toUpperCase()),
      h('b', {}, h('code', {}, path)),
      canTry ? h('a', { class: 'end', href: path }, 'Open') : null,
    ),
    h(
      'div',
      { class: 'body' },
      h('p', {}, operation.summary),
      operation.description === undefined ? null : h('p', { class: 'muted' }, operation.description),
    ),
    operation.parameters.length === 0
      ? null
      : table(['Parameter', 'Type', 'Meaning'], operation.parameters.map(parameterRow)),
    sent === undefined ? null : h('p', { class: 'body' }, 'Send JSON: ', typeOf(sent.schema)),
    table(['Status', 'Content', 'Meaning'], responses),
  )
}

/** @param {string} name @param {Schema} schema */
function schemaCard(name, schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([field, of]) =>
    h('tr', {}, h('td', {}, h('code', {}, field)), h('td', {}, typeOf(of)), h('td', {}, of.description ?? '')),
  )
  return h(
    'section',
    { class: 'card', id: `schema-${name}` },
    h('header', {}, h('h2', {}, name)),
    schema.description === undefined ? null : h('p', { class: 'body' }, schema.description),
    rows.length === 0 ? null : table(['Field', 'Type', 'Meaning'], rows),
  )
}

/** @param {Document} document */
function draw(document) {
  const byTag = document.tags.map(({ name, description }) => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, { tags }]) => tags.includes(name))
        .map(([method, operation]) => operationCard(path, method, operation)),
    )
    return h(
      'div',
      { class: 'grid below' },
      h('div', {}, h('h1', {}, name), h('p', { class: 'muted' }, description)),
      operations,
    )
  })
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) => schemaCard(name, schema))
  replace(
    byId('main'),
    h('h1', {}, document.info.title),
    h('p', {}, document.info.description),
    h('p', {}, h('a', { href: '/openapi.json' }, 'openapi.json'), ' · ', h('a', { href: '/' }, 'Dashboard')),
    byTag,
    h('div', { class: 'grid below' }, h('h1', {}, 'Schemas'), schemas),
  )
}

document.documentElement.dataset.theme =
  localStorage.getItem('mto-theme') ?? (window.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')
fetch('/openapi.json')
  .then((response) => response.json())
  .then(draw)
  .catch((error) => replace(byId('main'), problem(error)))

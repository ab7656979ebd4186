import type { ApiApplication } from '../application.ts'
import { anything, array, integer, object, oneOf, ref, string } from '../http/json-schema.ts'
import { optionalChoice } from '../http/parameters.ts'
import { ApiProblem } from '../http/problem.ts'
import { type Route, response, route } from '../http/route.ts'
import { drawTopology, mermaidOf } from '../topology/drawing.ts'

export const TOPOLOGY_SCHEMAS = {
  TopologyNode: object({
    name: string(),
    kind: oneOf(['source', 'processor', 'sink']),
    topics: array(string()),
    stores: array(string()),
    children: array(string(), 'Nodes that it forwards to.'),
  }),
  Topology: object({
    subTopologies: array(
      object({
        id: integer(),
        sources: array(string()),
        sinks: array(string()),
        stores: array(string()),
        nodes: array(ref('TopologyNode')),
      }),
    ),
    globalStores: array(object({ store: string(), topics: array(string()) })),
  }),
}

const TYPES = { json: 'application/json', text: 'text/plain', mermaid: 'text/vnd.mermaid' } as const
type Format = keyof typeof TYPES
const FORMATS = Object.keys(TYPES) as readonly Format[]

export function topologyRoutes({ topology }: ApiApplication, applicationId: string): readonly Route[] {
  return [
    route({
      path: '/v1/topology',
      operation: 'readTopology',
      right: 'platform',
      tag: 'System',
      summary: 'What runs: sub-topologies, processors, topics, stores',
      description: "As JSON, as Kafka Streams' own text, or as a Mermaid flow chart: by `format`, else by `Accept`.",
      pathParameters: {},
      queryParameters: { format: optionalChoice('Overrides `Accept`.', FORMATS) },
      answer: {
        description: 'The topology.',
        content: {
          'application/json': ref('Topology'),
          'text/plain': string(),
          'text/vnd.mermaid': anything('A Mermaid flow chart.'),
        },
      },
      answersAlways: true,
      handle: ({ query, request }) => {
        const format = query.format ?? accepted(request.headers.get('accept') ?? '*/*')
        const drawing = drawTopology(topology, applicationId)
        const text = {
          json: () => JSON.stringify(drawing),
          text: () => topology.describe(),
          mermaid: () => mermaidOf(drawing),
        }
        const type = format === 'json' ? TYPES.json : `${TYPES[format]}; charset=utf-8`
        return response(new Response(text[format](), { headers: { 'content-type': type, vary: 'Accept' } }))
      },
    }),
  ]
}

/** The first type of the header that there is; quality values are not weighed. */
function accepted(header: string): Format {
  for (const part of header.split(',')) {
    const type = part.split(';')[0]?.trim().toLowerCase() ?? ''
    if (type === '*/*' || type === 'application/*' || type === '') return 'json'
    if (type === 'text/*') return 'text'
    const format = FORMATS.find((name) => TYPES[name] === type)
    if (format !== undefined) return format
  }
  throw new ApiProblem('not-acceptable', `The topology can be had as ${Object.values(TYPES).join(', ')}.`)
}

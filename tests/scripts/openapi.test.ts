import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Document, incompatibilities } from '../../scripts/openapi/compatibility.js'
import { DOCUMENT, documentText, RELEASED, TYPES, typesText } from '../../scripts/openapi/document.js'

const read = (file: string) => readFileSync(file, 'utf8')

describe('the OpenAPI document', () => {
  it('is checked in as the service publishes it, with the types of the client: else `npm run openapi`', async () => {
    const document = documentText()
    expect(read(DOCUMENT) === document, 'openapi.json is stale').toBe(true)
    expect(read(TYPES) === (await typesText(document)), 'src/client/contract.ts is stale').toBe(true)
  })

  it('is one that clients of the last release can go on with', () => {
    expect(incompatibilities(JSON.parse(read(RELEASED)) as Document, JSON.parse(documentText()) as Document)).toEqual(
      [],
    )
  })
})

describe('incompatibilities', () => {
  const event = {
    type: 'object',
    properties: {
      userId: { type: 'string', minLength: 1, maxLength: 256 },
      type: { type: 'string', enum: ['view', 'cart'] },
      value: { type: 'number' },
    },
    required: ['userId'],
    additionalProperties: false,
  }
  const answer = {
    type: 'object',
    properties: {
      id: { type: 'string' },
      state: { type: 'string', enum: ['queued', 'done'] },
      loss: { type: ['number', 'null'] },
    },
    required: ['id', 'state', 'loss'],
  }
  /** A document of one call whose body holds named events, anything being taken beside them, and filters. */
  const base = {
    paths: {
      '/v1/events': {
        post: {
          parameters: [
            { name: 'tenant', in: 'path', required: true, schema: { type: 'string' } },
            { name: 'limit', in: 'query', schema: { type: 'integer', maximum: 1000 } },
          ],
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: {
                    events: { type: 'array', items: { anyOf: [{}, { $ref: '#/components/schemas/Event' }] } },
                    filter: { $ref: '#/components/schemas/Filter' },
                  },
                  required: ['events'],
                },
              },
            },
          },
          responses: {
            '202': { content: { 'application/json': { schema: { $ref: '#/components/schemas/Answer' } } } },
            '404': { $ref: '#/components/responses/NotFound' },
          },
        },
      },
      '/v1/others': { get: { responses: { '200': {} } } },
    },
    components: {
      schemas: {
        Event: event,
        Answer: answer,
        Filter: {
          type: 'object',
          properties: { and: { type: 'array', items: { $ref: '#/components/schemas/Filter' } } },
          additionalProperties: { type: 'object' },
        },
      },
      responses: { NotFound: { content: { 'application/problem+json': { schema: answer } } } },
    },
  }
  type Base = typeof base
  const after = (change: (document: Base) => void) => {
    const changed = structuredClone(base)
    change(changed)
    return incompatibilities(base as Document, changed as Document)
  }
  const call = (document: Base) => document.paths['/v1/events'].post

  it('finds nothing where nothing changed, or where something was added', () => {
    expect(after(() => undefined)).toEqual([])
    expect(
      after((document) => {
        Object.assign(document.paths, { '/v1/new': { get: { responses: { '200': {} } } } })
        Object.assign(document.components.schemas.Event.properties, { note: { type: 'string' } })
        Object.assign(document.components.schemas.Answer.properties, { more: { type: 'string' } })
        document.components.schemas.Answer.properties.state.enum.push('cancelled')
        document.components.schemas.Event.properties.type.enum.push('read')
        document.components.schemas.Event.properties.userId.maxLength = 512
        document.components.schemas.Answer.properties.loss.type = ['number']
        call(document).parameters.push({ name: 'since', in: 'query', required: false, schema: { type: 'string' } })
        document.components.schemas.Event.required = []
      }),
    ).toEqual([])
  })

  it.each<[string, string, (document: Base) => void]>([
    ['a path', 'GET /v1/others: is gone', (d) => Reflect.deleteProperty(d.paths, '/v1/others')],
    ['a method', 'POST /v1/events: is gone', (d) => Reflect.deleteProperty(d.paths['/v1/events'], 'post')],
    ['a parameter', 'query limit is gone', (d) => call(d).parameters.pop()],
    ['a status', '202 is not answered any more', (d) => Reflect.deleteProperty(call(d).responses, '202')],
    ['a field of an answer', 'id is gone', (d) => Reflect.deleteProperty(d.components.schemas.Answer.properties, 'id')],
    [
      'a field of a request',
      'value is gone',
      (d) => Reflect.deleteProperty(d.components.schemas.Event.properties, 'value'),
    ],
    [
      'a value of an answer',
      '"done" is no value any more',
      (d) => d.components.schemas.Answer.properties.state.enum.pop(),
    ],
    [
      'a value of a request',
      '"cart" is no value any more',
      (d) => d.components.schemas.Event.properties.type.enum.pop(),
    ],
    [
      'a form of a request',
      'takes no string any more',
      (d) => (d.components.schemas.Event.properties.userId.type = 'number'),
    ],
    ['a type of a parameter', 'maximum is 10, was 1000', (d) => (call(d).parameters[1].schema.maximum = 10)],
    [
      'freedom of length',
      'maxLength is 8, was 256',
      (d) => (d.components.schemas.Event.properties.userId.maxLength = 8),
    ],
    ['the promise of a field', 'loss may be missing now', (d) => d.components.schemas.Answer.required.pop()],
  ])('finds that %s went', (_, problem, change) => {
    expect(after(change).join('\n')).toContain(problem)
  })

  it.each<[string, string, (document: Base) => void]>([
    ['a required field', 'value has become required', (d) => d.components.schemas.Event.required.push('value')],
    [
      'a required parameter',
      'query since is new and required',
      (d) => call(d).parameters.push({ name: 'since', in: 'query', required: true, schema: { type: 'string' } }),
    ],
    [
      'null in an answer',
      'may be null now',
      (d) => Object.assign(d.components.schemas.Answer.properties.id, { type: ['string', 'null'] }),
    ],
    [
      'a pattern',
      'pattern is another one',
      (d) => Object.assign(d.components.schemas.Event.properties.userId, { pattern: '^u' }),
    ],
    [
      'strictness',
      'takes no further fields any more',
      (d) => Object.assign(d.components.schemas.Filter, { additionalProperties: false }),
    ],
  ])('finds that %s came', (_, problem, change) => {
    expect(after(change).join('\n')).toContain(problem)
  })
})

import { createDocument, type oas31, type ZodOpenApiResponseObject } from 'zod-openapi'
import { z } from 'zod'
import { allContracts, type Contract, Problem } from './http.js'

/** Errors that not every endpoint has. */
const PARTICULAR = new Set([401, 409, 413, 422])
const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds to wait', schema: { type: 'integer' as const, minimum: 1 } },
}

const problem = (id: string, description: string): ZodOpenApiResponseObject => ({
  id,
  description,
  content: { 'application/problem+json': { schema: Problem } },
})
const passing = (id: string, description: string): ZodOpenApiResponseObject => ({
  ...problem(id, `${description}; Retry-After says when to come back`),
  headers: RETRY_AFTER,
})

const ERRORS: Record<string, ZodOpenApiResponseObject> = {
  400: problem('Malformed', 'Malformed'),
  401: problem('Unauthenticated', 'No key, or a bad one'),
  403: problem('Forbidden', 'Another tenant, or a scope that the key lacks'),
  404: problem('NotFound', 'Unknown'),
  409: problem('Conflict', 'At odds with what there is'),
  413: problem('TooLarge', 'Too large'),
  422: problem('NotPossible', 'Understood, but not possible'),
  429: passing('OverQuota', 'Over quota'),
  503: passing('NotReady', 'Not ready'),
}

/** How the access of an endpoint is told, where its name does not say it. */
const NEEDS: Record<string, string> = { any: 'any key' }

/** The OpenAPI 3.1 document, from the very schemas that validate requests. */
export function openApiDocument(version: string): oas31.OpenAPIObject {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of allContracts()) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) }
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Attune',
      version,
      description: 'Recommendations for many tenants, each from a recommender of its own.',
    },
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'attune_session',
          description:
            'Of the console, by POST /console/session; over https it is called __Host-attune_session. What writes needs its token as X-CSRF-Token, too.',
        },
      },
    },
    paths,
  })
}

function operation(route: Contract) {
  const names = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1])
  const known = route.params?.shape ?? {}
  const path = z.object(Object.fromEntries(names.map((name) => [name, known[name] ?? z.string()])))
  const particular = new Set([
    ...(route.access === 'public' ? [] : [401]),
    ...(route.body ? [413] : []),
    ...(route.errors ?? []),
  ])
  const errors = Object.entries(ERRORS).filter(
    ([status]) => !PARTICULAR.has(Number(status)) || particular.has(Number(status)),
  )
  const done = {
    description: 'Done',
    ...(route.response && { content: { [route.produces ?? 'application/json']: { schema: route.response } } }),
  }
  return {
    operationId: `${route.method.toLowerCase()}${route.path.replaceAll(/[^A-Za-z]+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary: route.summary,
    tags: [route.tag],
    ...(route.access !== 'public' && {
      security: [{ key: [] }, { session: [] }],
      description: `Needs: ${NEEDS[route.access] ?? route.access}`,
    }),
    requestParams: { path, ...(route.query && { query: route.query }) },
    ...(route.body && { requestBody: { required: true, content: { 'application/json': { schema: route.body } } } }),
    responses: {
      ...Object.fromEntries(
        [route.status ?? 200, ...(route.alsoAnswers ?? [])].map((status) => [String(status), done]),
      ),
      ...Object.fromEntries(errors),
    },
  }
}

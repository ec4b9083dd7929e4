import { createDocument } from 'zod-openapi'
import { z } from 'zod'
import { allContracts, type Contract, Problem } from './http.js'

const ERRORS: Record<string, string> = {
  400: 'Malformed',
  401: 'No key, or a bad one',
  403: 'Another tenant, or a scope that the key lacks',
  404: 'Unknown',
  429: 'Over quota; Retry-After says when to come back',
  503: 'Not ready; Retry-After says when to come back',
}

/** The OpenAPI 3.1 document, from the very schemas that validate requests. */
export function openApiDocument(version: string) {
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
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    paths,
  })
}

function operation(route: Contract) {
  const names = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1])
  const known = route.params?.shape ?? {}
  const path = z.object(Object.fromEntries(names.map((name) => [name, known[name] ?? z.string()])))
  const errors = Object.entries(ERRORS).filter(([status]) => route.access !== 'public' || status !== '401')
  return {
    operationId: `${route.method.toLowerCase()}${route.path.replaceAll(/[^A-Za-z]+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary: route.summary,
    tags: [route.tag],
    ...(route.access !== 'public' && { security: [{ key: [] }], description: `Needs: ${route.access}` }),
    requestParams: { path, ...(route.query && { query: route.query }) },
    ...(route.body && { requestBody: { required: true, content: { 'application/json': { schema: route.body } } } }),
    responses: {
      [String(route.status ?? 200)]: {
        description: 'Done',
        ...(route.response && { content: { [route.produces ?? 'application/json']: { schema: route.response } } }),
      },
      ...Object.fromEntries(
        errors.map(([status, description]) => [
          status,
          { description, content: { 'application/problem+json': { schema: Problem } } },
        ]),
      ),
    },
  }
}

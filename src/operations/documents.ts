import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { openApiDocument } from '../platform/openapi.js'
import { packagePath } from '../platform/paths.js'

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Attune API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" href="/docs/assets/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`
const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, persistAuthorization: false })\n`

/** Everything comes from here; swagger-ui sets inline styles and shows images from data addresses. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"

/** `/openapi.json`, and `/docs` to try it out in a browser: served from here, no outside address. */
export async function serveDocuments(app: NestFastifyApplication) {
  const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }
  const document = JSON.stringify(openApiDocument(version))
  const assets = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  const fastify = app.getHttpAdapter().getInstance()
  fastify.get('/openapi.json', (_request, reply) => reply.type('application/json').send(document))
  fastify.get('/docs', (_request, reply) =>
    reply.type('text/html').header('content-security-policy', POLICY).send(PAGE),
  )
  fastify.get('/docs/start.js', (_request, reply) => reply.type('text/javascript').send(START))
  await fastify.register(fastifyStatic, {
    root: assets,
    prefix: '/docs/assets/',
    index: false,
    // Only what the page loads: the package's own start page asks for an outside address.
    allowedPath: (path) => ['/swagger-ui.css', '/swagger-ui-bundle.js', '/favicon-32x32.png'].includes(path),
  })
}

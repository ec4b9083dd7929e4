import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { packagePath } from '../platform/paths.js'
import { isSignedOut } from '../tenants/session-cookie.js'

/**
 * Everything comes from here but the pictures of items, which are the tenants' own. Styles that the page's components make
 * carry the nonce of the answer.
 */
const policyOf = (nonce: string) =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data: https: http:",
    "connect-src 'self'",
    "font-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

/** @param signedOut that the browser has no session is known: the page need not ask for it and be refused */
const told = (page: string, nonce: string, signedOut: boolean) =>
  page
    .replace('name="style-nonce" content=""', `name="style-nonce" content="${nonce}"`)
    .replace('name="signed-in" content=""', `name="signed-in" content="${signedOut ? 'no' : ''}"`)

/** `/console`: the operator's page. It uses the REST contract alone, by a session's cookie. */
export async function serveConsole(app: NestFastifyApplication) {
  const root = packagePath('dist', 'console')
  // A build of the service alone has no page.
  if (!existsSync(join(root, 'index.html'))) return
  const page = readFileSync(join(root, 'index.html'), 'utf8')
  const fastify = app.getHttpAdapter().getInstance()
  await fastify.register(fastifyStatic, {
    root: join(root, 'assets'),
    prefix: '/console/assets/',
    index: false,
    // Their names change with what is in them.
    immutable: true,
    maxAge: '365d',
    decorateReply: false,
    // The build leaves them there.
    preCompressed: true,
  })
  const icon = readFileSync(join(root, 'icon.svg'))
  fastify.get('/console/icon.svg', (_request, reply) => reply.type('image/svg+xml').send(icon))
  for (const path of ['/console', '/console/*'])
    fastify.get(path, (request, reply) => {
      const nonce = randomBytes(16).toString('base64')
      return reply
        .type('text/html')
        .headers({
          'content-security-policy': policyOf(nonce),
          'cache-control': 'no-store',
          'referrer-policy': 'no-referrer',
          'x-content-type-options': 'nosniff',
        })
        .send(told(page, nonce, isSignedOut(request)))
    })
}

// A small shop that shows recommendations on every page. Start Attune (`npm start`), then:
//
//   ATTUNE_KEY=... ATTUNE_MANAGE_KEY=... ATTUNE_TENANT=my-shop node examples/shop/shop.mjs
//
// ATTUNE_KEY is a key of the tenant with the scopes ingest and recommend; ATTUNE_MANAGE_KEY one with manage alone, which
// nothing but the login uses.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { Attune } from 'attune/client'
import { catalogue } from './catalogue.mjs'

const { ATTUNE_SERVER = 'http://127.0.0.1:3000', ATTUNE_TENANT, SHOP_PORT = '8080' } = process.env
const { ATTUNE_KEY, ATTUNE_MANAGE_KEY } = process.env
if (!ATTUNE_KEY || !ATTUNE_MANAGE_KEY || !ATTUNE_TENANT) {
  console.error(
    'Set ATTUNE_KEY, ATTUNE_MANAGE_KEY and ATTUNE_TENANT; ATTUNE_SERVER, if it is not http://127.0.0.1:3000.',
  )
  process.exit(2)
}

// Two clients: events may wait and be sent again; a page may not. After 150 ms it goes out without recommendations.
const attune = new Attune({ server: ATTUNE_SERVER, key: ATTUNE_KEY, tenant: ATTUNE_TENANT })
const quick = new Attune({ server: ATTUNE_SERVER, key: ATTUNE_KEY, tenant: ATTUNE_TENANT, timeoutMs: 150, retries: 0 })
// Joins visitors to accounts; it could read and erase users too, so that it is kept apart.
const login = new Attune({ server: ATTUNE_SERVER, key: ATTUNE_MANAGE_KEY, tenant: ATTUNE_TENANT })

const products = new Map(catalogue.map((item) => [item.itemId, item]))
await attune.items.upsert(catalogue)

/** The list for a place on the page; the shop's own order where Attune does not answer in time. */
async function shelf(ask) {
  try {
    const { recommendationId, items } = await ask()
    return { recommendationId, items: items.map(({ itemId }) => products.get(itemId)).filter(Boolean) }
  } catch (error) {
    console.error(`no recommendations: ${error.code ?? error.message}`)
    return { recommendationId: undefined, items: catalogue.slice(0, 4) }
  }
}

const routes = [
  ['GET', /^\/$/, home],
  ['GET', /^\/product\/([^/]+)$/, product],
  ['POST', /^\/(cart|purchase)\/([^/]+)$/, act],
  ['POST', /^\/login\/([^/]+)$/, signIn],
]

async function home({ visitor }) {
  const { recommendationId, items } = await shelf(() => quick.recommend({ userId: visitor, count: 4 }))
  return page('Welcome', links(items, recommendationId))
}

async function product({ visitor, query }, id) {
  const shown = products.get(id)
  if (!shown) return undefined
  // Where the click came from says which recommendations work.
  const recommendationId = query.get('from') ?? undefined
  attune.events.add({ userId: visitor, itemId: id, type: 'view', ...(recommendationId && { recommendationId }) })
  const { items } = await shelf(() => quick.similar(id, { count: 4 }))
  const buttons = ['cart', 'purchase'].map(
    (what) =>
      `<form method="post" action="/${what}/${id}"><button>${what === 'cart' ? 'Add to cart' : 'Buy'}</button></form>`,
  )
  return page(
    shown.title,
    `<p>${text(shown.description)}</p><p>${shown.price}</p>${buttons.join('')}<h2>Similar</h2>${links(items)}`,
  )
}

function act({ visitor }, what, id) {
  if (!products.has(id)) return undefined
  attune.events.add({ userId: visitor, itemId: id, type: what, value: products.get(id).price })
  return { redirect: `/product/${id}` }
}

/** What the visitor did before signing in becomes the account's. */
async function signIn({ visitor }, account) {
  await attune.events.flush()
  await login.users.merge(visitor, account)
  return { redirect: '/', visitor: account }
}

const text = (value) => String(value).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
const page = (title, body) => ({
  html: `<!doctype html><meta charset="utf-8"><title>${text(title)}</title><h1>${text(title)}</h1>${body}`,
})
const links = (items, recommendationId) =>
  `<ul>${items
    .map(
      ({ itemId, title }) =>
        `<li><a href="/product/${itemId}${recommendationId ? `?from=${recommendationId}` : ''}">${text(title)}</a></li>`,
    )
    .join('')}</ul>`

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://shop')
  const known = /(?:^|; )visitor=([\w-]{1,64})/.exec(request.headers.cookie ?? '')?.[1]
  const visitor = known ?? randomUUID()
  try {
    for (const [method, path, answer] of routes) {
      const match = method === request.method && path.exec(url.pathname)
      if (!match) continue
      const found = await answer({ visitor, query: url.searchParams }, ...match.slice(1).map(decodeURIComponent))
      if (!found) break
      response.setHeader('set-cookie', `visitor=${found.visitor ?? visitor}; Path=/; HttpOnly; SameSite=Lax`)
      if (found.redirect) return void response.writeHead(303, { location: found.redirect }).end()
      return void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(found.html)
    }
    response.writeHead(404).end('Not found')
  } catch (error) {
    console.error(error.message)
    if (!response.headersSent) response.writeHead(500).end('Something went wrong')
  }
})
server.listen(Number(SHOP_PORT), '127.0.0.1', () => console.log(`shop at http://127.0.0.1:${server.address().port}`))

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, async () => {
    server.close()
    server.closeAllConnections()
    // What waits is sent before the end.
    await attune.close()
  })

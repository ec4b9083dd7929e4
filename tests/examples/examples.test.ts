import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaForTests } from '../support/kafka.js'
import { testService, type TestService } from '../support/service.js'

const root = resolve(import.meta.dirname, '../..')

/** Runs an example as its first lines say. */
function example(file: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [file], { cwd: root, env: { ...process.env, ...env } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()))
  return { child, ended: once(child, 'exit') as Promise<[number | null]>, output: () => output }
}

const brokers = await kafkaForTests()

describe('the example of a shop', () => {
  let service: TestService
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
  })
  afterAll(() => service.stop())

  it('shows recommendations, tells what was done, joins the visitor to the account, and goes on without Attune', async () => {
    const { id, key } = await service.makeTenant('example-shop')
    // Keys as docs/shop.md has them made: neither can do more.
    const made = async (scopes: string[]) => {
      const answer = await service.call('POST', `/v1/tenants/${id}/keys`, { key, body: { scopes } })
      return (answer.body as { key: string }).key
    }
    const shop = example('examples/shop/shop.mjs', {
      ATTUNE_SERVER: service.url,
      ATTUNE_KEY: await made(['ingest', 'recommend']),
      ATTUNE_MANAGE_KEY: await made(['manage']),
      ATTUNE_TENANT: id,
      SHOP_PORT: '0',
    })
    try {
      await expect.poll(shop.output, { timeout: 30_000 }).toMatch(/shop at /)
      const url = /shop at (\S+)/.exec(shop.output())![1]
      let cookie = ''
      const visit = async (method: string, path: string) => {
        const answer = await fetch(url + path, { method, redirect: 'manual', headers: { cookie } })
        cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? cookie
        return { status: answer.status, html: await answer.text() }
      }
      // A page does not wait for a model that is only being built.
      const home = async () => (await visit('GET', '/')).html
      await expect.poll(home, { timeout: 30_000 }).toMatch(/href="\/product\/[\w-]+\?from=/)
      const visitor = cookie.split('=')[1]
      const product = await visit('GET', '/product/tent')
      expect(product.html).toContain('Two-person tent')
      expect(product.html.match(/<li>/g)).toHaveLength(4)
      expect((await visit('POST', '/purchase/tent')).status).toBe(303)
      expect((await visit('GET', '/product/nothing')).status).toBe(404)
      expect((await visit('POST', '/login/ada')).status).toBe(303)
      expect(cookie).toBe('visitor=ada')
      expect(visitor).not.toBe('ada')

      const data = await fetch(`${service.url}/v1/tenants/${id}/users/ada/export`, {
        headers: { authorization: `Bearer ${key}` },
      }).then((answer) => answer.text())
      const events = data
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { type?: string; itemId?: string })
      expect(events.flatMap(({ type, itemId }) => (type ? [`${type} ${itemId}`] : []))).toEqual(
        expect.arrayContaining(['view tent', 'purchase tent']),
      )
      // What was bought is not recommended again.
      await expect.poll(home, { timeout: 30_000 }).toMatch(/^(?!.*product\/tent).*\?from=/)

      await service.app.close()
      expect((await visit('GET', '/')).html.match(/<li>/g)).toHaveLength(4)
    } finally {
      shop.child.kill('SIGKILL')
      await shop.ended
    }
  })

  it('says what it needs', async () => {
    for (const file of ['examples/shop/shop.mjs', 'examples/news/news.mjs']) {
      const { ended, output } = example(file, { ATTUNE_KEY: '', ATTUNE_TENANT: '' })
      expect((await ended)[0]).toBe(2)
      expect(output()).toMatch(/^Set ATTUNE_KEY/)
    }
  })
})

describe.skipIf(brokers === null)('the example of a news app', () => {
  it('recommends what was published a moment ago to a reader who has just come', async () => {
    const service = await testService({
      ROLES: 'api,ingest',
      KAFKA_BROKERS: brokers!,
      KAFKA_EVENTS_TOPIC: 'example-news.events',
      KAFKA_ITEMS_TOPIC: 'example-news.items',
      KAFKA_DEAD_LETTERS_TOPIC: 'example-news.dead-letters',
      KAFKA_GROUP: 'example-news',
    })
    try {
      const made = await service.call('POST', '/v1/tenants', {
        key: service.operatorKey,
        body: { id: 'paper', baseModel: 'media' },
      })
      const { apiKey } = made.body as { apiKey: string }
      const news = example('examples/news/news.mjs', {
        ATTUNE_SERVER: service.url,
        ATTUNE_KEY: apiKey,
        ATTUNE_TENANT: 'paper',
        KAFKA_BROKERS: brokers!,
        KAFKA_EVENTS_TOPIC: 'example-news.events',
        KAFKA_ITEMS_TOPIC: 'example-news.items',
      })
      const [code] = await news.ended
      expect(code, news.output()).toBe(0)
      expect(news.output()).toMatch(/after reading 'vote', [\d.]+ s later: minister/)
      expect(news.output()).toMatch(/'coalition', published [\d.]+ s ago, is recommended: .*coalition/)
    } finally {
      await service.stop()
    }
  }, 180_000)
})

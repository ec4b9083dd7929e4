import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packagePath } from '../../src/platform/paths.js'
import { testService, type TestService } from '../support/service.js'

describe("the console's page", () => {
  let service: TestService
  beforeAll(async () => {
    if (!existsSync(packagePath('dist', 'console', 'index.html')))
      throw new Error('the page is not built: node scripts/setup.mjs')
    service = await testService()
  })
  afterAll(() => service.stop())
  const get = (path: string, encoding = 'identity') =>
    fetch(service.url + path, { headers: { 'accept-encoding': encoding } })
  const linked = (page: string) =>
    [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path).filter((path) => path.includes('/assets/'))

  it('is the same at each of its addresses, and its policy lets nothing else in', async () => {
    const nonces = new Set<string>()
    for (const path of ['/console', '/console/', '/console/tenants/a%2Fb/versions', '/console/nothing?here=<script>']) {
      const answer = await get(path)
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toContain('text/html')
      // It carries a nonce: no cache may keep it.
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      const policy = answer.headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'none'; script-src 'self';")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toContain('unsafe')
      const [, nonce] = /'nonce-([^']+)'/.exec(policy) ?? []
      const page = await answer.text()
      expect(page).toContain(`content="${nonce}"`)
      expect(page).not.toMatch(/https?:\/\//)
      expect(page).not.toMatch(/<script(?![^>]*\ssrc=)/)
      nonces.add(nonce)
    }
    expect(nonces.size).toBe(4)
  })

  it('says to a browser without a session that there is none, unless it may have kept its cookie to itself', async () => {
    const page = async (cookie: string, site?: string) => {
      const headers = { cookie, ...(site !== undefined && { 'sec-fetch-site': site }) }
      return (await fetch(`${service.url}/console`, { headers })).text()
    }
    for (const site of ['none', 'same-origin']) {
      expect(await page('', site)).toContain('name="signed-in" content="no"')
      expect(await page('other=1; attune_session=x', site)).toContain('name="signed-in" content=""')
    }
    for (const site of ['cross-site', 'same-site', 'x, none', undefined])
      expect(await page('', site), site).toContain('name="signed-in" content=""')
  })

  it('loads less than 300 kB compressed, which browsers keep', async () => {
    const page = await (await get('/console')).text()
    const files = linked(page)
    expect(files.length).toBeGreaterThan(1)
    let bytes = 0
    for (const file of files) {
      const answer = await get(file, 'gzip')
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-encoding')).toBe('gzip')
      expect(answer.headers.get('cache-control')).toContain('immutable')
      bytes += Number(answer.headers.get('content-length'))
    }
    expect(bytes).toBeGreaterThan(20_000)
    expect(bytes).toBeLessThan(300_000)
  })

  it('gives no page for a file that is not there, and none of the files beside it', async () => {
    for (const path of [
      '/console/assets/nothing.js',
      '/console/assets/..%2f..%2fsrc%2fmain.js',
      '/console/assets/',
      '/console/assets/%00',
    ]) {
      const answer = await get(path)
      expect([400, 403, 404], path).toContain(answer.status)
      expect(answer.headers.get('content-type'), path).toContain('application/problem+json')
    }
    expect((await get('/console/icon.svg')).headers.get('content-type')).toContain('image/svg+xml')
  })
})

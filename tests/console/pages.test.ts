import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FreshnessService } from '../../src/monitoring/freshness.service.js'
import { SketchesService } from '../../src/monitoring/sketches.service.js'
import { Database } from '../../src/platform/database.js'
import { VersionsService } from '../../src/registry/versions.service.js'
import { QuotaHits } from '../../src/tenants/quota-hits.service.js'
import { catalogOf, encoded, promoteVersion } from '../serving/made-version.js'
import { type TestService, testService } from '../support/service.js'
import { madeUpShop, send } from '../training/shop.js'
import { describeInBrowser, openBrowser, signIn } from './page.js'

const WIDTHS = [360, 1600]
const SCHEMES = ['light', 'dark'] as const
const GUIDELINES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
const COLOURS = ['color-contrast', 'link-in-text-block']
/** Compressed, of the page that an operator sees first. */
const MOST_BYTES = 300_000

interface Finding {
  id: string
  impact: string
  nodes: { html: string; failureSummary: string }[]
}

describeInBrowser('each page of the console', () => {
  let service: TestService
  let browser: Awaited<ReturnType<typeof openBrowser>>
  let axe: string
  const versions: string[] = []
  let run: string

  beforeAll(async () => {
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
    // No trainer: the run stays as it is.
    service = await testService({ ROLES: 'api' })
    const shop = await service.makeTenant('shop', { training: { schedule: null } })
    await send(service, shop, madeUpShop(40, 60))
    await service.makeTenant('empty')
    for (const decision of ['passed', 'rejected'] as const)
      versions.push((await service.app.get(VersionsService).create('shop', draft(decision), {})).id)
    await service.call('POST', '/v1/tenants/shop/training-runs', { body: { reason: 'to be cancelled' } })
    const runs = (await service.call('GET', '/v1/tenants/shop/training-runs')).body as { data: { id: string }[] }
    run = runs.data[0].id
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.browser.close()
    await service?.stop()
  })

  const pages = () => [
    '/',
    '/?search=nothing-is-called-so',
    '/dead-letters',
    '/tenants/shop',
    '/tenants/empty',
    '/tenants/nobody',
    '/tenants/shop/training',
    '/tenants/empty/training',
    `/tenants/shop/training/${run}`,
    '/tenants/shop/versions',
    '/tenants/empty/versions',
    `/tenants/shop/versions/${versions[0]}`,
    `/tenants/shop/compare?a=${versions[0]}&b=${versions[1]}`,
    '/tenants/shop/look?user=user+7',
    '/tenants/shop/look?who=history',
    '/tenants/shop/settings',
    '/tenants/shop/keys',
    '/no/such/page',
  ]
  const settled = async (page: Page) => {
    await page.getByRole('heading', { level: 1 }).or(page.getByText('There is no tenant')).first().waitFor()
    await page.waitForLoadState('networkidle').catch(() => undefined)
    await expect.poll(() => page.getByText(/^Loading/).count(), { timeout: 20_000 }).toBe(0)
  }
  /** @param only rules by name; all that have to hold by the guidelines, otherwise */
  const findings = async (page: Page, where: string, only?: string[]): Promise<string[]> => {
    // Colours on their way from one scheme to the other are neither's.
    await page.evaluate('Promise.allSettled(document.getAnimations().map(({ finished }) => finished))')
    await page.evaluate(axe)
    const { violations } = await page.evaluate<{ violations: Finding[] }>(
      `axe.run(document, { resultTypes: ['violations'], runOnly: ${JSON.stringify(only ?? GUIDELINES)} })`,
    )
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(
        ({ id, nodes }) =>
          `${where}: ${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
      )
  }

  for (const width of WIDTHS)
    it(`is whole at ${width} px, in light and dark, with no serious finding of axe`, async () => {
      const { page, complaints, close } = await browser.visit({
        viewport: { width, height: 900 },
        colorScheme: 'light',
      })
      await page.goto(`${service.url}/console`)
      await page.locator('input[name=key]').waitFor()
      const all = await findings(page, 'sign in')
      await signIn(page, service.url, service.operatorKey)
      for (const path of pages()) {
        await page.goto(`${service.url}/console${path}`)
        await settled(page)
        for (const colorScheme of SCHEMES) {
          await page.emulateMedia({ colorScheme })
          await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor()
          // In the second scheme nothing but colours is another.
          all.push(...(await findings(page, `${path} ${colorScheme}`, colorScheme === 'dark' ? COLOURS : undefined)))
        }
        // Nothing has to be looked for beside the screen.
        const wide = await page.evaluate<number>('document.documentElement.scrollWidth')
        if (wide > width) all.push(`${path}: ${wide} px wide`)
      }
      expect(all).toEqual([])
      // Of what was asked for on purpose though it is not there.
      expect(complaints.filter((complaint) => !complaint.includes('404'))).toEqual([])
      await close()
    }, 150_000)

  it('marks the tab that is open, however its address ends', async () => {
    const { page, complaints, close } = await browser.visit()
    await signIn(page, service.url, service.operatorKey)
    for (const path of ['/tenants/shop', '/tenants/shop/', '/tenants/shop/keys/']) {
      await page.goto(`${service.url}/console${path}`)
      await settled(page)
      const current = page.getByRole('navigation', { name: 'Tenant' }).locator('[aria-current=page]')
      expect(await current.allInnerTexts()).toEqual([path.includes('keys') ? 'Keys' : 'Overview'])
    }
    // The last of them lies beyond a small screen.
    await page.setViewportSize({ width: 360, height: 800 })
    await page.goto(`${service.url}/console/tenants/shop/keys`)
    await settled(page)
    const tab = await page.getByRole('link', { name: 'Keys', exact: true }).boundingBox()
    expect(tab!.x + tab!.width).toBeLessThanOrEqual(360)
    expect(complaints).toEqual([])
    await close()
  })

  it('colours the difference of two versions only where their intervals are apart', async () => {
    const { page, close } = await browser.visit()
    await signIn(page, service.url, service.operatorKey)
    await page.goto(`${service.url}/console/tenants/shop/compare?a=${versions[0]}&b=${versions[1]}`)
    const change = (row: string) => page.getByRole('row', { name: row }).locator('[data-change]')
    const shown = async (row: string) => [await change(row).innerText(), await change(row).getAttribute('data-change')]
    expect(await shown('NDCG@10 ')).toEqual(['-6.0', 'down'])
    expect(await shown('New users ')).toEqual(['-3.0', 'none'])
    await close()
  })

  it('loads less than 300 kB compressed before it is there', async () => {
    const { page, close } = await browser.visit()
    await signIn(page, service.url, service.operatorKey)
    await page.goto(`${service.url}/console`)
    await settled(page)
    const bytes = await page.evaluate<number>(
      `performance.getEntries().reduce((sum, entry) => sum + (entry.encodedBodySize ?? 0), 0)`,
    )
    expect(bytes).toBeGreaterThan(100_000)
    expect(bytes).toBeLessThan(MOST_BYTES)
    await close()
  })

  it("shows a tenant's key its own tenant, and what its scopes allow", async () => {
    const { body } = await service.call('POST', '/v1/tenants/shop/keys', {
      body: { scopes: ['train'], name: 'trainer' },
    })
    const { page, complaints, close } = await browser.visit()
    await signIn(page, service.url, (body as { key: string }).key)
    await page.goto(`${service.url}/console/tenants/empty/keys`)
    await settled(page)
    expect(new URL(page.url()).pathname).toMatch(/^\/console\/tenants\/shop/)
    const tabs = page.getByRole('navigation', { name: 'Tenant' }).getByRole('link')
    expect(await tabs.allInnerTexts()).toEqual(['Training', 'Versions', 'Look inside'])
    expect(await page.getByRole('navigation', { name: 'Main' }).count()).toBe(0)
    expect(complaints).toEqual([])
    await close()
  })

  it('tell how far a tenant has drifted, and how soon what comes counts', async () => {
    const tenant = await service.makeTenant('drifting')
    await send(service, tenant, { items: madeUpShop(40, 1).items })
    const [{ snapshot }] = await service.app
      .get(Database)
      .query<{ snapshot: string }>(tenant.id, 'SELECT pg_current_snapshot()::text AS snapshot')
    await promoteVersion(service, tenant.id, encoded(await catalogOf(service, tenant.id), 1), {
      ...{ readAt: new Date().toISOString(), snapshot },
      ...{ days: 28, eventTypes: { view: 800 }, items: 40 },
    })
    const newer = Array.from({ length: 60 }, (_, i) => ({ itemId: `newer ${i}`, title: `Newer ${i}` }))
    await send(service, tenant, { items: newer })
    const freshness = service.app.get(FreshnessService)
    for (const seconds of [0.2, 0.2, 0.2, 20]) freshness.taken('event', tenant.id, seconds)
    await service.app.get(SketchesService).flush()
    const { page, complaints, close } = await browser.visit()
    await signIn(page, service.url, service.operatorKey)
    await page.goto(`${service.url}/console/tenants/drifting`)
    await settled(page)
    const drift = await page.getByRole('region', { name: 'Drift' }).innerText()
    expect(drift).toMatch(/In all\s+strong/)
    expect(drift).toMatch(/Catalogue\s+strong\s+60 % of the items: 60 new, 0 gone/)
    expect(drift).toMatch(/Mix of events\s+not known yet\s+No whole day has passed/)
    const fresh = await page.getByRole('region', { name: 'Freshness' }).innerText()
    expect(fresh).toMatch(/Events\s+75\.0 % within 1 s\s+of 4 measured/)
    expect(fresh).toMatch(/Items\s+none measured/)
    expect(complaints).toEqual([])
    await close()
  })

  it('tell how near a tenant is to its quotas, and what they refused', async () => {
    const tenant = await service.makeTenant('full', { quotas: { items: 40, requestsPerSecond: 70 } })
    await send(service, tenant, { items: madeUpShop(40, 1).items })
    const items = Array.from({ length: 7 }, (_, i) => ({ itemId: `past ${i}`, title: `Past ${i}` }))
    await service.call('POST', '/v1/tenants/full/items', { key: tenant.key, body: { items } })
    await service.app.get(QuotaHits).flush()
    const { page, complaints, close } = await browser.visit()
    await signIn(page, service.url, service.operatorKey)
    await page.goto(`${service.url}/console/tenants/full`)
    await settled(page)
    const quotas = page.getByRole('region', { name: 'Quotas' })
    const row = (name: string) => quotas.getByRole('row', { name }).innerText()
    expect(await row('Items')).toMatch(/Items\s+40\s+40 of 40\s+7, last now/)
    expect(await row('Requests')).toMatch(/Requests\s+70 a second\s+\d+ of 700 at once\s+none/)
    expect(await row('Training runs')).toMatch(/100 a day\s+0 of 100\s+none/)
    expect(await row('Events by HTTP')).toMatch(/20,000 a second\s+0 of 200,000 at once\s+none/)
    expect(complaints).toEqual([])
    await close()
  })

  it('tell of a version whose twin is served how that one learned, and what it lost of old windows', async () => {
    const { report, ...rest } = draft('passed')
    const twin = {
      ...report,
      metrics: { ...report.metrics, 'from-scratch': metrics(0.3) },
      recipe: { ...report.recipe, served: 'from-scratch' },
      curves: { ...report.curves, 'from-scratch': { ...report.curves.candidate, bestEpoch: 2 } },
    }
    const { id } = await service.app.get(VersionsService).create('shop', { ...rest, report: twin }, {})
    const { page, complaints, close } = await browser.visit()
    await signIn(page, service.url, service.operatorKey)
    await page.goto(`${service.url}/console/tenants/shop/versions/${id}`)
    await settled(page)
    const windows = page.getByRole('table', { name: 'Old windows' }).getByRole('row')
    expect(await windows.count()).toBe(3)
    expect(await windows.nth(2).innerText()).toMatch(/60\s+40\.0 %\s+31\.0 %\s+-9\.0 \(-12\.0 to -5\.0\) points/)
    expect(await page.getByRole('region', { name: 'Learning' }).innerHTML()).toContain('epoch 2 was kept')
    expect(complaints).toEqual([])
    await page.goto(`${service.url}/console/tenants/shop/versions/${versions[1]}`)
    await settled(page)
    expect(await page.getByRole('region', { name: 'Old windows' }).innerText()).toContain(
      'no version was served before',
    )
    await close()
  })

  it('asks to sign in again where the key was revoked, and says so where the service is gone', async () => {
    const { body } = await service.call('POST', '/v1/tenants/shop/keys', {
      body: { scopes: ['train', 'manage'], name: 'short' },
    })
    const { key, id } = body as { key: string; id: string }
    const { page, close } = await browser.visit()
    await signIn(page, service.url, key)
    await page.route('**/model-versions?*', (route) => route.abort())
    await page.goto(`${service.url}/console/tenants/shop/versions`)
    await page.getByRole('alert').getByText('The service was not reached').waitFor()
    await page.unroute('**/model-versions?*')
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('table').waitFor()
    await service.call('DELETE', `/v1/tenants/shop/keys/${id}`)
    await page.locator('input[name=key]').waitFor()
    await close()
  })
})

const figure = (mean: number) => ({ mean, low: mean - 0.02, high: mean + 0.02 })
const metrics = (mean: number) => ({
  ...Object.fromEntries(['ndcg', 'hitRate', 'precision', 'recall', 'f1', 'mrr'].map((name) => [name, figure(mean)])),
  coverage: 0.4,
  novelty: 8,
  gini: 0.6,
  headShare: 0.5,
  slices: { newUsers: { users: 12, ndcg: figure(mean / 2) }, oneEvent: { users: 0, ndcg: figure(0) } },
})
const oldWindow = (from: string, to: string) => ({
  ...{ from: `${from}T00:00:00.000Z`, to: `${to}T00:00:00.000Z`, users: 60, before: 0.4, now: 0.31 },
  difference: { mean: -0.09, low: -0.12, high: -0.05 },
})
const draft = (decision: 'passed' | 'rejected') => ({
  runId: null,
  parentId: null,
  baseModel: 'default',
  decision,
  reason: decision === 'passed' ? 'It beats all that is served.' : 'Its lead over the base may be noise.',
  report: {
    counts: { events: 400, users: 60, items: 40 },
    dataWindow: {
      from: '2026-01-01T00:00:00Z',
      validationFrom: '2026-02-01T00:00:00Z',
      testFrom: '2026-02-10T00:00:00Z',
      to: '2026-03-01T00:00:00Z',
    },
    metrics: { candidate: metrics(decision === 'passed' ? 0.2 : 0.14), base: metrics(0.12), popular: metrics(0.1) },
    gate: {
      decision,
      reason: 'because',
      checks: [{ name: 'beats popularity', passed: decision === 'passed', required: true, detail: 'by 3 points' }],
    },
    blend: { kind: 'network', reason: 'it adds to the rest', shares: { network: 0.7, popular: 0.3 } },
    recipe: { reasons: { rate: 'the usual one' } },
    forgetting:
      decision === 'passed'
        ? { windows: [oldWindow('2026-01-01', '2026-01-15'), oldWindow('2026-01-15', '2026-02-01')] }
        : { withoutWindows: 'no version was served before: there is no network to compare with' },
    curves: {
      candidate: {
        bestEpoch: 1,
        steps: 6,
        tokensPerSecond: 100,
        epochs: [0, 1, 2].map((epoch) => ({
          epoch,
          trainLoss: 3 - epoch / 2,
          gap: epoch / 6,
          validationLoss: 3.2 - epoch / 3,
          trainNdcg: 0.1 + epoch / 20,
          validationNdcg: 0.1 + epoch / 25,
        })),
      },
    },
  },
})

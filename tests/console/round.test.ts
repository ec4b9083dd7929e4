import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { packagePath } from '../../src/platform/paths.js'
import { VERSION_ARTIFACT, VersionsService } from '../../src/registry/versions.service.js'
import { type TestService, testService } from '../support/service.js'
import { madeUpShop, send } from '../training/shop.js'
import { describeInBrowser, HOSTILE, openBrowser, press, reach, signIn, type Visit, write } from './page.js'

// Needs the build, of the service and of the page: the child process that trains runs from dist/.
describeInBrowser("the operator's round", () => {
  let service: TestService
  let browser: Awaited<ReturnType<typeof openBrowser>>
  let visit: Visit
  const shop = madeUpShop(30, 50)
  const USER = `user 7 ${HOSTILE}`
  const named = (itemId: string, title: string) => ({
    itemId,
    title: `${title} ${HOSTILE}`,
    categories: [title.split(' ')[0], HOSTILE],
    imageUrl: `javascript:window.hacked=1`,
    url: `javascript:window.hacked=1`,
    price: 5,
  })

  beforeAll(async () => {
    service = await testService({ BACKEND: 'wasm' })
    const settings = { training: { schedule: null, minIntervalMinutes: 0, autoPromote: false } }
    const { body } = await service.call('POST', '/v1/tenants', {
      body: { id: 'shop', name: `Shop ${HOSTILE}`, settings },
    })
    await send(
      service,
      { id: 'shop', key: (body as { apiKey: string }).apiKey },
      {
        items: shop.items.map(({ itemId, title }) => named(itemId, title)),
        events: shop.events.map((event) => (event.userId === 'user 7' ? { ...event, userId: USER } : event)),
      },
    )
    browser = await openBrowser()
    visit = await browser.visit({ viewport: { width: 1280, height: 900 } })
  })
  afterAll(async () => {
    await browser?.browser.close()
    await service?.stop()
  })
  // Each step goes on where the one before it ended.
  let broken = false
  beforeEach(({ skip }) => skip(broken, 'an earlier step failed'))
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return
    broken = true
    await visit.page.screenshot({ path: packagePath('.cache', 'console-round.png') })
  })
  const soon = { timeout: 20_000 }
  /** What every step leaves behind: nothing of a tenant's ran, and nothing went wrong. */
  const isClean = async () => {
    expect(visit.complaints).toEqual([])
    expect(await visit.page.evaluate('window.hacked')).toBeUndefined()
  }
  const button = (name: string | RegExp) => visit.page.getByRole('button', { name, exact: true })
  const link = (name: string | RegExp) => visit.page.getByRole('link', { name, exact: true })
  const dialog = () => visit.page.getByRole('dialog')
  const heading = (name: string | RegExp) => visit.page.getByRole('heading', { name, level: 1 }).waitFor()
  const tab = (name: string) => visit.page.getByRole('navigation', { name: 'Tenant' }).getByRole('link', { name })

  /** Another version like the one that there is: a second training would show nothing more. */
  const twin = async () => {
    const versions = service.app.get(VersionsService)
    const [{ id }] = (await versions.list('shop', 1)).data
    const artifact = await versions.readArtifact('shop', id, VERSION_ARTIFACT)
    await versions.create('shop', await versions.get('shop', id), { [VERSION_ARTIFACT]: artifact })
  }
  const started = async () => {
    const { page } = visit
    await press(page, button('Train …'))
    await write(page, dialog().getByLabel('Reason'), `because ${HOSTILE}`)
    await press(page, dialog().getByRole('button', { name: 'Train' }))
    await heading(/^Run r-/)
  }
  const ended = async () => {
    await expect
      .poll(() => visit.page.getByRole('heading', { level: 2 }).first().innerText(), {
        timeout: 120_000,
        interval: 300,
      })
      .toMatch(/waits for promotion|refused by the gate/)
    await isClean()
  }

  it('signs in, with a key that the browser keeps nowhere', async () => {
    const { page } = visit
    await page.goto(`${service.url}/console/tenants/shop`)
    await write(page, page.locator('input[name=key]'), 'not the key')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('not known').waitFor()
    await page.locator('input[name=key]').fill('')
    await signIn(page, service.url, service.operatorKey)
    await heading('Tenants')
    const stored = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])')
    expect(stored).not.toContain(service.operatorKey)
    expect(await page.context().cookies()).toMatchObject([{ httpOnly: true, sameSite: 'Strict' }])
    expect(await page.content()).not.toContain(service.operatorKey)
    await isClean()
  })

  it('sees that a tenant needs training, and starts it', async () => {
    const { page } = visit
    await page.getByText('Ready for its first training', { exact: true }).waitFor()
    expect(await page.getByRole('table').innerText()).toContain(`Shop ${HOSTILE}`)
    await press(page, link('Start it'))
    await heading('Training')
    await started()
    await isClean()
  })

  it('watches it live to the end', async () => {
    const { page } = visit
    // Written down as it goes: a short run may be over by the time that one asks for its bar.
    await page.evaluate(`
      window.progress = []
      window.live = false
      const note = () => {
        const bar = document.querySelector('[role=progressbar]')
        if (bar) window.progress.push(Number(bar.getAttribute('aria-valuenow')))
        window.live ||= document.body.textContent.includes('Live: this page follows the run.')
      }
      note()
      new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true })
    `)
    const log = page.getByRole('region', { name: 'Log of the run' })
    await log
      .getByText(/^epoch \d+: loss/)
      .first()
      .waitFor({ timeout: 90_000 })
    // Nothing of it was asked for anew: the lines came by themselves.
    await page.getByText('Loss by epoch').waitFor()
    expect(await page.getByText(`because ${HOSTILE}`).count()).toBe(1)
    await ended()
    expect(await page.evaluate('window.live')).toBe(true)
    expect(Math.max(...(await page.evaluate<number[]>('window.progress')))).toBeGreaterThan(0)
    await press(page, link('See the version'))
    await heading(/^Version v-/)
    await isClean()
  }, 150_000)

  it('compares two versions, and promotes one', async () => {
    const { page } = visit
    await twin()
    await press(page, tab('Versions'))
    await heading('Versions')
    const boxes = page.getByRole('checkbox', { name: /^Compare v-/ })
    await expect.poll(() => boxes.count(), soon).toBe(2)
    for (const place of [0, 1]) await press(page, boxes.nth(place), 'Space')
    await press(page, link('Compare two'))
    await heading('Two versions side by side')
    const quality = page.getByRole('table', { name: 'Metrics with intervals' })
    await quality.getByText('NDCG@10').waitFor()
    expect(await quality.getByRole('columnheader').allInnerTexts()).toEqual([
      'Metric',
      expect.stringMatching(/^v-/),
      expect.stringMatching(/^v-/),
      'Second less first',
    ])
    for (const part of [
      'By kind of user and item',
      'What the lists are like',
      'Old windows',
      'Recipe',
      "The gate's checks",
    ])
      expect(await page.getByRole('heading', { name: part }).count(), part).toBeGreaterThan(0)
    await press(page, button(/^Promote v-/))
    // Enter by mistake does nothing: the focus is on what changes nothing.
    await dialog().getByRole('button', { name: 'Not now' }).and(page.locator(':focus')).waitFor()
    await page.keyboard.press('Enter')
    await dialog().waitFor({ state: 'hidden' })
    await press(page, button(/^Promote v-/))
    await press(page, dialog().getByRole('button', { name: /^Promote/ }))
    await page.getByText(/^v-.* is served from now on\.$/).waitFor()
    expect(await service.call('GET', '/v1/tenants/shop/readiness')).toMatchObject({ body: { serving: 'fine-tuned' } })
    await isClean()
  })

  it('looks inside a user, and sees what rules change', async () => {
    const { page } = visit
    await press(page, tab('Look inside'))
    await heading('Look inside')
    await write(page, page.getByRole('combobox', { name: 'User' }), 'user 7 ')
    await page.getByRole('option', { name: USER }).waitFor()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    const past = page.getByRole('list', { name: 'Events of the user' })
    expect(await past.innerText()).toContain(HOSTILE)
    const lists = page.locator('ol')
    await expect.poll(() => lists.count(), soon).toBe(2)
    for (const list of await lists.all()) {
      expect(await list.getByRole('listitem').count()).toBe(10)
      expect(await list.innerText()).toContain('because of')
      // Links of items lead to the web or nowhere.
      expect(await list.getByRole('link').count()).toBe(0)
    }
    const before = await lists.last().innerText()
    const colour = /^(\w+) \w+ number/m.exec(before)?.[1] ?? ''
    await write(page, page.getByRole('combobox', { name: 'Only of these categories' }), colour)
    await page.keyboard.press('Enter')
    await page.getByText('The rules took away').first().waitFor()
    await expect
      .poll(async () => {
        const shown = await lists.last().getByRole('listitem').allInnerTexts()
        return shown.every((one) => one.split('\n').some((line) => line.startsWith(`${colour} `)))
      }, soon)
      .toBe(true)
    await isClean()
  })

  it('rolls back', async () => {
    const { page } = visit
    await press(page, tab('Versions'))
    await press(page, button('Roll back …'))
    await press(page, dialog().getByRole('button', { name: 'Roll back' }))
    await page.getByText('The base is served from now on.').waitFor()
    expect(await service.call('GET', '/v1/tenants/shop/readiness')).toMatchObject({ body: { serving: 'base' } })
    await isClean()
  })

  it('makes a key that is shown once, and revokes it', async () => {
    const { page } = visit
    await press(page, tab('Keys'))
    await press(page, button('New key'))
    await write(page, dialog().getByLabel('Name'), `for ${HOSTILE}`)
    await press(page, dialog().getByRole('button', { name: 'Make the key' }))
    const key = await page.getByTestId('key').innerText()
    const trending = () => service.call('GET', '/v1/tenants/shop/trending', { key })
    expect((await trending()).status).toBe(200)
    await press(page, dialog().getByRole('button', { name: 'I have it' }))
    await dialog().waitFor({ state: 'hidden' })
    expect(await page.content()).not.toContain(key)
    await press(page, button(`Revoke for ${HOSTILE}`))
    await press(page, dialog().getByRole('button', { name: 'Revoke the key' }))
    await page.getByText(`for ${HOSTILE} is revoked.`).waitFor()
    await expect.poll(async () => (await trending()).status, { timeout: 10_000 }).toBe(401)
    await isClean()
  })

  it('signs out, and nothing is left to be seen', async () => {
    const { page } = visit
    await press(page, button('Sign out'))
    await reach(page, page.locator('input[name=key]'))
    await page.goto(`${service.url}/console/tenants/shop/keys`)
    await page.locator('input[name=key]').waitFor()
    expect(await page.content()).not.toContain('Shop')
    await isClean()
  })
})

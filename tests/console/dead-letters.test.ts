import { afterAll, beforeAll, expect, it } from 'vitest'
import { WaitingLetters } from '../../src/events/waiting-letters.service.js'
import { type TestService, testService } from '../support/service.js'
import { describeInBrowser, HOSTILE, openBrowser, press, signIn, type Visit } from './page.js'

const TOPIC = 'attune.events'

// Without a broker: the letters are put where the consumer puts them.
describeInBrowser('dead letters in the console', () => {
  let service: TestService
  let browser: Awaited<ReturnType<typeof openBrowser>>
  let visit: Visit
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
    const letter = (offset: number, code: string, value: Buffer) => ({
      message: {
        key: Buffer.from(`shop:${HOSTILE}`),
        value,
        headers: { [HOSTILE]: Buffer.from(HOSTILE) },
        offset: String(offset),
        timestamp: '1700000000000',
        attributes: 0,
      },
      origin: { topic: TOPIC, partition: 0, offset: String(offset), timestamp: '1700000000000' },
      code,
      reason: `not of use: ${HOSTILE}`,
    })
    await service.app
      .get(WaitingLetters)
      .add(TOPIC, 0, [
        letter(1, 'INVALID_EVENT', Buffer.from(JSON.stringify({ tenantId: HOSTILE, itemId: HOSTILE }))),
        letter(2, 'NOT_JSON', Buffer.from([0xff, 0x00, 0x80])),
        letter(3, 'NOT_JSON', Buffer.from(HOSTILE)),
      ])
    browser = await openBrowser()
    visit = await browser.visit()
    await signIn(visit.page, service.url, service.operatorKey)
  })
  afterAll(async () => {
    await browser?.browser.close()
    await service?.stop()
  })

  it('are told by reason, and one is opened: text, whatever it holds', async () => {
    const { page } = visit
    await press(page, page.getByRole('link', { name: 'Dead letters' }))
    const reasons = page.getByRole('table', { name: 'Dead letters by reason' })
    await reasons.waitFor()
    expect(await reasons.getByRole('row').allInnerTexts()).toEqual([
      expect.stringContaining('Reason'),
      expect.stringMatching(/^NOT_JSON\s+2/),
      expect.stringMatching(/^INVALID_EVENT\s+1/),
    ])
    await press(page, page.getByRole('button', { name: `Open ${TOPIC}/0/1` }))
    const dialog = page.getByRole('dialog')
    await dialog.getByText('"itemId"').waitFor()
    expect((await dialog.innerText()).split(HOSTILE).length - 1).toBeGreaterThan(2)
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
    expect(await page.evaluate('window.hacked')).toBeUndefined()
    expect(visit.complaints).toEqual([])
  })

  it('are refused to be replayed where there is no Kafka, and dropped, one or all of a reason', async () => {
    const { page } = visit
    const dialog = page.getByRole('dialog')
    await press(page, page.getByRole('button', { name: `Replay ${TOPIC}/0/1` }))
    await press(page, dialog.getByRole('button', { name: 'Replay' }))
    await dialog.getByRole('alert').waitFor()
    expect(await dialog.innerText()).toContain('NOT_REPLAYABLE (409)')
    await press(page, dialog.getByRole('button', { name: 'Not now' }))
    await dialog.waitFor({ state: 'hidden' })
    await press(page, page.getByRole('button', { name: `Drop ${TOPIC}/0/1` }))
    await press(page, dialog.getByRole('button', { name: 'Drop' }))
    await page.getByText('1 dropped.').waitFor()
    await dialog.waitFor({ state: 'hidden' })
    await press(page, page.getByRole('button', { name: 'Drop all …: NOT_JSON' }))
    await press(page, dialog.getByRole('button', { name: 'Drop' }))
    await page.getByText('2 dropped.').waitFor()
    await page.getByText('No letters wait').waitFor()
    expect(await service.call('GET', '/v1/dead-letters')).toMatchObject({ body: { data: [], byCode: {} } })
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WaitingLetters } from '../../src/events/waiting-letters.service.js'
import { kafkaShop } from '../events/kafka-shop.js'
import { kafkaForTests } from '../support/kafka.js'
import { type TestService, testService } from '../support/service.js'
import { describeInBrowser, hasBrowser, HOSTILE, openBrowser, press, signIn, type Visit } from './page.js'

const TOPIC = 'attune.events'
/** More than is kept of a value. */
const TOO_LARGE = Buffer.alloc(1024 * 1024 + 1, 120)

const letter = (offset: number, code: string, value: Buffer | null, topic = TOPIC) => ({
  message: {
    key: Buffer.from(`shop:${HOSTILE}`),
    value,
    headers: { [HOSTILE]: Buffer.from(HOSTILE) },
    offset: String(offset),
    timestamp: '1700000000000',
    attributes: 0,
  },
  origin: { topic, partition: 0, offset: String(offset), timestamp: '1700000000000' },
  code,
  reason: `not of use: ${HOSTILE}`,
})

// Without a broker: the letters are put where the consumer puts them.
describeInBrowser('dead letters in the console', () => {
  let service: TestService
  let browser: Awaited<ReturnType<typeof openBrowser>>
  let visit: Visit
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
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

  it('are shown as they came, and told apart where they have no value and where it is not kept', async () => {
    const { page } = visit
    const value = '{ "itemId": 9007199254740993 }'
    await service.app
      .get(WaitingLetters)
      .add(TOPIC, 0, [
        letter(4, 'INVALID_EVENT', Buffer.from(value)),
        letter(5, 'INVALID_ITEM', null),
        letter(6, 'INVALID_ITEM', TOO_LARGE),
      ])
    await page.reload()
    const dialog = page.getByRole('dialog')
    const opened = async (offset: number, text: string) => {
      await press(page, page.getByRole('button', { name: `Open ${TOPIC}/0/${offset}` }))
      await dialog.getByText(text).waitFor()
      const shown = await dialog.innerText()
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'hidden' })
      return shown
    }
    expect(await opened(4, value)).not.toContain('cannot be replayed')
    expect(await opened(5, 'It has no value.')).not.toContain('cannot be replayed')
    expect(await opened(6, 'Its value of 1 MB is not kept here.')).toContain(
      "It cannot be replayed: its value is only in Kafka's topic.",
    )
    // Where the button is off, the list says why.
    expect(await page.getByRole('button', { name: `Replay ${TOPIC}/0/6` }).isDisabled()).toBe(true)
    expect(await page.getByText('It cannot be replayed').count()).toBe(1)
    expect(visit.complaints.filter((complaint) => !complaint.includes('409'))).toEqual([])
  })
})

const brokers = hasBrowser ? await kafkaForTests() : null

describe.skipIf(brokers === null)('dead letters in the console, with a broker', () => {
  it('are all replayed, each once, and those are counted that cannot be', async () => {
    const shop = kafkaShop(brokers!)
    const topic = shop.config.eventsTopic
    await shop.withAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }))
    // Nothing reads the topics here: what is sent round does not come back.
    const service = await testService({ ...shop.env, ROLES: 'api' })
    const { browser, visit } = await openBrowser()
    try {
      const letters = Array.from({ length: 250 }, (_, i) => letter(i, 'NOT_JSON', Buffer.from(`poison ${i}`), topic))
      const others = [letter(250, 'NOT_JSON', TOO_LARGE, topic), letter(251, 'NOT_JSON', Buffer.from('x'), 'another')]
      await service.app.get(WaitingLetters).add(topic, 0, [...letters, ...others])
      const { page } = await visit()
      await signIn(page, service.url, service.operatorKey)
      await page.goto(`${service.url}/console/dead-letters`)
      const asked: { before?: string }[] = []
      page.on('request', (request) => {
        if (request.url().endsWith('/replay')) asked.push(request.postDataJSON() as { before?: string })
      })
      await press(page, page.getByRole('button', { name: 'Replay all: NOT_JSON' }))
      await press(page, page.getByRole('dialog').getByRole('button', { name: 'Replay' }))
      await page.getByText(/^250 sent round again.* 2 are kept: their value is only in Kafka's topic/).waitFor()
      expect(asked.map(({ before }) => before !== undefined)).toEqual([false, true])
      expect(await shop.read(topic)).toHaveLength(250)
    } finally {
      await browser.close()
      await service.stop()
    }
  })
})

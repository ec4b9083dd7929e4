import { WaitingLetters } from '../../src/events/waiting-letters.service.js'
import { readConfig } from '../../src/platform/config.js'
import { startService } from '../../src/service.js'
import { call } from '../quickstart/service.js'

/** A service of its own for the pictures, in this process. */
export interface Stage {
  url: string
  operatorKey: string
  call: <T>(method: string, path: string, options?: { body?: unknown }) => Promise<T>
  /** As the consumer would leave them: there is no Kafka here. */
  addLetters(): Promise<void>
  stop(): Promise<void>
}

export async function startStage(dataDir: string): Promise<Stage> {
  const service = await startService(
    readConfig({ PORT: '0', DATA_DIR: dataDir, LOG_LEVEL: 'error', BACKEND: process.env.BACKEND ?? 'auto' }),
  )
  const { app, url, operatorKey } = service
  return {
    url,
    operatorKey,
    stop: () => service.stop(),
    call: (method, path, options = {}) => call(url, method, path, { key: operatorKey, ...options }),
    addLetters: () => addLetters(app.get(WaitingLetters)),
  }
}

const TOPIC = 'attune.events'

async function addLetters(waiting: WaitingLetters) {
  const now = Date.now()
  const letters = LETTERS.map(({ value, code, reason }, place) => {
    const timestamp = String(now - place * 47_000)
    const offset = String(20_417 + 31 * place)
    return {
      message: {
        key: Buffer.from('city-news:r4'),
        value: Buffer.from(value),
        headers: {},
        offset,
        timestamp,
        attributes: 0,
      },
      origin: { topic: TOPIC, partition: place % 3, offset, timestamp },
      code,
      reason,
    }
  })
  await waiting.add(TOPIC, 0, letters)
}

const event = (fields: object) =>
  JSON.stringify({ tenantId: 'city-news', userId: 'r4', itemId: 'n3', type: 'read', ...fields })
const LETTERS = [
  { value: event({ tenantId: 'village-news' }), code: 'UNKNOWN_TENANT', reason: "There is no tenant 'village-news'." },
  { value: event({ type: 'Read It' }), code: 'INVALID_EVENT', reason: 'type: has to be a lower-case word' },
  {
    value: event({ tenantId: 'village-news', itemId: 'n9' }),
    code: 'UNKNOWN_TENANT',
    reason: "There is no tenant 'village-news'.",
  },
  { value: 'r4;n3;read', code: 'NOT_JSON', reason: 'The value is not JSON in UTF-8.' },
  { value: event({ itemId: '' }), code: 'INVALID_EVENT', reason: 'itemId: has to have 1 to 256 characters' },
]

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EventsService } from '../../src/events/events.service.js'
import { Counts } from '../../src/model/counts.js'
import { Ensemble } from '../../src/model/ensemble.js'
import { groupByUser, type Histories, historyOf } from '../../src/model/history.js'
import { LexicalIndex } from '../../src/model/lexical-index.js'
import { Random } from '../../src/model/random.js'
import { TEXT_LENGTH } from '../../src/model/text-encoder.js'
import { encodeVersion, type VersionFile } from '../../src/model/version-file.js'
import { eventTypeTable, Settings } from '../../src/tenants/settings.js'
import { servedVersion } from '../../src/training/contender.js'
import { type Dataset, DatasetWriter, readDataset } from '../../src/training/dataset.js'
import { evaluate } from '../../src/training/evaluate.js'
import { encoderOf } from '../../src/training/judgement.js'
import { type Case, HISTORY_LENGTH } from '../../src/training/split.js'
import { catalogOf, madeVersion, promoteVersion } from '../serving/made-version.js'
import { testService, type TestService } from '../support/service.js'

// What a version was judged on is what it does: for the same events, REST gives the very list that evaluation ranks.

const ITEMS = 120
const USERS = 60
const defaults = Settings.parse({})
const settings = Settings.parse({
  eventTypes: {
    ...defaults.eventTypes,
    rating: { weight: 1, meaning: 'positive', value: { lowBelow: 3, highFrom: 5 } },
    view: { weight: 0.3, meaning: 'positive', value: { lowBelow: 0.2, highFrom: 0.9 } },
  },
})
const words = [
  'red',
  'blue',
  'small',
  'large',
  'wooden',
  'steel',
  'garden',
  'kitchen',
  'running',
  'silk',
  'paper',
  'glass',
]

let service: TestService
let tenant: { id: string; key: string }
beforeAll(async () => {
  service = await testService()
  tenant = await service.makeTenant(undefined, settings)
  const items = Array.from({ length: ITEMS }, (_, i) => ({
    itemId: `item ${i}`,
    title: `${words[i % 12]} ${words[Math.floor(i / 12) % 12]} ${words[(i * 5 + 2) % 12]} model ${i}`,
    // Some have no text, as in life.
    ...(i % 17 === 0 && { title: undefined }),
    categories: [`shelf ${i % 30}`],
    ...(i % 3 !== 0 && { price: 5 * 1.1 ** (i % 40), attributes: { volts: 12 + (i % 15), tags: [`t${i % 20}`] } }),
    // Some say since when they are there; of the others their events do.
    ...(i % 4 === 0 && { publishedAt: new Date(Date.now() - i * 7_000_000).toISOString() }),
  }))
  await call('/items', { items })
  const random = new Random(11)
  const types = ['view', 'view', 'cart', 'purchase', 'dislike', 'impression', 'odd', 'rating', 'read']
  const values: Record<string, () => number | undefined> = {
    view: () => [undefined, 0, random.next()][random.below(3)],
    rating: () => 1 + random.below(5),
    read: () => random.next() ** 3,
    cart: () => random.next(),
  }
  const start = Date.now() - 20 * 86_400_000
  const events = Array.from({ length: USERS * 12 }, (_, n) => {
    const user = n % USERS
    // Users go along a path of the catalogue, so that there is something to learn.
    const item = (user * 7 + Math.floor(n / USERS) * 3 + random.below(9)) % ITEMS
    const at = start + n * 120_000 + random.below(3) * 1000
    const type = types[random.below(types.length)]
    return {
      userId: `user ${user}`,
      itemId: `item ${item}`,
      type,
      value: values[type]?.(),
      occurredAt: new Date(at).toISOString(),
    }
  })
  await call('/events', { events })
  // One with more events than a model looks back on.
  const long = Array.from({ length: 300 }, (_, n) => ({
    userId: 'user 0',
    itemId: `item ${random.below(40)}`,
    type: n % 20 === 0 ? 'purchase' : 'view',
    value: n % 3 === 0 ? random.next() : undefined,
    occurredAt: new Date(start - (300 - n) * 600_000).toISOString(),
  }))
  await call('/events', { events: long })
})
afterAll(() => service.stop())

async function call(path: string, body: object) {
  const answer = await service.call('POST', `/v1/tenants/${tenant.id}${path}`, { key: tenant.key, body })
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
  return answer.body
}

/** The tenant's data as a training run reads it. */
async function datasetOf(): Promise<{ dataset: Dataset; users: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'attune-test-'))
  const writer = await DatasetWriter.open(folder, TEXT_LENGTH, eventTypeTable(settings), settings.hideAfter)
  await writer.addItems(await catalogOf(service, tenant.id))
  const users = new Set<string>()
  await service.app.get(EventsService).streamForTraining(tenant.id, new Date(0), async (rows) => {
    await writer.addEvents(rows)
    for (const { userId } of rows) users.add(userId)
  })
  await writer.finish()
  const dataset = readDataset(folder)
  // The vectors are read from an open file, which outlives its name.
  rmSync(folder, { recursive: true })
  return { dataset, users: [...users] }
}

/** What evaluation knows of a user: as for a case whose moment is now. */
function caseOf(histories: Histories, { eventTypes, hiddenAfter }: Dataset, user: number, target: number, at: number) {
  const hidden = historyOf(histories, user).filter(({ type }) => hiddenAfter.includes(eventTypes[type].name))
  return {
    user,
    history: historyOf(histories, user, Infinity, HISTORY_LENGTH),
    hidden: Uint32Array.from(new Set(hidden.map(({ item }) => item))),
    targets: [target],
    at,
  } satisfies Case
}

test.for([
  ['', settings],
  [', of a version from before values were read', defaults],
] as const)('REST gives the list that evaluation ranks%s', async ([, { eventTypes }]) => {
  const types = eventTypeTable({ ...settings, eventTypes })
  const made = madeVersion(await catalogOf(service, tenant.id), 3, types)
  const blend = {
    ...made.blend,
    dense: { ...made.blend.dense, again: -0.2 },
    sparse: { ...made.blend.sparse, again: -0.2 },
  }
  const version: VersionFile = { ...made, blend }
  const id = await promoteVersion(service, tenant.id, encodeVersion(version))
  const { dataset, users } = await datasetOf()
  expect(users).toHaveLength(USERS)
  const seen = new Set(Array.from(dataset.events.types, (type) => dataset.eventTypes[type].name))
  expect(
    ['rating', 'rating:low', 'rating:high', 'read:low', 'view:low', 'view:high'].filter((name) => !seen.has(name)),
  ).toEqual([])
  const histories = groupByUser(dataset.events, dataset.userCount)
  const itemCount = dataset.itemIds.length
  const served = servedVersion(version, dataset)
  if (!served?.network) throw new Error('no network')
  const parts = {
    itemCount,
    text: served.text,
    lexical: LexicalIndex.from(dataset.tokens!),
    published: dataset.published,
    counts: Counts.from(histories, itemCount, served.counts),
  }
  // All parts take part, or what they do is not held together here.
  const said = new Ensemble({ ...parts, blend: version.blend }).standardScores(
    historyOf(histories, 1),
    Date.now(),
    null,
    version.blend.dense,
  )
  expect(Object.keys(said)).toEqual(['text', 'lexical', 'wide', 'narrow', 'popular', 'recent', 'fresh', 'again'])

  const now = Date.now()
  const cases: Case[] = []
  const answered: string[] = []
  // The process hears of a promotion a moment after it.
  await expect
    .poll(() => call('/recommendations', { userId: users[0] }), { timeout: 5000 })
    .toMatchObject({ modelVersion: id })
  for (const [user, userId] of users.entries()) {
    const body = (await call('/recommendations', { userId })) as {
      modelVersion: string
      source: string
      items: { itemId: string }[]
    }
    expect(body).toMatchObject({ modelVersion: id, source: 'fine-tuned' })
    expect(body.items).toHaveLength(10)
    // Each answered item by itself as a target: its reciprocal rank is the place that evaluation gives it.
    for (const { itemId } of body.items) {
      cases.push(caseOf(histories, dataset, user, dataset.itemIds.indexOf(itemId), now))
      answered.push(`${userId}: ${itemId}`)
    }
  }
  const { methods } = await evaluate({
    parts,
    networks: { served: encoderOf(served.network, served.text) },
    cases,
    methods: [{ name: 'served', blend: version.blend, network: 'served' }],
  })
  const ranks = Array.from(
    methods.served.judged.mrr,
    (reciprocal, i) => `${answered[i]} at ${Math.round(1 / reciprocal)}`,
  )
  expect(ranks).toEqual(answered.map((one, i) => `${one} at ${(i % 10) + 1}`))
})

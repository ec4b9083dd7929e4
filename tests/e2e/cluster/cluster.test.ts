import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MigrationInterface, QueryRunner } from 'typeorm'
import { MIGRATIONS } from '../../../migrations/index.js'
import { kafkaScripts } from '../../../scripts/cluster/broker-process.js'
import { killAndStart } from '../../../scripts/cluster/chaos.js'
import { Cluster } from '../../../scripts/cluster/cluster.js'
import { countFindings, eventFindings, runFindings } from '../../../scripts/cluster/findings.js'
import { Load } from '../../../scripts/cluster/load.js'
import { openShop, type Shop } from '../../../scripts/cluster/shop.js'
import { TrainerWatch } from '../../../scripts/cluster/trainer-watch.js'
import { requestRun } from '../../../scripts/cluster/trainings.js'
import { readConfig } from '../../../src/platform/config.js'
import { openDatabase } from '../../../src/platform/database.js'
import { createProducer, sendAll } from '../../../src/platform/kafka.js'
import { createLogger } from '../../../src/platform/logger.js'

const { checkKafka, prepareKafka } = await kafkaScripts()
const found = await checkKafka()
if (!found.ok) console.error(`SKIPPED: many of each on one machine (${found.reason})`)

/** More than all of it: two minutes of a machine that does other things too. */
const PATIENCE_MS = 120_000

/** What the next build may bring: everything that a migration may do to tables that are in use. */
class NextBuild1999999999999 implements MigrationInterface {
  async up(runner: QueryRunner) {
    for (const table of ['events', 'items', 'recommendations', 'training_runs', 'tenants'])
      await runner.query(`ALTER TABLE ${table} ADD COLUMN of_next_build text NOT NULL DEFAULT 'unset'`)
    await runner.query('CREATE TABLE of_next_build (tenant_id text NOT NULL, PRIMARY KEY (tenant_id))')
  }

  async down() {
    // Nobody goes back.
  }
}

/** Outside of a transaction, as an index of a large table has to be made. */
class NextIndex2000000000000 implements MigrationInterface {
  readonly transaction = false

  async up(runner: QueryRunner) {
    await runner.query('CREATE INDEX CONCURRENTLY of_next_build_type ON events (tenant_id, type)')
  }

  async down() {
    // Nobody goes back.
  }
}

const BUSY = `
  const used = () => process.cpuUsage().user + process.cpuUsage().system
  const [wall, cpu] = [performance.now(), used()]
  while (used() - cpu < 400000);
  console.log((used() - cpu) / 1000 / (performance.now() - wall))`

const FREE_CORE = 0.9
const STARVED_MS = 30_000

/**
 * What the machine leaves of a core to one more process, 0 to 1. A promotion is served within five seconds where there is a
 * core free; ten processes and three brokers on two cores leave none, and some machines less than others.
 */
async function coreShare(): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', BUSY])
  return Number(stdout)
}

describe.skipIf(!found.ok)('two of each role, three brokers, one database, under load', () => {
  let cluster: Cluster
  let starting: Promise<Cluster> | undefined
  let shops: Shop[]
  let load: Load
  let watch: TrainerWatch
  let takenOver: string
  beforeAll(async () => {
    await prepareKafka()
    // Whatever is killed here, the machine itself stays up: what was written is there though nobody waited for the disk.
    starting = Cluster.start({ postgresSettings: ['fsync=off', 'full_page_writes=off'] })
    cluster = await starting
    shops = [
      // It only trains: for long enough to be met by a kill, and not longer and longer with events that come.
      await openShop(cluster, 'with-network', []),
      await openShop(cluster, 'shop-2', ['network']),
      await openShop(cluster, 'shop-3', ['network']),
    ]
    load = new Load(cluster, shops.slice(1), { eventsPerSecond: 100, requestsPerSecond: 15 }).start()
    watch = new TrainerWatch(cluster)
  }, PATIENCE_MS)
  // Also one that took longer to start than anybody waited for it.
  afterAll(async () => (await starting?.catch(() => undefined))?.stop(), PATIENCE_MS)

  const call = async <T>(url: string, { id, key }: Shop, method: string, path: string, body?: object): Promise<T> => {
    const answer = await fetch(`${url}/v1/tenants/${id}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      body: body && JSON.stringify(body),
    })
    expect(answer.status, await answer.clone().text()).toBeLessThan(300)
    return (await answer.json()) as T
  }
  const run = async (shop: Shop, id: string) =>
    call<{ state: string; attempt: number; modelVersion: string; status: { progress: number } }>(
      cluster.apis[0].url,
      shop,
      'GET',
      `/training-runs/${id}`,
    )
  const ended = (shop: Shop, id: string) =>
    expect
      .poll(async () => (await run(shop, id)).state, { timeout: PATIENCE_MS, interval: 250 })
      .toMatch(/^(promoted|rejected|skipped)$/)
  const stored = async () => (await cluster.database.query<{ n: number }>('SELECT count(*)::int AS n FROM events'))[0].n
  const goesOn = async () => {
    const before = await stored()
    await expect.poll(stored, { timeout: PATIENCE_MS, interval: 250 }).toBeGreaterThan(before + 100)
  }

  it('kills a trainer at its work', { timeout: PATIENCE_MS }, async () => {
    const [shop] = shops
    const id = await requestRun(load, shop)
    expect(id).toBeDefined()
    takenOver = id!
    await expect.poll(async () => (await run(shop, id!)).state, { timeout: PATIENCE_MS, interval: 50 }).toBe('training')
    const [{ owner }] = await cluster.database.query<{ owner: string }>(
      'SELECT lease_owner AS owner FROM training_runs WHERE run_id = $1',
      [id],
    )
    const trainer = cluster.services.find(({ pid }) => owner.includes(`/${pid}/`))
    expect(trainer?.role).toBe('trainer')
    await killAndStart(trainer!)
    expect(['preparing', 'training', 'evaluating']).toContain((await run(shop, id!)).state)
  })

  it(
    'serves a promotion by both processes within five seconds, and the way back too',
    { timeout: PATIENCE_MS },
    async () => {
      const [, shop] = shops
      const id = await requestRun(load, shop)
      await ended(shop, id!)
      const { modelVersion } = await run(shop, id!)
      const [first] = cluster.apis
      const served = () =>
        Promise.all(
          cluster.apis.map(async ({ url }) => {
            const { modelVersion } = await call<{ modelVersion: string }>(url, shop, 'POST', '/recommendations', {})
            return modelVersion
          }),
        )
      if ((await served()).some((version) => version !== 'base'))
        await call(first.url, shop, 'POST', '/model-versions/rollback', {})
      await expect.poll(served, { timeout: PATIENCE_MS, interval: 100 }).toEqual(['base', 'base'])
      for (const [path, version] of [
        [`/model-versions/${modelVersion}/promote`, modelVersion],
        ['/model-versions/rollback', 'base'],
      ]) {
        const started = Date.now()
        await call(first.url, shop, 'POST', path, {})
        await expect.poll(served, { timeout: PATIENCE_MS, interval: 100 }).toEqual([version, version])
        const took = Date.now() - started
        const share = await coreShare()
        const bound = share >= FREE_CORE ? 5000 : STARVED_MS
        if (bound !== 5000)
          console.warn(`NOT JUDGED by five seconds: ${share.toFixed(2)} of a core was free; it took ${took} ms`)
        expect(took).toBeLessThan(bound)
      }
    },
  )

  it('goes on when a consumer is killed and comes back', { timeout: PATIENCE_MS }, async () => {
    await killAndStart(cluster.member('ingest-1'))
    await goesOn()
  })

  it('is migrated by the next build while this one serves', { timeout: PATIENCE_MS }, async () => {
    const before = load.ledger.notReady.length
    const config = readConfig({ DATABASE_URL: cluster.database.url })
    const next = [...MIGRATIONS, NextBuild1999999999999, NextIndex2000000000000]
    const opened = await openDatabase(config, createLogger('silent'), next)
    await opened.dataSource.destroy()
    await goesOn()
    // The build before also starts beside it, as after a crash in the middle of an upgrade.
    await killAndStart(cluster.member('api-2'))
    expect(load.ledger.notReady.length).toBe(before)
  })

  it(
    'sends everything by a client that knows nothing yet of a broker that was killed',
    { timeout: PATIENCE_MS },
    async () => {
      const topic = 'sent-whole'
      const broker = cluster.member('broker-2')
      await cluster.withAdmin((admin) =>
        admin.createTopics({ topics: [{ topic, numPartitions: 12 }], waitForLeaders: true }),
      )
      const producer = createProducer(cluster.kafka())
      await producer.connect()
      const messages = Array.from({ length: 240 }, (_, i) => ({ key: `key ${i}`, value: 'x' }))
      await sendAll(producer, topic, messages)
      await broker.kill()
      const leaders = () =>
        cluster.withAdmin(async (admin) => {
          const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
          return topics[0].partitions.map(({ leader }) => leader)
        })
      await expect.poll(leaders, { timeout: PATIENCE_MS, interval: 250 }).not.toContain(2)
      await sendAll(producer, topic, messages)
      const offsets = await cluster.withAdmin((admin) => admin.fetchTopicOffsets(topic))
      expect(offsets.reduce((sum, { high }) => sum + Number(high), 0)).toBeGreaterThanOrEqual(2 * messages.length)
      await producer.disconnect()
      await broker.start()
    },
  )

  it('goes on when the database is killed', { timeout: PATIENCE_MS }, async () => {
    await killAndStart(cluster.member('postgres'))
    await goesOn()
  })

  it('is healthy after all of it, has lost nothing, and has nothing twice', { timeout: PATIENCE_MS }, async () => {
    await ended(shops[0], takenOver)
    expect((await run(shops[0], takenOver)).attempt).toBe(2)
    await load.stop()
    await expect.poll(() => cluster.complaints(), { timeout: 30_000, interval: 250 }).toEqual([])
    await watch.stop()
    expect(await eventFindings(cluster, load, shops.slice(1))).toEqual([])
    expect(await runFindings(cluster)).toEqual([])
    await expect
      .poll(() => countFindings(cluster, load, shops.slice(1)), { timeout: 30_000, interval: 500 })
      .toEqual([])
    const runs = await cluster.database.query<{ id: string }>('SELECT run_id AS id FROM training_runs')
    expect(watch.doubled(runs.map(({ id }) => id))).toEqual([])
    expect(load.ledger.faults).toEqual([])
    expect(load.ledger.unexcused(cluster.database.outages, 5000)).toEqual([])
    expect(load.ledger.timeouts).toBe(0)
    // Both made the topics at once: nobody has to make them by hand.
    const warnings = cluster.services.flatMap((service) => service.logged(40).map(({ msg }) => msg))
    expect(warnings.filter((msg) => msg.includes('by hand'))).toEqual([])
  })
})

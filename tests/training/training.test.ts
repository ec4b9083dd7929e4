import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeVersion } from '../../src/model/version-file.js'
import { Database } from '../../src/platform/database.js'
import { VERSION_ARTIFACT, VersionsService } from '../../src/registry/versions.service.js'
import type { EpochResult } from '../../src/training/fit-watch.js'
import type { OldWindow } from '../../src/training/old-windows.js'
import { testDatabase, type TestService, testService } from '../support/service.js'
import { madeUpShop, send } from './shop.js'

interface RunBody {
  id: string
  state: string
  outcome: string | null
  error: { code: string; message: string } | null
  modelVersion: string | null
  attempt: number
}
type Tenant = Awaited<ReturnType<TestService['makeTenant']>>

const ENDED = ['promoted', 'rejected', 'skipped', 'failed', 'cancelled']

/** The processes that train a run of this test. */
async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid,ppid,args'])
  return stdout
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => match && Number(match[2]) === pid && match[3].includes('training/child.js'))
    .map((match) => Number(match?.[1]))
}

// Needs the build: the child process runs from dist/.
describe('training, end to end', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>
  let service: TestService
  let tenant: Tenant
  const start = (env = {}) => testService({ BACKEND: 'wasm', DATABASE_URL: database.url, ...env })
  beforeAll(async () => {
    database = await testDatabase()
    service = await start()
    tenant = await service.makeTenant('shop', { training: { schedule: null } })
    await send(service, tenant, madeUpShop(480, 600))
  })
  afterAll(async () => {
    await service.stop()
    await database.drop()
  })

  const runs = ({ id }: Tenant) => `/v1/tenants/${id}/training-runs`
  const ask = async (of: Tenant, body: object = {}) => {
    const answer = await service.call('POST', runs(of), { key: of.key, body })
    return { status: answer.status, body: answer.body as RunBody }
  }
  const show = async (of: Tenant, id: string) =>
    (await service.call('GET', `${runs(of)}/${id}`, { key: of.key })).body as RunBody
  const ended = (of: Tenant, id: string, timeout = 240_000) =>
    expect
      .poll(async () => (await show(of, id)).state, { timeout, interval: 200 })
      .toSatisfy((state: string) => ENDED.includes(state))
  const childPid = async () => {
    let pids: number[] = []
    await expect
      .poll(async () => (pids = await childrenOf(process.pid)).length, { timeout: 20_000, interval: 50 })
      .toBeGreaterThan(0)
    return pids[0]
  }

  it('learns a shop, proves itself, is promoted, and says how', { timeout: 300_000 }, async () => {
    const asked = await ask(tenant, { from: 'base', reason: 'first' })
    expect(asked.status).toBe(202)
    const stream = fetch(`${service.url}${runs(tenant)}/${asked.body.id}/events`, {
      headers: { authorization: `Bearer ${tenant.key}` },
    }).then((response) => response.text())
    await ended(tenant, asked.body.id)
    const run = (await show(tenant, asked.body.id)) as RunBody & Record<string, unknown>
    expect(run).toMatchObject({ state: 'promoted', outcome: 'promoted', error: null, engine: 'wasm', progress: 1 })
    expect(run.quality).toMatchObject({ read: 3897, kept: 3897, users: 600 })
    expect(Number(run.tokensPerSecond)).toBeGreaterThan(0)

    const kinds = new Set([...(await stream).matchAll(/^event: (\w+)$/gm)].map((match) => match[1]))
    expect([...kinds].sort()).toEqual([
      'attempt',
      'end',
      'epoch',
      'estimate',
      'metrics',
      'progress',
      'quality',
      'state',
    ])
    // Each epoch of each training, its own figures: what the version keeps of the fine-tuning, in time to be watched.
    const epochs = [...(await stream).matchAll(/^event: epoch\ndata: (.+)$/gm)].map(
      ([, data]) => JSON.parse(data) as EpochResult & { of: string; part: number },
    )
    expect([...new Set(epochs.map((epoch) => epoch.of))]).toEqual(['training', 'twin', 'refitting'])

    const { body } = await service.call('GET', `/v1/tenants/shop/model-versions/${String(run.modelVersion)}`, {
      key: tenant.key,
    })
    const version = body as { serving: boolean; report: Record<string, Record<string, unknown>> }
    expect(version).toMatchObject({ serving: true, decision: 'passed', parentId: null, runId: asked.body.id })
    for (const section of [
      'dataWindow',
      'counts',
      'metrics',
      'gate',
      'recipe',
      'curves',
      'overfitting',
      'forgetting',
      'blend',
      'quality',
    ])
      expect(Object.keys(version.report[section] ?? {}), section).not.toHaveLength(0)
    expect(Object.keys(version.report.metrics)).toEqual(
      expect.arrayContaining(['candidate', 'base', 'popular', 'recent', 'from-scratch', 'text', 'wide', 'narrow']),
    )
    expect(version.report.forgetting.withoutWindows).toMatch(/^no version was served before/)
    expect(version.report.engine).toBe('wasm')
    const { candidate } = version.report.curves as Record<string, { epochs: EpochResult[] }>
    expect(epochs[0]).toMatchObject({ of: 'training', part: 1, epoch: 0, trainLoss: null })
    const ofPart = (part: number) => epochs.filter((epoch) => epoch.of === 'training' && epoch.part === part)
    const figures = ({ epoch, validationLoss, validationNdcg }: EpochResult) =>
      [epoch, validationLoss, validationNdcg].map((value) => value?.toFixed(3))
    expect([ofPart(1), ofPart(2)].map((curve) => curve.map(figures))).toContainEqual(candidate.epochs.map(figures))

    // What comes later is compared with the newest weeks, not with all that was read.
    const { eventTypes, ...baseline } = version.report.baseline
    expect(baseline).toMatchObject({ items: 480, days: 28, snapshot: expect.stringMatching(/^\d+:\d+:/) as string })
    expect(Object.keys(eventTypes as object)).toEqual(['view'])
    const { view } = eventTypes as { view: number }
    expect(view).toBeGreaterThan(500)
    expect(view).toBeLessThan(3897)
    const drift = await service.call('GET', '/v1/tenants/shop/drift', { key: tenant.key })
    expect(drift.body).toMatchObject({
      modelVersion: run.modelVersion,
      readAt: baseline.readAt,
      state: 'stable',
      eventMix: { state: null, before: view, now: 0 },
      catalogue: { state: 'stable', before: 480, added: 0, gone: 0 },
    })

    const versions = service.app.get(VersionsService)
    const file = decodeVersion(await versions.readArtifact('shop', String(run.modelVersion), VERSION_ARTIFACT))
    expect(file.network).not.toBeNull()
    expect(file.itemIds).toHaveLength(480)
  })

  it('skips a second run, and goes on from the active version when forced', { timeout: 300_000 }, async () => {
    expect(await ask(tenant)).toMatchObject({ status: 200, body: { state: 'skipped', outcome: 'nothing-new' } })
    const current = await service.app.get(VersionsService).current('shop')
    const forced = await ask(tenant, { force: true })
    expect(forced.status).toBe(202)
    await ended(tenant, forced.body.id)
    const run = await show(tenant, forced.body.id)
    expect(['promoted', 'rejected']).toContain(run.state)
    const { body } = await service.call('GET', `/v1/tenants/shop/model-versions/${run.modelVersion}`, {
      key: tenant.key,
    })
    expect(body).toMatchObject({ parentId: current?.versionId })
    expect(Object.keys((body as { metrics: object }).metrics)).toContain('champion')
    const { windows } = (body as { report: { forgetting: { windows: OldWindow[] } } }).report.forgetting
    expect(windows).toHaveLength(4)
    for (const [place, { from, to, users, before, now, difference }] of windows.entries()) {
      expect(Date.parse(from)).toBeLessThan(Date.parse(to))
      if (place > 0) expect(from).toBe(windows[place - 1].to)
      expect(users).toBeGreaterThan(20)
      expect(before).toBeGreaterThan(0)
      expect(difference.mean).toBeCloseTo(now - before, 6)
    }
  })

  it('stops on cancel within seconds', { timeout: 120_000 }, async () => {
    const { body } = await ask(tenant, { from: 'base', force: true })
    const pid = await childPid()
    await service.call('POST', `${runs(tenant)}/${body.id}/cancel`, { key: tenant.key })
    await ended(tenant, body.id, 8000)
    expect(await show(tenant, body.id)).toMatchObject({ state: 'cancelled', modelVersion: null })
    expect(await childrenOf(process.pid)).not.toContain(pid)
  })

  it('fails with a reason when its process is killed, and trains again afterwards', { timeout: 120_000 }, async () => {
    const { body } = await ask(tenant, { from: 'base', force: true })
    process.kill(await childPid(), 'SIGKILL')
    await ended(tenant, body.id, 10_000)
    const run = await show(tenant, body.id)
    expect(run).toMatchObject({ state: 'failed', outcome: 'failed', error: { code: 'TRAINING_CRASHED' } })
    expect(run.error?.message).toContain('SIGKILL')
    expect((await ask(tenant, { from: 'base', force: true })).status).toBe(202)
  })

  it('gives a run back when it stops; another instance ends it', { timeout: 300_000 }, async () => {
    const rows = service.app.get(Database)
    await rows.asSystem((sql) =>
      sql.execute(`UPDATE training_runs SET cancel_requested = true WHERE finished_at IS NULL`),
    )
    await expect
      .poll(async () => (await rows.query('shop', `SELECT 1 FROM training_runs WHERE finished_at IS NULL`)).length, {
        timeout: 10_000,
      })
      .toBe(0)
    const waiting = await service.makeTenant('waiting', { training: { schedule: null, autoPromote: false } })
    await send(service, waiting, madeUpShop(480, 600, 2))
    const { body } = await ask(waiting, { from: 'base' })
    await childPid()
    const other = await start({ ROLES: 'api' })
    const key = waiting.key
    const path = `${runs(waiting)}/${body.id}`
    await service.stop()
    expect((await other.call('GET', path, { key })).body).toMatchObject({ state: 'queued', attempt: 0 })
    await other.stop()
    service = await start()
    await ended(waiting, body.id)
    // Passed the gate, and waits for a word: this tenant promotes by hand.
    const run = await show(waiting, body.id)
    expect(run).toMatchObject({ state: 'skipped', outcome: 'awaiting-promotion', attempt: 1 })
    expect(run).toHaveProperty('servedAt', null)
    expect(await service.app.get(VersionsService).current('waiting')).toBeNull()
    const promoted = await service.call('POST', `/v1/tenants/waiting/model-versions/${run.modelVersion}/promote`, {
      key,
    })
    expect(promoted).toMatchObject({ status: 200, body: { serving: true } })
    const { servedAt, finishedAt } = (await show(waiting, body.id)) as RunBody &
      Record<'servedAt' | 'finishedAt', string>
    expect(Date.parse(servedAt)).toBeGreaterThan(Date.parse(finishedAt))
  })
})

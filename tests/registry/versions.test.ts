import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database } from '../../src/platform/database.js'
import { VersionsService } from '../../src/registry/versions.service.js'
import { type TestService, testService } from '../support/service.js'

const caller = { name: 'somebody' }
const draft = (decision: 'passed' | 'rejected' = 'passed') => ({
  runId: null,
  parentId: null,
  baseModel: 'default',
  decision,
  reason: 'because',
  report: {
    counts: { events: 10, users: 3, items: 4 },
    metrics: { candidate: { ndcg: 0.2 } },
    gate: { decision, reason: 'because', checks: [{ name: 'beats popular', passed: decision === 'passed' }] },
    curves: { train: [3, 2, 1] },
  },
})

describe('registry', () => {
  let service: TestService
  let versions: VersionsService
  let database: Database
  beforeAll(async () => {
    service = await testService()
    versions = service.app.get(VersionsService)
    database = service.app.get(Database)
  })
  afterAll(() => service.stop())

  const bytes = (length: number, seed = 7) => Uint8Array.from({ length }, (_, i) => (i * seed + (i >> 8)) & 255)

  it('gives an artifact of several parts back as it was stored', async () => {
    const { id } = await service.makeTenant()
    const large = bytes(2 * 1024 * 1024 + 17)
    const version = await versions.create(id, draft(), { 'version.bin': large, 'empty.bin': new Uint8Array(0) })
    expect(version.sizeBytes).toBe(large.length)
    expect(version.artifacts['version.bin']).toMatchObject({ bytes: large.length, parts: 3 })
    expect(Buffer.compare(await versions.readArtifact(id, version.id, 'version.bin'), large)).toBe(0)
    expect(await versions.readArtifact(id, version.id, 'empty.bin')).toHaveLength(0)
    const parts = await database.query<{ size: number }>(
      id,
      `SELECT length(bytes) AS size FROM model_artifacts WHERE tenant_id = $1 AND name = 'version.bin' ORDER BY part`,
      [id],
    )
    expect(parts.map((part) => part.size)).toEqual([1024 * 1024, 1024 * 1024, 17])
  })

  it('lists them with their figures, or by name alone', async () => {
    const { id, key } = await service.makeTenant()
    const made = [await versions.create(id, draft(), {}), await versions.create(id, draft('rejected'), {})]
    const list = async (query: string) => {
      const { status, body } = await service.call('GET', `/v1/tenants/${id}/model-versions?${query}`, { key })
      return { status, data: (body as { data?: object[] }).data }
    }
    const { counts, metrics } = draft().report
    const whole = await list('limit=2')
    expect(whole.data).toMatchObject([
      { id: made[1].id, decision: 'rejected', counts, metrics },
      { id: made[0].id, decision: 'passed', counts, metrics },
    ])
    const brief = whole.data?.map((version) => ({ ...version, counts: null, metrics: null, judgedAs: null }))
    expect((await list('brief=true')).data).toEqual(brief)
    expect((await list('brief=false')).data).toEqual(whole.data)
    expect((await list('brief=maybe')).status).toBe(400)
  })

  it('tells whose figures are its own: those of the twin where that is served', async () => {
    const { id, key } = await service.makeTenant()
    const { report, ...rest } = draft()
    const metrics = { ...report.metrics, 'from-scratch': { ndcg: 0.3 } }
    const recipe = { served: 'from-scratch' }
    const twin = await versions.create(id, { ...rest, report: { ...report, metrics, recipe } }, {})
    await versions.create(id, draft(), {})
    const at = `/v1/tenants/${id}/model-versions`
    const { body } = await service.call('GET', at, { key })
    expect((body as { data: object[] }).data).toMatchObject([{ judgedAs: 'candidate' }, { judgedAs: 'from-scratch' }])
    expect((await service.call('GET', `${at}/${twin.id}`, { key })).body).toMatchObject({ judgedAs: 'from-scratch' })
  })

  it('refuses an artifact whose bytes are no longer what was stored', async () => {
    const { id } = await service.makeTenant()
    const version = await versions.create(id, draft(), { 'version.bin': bytes(1000) })
    await database.inTenant(id, async (sql) => {
      await sql.execute('DELETE FROM model_artifacts WHERE tenant_id = $1', [id])
      await sql.execute(
        `INSERT INTO model_artifacts (tenant_id, version_id, name, part, bytes) VALUES ($1, $2, 'version.bin', 0, $3)`,
        [id, version.id, Buffer.from(bytes(1000, 9))],
      )
    })
    await expect(versions.readArtifact(id, version.id, 'version.bin')).rejects.toMatchObject({
      code: 'ARTIFACT_DAMAGED',
    })
  })

  it('never changes a version or an artifact: the database refuses', async () => {
    const { id } = await service.makeTenant()
    await versions.create(id, draft(), { 'version.bin': bytes(10) })
    for (const statement of [
      `UPDATE model_versions SET reason = 'other'`,
      `UPDATE model_artifacts SET bytes = ''`,
      `UPDATE promotions SET kind = 'manual'`,
    ])
      await expect(database.inTenant(id, (sql) => sql.execute(statement))).rejects.toThrow(/permission denied/)
  })

  it('promotes, and rolls back one step after the other to the base', async () => {
    const { id, key } = await service.makeTenant()
    const path = `/v1/tenants/${id}/model-versions`
    expect(await service.call('POST', `${path}/rollback`, { key })).toMatchObject({
      status: 409,
      body: { code: 'NOTHING_TO_ROLL_BACK' },
    })
    expect(await versions.current(id)).toBeNull()
    const ids: string[] = []
    for (let i = 0; i < 3; i++) {
      ids.push((await versions.create(id, draft(), {})).id)
      const promoted = await service.call('POST', `${path}/${ids[i]}/promote`, { key })
      expect(promoted).toMatchObject({ status: 200, body: { id: ids[i], serving: true, gate: { decision: 'passed' } } })
    }
    const answers: unknown[] = []
    for (let i = 0; i < 3; i++) answers.push((await service.call('POST', `${path}/rollback`, { key })).body)
    expect(answers).toEqual([
      { modelVersion: ids[1], serving: 'fine-tuned', previous: ids[2] },
      { modelVersion: ids[0], serving: 'fine-tuned', previous: ids[1] },
      { modelVersion: null, serving: 'base', previous: ids[0] },
    ])
    expect((await service.call('POST', `${path}/rollback`, { key })).status).toBe(409)
    expect(await versions.current(id)).toMatchObject({ versionId: null })
    const { body } = await service.call('GET', `/v1/tenants/${id}/audit`, { key })
    const actions = (body as { data: { action: string; target: string }[] }).data.map((entry) => entry.action)
    expect(actions.filter((action) => action.startsWith('version.'))).toHaveLength(6)
  })

  it('tells of each version when it was promoted, rolled back and restored, by whom and why', async () => {
    const { id, key } = await service.makeTenant()
    const [first, second] = [await versions.create(id, draft(), {}), await versions.create(id, draft('rejected'), {})]
    await versions.promote(id, first.id, caller, true)
    await versions.promote(id, second.id, caller)
    const current = await versions.current(id)
    const back = (options: object) =>
      database.inTenant(id, (sql) => versions.rollbackIn(sql, id, { name: 'a watch' }, options))
    // Not that of a promotion which is no longer the newest.
    expect(await back({ reason: 'too late', promotionId: '1' })).toBeNull()
    expect(await back({ reason: 'it did worse', promotionId: current?.promotionId })).toEqual({
      versionId: first.id,
      previous: second.id,
    })
    const historyOf = async (version: string) => {
      const { body } = await service.call('GET', `/v1/tenants/${id}/model-versions/${version}`, { key })
      return (body as { history: object[] }).history
    }
    const undone = { kind: 'rollback', actor: 'a watch', reason: 'it did worse' }
    expect(await historyOf(first.id)).toMatchObject([
      { event: 'restored', ...undone },
      { event: 'promoted', kind: 'automatic', actor: 'somebody', reason: null },
    ])
    expect(await historyOf(second.id)).toMatchObject([
      { event: 'rolled-back', ...undone },
      { event: 'promoted', kind: 'forced' },
    ])
  })

  it('promotes the base, from which a rollback leads back to the version before it', async () => {
    const { id } = await service.makeTenant()
    const base = () => database.inTenant(id, (sql) => versions.promoteBaseIn(sql, id, caller))
    await base()
    expect(await versions.current(id)).toBeNull()
    const version = await versions.create(id, draft(), {})
    await versions.promote(id, version.id, caller)
    await base()
    await base()
    expect(await versions.current(id)).toMatchObject({ versionId: null })
    expect(await versions.rollback(id, caller)).toEqual({ versionId: version.id, previous: null })
    expect(await versions.rollback(id, caller)).toEqual({ versionId: null, previous: version.id })
    await expect(versions.rollback(id, caller)).rejects.toMatchObject({ code: 'NOTHING_TO_ROLL_BACK' })
  })

  it('changes nothing when the current version is promoted again, even at once', async () => {
    const { id } = await service.makeTenant()
    const version = await versions.create(id, draft(), {})
    await Promise.all([1, 2, 3, 4].map(() => versions.promote(id, version.id, caller)))
    const rows = await database.query<{ kind: string }>(id, 'SELECT kind FROM promotions WHERE tenant_id = $1', [id])
    expect(rows).toEqual([{ kind: 'manual' }])
  })

  it('records a promotion against the gate as forced', async () => {
    const { id } = await service.makeTenant()
    const version = await versions.create(id, draft('rejected'), {})
    await versions.promote(id, version.id, caller)
    const rows = await database.query(id, 'SELECT kind, actor FROM promotions WHERE tenant_id = $1', [id])
    expect(rows).toEqual([{ kind: 'forced', actor: 'somebody' }])
  })

  it('says on the channel whose serving changed', async () => {
    const { id } = await service.makeTenant()
    const version = await versions.create(id, draft(), {})
    const heard: string[] = []
    const listening = database.listen('attune_promotions', (payload) => heard.push(payload))
    try {
      await expect
        .poll(
          async () => {
            await versions.promote(id, version.id, caller)
            await versions.rollback(id, caller)
            return heard
          },
          { timeout: 5000 },
        )
        .toContain(id)
    } finally {
      await listening.stop()
    }
  })

  it('lists versions newest first, page by page, and shows one in full', async () => {
    const { id, key } = await service.makeTenant()
    const made: string[] = []
    for (let i = 0; i < 5; i++) made.unshift((await versions.create(id, draft(), { 'version.bin': bytes(9) })).id)
    await versions.promote(id, made[1], caller)
    const path = `/v1/tenants/${id}/model-versions`
    const seen: { id: string; serving: boolean; counts: unknown }[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`
      const { body } = await service.call('GET', `${path}?limit=2${query}`, { key })
      const page = body as { data: typeof seen; nextCursor: string | null }
      seen.push(...page.data)
      cursor = page.nextCursor
    }
    expect(seen.map((version) => version.id)).toEqual(made)
    expect(seen.filter((version) => version.serving).map((version) => version.id)).toEqual([made[1]])
    expect(seen[0]).toMatchObject({ counts: { events: 10 }, sizeBytes: 9 })
    const one = await service.call('GET', `${path}/${made[0]}`, { key })
    expect(one).toMatchObject({ status: 200, body: { report: { curves: { train: [3, 2, 1] } }, serving: false } })
  })

  it('shows and promotes nothing of another tenant', async () => {
    const ours = await service.makeTenant()
    const theirs = await service.makeTenant()
    const version = await versions.create(theirs.id, draft(), { 'version.bin': bytes(5) })
    for (const [method, end] of [
      ['GET', ''],
      ['POST', '/promote'],
    ])
      expect(
        (await service.call(method, `/v1/tenants/${ours.id}/model-versions/${version.id}${end}`, { key: ours.key }))
          .status,
      ).toBe(404)
    await expect(versions.readArtifact(ours.id, version.id, 'version.bin')).rejects.toMatchObject({ status: 404 })
    await versions.promote(theirs.id, version.id, caller)
    const current = await versions.currentOf([ours.id, theirs.id])
    expect([...current.keys()]).toEqual([theirs.id])
  })
})

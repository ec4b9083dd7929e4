import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Database } from '../../src/platform/database.js'
import { isPassing } from '../../src/platform/errors.js'
import { VERSION_ARTIFACT, VersionsService } from '../../src/registry/versions.service.js'
import { TenantsService } from '../../src/tenants/tenants.service.js'
import { catalogOf, encoded, promoteVersion, storeVersion } from '../serving/made-version.js'
import { ACCESS, startObjectServer } from '../support/s3.js'
import { type TestService, testService } from '../support/service.js'

const PATIENCE = { timeout: 30_000, interval: 200 }
const draft = {
  runId: null,
  parentId: null,
  baseModel: 'default',
  decision: 'passed' as const,
  reason: 'made',
  report: {
    counts: { events: 0, users: 0, items: 0 },
    metrics: {},
    gate: { decision: 'passed' as const, reason: 'made', checks: [] },
  },
}
const bytes = (length: number, seed = 7) => Uint8Array.from({ length }, (_, i) => (i * seed + (i >> 8)) & 255)

const NO_SERVER = { endpoint: '', folder: '', pause: () => undefined, resume: () => undefined, stop: async () => {} }
const server = await startObjectServer()

describe.skipIf(server === null)('files of model versions in object storage', () => {
  // The body of what is skipped runs all the same.
  const { endpoint, folder, pause, resume, stop } = server ?? NO_SERVER
  const bucket = join(folder, 'models')
  let service: TestService
  let versions: VersionsService
  const at = { ARTIFACTS_URL: 's3://models/attune/live', ARTIFACTS_ENDPOINT: endpoint }
  beforeAll(async () => {
    for (const [name, value] of Object.entries(ACCESS)) vi.stubEnv(name, value)
    const client = new S3Client({ endpoint, forcePathStyle: true, region: 'us-east-1' })
    await client.send(new CreateBucketCommand({ Bucket: 'models' }))
    client.destroy()
    service = await testService({ ...at, ROLES: 'api' })
    versions = service.app.get(VersionsService)
  })
  afterEach(() => vi.restoreAllMocks())
  afterAll(async () => {
    await service.stop()
    await stop()
    vi.unstubAllEnvs()
  })

  /** Files of the bucket, from its top. */
  const objects = async () => {
    const found = await readdir(bucket, { recursive: true, withFileTypes: true })
    return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  }
  const objectOf = async (tenantId: string, versionId: string) => {
    const { artifacts } = await versions.get(tenantId, versionId)
    return join(bucket, 'attune/live', Object.values(artifacts)[0].object ?? '')
  }
  const rows = (tenantId: string) =>
    service.app.get(Database).query(tenantId, 'SELECT name FROM model_artifacts WHERE tenant_id = $1', [tenantId])
  const failure = async (work: Promise<unknown>) => {
    const error = await work.then(
      () => new Error('nothing failed'),
      (error: unknown) => error,
    )
    return { ...(error as { code: string; status: number }), passes: isPassing(error) }
  }
  /** A tenant that is served by a version, asked for what it is served by. */
  const shop = async () => {
    const tenant = await service.makeTenant()
    const items = Array.from({ length: 20 }, (_, i) => ({ itemId: `i${i}`, title: `red thing ${i} of ${i % 7}` }))
    await service.call('POST', `/v1/tenants/${tenant.id}/items`, { key: tenant.key, body: { items } })
    const catalog = await catalogOf(service, tenant.id)
    const served = async (by = service) => {
      const path = `/v1/tenants/${tenant.id}/recommendations`
      const { status, body } = await by.call('POST', path, { key: tenant.key, body: { history: ['i1'] } })
      return status === 200 ? (body as { modelVersion: string }).modelVersion : status
    }
    return { ...tenant, catalog, served }
  }

  it('are put there, not into the database, and served by every instance', async () => {
    const { id, catalog, served } = await shop()
    const version = await promoteVersion(service, id, encoded(catalog, 1))
    expect(await rows(id)).toEqual([])
    expect(await readFile(await objectOf(id, version))).toHaveLength(encoded(catalog, 1).length)
    await expect.poll(served, PATIENCE).toBe(version)
    const other = await testService({ ...at, ROLES: 'api', DATABASE_URL: service.databaseUrl })
    expect(await served(other)).toBe(version)
    await other.stop()
  })

  it('come back as they were put, of any size and name', async () => {
    const { id } = await service.makeTenant()
    const files = { 'version.bin': bytes(3_000_017), 'empty.bin': new Uint8Array(0), '../../up ?#% é': bytes(10) }
    const version = await versions.create(id, draft, files)
    for (const [name, expected] of Object.entries(files))
      expect(Buffer.compare(await versions.readArtifact(id, version.id, name), expected), name).toBe(0)
    await expect(versions.readArtifact(id, version.id, 'other')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('of tenants with hostile ids lie apart, each below the folder', async () => {
    const before = new Set(await objects())
    const ids = ['../../../x', '..', 'a/b', 'a//b', '😀'.repeat(128), 'a?b#c%2F', ' ']
    for (const id of ids) {
      const { status } = await service.call('POST', '/v1/tenants', { body: { id } })
      expect(status, id).toBe(201)
      const { id: version } = await versions.create(id, draft, { [VERSION_ARTIFACT]: bytes(100, id.length) })
      expect(Buffer.from(await versions.readArtifact(id, version, VERSION_ARTIFACT))).toEqual(
        Buffer.from(bytes(100, id.length)),
      )
    }
    const made = (await objects()).filter((path) => !before.has(path))
    expect(new Set(made).size).toBe(ids.length)
    for (const path of made)
      expect(path).toMatch(/\/models\/attune\/live\/[0-9a-f]{64}\/v-[\w-]+\/version\.safetensors$/)
  })

  it('that are gone or changed are said to be, and what was served goes on', async () => {
    const { id, catalog, served } = await shop()
    const good = await promoteVersion(service, id, encoded(catalog, 1))
    await expect.poll(served, PATIENCE).toBe(good)
    const spoil: Record<string, (path: string) => Promise<void>> = {
      ARTIFACT_MISSING: (path) => rm(path),
      ARTIFACT_DAMAGED: async (path) => {
        const file = await readFile(path)
        file[file.length >> 1] ^= 1
        await writeFile(path, file)
      },
    }
    for (const [code, work] of [
      ...Object.entries(spoil),
      ['ARTIFACT_DAMAGED', (path: string) => writeFile(path, 'short')] as const,
    ]) {
      const version = await storeVersion(service, id, encoded(catalog, 2))
      await work(await objectOf(id, version))
      expect(await failure(versions.readArtifact(id, version, VERSION_ARTIFACT))).toMatchObject({ code, passes: false })
      await versions.promote(id, version, { name: 'test' })
      await new Promise((next) => setTimeout(next, 2500))
      expect(await served()).toBe(good)
    }
  })

  it('wait for a server that is away: nothing is half made, what was served goes on, and then the new version is', async () => {
    const { id, catalog, served } = await shop()
    const good = await promoteVersion(service, id, encoded(catalog, 1))
    const next = await storeVersion(service, id, encoded(catalog, 2))
    await expect.poll(served, PATIENCE).toBe(good)
    await pause()
    const away = { code: 'OBJECT_STORE_AWAY', status: 503, passes: true }
    expect(await failure(versions.create(id, draft, { [VERSION_ARTIFACT]: bytes(10) }))).toMatchObject(away)
    expect((await versions.list(id, 10)).data).toHaveLength(2)
    await versions.promote(id, next, { name: 'test' })
    await new Promise((next) => setTimeout(next, 2500))
    expect(await served()).toBe(good)
    // Nobody has it in memory: there is nothing to answer from, and that may pass.
    const other = await testService({ ...at, ROLES: 'api', DATABASE_URL: service.databaseUrl })
    expect(await served(other)).toBe(503)
    await resume()
    await expect.poll(served, PATIENCE).toBe(next)
    await expect.poll(() => served(other), PATIENCE).toBe(next)
    await other.stop()
  })

  it('are refused with wrong words and without a bucket, and no secret is said', async () => {
    const { id } = await service.makeTenant()
    const other = async (env: Record<string, string>) => {
      const one = await testService({ ...at, ...env, ROLES: 'api', DATABASE_URL: service.databaseUrl })
      const create = one.app.get(VersionsService).create(id, draft, { [VERSION_ARTIFACT]: bytes(10) })
      const error = await create.then(
        () => new Error('nothing failed'),
        (error: unknown) => error as Error,
      )
      await one.stop()
      return error
    }
    const noBucket = await other({ ARTIFACTS_URL: 's3://nowhere' })
    expect(noBucket).toMatchObject({
      code: 'OBJECT_STORE_REFUSES',
      retryable: false,
      message: expect.stringContaining('NoSuchBucket') as string,
    })
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wrong-word')
    const refused = await other({})
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', ACCESS.AWS_SECRET_ACCESS_KEY)
    expect(refused).toMatchObject({
      code: 'OBJECT_STORE_REFUSES',
      message: expect.stringContaining('SignatureDoesNotMatch') as string,
    })
    expect(refused.message).not.toContain('wrong-word')
    expect((await versions.list(id, 10)).data).toEqual([])
  })

  it('leave nothing behind of a version that the database does not take', async () => {
    const before = await objects()
    await expect(versions.create('nobody', draft, { [VERSION_ARTIFACT]: bytes(10) })).rejects.toThrow(/foreign key/)
    expect(await objects()).toEqual(before)
  })

  it('of a version in the database are read there as before, and the other way round said clearly', async () => {
    const { id, catalog, served } = await shop()
    const plain = await testService({ ROLES: 'api', DATABASE_URL: service.databaseUrl })
    const own = await promoteVersion(plain, id, encoded(catalog, 1))
    expect(await rows(id)).not.toEqual([])
    await expect.poll(served, PATIENCE).toBe(own)
    const elsewhere = await storeVersion(service, id, encoded(catalog, 2))
    expect(await failure(plain.app.get(VersionsService).readArtifact(id, elsewhere, VERSION_ARTIFACT))).toMatchObject({
      code: 'OBJECT_STORE_UNKNOWN',
      passes: false,
    })
    await plain.stop()
  })

  it('go with their tenant, once an instance that knows the bucket comes by', async () => {
    const { id } = await service.makeTenant()
    const stays = await service.makeTenant()
    for (const tenant of [id, stays.id])
      for (let i = 0; i < 3; i++) await versions.create(tenant, draft, { [VERSION_ARTIFACT]: bytes(10) })
    const { artifacts } = (await versions.list(id, 1)).data[0]
    const [own] = (Object.values(artifacts)[0].object ?? '').split('/')
    const left = async () => (await objects()).filter((path) => path.includes(own))
    expect(await left()).toHaveLength(3)
    await pause()
    await service.call('DELETE', `/v1/tenants/${id}`)
    await service.app.get(TenantsService).purge()
    expect((await versions.list(id, 10)).data).toHaveLength(3)
    await resume()
    await service.app.get(TenantsService).purge()
    expect((await versions.list(id, 10)).data).toEqual([])
    expect(await left()).toEqual([])
    expect((await versions.list(stays.id, 10)).data).toHaveLength(3)
  })
})

import { createHash } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { CONFIG, type Config } from '../platform/config.js'
import { Database, type Sql } from '../platform/database.js'
import { AppError } from '../platform/errors.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { TenantsService } from '../tenants/tenants.service.js'
import { ObjectStore } from './object-store.js'

/** Where a file is, and what it has to be. */
export interface StoredArtifact {
  bytes: number
  /** Rows that hold it; none where it is an object. */
  parts: number
  sha256: string
  /** Its key in the object storage, below the prefix. */
  object?: string
}

// Large values make PostgreSQL and every pooler between hold them whole, several times over.
const PART_BYTES = 1024 * 1024

/** The files of model versions: in the database, or with ARTIFACTS_URL in a bucket. Each is read from where it was put. */
@Injectable()
export class ArtifactsService {
  private readonly store?: ObjectStore

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(TenantsService) tenants: TenantsService,
  ) {
    if (config.artifacts) this.store = new ObjectStore(config.artifacts)
    tenants.onPurge((tenantId) => this.purge(tenantId))
  }

  /** Before the version is there: who finds it finds its files. @returns where each file is or will be */
  async place(
    tenantId: string,
    versionId: string,
    artifacts: Record<string, Uint8Array>,
  ): Promise<Record<string, StoredArtifact>> {
    const placed: Record<string, StoredArtifact> = {}
    try {
      for (const [name, bytes] of Object.entries(artifacts)) {
        const about = { bytes: bytes.length, sha256: sha256(bytes) }
        const object = `${folderOf(tenantId)}${versionId}/${encodeURIComponent(name)}`
        placed[name] = this.store
          ? { ...about, parts: 0, object }
          : { ...about, parts: Math.max(1, Math.ceil(bytes.length / PART_BYTES)) }
        await this.store?.write(object, bytes)
      }
    } catch (error) {
      await this.takeBack(placed)
      throw error
    }
    return placed
  }

  /** In the transaction that makes the version: the files that the database holds. */
  async insert(
    sql: Sql,
    tenantId: string,
    versionId: string,
    artifacts: Record<string, Uint8Array>,
    placed: Record<string, StoredArtifact>,
  ): Promise<void> {
    for (const [name, bytes] of Object.entries(artifacts))
      for (let part = 0; part < placed[name].parts; part++) {
        const from = part * PART_BYTES
        await sql.execute(
          'INSERT INTO model_artifacts (tenant_id, version_id, name, part, bytes) VALUES ($1, $2, $3, $4, $5)',
          [tenantId, versionId, name, part, Buffer.from(bytes.subarray(from, from + PART_BYTES))],
        )
      }
  }

  /** Of a version that was not made after all. */
  async takeBack(placed: Record<string, StoredArtifact>): Promise<void> {
    for (const { object } of Object.values(placed))
      if (object !== undefined)
        await this.store?.remove(object).catch((error: unknown) => {
          this.logger.warn({ err: error, object }, 'an object that no version has stays in the object storage')
        })
  }

  /**
   * @throws AppError ARTIFACT_DAMAGED (500) where the bytes are not the ones that were stored, and those of `ObjectStore.read`
   * @throws AppError OBJECT_STORE_UNKNOWN (500) where it is in an object storage and this instance has none
   */
  async read(tenantId: string, versionId: string, name: string, stored: StoredArtifact): Promise<Uint8Array> {
    const whole =
      stored.object === undefined
        ? await this.readParts(tenantId, versionId, name, stored)
        : await this.storeOf(versionId).read(stored.object, stored.bytes)
    if (whole?.length !== stored.bytes || sha256(whole) !== stored.sha256) throw damaged(versionId, name)
    return whole
  }

  private async readParts(tenantId: string, versionId: string, name: string, { bytes, parts }: StoredArtifact) {
    const whole = new Uint8Array(bytes)
    let offset = 0
    // One part at a time: the driver holds what it reads twice, as text and as bytes.
    for (let part = 0; part < parts; part++) {
      const [row] = await this.database.query<{ bytes: Buffer }>(
        tenantId,
        'SELECT bytes FROM model_artifacts WHERE tenant_id = $1 AND version_id = $2 AND name = $3 AND part = $4',
        [tenantId, versionId, name, part],
      )
      if (!row || offset + row.bytes.length > bytes) return null
      whole.set(row.bytes, offset)
      offset += row.bytes.length
    }
    return offset === bytes ? whole : null
  }

  /** Everything of a tenant that is gone. */
  private async purge(tenantId: string): Promise<void> {
    if (this.store) return this.store.remove(folderOf(tenantId))
    const [row] = await this.database.query<{ id: string }>(
      tenantId,
      `SELECT version_id AS id FROM model_versions WHERE tenant_id = $1 AND artifacts @? '$.*.object' LIMIT 1`,
      [tenantId],
    )
    // Its rows say where the files are: they stay until an instance that knows the storage comes by.
    if (row) this.storeOf(row.id)
  }

  private storeOf(versionId: string): ObjectStore {
    if (this.store) return this.store
    throw new AppError(
      'OBJECT_STORE_UNKNOWN',
      `The files of ${versionId} are in an object storage, and ARTIFACTS_URL is not set here.`,
      { status: 500, retryable: false },
    )
  }
}

/** A hash: an id may hold any character, and be longer than a key. */
const folderOf = (tenantId: string) => `${sha256(tenantId)}/`
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')
const damaged = (versionId: string, name: string) =>
  new AppError('ARTIFACT_DAMAGED', `The artifact '${name}' of ${versionId} is not what was stored.`, {
    status: 500,
    retryable: false,
  })

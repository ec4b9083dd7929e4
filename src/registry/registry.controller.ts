import { Controller, Inject } from '@nestjs/common'
import { z } from 'zod'
import { contract, type Input, Parsed, Route } from '../platform/http.js'
import { Page, pageOf } from '../platform/schema.js'
import { VersionReport } from './version-report.js'
import { BASE_VERSION, type ModelVersion, VersionsService } from './versions.service.js'

const tag = 'Training and versions'
const VersionSummary = z
  .object({
    id: z.string(),
    runId: z.string().nullable(),
    parentId: z.string().nullable().meta({ description: 'Fine-tuned from this version; null: from the base' }),
    baseModel: z.string(),
    createdAt: z.date().meta({ override: { type: 'string', format: 'date-time' } }),
    serving: z.boolean(),
    decision: z.enum(['passed', 'rejected']).meta({ description: "The gate's, when the version was made" }),
    reason: z.string(),
    sizeBytes: z.number(),
    dataWindow: z.unknown(),
    counts: z.unknown(),
    metrics: z.unknown(),
    judgedAs: z.enum(['candidate', 'from-scratch']).nullable().meta({
      description:
        'Whose figures in `metrics` are its own: `from-scratch` where it serves its twin, which did better than what was fine-tuned. Null where `metrics` is',
    }),
  })
  .meta({ id: 'ModelVersionSummary' })
const VersionView = VersionSummary.extend({
  gate: z.unknown(),
  report: VersionReport,
  history: z
    .array(
      z.object({
        at: z.date().meta({ override: { type: 'string', format: 'date-time' } }),
        event: z.enum(['promoted', 'rolled-back', 'restored']),
        kind: z.enum(['automatic', 'manual', 'forced', 'rollback']),
        actor: z.string(),
        reason: z.string().nullable(),
      }),
    )
    .meta({
      description: 'What happened to it, newest first; restored: served again because a later version was rolled back',
    }),
}).meta({ id: 'ModelVersion' })

const base = '/v1/tenants/:tenant/model-versions'
const listVersions = contract({
  method: 'GET',
  path: base,
  summary: 'Model versions, newest first',
  tag,
  access: 'train',
  query: Page.extend({
    brief: z.enum(['true', 'false']).default('false').meta({
      description:
        'true: without what their reports say, so that `dataWindow`, `counts`, `metrics` and `judgedAs` are null',
    }),
  }),
  response: pageOf(VersionSummary),
})
const getVersion = contract({
  method: 'GET',
  path: `${base}/:id`,
  summary: 'One version: lineage, recipe, curves, metrics beside the others, and why the gate decided as it did',
  tag,
  access: 'train',
  response: VersionView,
})
const promoteVersion = contract({
  method: 'POST',
  path: `${base}/:id/promote`,
  summary: 'Serve this version; one that the gate rejected is recorded as forced',
  tag,
  access: 'train',
  response: VersionView,
})
const rollbackVersion = contract({
  method: 'POST',
  path: `${base}/rollback`,
  summary: 'Back to what was served before the current version, or to the base; 409 where the base is served already',
  tag,
  access: 'train',
  errors: [409],
  response: z.object({
    modelVersion: z.string().nullable().meta({ description: 'Served now; null: the base' }),
    serving: z.enum(['fine-tuned', 'base']),
    previous: z.string().meta({ description: 'Served until now; `base` where that was none' }),
  }),
})

@Controller()
export class RegistryController {
  constructor(@Inject(VersionsService) private readonly versions: VersionsService) {}

  @Route(listVersions)
  async list(@Parsed() { tenant, query }: Input<typeof listVersions>) {
    const page = await this.versions.list(tenant, query.limit, query.cursor, { brief: query.brief === 'true' })
    const current = await this.versions.current(tenant)
    return { ...page, data: page.data.map((version) => summary(version, current?.versionId)) }
  }

  @Route(getVersion)
  async get(@Parsed() { tenant, params }: Input<typeof getVersion>) {
    return this.view(tenant, await this.versions.get(tenant, params.id))
  }

  @Route(promoteVersion)
  async promote(@Parsed() { tenant, params, caller }: Input<typeof promoteVersion>) {
    return this.view(tenant, await this.versions.promote(tenant, params.id, caller))
  }

  @Route(rollbackVersion)
  async rollback(@Parsed() { tenant, caller }: Input<typeof rollbackVersion>) {
    const { versionId, previous } = await this.versions.rollback(tenant, caller)
    return {
      modelVersion: versionId,
      serving: versionId === null ? 'base' : 'fine-tuned',
      previous: previous ?? BASE_VERSION,
    }
  }

  private async view(tenantId: string, version: ModelVersion) {
    const [current, history] = await Promise.all([
      this.versions.current(tenantId),
      this.versions.history(tenantId, version.id),
    ])
    return {
      ...summary(version, current?.versionId),
      gate: version.report.gate ?? null,
      report: version.report,
      history,
    }
  }
}

function summary(version: ModelVersion, served: string | null | undefined): z.output<typeof VersionSummary> {
  const { id, runId, parentId, baseModel, createdAt, decision, reason, sizeBytes, report } = version
  const { dataWindow = null, counts = null, metrics = null } = report
  const serving = id === served
  const own = report.recipe?.served === 'from-scratch' ? 'from-scratch' : 'candidate'
  return {
    id,
    runId,
    parentId,
    baseModel,
    createdAt,
    serving,
    decision,
    reason,
    sizeBytes,
    dataWindow,
    counts,
    metrics,
    judgedAs: metrics && own,
  }
}

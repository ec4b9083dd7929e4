import type { CatalogItem } from '../../src/catalog/item.js'
import { ItemsService } from '../../src/catalog/items.service.js'
import { fixedBlend } from '../../src/model/ensemble.js'
import type { EventType } from '../../src/model/history.js'
import { Random } from '../../src/model/random.js'
import { noWeights } from '../../src/model/ranking.js'
import { TEXT_LENGTH } from '../../src/model/text-encoder.js'
import { fitTextSpace, principalAxes, whiten } from '../../src/model/text-space.js'
import { encodeVersion, type VersionFile } from '../../src/model/version-file.js'
import { DEFAULT_CONFIG, startFromText } from '../../src/model/weights.js'
import type { Baseline } from '../../src/registry/version-report.js'
import { VERSION_ARTIFACT, VersionsService } from '../../src/registry/versions.service.js'
import { eventTypeTable, Settings } from '../../src/tenants/settings.js'
import type { TestService } from '../support/service.js'

export const EVENT_TYPES = eventTypeTable(Settings.parse({}))

/** The catalogue as training reads it. */
export async function catalogOf(service: TestService, tenantId: string): Promise<CatalogItem[]> {
  const items: CatalogItem[] = []
  await service.app.get(ItemsService).changesSince(tenantId, null, (page) => void items.push(...page))
  return items
}

/**
 * A version as training could have made it: a network of random weights over the items, in an order of their own, and a
 * blend of everything. Two seeds rank the same history in different ways.
 */
export function madeVersion(items: CatalogItem[], seed: number, eventTypes: EventType[] = EVENT_TYPES): VersionFile {
  const random = new Random(seed)
  const known = [...items].sort((a, b) => (a.itemId < b.itemId ? 1 : -1))
  const raw = new Float32Array(known.length * TEXT_LENGTH)
  known.forEach(({ vector }, i) => vector && raw.set(vector, i * TEXT_LENGTH))
  const textSpace = fitTextSpace(raw, TEXT_LENGTH)
  const config = {
    ...DEFAULT_CONFIG,
    textLength: TEXT_LENGTH,
    width: 16,
    typeWeights: eventTypes.map((type) => (type.meaning === 'negative' ? 0 : type.weight)),
  }
  const axes = principalAxes(whiten(textSpace, raw), TEXT_LENGTH, config.width)
  const arrays = startFromText(config, axes, known.length, seed)
  arrays.residual.data = random.normals(arrays.residual.data.length, 0.3)
  arrays.alpha.data = random.normals(arrays.alpha.data.length, 0.1)
  return {
    itemIds: known.map(({ itemId }) => itemId),
    eventTypes,
    textSpace,
    network: { config, arrays },
    blend: fixedBlend({
      ...noWeights(),
      network: 2,
      text: 0.3,
      lexical: 0.6,
      wide: 0.5,
      narrow: 0.2,
      popular: 0.1,
      recent: 0.1,
      fresh: 0.3,
    }),
    counts: { types: eventTypes, halfLife: 7 * 86_400_000 },
    trainedUntil: 0,
  }
}

const report = {
  counts: { events: 0, users: 0, items: 0 },
  metrics: {},
  gate: { decision: 'passed' as const, reason: 'made for a test', checks: [] },
}

/** Stores a version file. @returns its id */
export async function storeVersion(
  service: TestService,
  tenantId: string,
  bytes: Uint8Array,
  baseline?: Baseline,
): Promise<string> {
  const versions = service.app.get(VersionsService)
  const draft = {
    runId: null,
    parentId: null,
    baseModel: 'default',
    decision: 'passed' as const,
    reason: 'made',
    report: { ...report, baseline },
  }
  const { id } = await versions.create(tenantId, draft, { [VERSION_ARTIFACT]: bytes })
  return id
}

/** Stores a version file and promotes it. @returns its id */
export async function promoteVersion(
  service: TestService,
  tenantId: string,
  bytes: Uint8Array,
  baseline?: Baseline,
): Promise<string> {
  const id = await storeVersion(service, tenantId, bytes, baseline)
  await service.app.get(VersionsService).promote(tenantId, id, { name: 'test' })
  return id
}

export const encoded = (items: CatalogItem[], seed: number) => encodeVersion(madeVersion(items, seed))

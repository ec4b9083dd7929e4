import type { CountSettings } from '../model/counts.js'
import type { Blend } from '../model/ensemble.js'
import type { EventType } from '../model/history.js'
import { Network } from '../model/network.js'
import type { TextMatrix } from '../model/text-matrix.js'
import { whitenAll } from '../model/text-space.js'
import type { VersionFile } from '../model/version-file.js'
import { carryOver } from './carry-over.js'
import { plainType } from '../tenants/settings.js'
import type { Dataset } from './dataset.js'

/** A served version in today's index space, as whoever serves it sees today's items and events. */
export interface ServedVersion {
  /** Whitened by the version's own space. */
  text: TextMatrix
  network: Network | null
  blend: Blend
  counts: CountSettings
}

/**
 * The version that is served now, moved to the items and event types of the dataset. What it does not know is treated as
 * serving treats it: a new item has no residual, a new type is the unnamed one, values that it does not read change nothing.
 * @returns null where it is for vectors of another length, and so can't be served at all
 */
export function servedVersion(version: VersionFile, dataset: Dataset): ServedVersion | null {
  const { itemIds, vectors, eventTypes } = dataset
  if (version.textSpace.length !== vectors.length) return null
  const today = (types: EventType[]): EventType[] => {
    const known = new Map(types.map((type) => [type.name, type]))
    return eventTypes.map(({ name }) => known.get(name) ?? known.get(plainType(name)) ?? types[0])
  }
  return {
    text: whitenAll(version.textSpace, vectors),
    network: version.network && movedNetwork(version, version.network, itemIds, today(version.eventTypes)),
    blend: version.blend,
    counts: { ...version.counts, types: today(version.counts.types) },
  }
}

function movedNetwork(
  { itemIds, eventTypes }: VersionFile,
  { config, arrays }: NonNullable<VersionFile['network']>,
  itemsToday: string[],
  typesToday: EventType[],
): Network {
  const before = { items: itemIds, types: eventTypes.map(({ name }) => name) }
  const now = { items: itemsToday, types: typesToday.map(({ name }) => name) }
  const weightOf = new Map(before.types.map((name, index) => [name, config.typeWeights[index]]))
  const typeWeights = now.types.map((name) => weightOf.get(name) ?? 1)
  return Network.fromArrays({ ...config, typeWeights }, carryOver(arrays, before, now))
}

import type { CountSettings } from './counts.js'
import { type Blend, completeBlend } from './ensemble.js'
import type { EventType } from './history.js'
import { decodeTensors, encodeTensors, type NamedArrays } from './tensor-file.js'
import { decodeSpace, encodeSpace, type TextSpace } from './text-space.js'
import type { NetworkConfig } from './weights.js'

/** All that a tenant is served by, except for the counts: those are made of the tenant's events by whoever serves. */
export interface VersionFile {
  /** Item i of the vocabulary has the i-th row of the network's residual. */
  itemIds: string[]
  /** A type's place is what the network learned it as. */
  eventTypes: EventType[]
  textSpace: TextSpace
  network: { config: NetworkConfig; arrays: NamedArrays } | null
  blend: Blend
  counts: CountSettings
  /** Milliseconds since 1970: the network has learned from events before. */
  trainedUntil: number
}

/** What the format is called inside a file, so that another one is refused and not misread. */
const FORMAT = 'attune-version-1'
const NETWORK = 'network.'
const SPACE = 'textSpace'

interface Facts {
  eventTypes: EventType[]
  networkConfig: NetworkConfig | null
  blend: Blend
  counts: CountSettings
  trainedUntil: number
}

/** A version as a tensor file. The same version always gives the same bytes. */
export function encodeVersion(version: VersionFile): Uint8Array {
  const { itemIds, eventTypes, textSpace, network, blend, counts, trainedUntil } = version
  const ids = new TextEncoder().encode(JSON.stringify(itemIds))
  const arrays: NamedArrays = { itemIds: { shape: [ids.length], data: ids }, ...encodeSpace(textSpace, SPACE) }
  for (const [name, array] of Object.entries(network?.arrays ?? {})) arrays[NETWORK + name] = array
  const facts: Facts = { eventTypes, networkConfig: network?.config ?? null, blend, counts, trainedUntil }
  return encodeTensors(arrays, { format: FORMAT, facts: JSON.stringify(facts) })
}

/** @throws Error when the bytes are not such a file. */
export function decodeVersion(bytes: Uint8Array): VersionFile {
  const { arrays, metadata } = decodeTensors(bytes)
  if (metadata.format !== FORMAT) throw new Error(`Not a version file: its format is "${metadata.format ?? 'none'}"`)
  const ids = arrays.itemIds?.data
  if (!(ids instanceof Uint8Array)) throw new Error('The version file names no items')
  const { eventTypes, networkConfig, blend, counts, trainedUntil } = JSON.parse(metadata.facts) as Facts
  const networkArrays = Object.entries(arrays)
    .filter(([name]) => name.startsWith(NETWORK))
    .map(([name, array]) => [name.slice(NETWORK.length), array] as const)
  return {
    itemIds: JSON.parse(new TextDecoder().decode(ids)) as string[],
    eventTypes,
    textSpace: decodeSpace(arrays, SPACE),
    network: networkConfig && { config: networkConfig, arrays: Object.fromEntries(networkArrays) },
    blend: completeBlend(blend),
    counts,
    trainedUntil,
  }
}

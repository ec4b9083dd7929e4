import { readFileSync } from 'node:fs'
import { type Blend, completeBlend } from '../model/ensemble.js'
import type { ComponentName } from '../model/ranking.js'
import { decodeTensors } from '../model/tensor-file.js'
import { decodePrior, type TextPrior } from '../model/text-space.js'
import { packagePath } from '../platform/paths.js'
import type { BaseModel, BaseName } from '../tenants/base-models.js'

let prior: TextPrior | undefined
const blends = new Map<BaseName, Blend>()

/** What is believed about text vectors before a catalogue is seen. */
export function shippedPrior(): TextPrior {
  return (prior ??= decodePrior(
    decodeTensors(readFileSync(packagePath('models/text-encoder/prior.safetensors'))).arrays,
  ))
}

/** What a tenant is served by before any version is promoted, and so what a first version has to beat. */
export function shippedBlend(model: BaseModel = 'default'): Blend {
  const name = model === 'default' ? 'shops' : model
  const known = blends.get(name)
  if (known) return known
  const blend = completeBlend(JSON.parse(readFileSync(packagePath(`models/base/${name}.json`), 'utf8')) as Blend)
  blends.set(name, blend)
  return blend
}

/** All of them by name: among these a run finds the one that fits. */
export const shippedBlends = (without: readonly ComponentName[] = []): Record<BaseName, Blend> => ({
  shops: completeBlend(shippedBlend('shops'), without),
  media: completeBlend(shippedBlend('media'), without),
})

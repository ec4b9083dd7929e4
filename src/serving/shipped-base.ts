import { existsSync, readFileSync } from 'node:fs'
import { type Blend, fixedBlend } from '../model/ensemble.js'
import { decodeTensors } from '../model/tensor-file.js'
import { decodePrior, type TextPrior } from '../model/text-space.js'
import { packagePath } from '../platform/paths.js'

let prior: TextPrior | undefined
let blend: Blend | undefined

/** What is believed about text vectors before a catalogue is seen. */
export function shippedPrior(): TextPrior {
  return (prior ??= decodePrior(
    decodeTensors(readFileSync(packagePath('models/text-encoder/prior.safetensors'))).arrays,
  ))
}

/** What a tenant is served by before any version is promoted. */
export function shippedBlend(): Blend {
  return (blend ??= readBlend())
}

function readBlend(): Blend {
  const file = packagePath('models/base/blend.json')
  // Without the fitted weights: all parts that know the user alike, popularity for the rest.
  if (!existsSync(file)) return fixedBlend({ network: 0, text: 1, wide: 1, narrow: 1, popular: 0.2, recent: 0.2 })
  return JSON.parse(readFileSync(file, 'utf8')) as Blend
}

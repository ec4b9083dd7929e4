import { readFileSync } from 'node:fs'
import { type Blend, completeBlend } from '../model/ensemble.js'
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

/** What a tenant is served by before any version is promoted, and so what a first version has to beat. */
export function shippedBlend(): Blend {
  return (blend ??= completeBlend(JSON.parse(readFileSync(packagePath('models/base/blend.json'), 'utf8')) as Blend))
}

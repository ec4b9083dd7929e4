import * as tf from '@tensorflow/tfjs-core'
import { attention, feedForward, layerNorm, type BlockWeights, type Gradients, type Layer } from './layers.js'
import { attentionBias, meanWeights, type Row } from './packing.js'
import type { NetworkConfig, Weights } from './weights.js'

/** The sequence part's weights as tensors. */
export type SequenceTensors = {
  blocks: BlockWeights[]
  /** [1, D] */
  alpha: tf.Tensor2D
}

/** Uploads the weights that `runSequence` needs. The caller disposes of them. */
export function sequenceTensors(config: NetworkConfig, weights: Weights): SequenceTensors {
  // A copy, because a backend may keep what it is given while training goes on changing the weights.
  const upload = (name: string) => tf.tensor2d(weights[name].data.slice(), weights[name].shape as [number, number])
  const both = (name: string): [tf.Tensor2D, tf.Tensor2D] => {
    const matrix = upload(name)
    return [matrix, tf.transpose(matrix)]
  }
  const blocks = Array.from({ length: config.blocks }, (_, block): BlockWeights => {
    const name = `block.${block}`
    const [expand, expandT] = both(`${name}.expand`)
    const [contractT, contract] = both(`${name}.contract`)
    return {
      heads: Array.from({ length: config.heads }, (_, h) => {
        const [query, queryT] = both(`${name}.query.${h}`)
        const [keyT, key] = both(`${name}.key.${h}`)
        const [valueT, value] = both(`${name}.value.${h}`)
        const [outputT, output] = both(`${name}.output.${h}`)
        const queryBias = upload(`${name}.query.bias.${h}`)
        return { query, queryT, queryBias, key, keyT, value, valueT, output, outputT }
      }),
      outputBias: upload(`${name}.output.bias`),
      expand,
      expandT,
      expandBias: upload(`${name}.expand.bias`),
      contract,
      contractT,
      contractBias: upload(`${name}.contract.bias`),
    }
  })
  return { blocks, alpha: upload('alpha') }
}

export interface SequencePass {
  /** [Q, D] user vectors */
  users: tf.Tensor2D
  /** From the gradient at the users to those at the items as the mean sees them and as the transformer does, [L, D] each. */
  backward: (gradient: tf.Tensor2D, gradients: Gradients) => { mean: tf.Tensor2D; tokens: tf.Tensor2D }
}

/**
 * One row through the network: user vector = recency-weighted mean of the item vectors + alpha * transformer.
 * @param items [L, D] item vectors @param side [L, D] what event type and time gap add to them for the transformer
 * @param dropout draws a mask of kept units, scaled so that the expectation stays, or null when not training
 * @param at positions whose users are wanted; all when absent, and only then can it run backwards
 */
export function runSequence(
  config: NetworkConfig,
  weights: Weights,
  tensors: SequenceTensors,
  row: Row,
  items: tf.Tensor2D,
  side: tf.Tensor2D,
  dropout: (() => tf.Tensor2D) | null,
  at?: number[],
): SequencePass {
  const L = row.length
  const drop = (layer: Layer): Layer => {
    if (!dropout) return layer
    const mask = dropout()
    return {
      output: tf.mul(layer.output, mask),
      backward: (gradient) => layer.backward(tf.mul(gradient, mask)),
    }
  }
  const recording: { gradients?: Gradients } = {}
  const gradients: Gradients = { add: (name, gradient) => recording.gradients?.add(name, gradient) }

  const input = drop({ output: tf.add(items, side), backward: (gradient) => gradient })
  let x = input.output
  const backwards: ((gradient: tf.Tensor2D) => tf.Tensor2D)[] = [input.backward]
  tensors.blocks.forEach((block, index) => {
    const name = `block.${index}`
    // Only the last block can do without the other positions: its keys and values still come from all of them.
    const wanted = index === tensors.blocks.length - 1 ? at : undefined
    const Q = wanted?.length ?? L
    const biases = block.heads.map((_, h) =>
      tf.tensor2d(attentionBias(row, weights[`${name}.distance.${h}`].data, wanted), [Q, L]),
    )
    const norm1 = layerNorm(x)
    const queries = wanted ? tf.gather(norm1.output, wanted) : norm1.output
    const mixed = drop(attention(queries, norm1.output, biases, block, gradients, name))
    const middle: tf.Tensor2D = tf.add(wanted ? tf.gather(x, wanted) : x, mixed.output)
    const norm2 = layerNorm(middle)
    const fed = drop(feedForward(norm2.output, block, gradients, name))
    x = tf.add(middle, fed.output)
    backwards.push((gradient) => {
      const inner: tf.Tensor2D = tf.add(gradient, norm2.backward(fed.backward(gradient)))
      return tf.add(inner, norm1.backward(mixed.backward(inner)))
    })
  })
  const norm = layerNorm(x)
  const shares = meanWeights(row, config.meanLength, config.typeWeights, at)
  const mean = tf.matMul(tf.tensor2d(shares, [at?.length ?? L, L]), items)
  return {
    users: tf.add(mean, tf.mul(norm.output, tensors.alpha)),
    backward: (gradient, collected) => {
      recording.gradients = collected
      collected.add('alpha', tf.matMul(tf.ones([1, L]), tf.mul(gradient, norm.output)))
      const tokens = backwards.reduceRight((g, back) => back(g), norm.backward(tf.mul(gradient, tensors.alpha)))
      return { mean: tf.matMul(tf.tensor2d(turned(shares, L), [L, L]), gradient), tokens }
    },
  }
}

function turned(square: Float32Array, size: number): Float32Array {
  const result = new Float32Array(square.length)
  for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) result[j * size + i] = square[i * size + j]
  return result
}

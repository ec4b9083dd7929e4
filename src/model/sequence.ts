import * as tf from '@tensorflow/tfjs-core'
import {
  attention,
  type BlockWeights,
  columnSums,
  feedForward,
  type Gradients,
  type Layer,
  layerNorm,
  product,
} from './layers.js'
import { attentionMask, distanceBias, GAP_BUCKETS, HOUR_BUCKETS, meanWeights, NO_HOUR, type Row } from './packing.js'
import type { NetworkConfig, Weights } from './weights.js'

/** The sequence part's weights as tensors. */
export type SequenceTensors = {
  blocks: BlockWeights[]
  /** [1, D] */
  alpha: tf.Tensor2D
  /** [types + 2 gaps + hours, D]: what an event's type, the times around it and the hour of the next add to its item */
  side: tf.Tensor2D
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
  const side = tf.concat2d(SIDE.map(upload), 0)
  return { blocks, alpha: upload('alpha'), side }
}

/** The weights that make up the side table, in its order. */
export const SIDE = ['types', 'gaps', 'waits', 'hours'] as const

const sideColumns = (types: number) => types + 2 * GAP_BUCKETS + HOUR_BUCKETS

/** Which rows of the side table each token gets, [T, types + 2 gaps + hours]. A type newer than the network adds nothing. */
function sideFeatures(row: Row, types: number): Float32Array {
  const columns = sideColumns(types)
  const features = new Float32Array(row.items.length * columns)
  for (let token = 0, at = 0; token < row.items.length; token++, at += columns) {
    if (row.types[token] < types) features[at + row.types[token]] = 1
    features[at + types + row.gaps[token]] = 1
    features[at + types + GAP_BUCKETS + row.waits[token]] = 1
    if (row.hours[token] !== NO_HOUR) features[at + types + 2 * GAP_BUCKETS + row.hours[token]] = 1
  }
  return features
}

export interface SequencePass {
  /** [Q, D] user vectors, Q tokens asked for */
  users: tf.Tensor2D
  /** From the gradient at the users to the one at the items, [T, D]. That of the side table goes by the name 'side'. */
  backward: (gradient: tf.Tensor2D, gradients: Gradients) => tf.Tensor2D
}

/** How many places `runSequence` drops units at. */
export const placesOfDropout = (blocks: number): number => 1 + 2 * blocks

/** A mask of kept units [T, D], scaled so that the expectation stays, for each place where units are dropped. */
export type Dropout = (place: number) => tf.Tensor2D

/**
 * Rows through the network: user vector = recency-weighted mean of the item vectors + alpha * transformer.
 * @param row one, or several stacked: T tokens in all @param items [T, D] item vectors
 * @param dropout null when not training
 * @param at tokens whose users are wanted, of a single row; all when absent, and only then can it run backwards
 */
export function runSequence(
  config: NetworkConfig,
  weights: Weights,
  tensors: SequenceTensors,
  row: Row,
  items: tf.Tensor2D,
  dropout: Dropout | null,
  at?: number[],
): SequencePass {
  const { length: L, count } = row
  const T = count * L
  let places = 0
  const drop = (layer: Layer): Layer => {
    if (!dropout) return layer
    const mask = dropout(places++)
    return {
      output: tf.mul(layer.output, mask),
      backward: (gradient) => layer.backward(tf.mul(gradient, mask)),
    }
  }
  const recording: { gradients?: Gradients } = {}
  const gradients: Gradients = { add: (name, gradient) => recording.gradients?.add(name, gradient) }

  const types = config.typeWeights.length
  const features = tf.tensor2d(sideFeatures(row, types), [T, sideColumns(types)])
  const input = drop({ output: tf.add(items, tf.matMul(features, tensors.side)), backward: (gradient) => gradient })
  let x = input.output
  const backwards: ((gradient: tf.Tensor2D) => tf.Tensor2D)[] = [input.backward]
  const masks = (wanted?: number[]) =>
    tf.tensor2d(attentionMask(row, config.maxLength, wanted), [wanted?.length ?? T, L])
  const masked = tensors.blocks.length > 1 || !at ? masks() : undefined
  tensors.blocks.forEach((block, index) => {
    const name = `block.${index}`
    // Only the last block can do without the other positions: its keys and values still come from all of them.
    const wanted = index === tensors.blocks.length - 1 ? at : undefined
    const mask = wanted ? masks(wanted) : masked!
    const biases = block.heads.map((_, h) => biased(mask, row, weights[`${name}.distance.${h}`].data, wanted))
    const norm1 = layerNorm(x)
    const queries = wanted ? tf.gather(norm1.output, wanted) : norm1.output
    const mixed = drop(attention(queries, norm1.output, count, biases, block, gradients, name))
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
  const shares = tf.tensor2d(meanWeights(row, config.meanLength, config.typeWeights, at), [at?.length ?? T, L])
  return {
    users: tf.add(product(shares, items, 'none', count), tf.mul(norm.output, tensors.alpha)),
    backward: (gradient, collected) => {
      recording.gradients = collected
      collected.add('alpha', columnSums(tf.mul(gradient, norm.output)))
      const tokens = backwards.reduceRight((g, back) => back(g), norm.backward(tf.mul(gradient, tensors.alpha)))
      collected.add('side', product(features, tokens, 'a'))
      return tf.add(product(shares, gradient, 'a', count), tokens)
    },
  }
}

/** The mask of all rows with one head's bias for distances, which is the same in each of them. */
function biased(mask: tf.Tensor2D, row: Row, bias: Float32Array, at?: number[]): tf.Tensor2D {
  const { length, count } = row
  const distances = tf.tensor2d(distanceBias(length, bias, at), [at?.length ?? length, length])
  if (count === 1) return tf.add(mask, distances)
  return tf.reshape(tf.add(tf.reshape(mask, [count, length, length]), distances), mask.shape)
}

import { parentPort } from 'node:worker_threads'
import { buffersOf, type PreparedAnswer } from './preparation-thread.js'
import { prepare, type Preparation } from './preparation.js'

const answer = (value: PreparedAnswer, moved: ArrayBuffer[] = []) => parentPort?.postMessage(value, moved)

parentPort?.on('message', ({ number, input }: { number: number; input: Preparation }) => {
  try {
    const prepared = prepare(input)
    const { space, text, words, counts } = prepared
    const arrays = [
      space.mean,
      space.transform,
      text.codes,
      text.scales,
      ...Object.values({ ...words?.tokens, ...words?.index }),
      ...Object.values(counts).map(({ data }) => data),
    ]
    answer({ number, prepared }, buffersOf(...arrays))
  } catch (error) {
    answer({ number, error })
  }
})

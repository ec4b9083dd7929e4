import { parentPort } from 'node:worker_threads'
import { buffersOf } from './preparation-thread.js'
import { prepare, type Preparation } from './preparation.js'

parentPort?.once('message', (input: Preparation) => {
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
  parentPort?.postMessage(prepared, buffersOf(...arrays))
})

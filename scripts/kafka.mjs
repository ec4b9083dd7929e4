// A real Apache Kafka broker from its published jars, with nothing but Java and Maven.
//
//   node scripts/kafka.mjs check                           is there what it takes? exit code 0 or 1, and the reason
//   node scripts/kafka.mjs prepare                         fetch the jars into .cache/kafka, once
//   node scripts/kafka.mjs start [--port N] [--data DIR]   run a broker until SIGTERM, Ctrl-C, or the end of a piped
//                                                          standard input; prints {"brokers":"127.0.0.1:N"} when ready

import { fstatSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { freePort, startKafka } from './kafka/broker.mjs'
import { startKafkaCluster } from './kafka/cluster.mjs'
import { checkKafka, prepareKafka } from './kafka/jars.mjs'

export { checkKafka, freePort, prepareKafka, startKafka, startKafkaCluster }

const verbs = {
  async check() {
    const result = await checkKafka()
    if (!result.ok) throw new Error(result.reason)
    console.log(`Java ${result.java}, jars ${result.prepared ? 'fetched' : 'to be fetched by Maven'}`)
  },

  async prepare() {
    console.log(await prepareKafka())
  },

  async start({ port, data }) {
    if (port !== undefined && !(Number(port) > 0 && Number(port) < 65_536)) throw new Error(`no port: ${port}`)
    const broker = await startKafka({ port: port && Number(port), dataDir: data })
    let asked = false
    const stop = () => {
      asked = true
      void broker.stop()
    }
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.once(signal, stop)
    stopWithParent(stop)
    console.log(JSON.stringify({ brokers: broker.brokers }))
    await stayUntil(broker.exited)
    if (!asked) throw new Error(`the broker stopped by itself: see broker.log in ${broker.dataDir}`)
  },
}

/** A program that started us holds the other end of our standard input, and lets go of it when it dies. */
function stopWithParent(stop) {
  const input = fstatSync(0)
  if (!input.isFIFO() && !input.isSocket()) return
  process.stdin.resume()
  process.stdin.once('close', stop)
}

/** Waits for a promise that nothing else keeps the process alive for. */
async function stayUntil(promise) {
  let timer
  const stay = () => (timer = setTimeout(stay, 60_000))
  stay()
  await promise
  clearTimeout(timer)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values, positionals } = parseArgs({
    options: { port: { type: 'string' }, data: { type: 'string' } },
    allowPositionals: true,
  })
  const verb = verbs[positionals[0]]
  try {
    if (!verb) throw new Error('usage: kafka.mjs check | prepare | start [--port N] [--data DIR]')
    await verb(values)
    process.exit(0)
  } catch (error) {
    console.error(error.message)
    process.exit(1)
  }
}

// Sends requests at a steady rate, whatever becomes of those before: over as many connections as it takes. A thread, told
// in `workerData` what to send where; it posts what became of it.
import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { parentPort, workerData } from 'node:worker_threads'

export interface Sending {
  url: string
  perSecond: number
  seconds: number
  /** Whole, head and body; sent by turns. */
  requests: string[]
}

export interface Sent {
  sent: number
  refused: number
  /** Answers of 5xx, connections that broke, and what was not answered within two seconds after the end. */
  failed: number
  connections: number
}

const PATIENCE_MS = 2000
const { url, perSecond, seconds, requests } = workerData as Sending
const { hostname, port } = new URL(url)
const texts = requests.map((request) => Buffer.from(request))
const told: Sent = { sent: 0, refused: 0, failed: 0, connections: 0 }
const all: Socket[] = []
const idle: Line[] = []
let waiting = 0

interface Line {
  socket: Socket
  isBusy: boolean
}

function open(): Line {
  const line = { socket: connect({ host: hostname, port: Number(port), noDelay: true }), isBusy: false }
  let answer = ''
  const broke = () => {
    if (line.isBusy) waiting--
    if (line.isBusy) told.failed++
    line.isBusy = false
    if (idle.includes(line)) idle.splice(idle.indexOf(line), 1)
  }
  line.socket.setEncoding('latin1').on('data', (text) => {
    answer += text.toString()
    const end = answer.indexOf('\r\n\r\n')
    if (end < 0 || answer.length < end + 4 + Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? 0)) return
    const status = Number(answer.slice('HTTP/1.1 '.length, 'HTTP/1.1 429'.length))
    if (status === 429) told.refused++
    else if (status >= 500) told.failed++
    answer = ''
    waiting--
    line.isBusy = false
    idle.push(line)
  })
  line.socket.on('error', broke).on('close', broke)
  all.push(line.socket)
  told.connections++
  return line
}

const started = performance.now()
const timer = setInterval(() => {
  const elapsed = performance.now() - started
  if (elapsed > seconds * 1000) return end()
  while (told.sent < (elapsed * perSecond) / 1000) {
    const line = idle.pop() ?? open()
    line.isBusy = true
    line.socket.write(texts[told.sent++ % texts.length])
    waiting++
  }
}, 1)

function end() {
  clearInterval(timer)
  const until = performance.now() + PATIENCE_MS
  const last = setInterval(() => {
    if (waiting > 0 && performance.now() < until) return
    clearInterval(last)
    told.failed += waiting
    parentPort?.postMessage(told)
    for (const socket of all) socket.removeAllListeners('close').destroy()
  }, 20)
}

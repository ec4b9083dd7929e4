// Files over HTTP that may break off: the part that came stays, the next call asks for the rest.
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, openSync, renameSync, rmSync, statSync, writeSync, closeSync } from 'node:fs'

const PATIENCE = 60_000
const TRIES = 4

export class WrongSum extends Error {}

/** @returns {Promise<string>} SHA-256 of a file, hexadecimal */
export async function sumOf(file) {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  return hash.digest('hex')
}

/**
 * Takes a file that lies at `from` to `file` where its sum is right; deletes it where not.
 * @throws WrongSum
 */
export async function accept(from, file, sha256) {
  const found = await sumOf(from)
  if (found !== sha256) {
    rmSync(from, { force: true })
    throw new WrongSum(
      `${file} is not what it should be: its SHA-256 is ${found} instead of ${sha256}. What came was deleted; the next call fetches it again.`,
    )
  }
  renameSync(from, file)
}

/**
 * Fetches `url` into `file`, which exists afterwards only with the right content. What an interrupted call left in
 * `file.part` is kept and continued.
 * @param {{ url: string, file: string, sha256: string, headers?: Record<string, string>, onBytes?: (have: number, all: number | null) => void, pause?: number }} options
 * @throws WrongSum, or the network's error
 */
export async function download({ url, file, sha256, headers = {}, onBytes = () => {}, pause = 1000 }) {
  if (existsSync(file)) return
  const part = `${file}.part`
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchRest(url, part, headers, onBytes)
      break
    } catch (error) {
      if (attempt === TRIES || error.final) throw error
      await new Promise((resolve) => setTimeout(resolve, pause * attempt))
    }
  }
  await accept(part, file, sha256)
}

async function fetchRest(url, part, headers, onBytes) {
  const have = existsSync(part) ? statSync(part).size : 0
  // Of silence, not of the whole: a slow line is no error.
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), PATIENCE)
  try {
    const response = await fetch(url, {
      headers: { ...headers, 'accept-encoding': 'identity', ...(have > 0 && { range: `bytes=${have}-` }) },
      signal: silence.signal,
    })
    // Nothing is left to ask for: the sum says whether what is here is whole.
    if (response.status === 416) return
    if (!response.ok) {
      const said = new Error(`${new URL(url).host} answered ${response.status} for ${new URL(url).pathname}`)
      throw Object.assign(said, { final: response.status < 500 && response.status !== 429 })
    }
    const from = startOf(response, have)
    const length = response.headers.get('content-length')
    const all = length === null ? null : from + Number(length)
    let at = from
    const target = openSync(part, from > 0 ? 'a' : 'w')
    try {
      for await (const chunk of response.body) {
        clearTimeout(timer)
        timer = setTimeout(() => silence.abort(), PATIENCE)
        writeSync(target, chunk)
        at += chunk.length
        onBytes(at, all)
      }
    } finally {
      closeSync(target)
    }
    if (all !== null && at < all) throw new Error(`${new URL(url).host} hung up after ${at} of ${all} bytes`)
  } finally {
    clearTimeout(timer)
  }
}

/** Where the answer begins: a server that knows no ranges sends everything again. */
function startOf(response, have) {
  if (response.status !== 206) return 0
  const said = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')
  if (Number(said?.[1]) !== have) throw new Error('the server sent another range than it was asked for')
  return have
}

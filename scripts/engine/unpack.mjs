// Archives, without the programs for them: zip (Python's wheels) as a stream, tar.gz (npm's packages) in memory.
import {
  createReadStream,
  createWriteStream,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, normalize, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createInflateRaw, gunzipSync } from 'node:zlib'

const END = 0x06054b50
const ENTRY = 0x02014b50
// The end's record has 22 bytes, and a comment of at most 65,535.
const TAIL = 65_557

/**
 * @param {string} archive
 * @param {string} folder
 * @param {(name: string) => string | null} place where an entry goes, below the folder; null leaves it out
 */
export async function unzip(archive, folder, place) {
  for (const entry of entriesOf(archive)) {
    const target = place(entry.name)
    if (target === null || entry.name.endsWith('/')) continue
    const path = below(folder, target)
    const source = createReadStream(archive, { start: entry.from, end: entry.from + entry.packed - 1 })
    const sink = createWriteStream(path, { mode: entry.executable ? 0o755 : 0o644 })
    if (entry.packed === 0) writeFileSync(path, '')
    else if (entry.method === 0) await pipeline(source, sink)
    else await pipeline(source, createInflateRaw(), sink)
    if (statSync(path).size !== entry.size) throw new Error(`${archive} is damaged: ${entry.name}`)
  }
}

function entriesOf(archive) {
  const file = openSync(archive, 'r')
  const read = (from, length) => {
    const bytes = Buffer.alloc(length)
    readSync(file, bytes, 0, length, from)
    return bytes
  }
  try {
    const { size } = statSync(archive)
    const tail = read(Math.max(0, size - TAIL), Math.min(size, TAIL))
    let end = tail.length - 22
    while (end >= 0 && tail.readUInt32LE(end) !== END) end--
    if (end < 0) throw new Error(`${archive} is no zip archive`)
    const table = read(tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12))
    const entries = []
    for (let at = 0; at < table.length && table.readUInt32LE(at) === ENTRY;) {
      const [name, extra, comment] = [28, 30, 32].map((field) => table.readUInt16LE(at + field))
      const header = table.readUInt32LE(at + 42)
      const local = read(header, 30)
      entries.push({
        name: table.toString('utf8', at + 46, at + 46 + name),
        method: table.readUInt16LE(at + 10),
        packed: table.readUInt32LE(at + 20),
        size: table.readUInt32LE(at + 24),
        executable: ((table.readUInt32LE(at + 38) >>> 16) & 0o111) !== 0,
        from: header + 30 + local.readUInt16LE(26) + local.readUInt16LE(28),
      })
      at += 46 + name + extra + comment
    }
    return entries
  } finally {
    closeSync(file)
  }
}

/** Plain files of a tar.gz; links and folders are left out. The same `place` as of `unzip`. */
export function untar(archive, folder, place) {
  const bytes = gunzipSync(readFileSync(archive))
  let longName = null
  for (let at = 0; at + 512 <= bytes.length;) {
    const text = (from, length) => bytes.toString('utf8', at + from, at + from + length).split('\0')[0]
    const short = text(0, 100)
    if (short === '') break
    const size = parseInt(text(124, 12), 8)
    const type = text(156, 1)
    const content = bytes.subarray(at + 512, at + 512 + size)
    if (type === 'x') longName = /\d+ path=(.*)\n/.exec(content.toString('utf8'))?.[1] ?? null
    else if (type === 'L') longName = content.toString('utf8').split('\0')[0]
    else {
      const prefix = text(345, 155)
      const name = (longName ?? (prefix ? `${prefix}/${short}` : short)).replace(/^\.\//, '')
      longName = null
      const target = type === '0' || type === '' ? place(name) : null
      if (target !== null) writeFileSync(below(folder, target), content)
    }
    at += 512 + Math.ceil(size / 512) * 512
  }
}

/** An archive may not write outside its folder. */
function below(folder, name) {
  const path = join(folder, normalize(name))
  if (!path.startsWith(folder + sep)) throw new Error(`an archive wants to write outside its folder: ${name}`)
  mkdirSync(dirname(path), { recursive: true })
  return path
}

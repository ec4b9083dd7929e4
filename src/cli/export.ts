import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Command } from 'commander'
import { type Attune, AttuneError } from '../client/index.js'
import { type ConnectionFlags, connectToTenant, withConnection } from './connection.js'
import { LiveLine } from './terminal.js'
import { number } from './output.js'

interface Flags extends ConnectionFlags {
  out?: string
  embeddings?: boolean
}

/** How many items are asked for at a time where a list lacks what is wanted. */
const AT_ONCE = 8

/** `export`: what a tenant has, as NDJSON that `import` reads again. */
export function addExport(program: Command, env: NodeJS.ProcessEnv) {
  const exporting = program.command('export').description('what a tenant has, one JSON object a line')
  const to = (command: Command) =>
    withConnection(command.option('--out <file>', 'written anew; packed where it ends in .gz; without it, printed'))

  to(exporting.command('items'))
    .description('every item, as attune import items reads it')
    .option('--embeddings', 'with the vectors that the tenant sent; item by item, which takes its time')
    .addHelpText('after', '\nExample:\n  attune export items --out items.ndjson.gz')
    .action(async (flags: Flags) => {
      const { attune } = await connectToTenant(flags, env)
      await write(flags.embeddings ? withEmbeddings(attune) : attune.items.all(), flags.out, 'items')
    })

  to(exporting.command('user'))
    .description('everything that is kept of a user')
    .argument('<user>')
    .addHelpText('after', '\nExample:\n  attune export user ada --out ada.ndjson')
    .action(async (user: string, flags: Flags) => {
      const { attune } = await connectToTenant(flags, env)
      await write(attune.users.export(user), flags.out, 'rows')
    })

  to(exporting.command('audit'))
    .description('who did what, newest first')
    .addHelpText('after', '\nExample:\n  attune export audit | jq -r .action')
    .action(async (flags: Flags) => {
      const { attune } = await connectToTenant(flags, env)
      await write(audit(attune), flags.out, 'entries')
    })
}

async function* audit(attune: Attune) {
  let cursor: string | undefined
  do {
    const page = await attune.audit({ limit: 1000, ...(cursor && { cursor }) })
    yield* page.data
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
}

async function* withEmbeddings(attune: Attune) {
  let asked: Promise<object | undefined>[] = []
  for await (const { itemId } of attune.items.all()) {
    asked.push(attune.items.get(itemId).catch(unlessGone))
    if (asked.length < AT_ONCE) continue
    yield* (await Promise.all(asked)).filter((item) => item !== undefined)
    asked = []
  }
  yield* (await Promise.all(asked)).filter((item) => item !== undefined)
}

/** An item may be deleted between the list and the question. */
function unlessGone(error: unknown): undefined {
  if (!(error instanceof AttuneError) || error.status !== 404) throw error
}

/** Constant memory: what is written is asked for, no more. A reader who leaves early ends it. */
async function write(rows: AsyncIterable<object>, out: string | undefined, what: string): Promise<void> {
  let count = 0
  const live = new LiveLine()
  const lines = async function* () {
    for await (const row of rows) {
      yield `${JSON.stringify(row)}\n`
      count += 1
      if (out !== undefined && count % 1000 === 0) live.draw(`${number(count)} ${what}`)
    }
  }
  try {
    const source = Readable.from(lines())
    if (out === undefined) await pipeline(source, process.stdout as Writable, { end: false })
    else if (out.endsWith('.gz')) await pipeline(source, createGzip(), createWriteStream(out, { mode: 0o600 }))
    else await pipeline(source, createWriteStream(out, { mode: 0o600 }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  } finally {
    live.clear()
  }
  console.error(`${number(count)} ${what}${out === undefined ? '' : ` in ${out}`}`)
}

import { once } from 'node:events'
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Attune } from '../../../src/client/index.js'
import { freePort } from '../../../src/platform/embedded-postgres.js'
import { packagePath } from '../../../src/platform/paths.js'
import { testService, type TestService } from '../../support/service.js'
import { type Ended, type Home, newHome } from '../attune.js'

interface Summary {
  read: number
  accepted: number
  duplicates: number
  refused: number
  from: number
  finishedBefore: boolean
}

describe('attune import', () => {
  let service: TestService
  let home: Home
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
    home = await newHome({ ATTUNE_SERVER: service.url, ATTUNE_KEY: service.operatorKey })
  })
  afterAll(async () => {
    await home.cleanUp()
    await service.stop()
  })

  const tenantOf = async (settings = {}) => {
    const { id } = await service.makeTenant(undefined, settings)
    return { id, attune: new Attune({ server: service.url, key: service.operatorKey, tenant: id }) }
  }
  const put = (name: string, text: string | Buffer) => {
    writeFileSync(join(home.folder, name), text)
    return name
  }
  const run = async (tenant: string, args: string[], input?: string | Buffer) => {
    const ended = await home.attune(['import', ...args, '--tenant', tenant, '--json'], { ...(input && { input }) })
    return { ...ended, summary: ended.json()[0] as Summary }
  }
  const eventsOf = async (attune: Attune, user: string) => {
    const found = []
    for await (const line of attune.users.export(user)) if ('eventId' in line) found.push(line)
    return found as { eventId: string; itemId: string; value?: number; occurredAt: string }[]
  }

  it('sends a CSV with names of its own, and the same file counts once', async () => {
    const { id, attune } = await tenantOf()
    const file = put(
      'orders.csv',
      '\ufeffcustomer;article;"when, exactly";price;note\r\nada;boots;2024-05-06 07:08:09;12.5;x\r\nada;"a ""b"";c";1715000000;;y\r\nbob;boots;2024-05-07T00:00:00+02:00;3;"z\nz"\r\n',
    )
    const flags = [
      'events',
      file,
      '--map',
      'userId=customer',
      '--map',
      'itemId=article',
      '--map',
      'occurredAt=when, exactly',
    ]
    const more = ['--map', 'value=price', '--set', 'type=purchase']
    const { code, summary, err } = await run(id, [...flags, ...more])
    expect(err).toContain('not imported: note')
    expect([code, summary]).toMatchObject([0, { read: 3, accepted: 3, duplicates: 0, refused: 0, from: 1 }])
    const ofAda = (await eventsOf(attune, 'ada')).sort((one, other) => (one.itemId < other.itemId ? -1 : 1))
    expect(ofAda.map(({ itemId, value, occurredAt }) => [itemId, value, Date.parse(occurredAt)])).toEqual([
      ['a "b";c', undefined, 1_715_000_000_000],
      ['boots', 12.5, Date.UTC(2024, 4, 6, 7, 8, 9)],
    ])
    expect((await run(id, [...flags, ...more])).summary).toMatchObject({ read: 0, finishedBefore: true })
    expect((await run(id, [...flags, ...more, '--again'])).summary).toMatchObject({
      read: 3,
      accepted: 0,
      duplicates: 3,
    })
    // Two more rows: only they are read, and the old ones are known by the names that they had.
    appendFileSync(join(home.folder, file), 'cy;boots;1715000001;1;\r\ncy;shoes;1715000002;1;\r\n')
    expect((await run(id, [...flags, ...more])).summary).toMatchObject({ read: 2, accepted: 2, from: 6 })
    expect((await run(id, [...flags, ...more, '--again'])).summary).toMatchObject({ accepted: 0, duplicates: 5 })
    expect(await attune.readiness()).toMatchObject({ events: 5, users: 3 })
  })

  it('sends items from NDJSON, packed or not, and from a pipe', async () => {
    const { id, attune } = await tenantOf()
    const lines = Array.from({ length: 1500 }, (_, n) =>
      JSON.stringify({
        sku: n,
        title: `Title ${n}`,
        price: n / 2,
        categories: ['a', 'b'],
        'attributes.colour': 'red',
        spare: 1,
      }),
    )
    const packed = put('items.ndjson.gz', gzipSync(`${lines.join('\n')}\n`))
    expect(await run(id, ['items', packed, '--map', 'itemId=sku'])).toMatchObject({
      code: 0,
      summary: { accepted: 1500, refused: 0 },
    })
    expect(await attune.items.get('7')).toMatchObject({
      title: 'Title 7',
      price: 3.5,
      categories: ['a', 'b'],
      attributes: { colour: 'red' },
    })
    const events = lines
      .map((_, n) => JSON.stringify({ userId: n % 9, itemId: n, type: 'view', occurredAt: 1_700_000_000 + n }))
      .join('\n')
    for (const expected of [{ accepted: 1500 }, { accepted: 0, duplicates: 1500 }])
      expect((await run(id, ['events', '-', '--format', 'ndjson'], events)).summary).toMatchObject(expected)
    expect(await attune.readiness()).toMatchObject({ items: 1500, events: 1500, users: 9 })
  })

  it('sends Parquet with its types, group by group', async () => {
    const { id, attune } = await tenantOf()
    const file = packagePath('tests', 'cli', 'fixtures', 'events.parquet')
    const report = join(home.folder, 'parquet.refused')
    const { code, summary } = await run(id, ['events', file, '--report', report])
    expect([code, summary]).toMatchObject([3, { read: 25, accepted: 24, refused: 1 }])
    expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({ line: 14, column: 'type', code: 'INVALID_EVENT' })
    const events = await eventsOf(attune, '9007199254740003')
    expect(events.map(({ value }) => value)).toContain(2)
    expect(events.map(({ occurredAt }) => Date.parse(occurredAt))).toContain(1_700_000_000_000 + 8 * 60_000)
  })

  it('names each bad line by column and reason, stores the others, and ends with 3', async () => {
    const { id, attune } = await tenantOf()
    const lines = Array.from({ length: 3000 }, (_, n) => {
      if (n % 100 === 10) return `u${n % 7},i${n},view,not a time`
      if (n % 100 === 60) return `u${n % 7},i${n},Not A Type,${1_700_000_000 + n}`
      return `u${n % 7},i${n},view,${1_700_000_000 + n}`
    })
    lines[5] = 'u1,"broken,view,1700000000'
    lines[6] = 'u1,nul\u0000,view,1700000000'
    lines[7] = 'u1,too,few'
    const file = put('flawed.csv', `userId,itemId,type,occurredAt\n${lines.join('\n')}\n`)
    const { code, summary, err } = await run(id, ['events', file])
    expect([code, summary]).toMatchObject([3, { read: 3000, accepted: 2937, refused: 63 }])
    const named = readFileSync(join(home.folder, `${file}.refused.ndjson`), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { line: number; column?: string; code: string; reason: string })
    expect(named.map(({ line }) => line)).toEqual([...named.map(({ line }) => line)].sort((a, b) => a - b))
    expect(named).toHaveLength(63)
    expect(named.slice(0, 5)).toMatchObject([
      { line: 7, code: 'BAD_QUOTE' },
      { line: 8, column: 'itemId', code: 'INVALID_EVENT', reason: expect.stringContaining('NUL') as string },
      { line: 9, code: 'WRONG_COLUMNS' },
      { line: 12, column: 'occurredAt', code: 'INVALID_VALUE', reason: 'is no moment: "not a time"' },
      { line: 62, column: 'type', code: 'INVALID_EVENT' },
    ])
    expect(err).toContain('line 12, column occurredAt: is no moment: "not a time" (INVALID_VALUE)')
    expect(err).toContain('further ones are named in')
    expect(await attune.readiness()).toMatchObject({ events: 2937 })

    // The dry run says the same of the same lines, and needs nobody.
    const dry = await home.attune(['import', 'events', file, '--dry-run', '--json'], { env: { ATTUNE_KEY: '' } })
    expect(dry.code).toBe(3)
    expect((dry.json() as { line: number }[]).map(({ line }) => line)).toEqual(named.map(({ line }) => line))
    expect(dry.err).toContain('3,000 rows, 63 of them would be refused; nothing was sent')
  })

  it('counts the events by type, and says of which no setting knows', async () => {
    const { id } = await tenantOf({ eventTypes: { order: { weight: 1, meaning: 'positive' } } })
    const file = put('types.csv', 'userId,itemId,type\na,b,order\na,c,order\na,d,wish\na,d,wi\u001b[2J\na,e,view\n')
    const dry = await home.attune(['import', 'events', file, '--dry-run'], { env: { ATTUNE_KEY: '' } })
    expect(dry.err).toContain('by type: order 2, wish 1, wi')
    // What is refused counts as nothing.
    expect(dry.err).toContain('no setting names "order", "wish": such')
    expect(dry.err).toContain('no column for occurredAt: all events count as of now')
    const { err, summary } = await run(id, ['events', file])
    expect(summary).toMatchObject({ types: { order: 2, view: 1 } })
    expect(err).not.toContain('no setting names')
    const worded = await home.attune(['import', 'events', file, '--again', '--tenant', id])
    expect(worded.err).toContain('by type: order 2, wish 1, wi')
    expect(worded.err).toContain('no column for occurredAt: all events count as of now')
    expect(worded.err).toMatch(/no setting names "wish", "view": such events count as positive, with a weight of 0.5/)
    for (const shown of [dry.err, worded.err]) expect(shown).not.toContain('\u001b[2J')
  })

  it('goes on where it was killed, with nothing lost or stored twice', async () => {
    const { id, attune } = await tenantOf({ quotas: { eventsPerSecond: 1_000_000 } })
    const count = 60_000
    const bad = (n: number) => n % 1000 === 999
    const lines = Array.from(
      { length: count },
      (_, n) => `u${(n * 7919) % 500},i${n % 100},view,${bad(n) ? 'never' : 1_700_000_000 + n}`,
    )
    const file = put('long.csv', `userId,itemId,type,occurredAt\n${lines.join('\n')}\n`)
    const args = ['import', 'events', file, '--tenant', id]
    for (const share of [0.2, 0.5]) {
      // One request at a time: slow enough for the place to be kept before it is killed.
      const child = home.start([...args, '--in-flight', '1'])
      const gone = once(child, 'exit')
      while ((await attune.readiness()).events < share * count && child.exitCode === null)
        await new Promise((next) => setTimeout(next, 50))
      child.kill('SIGKILL')
      await gone
    }
    const { code, summary } = await run(id, ['events', file])
    expect(code).toBe(3)
    expect(summary.from).toBeGreaterThan(1)
    expect(summary.refused).toBe(count / 1000)
    expect(await attune.readiness()).toMatchObject({ events: count - count / 1000, users: 500 })
    const named = readFileSync(join(home.folder, `${file}.refused.ndjson`), 'utf8')
      .trim()
      .split('\n')
    expect(named.map((line) => (JSON.parse(line) as { line: number }).line)).toEqual(
      Array.from({ length: count / 1000 }, (_, k) => 1001 + 1000 * k),
    )
    // Only its owner may read what it keeps.
    const kept = join(home.folder, '.config', 'attune', 'imports')
    for (const name of await readdir(kept)) expect((await stat(join(kept, name))).mode & 0o077).toBe(0)
  })

  it('ends in order when it is asked to, and says that it can go on', async () => {
    const { id, attune } = await tenantOf({ quotas: { eventsPerSecond: 2000 } })
    const lines = Array.from({ length: 30_000 }, (_, n) => `u${n % 50},i${n % 100},view,${1_700_000_000 + n}`)
    const file = put('slow.csv', `userId,itemId,type,occurredAt\n${lines.join('\n')}\n`)
    const child = home.start(['import', 'events', file, '--tenant', id])
    const gone = once(child, 'exit')
    // By now the quota makes it wait.
    while ((await attune.readiness()).events < 15_000) await new Promise((next) => setTimeout(next, 50))
    child.kill('SIGINT')
    expect(await gone).toEqual([130, null])
    await attune.tenants.update({ settings: { quotas: { eventsPerSecond: 1_000_000 } } })
    const { code, summary } = await run(id, ['events', file])
    expect(code).toBe(0)
    expect(summary.from).toBeGreaterThan(10_000)
    expect(await attune.readiness()).toMatchObject({ events: 30_000 })
  })

  it('ends with a word where its place can not be kept, and loses and doubles nothing all the same', async () => {
    const { id, attune } = await tenantOf({ quotas: { eventsPerSecond: 2000 } })
    const count = 30_000
    const bad = (n: number) => n % 1000 === 999
    const lines = Array.from(
      { length: count },
      (_, n) => `u${n % 50},i${n % 100},view,${bad(n) ? 'never' : 1_700_000_000 + n}`,
    )
    const file = put('unkept.csv', `userId,itemId,type,occurredAt\n${lines.join('\n')}\n`)
    const env = { XDG_CONFIG_HOME: join(home.folder, 'unkept') }
    const [folder, away] = ['imports', 'away'].map((name) => join(env.XDG_CONFIG_HOME, 'attune', name))
    const start = () => home.attune(['import', 'events', file, '--tenant', id, '--json'], { env })
    const refused = ({ code, err, out }: Ended) => {
      expect([code, out, err]).toEqual([1, '', expect.stringContaining('the place could not be kept: ') as string])
      expect(err).toContain('goes on from the place that was kept last')
      expect(err).not.toMatch(/\n\s+at /)
    }
    // From the beginning: nothing is sent. Neither root nor anybody else makes a folder where a file is.
    mkdirSync(dirname(folder), { recursive: true })
    writeFileSync(folder, '')
    refused(await start())
    expect((await attune.readiness()).events).toBe(0)
    rmSync(folder)

    // In the middle.
    const ending = start()
    const kept = async () => {
      const [name] = await readdir(folder).catch(() => [])
      const text = name?.endsWith('.json') ? readFileSync(join(folder, name), 'utf8') : '{}'
      return (JSON.parse(text) as { line?: number }).line ?? 0
    }
    await expect.poll(kept, { timeout: 30_000, interval: 20 }).toBeGreaterThan(1000)
    renameSync(folder, away)
    writeFileSync(folder, '')
    refused(await ending)
    expect((await attune.readiness()).events).toBeLessThan(count - count / 1000)

    rmSync(folder)
    renameSync(away, folder)
    await attune.tenants.update({ settings: { quotas: { eventsPerSecond: 1_000_000 } } })
    const { code, json } = await start()
    expect([code, json()]).toMatchObject([3, [{ refused: count / 1000 }]])
    expect((json() as Summary[])[0].from).toBeGreaterThan(1000)
    expect(await attune.readiness()).toMatchObject({ events: count - count / 1000, users: 50 })
    const named = readFileSync(join(home.folder, `${file}.refused.ndjson`), 'utf8')
      .trim()
      .split('\n')
    expect(named.map((line) => (JSON.parse(line) as { line: number }).line)).toEqual(
      Array.from({ length: count / 1000 }, (_, k) => 1001 + 1000 * k),
    )
  })

  it.each<[string, string | Buffer, string[], number, RegExp]>([
    ['empty.csv', '', [], 2, /empty/],
    ['header.csv', 'userId,itemId,type\n', [], 0, /0 rows/],
    ['nothing.ndjson', '', [], 0, /0 rows/],
    ['columns.csv', 'a,b\n1,2\n', [], 2, /No column for userId, itemId, type.*The columns are: a, b/],
    ['zeros.csv', Buffer.alloc(3 * 1024 * 1024), [], 2, /longer than/],
    ['wide.csv', Buffer.from('\ufeffuserId,itemId,type\nä,b,view\n', 'utf16le'), [], 2, /--encoding utf-16le/],
    [
      'wide.csv',
      Buffer.from('\ufeffuserId,itemId,type\nä,b,view\n', 'utf16le'),
      ['--encoding', 'utf-16le'],
      0,
      /1 rows.*1 events stored/,
    ],
    ['latin.csv', Buffer.from('userId,itemId,type\n\xe4,b,view\n', 'latin1'), [], 3, /line 2: is not UTF-8/],
    [
      'latin.csv',
      Buffer.from('userId,itemId,type\n\xe4,b,view\n', 'latin1'),
      ['--encoding', 'latin1'],
      0,
      /1 events stored/,
    ],
    ['cut.csv.gz', gzipSync('userId,itemId,type\nu,i,view\n').subarray(0, 30), [], 1, /unexpected end of file/],
    ['wrong.parquet', 'no parquet at all', [], 2, /no Parquet/],
    ['unknown.bin', 'userId', [], 2, /--format/],
    ['x.csv', 'userId,itemId,type\nu,i,view\n', ['--delimiter', 'ab'], 2, /one character/],
    ['x.csv', 'userId,itemId,type\nu,i,view\n', ['--encoding', 'klingon'], 2, /no encoding klingon/],
  ])('says what it makes of %s (%#)', async (name, text, flags, code, words) => {
    const { id } = await tenantOf()
    const ended = await home.attune(['import', 'events', put(name, text), ...flags, '--tenant', id])
    expect([ended.code, `${ended.out}${ended.err}`]).toEqual([code, expect.stringMatching(words)])
    expect(ended.err).not.toMatch(/\n\s+at /)
  })

  it('shows how much of a file is stored, up to all of it', async () => {
    const { id } = await tenantOf()
    const rows = Array.from({ length: 8000 }, (_, i) => `i${i},${'red wooden garden chair '.repeat(4)}${i}\n`)
    const file = put('chairs.csv', `itemId,title\n${rows.join('')}`)
    const { code, err } = await home.attune(['import', 'items', file, '--tenant', id])
    expect(code).toBe(0)
    const shares = [...err.matchAll(/(\d+) % {2}([\d,]+) items/g)].map(([, share, read]) => [Number(share), read])
    expect(shares.at(-1)).toEqual([100, '8,000'])
    // The first is said before anything is stored, or little of it.
    expect(shares[0][0]).toBeLessThan(100)
  })

  it('ends with codes that say why: unknown tenant, no key, bad key, nobody there, no such file', async () => {
    const file = put('one.csv', 'userId,itemId,type\nu,i,view\n')
    const args = ['import', 'events', file]
    expect((await home.attune([...args, '--tenant', 'nobody'])).code).toBe(1)
    expect((await home.attune(args)).code).toBe(2)
    expect((await home.attune([...args, '--tenant', 't'], { env: { ATTUNE_KEY: '' } })).code).toBe(5)
    const refused = await home.attune([...args, '--tenant', 't'], { env: { ATTUNE_KEY: 'a-key-that-is-none' } })
    expect(refused.code).toBe(5)
    expect(refused.err).not.toContain('a-key-that-is-none')
    expect((await home.attune(['import', 'events', 'none.csv', '--tenant', 't'])).code).toBe(2)
    expect((await home.attune(['import', 'things', file])).code).toBe(2)
    const child = home.start([...args, '--tenant', 't', '--server', `http://127.0.0.1:${await freePort()}`])
    const gone = once(child, 'exit')
    // It goes on trying, until it is asked to end.
    await new Promise((next) => setTimeout(next, 3000))
    expect(child.exitCode).toBeNull()
    child.kill('SIGTERM')
    expect(await gone).toEqual([143, null])
  })
})

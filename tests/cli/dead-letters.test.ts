import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WaitingLetters } from '../../src/events/waiting-letters.service.js'
import { testService, type TestService } from '../support/service.js'
import { type Home, newHome } from './attune.js'

const TOPIC = 'attune.events'

// Without a broker: the letters are put where the consumer puts them.
describe('attune dead-letters', () => {
  let service: TestService
  let home: Home
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
    // A tenant that is set for other verbs chooses no letters.
    home = await newHome({ ATTUNE_SERVER: service.url, ATTUNE_KEY: service.operatorKey, ATTUNE_TENANT: 'another' })
  })
  afterAll(async () => {
    await home.cleanUp()
    await service.stop()
  })
  const run = (...args: string[]) => home.attune(['dead-letters', ...args])
  const idOf = (offset: number) => `${TOPIC}-3-${offset}`

  const VALUES = [
    JSON.stringify({ tenantId: 'acme', userId: 'ada' }),
    Buffer.from([0xff, 0x00, 0x80]),
    'two\nlines \u001b[31m',
    Buffer.alloc(1024 * 1024 + 1, 120),
  ]
  const CODES = ['INVALID_EVENT', 'NOT_JSON', 'NOT_JSON', 'NOT_JSON']
  beforeEach(async () => {
    await service.call('POST', '/v1/dead-letters/drop', { body: {} })
    for (const [offset, value] of VALUES.entries()) {
      const place = { offset: String(offset), timestamp: '1700000000000' }
      const headers = { trace: Buffer.from('abc \u0007') }
      const message = { key: Buffer.from('k'), value: Buffer.from(value), headers, attributes: 0, ...place }
      const origin = { topic: TOPIC, partition: 3, ...place }
      const letter = { message, origin, code: CODES[offset], reason: 'of no use \u001b[2J' }
      await service.app.get(WaitingLetters).add(TOPIC, 3, [letter])
    }
  })
  const waiting = async () =>
    (await service.call('GET', '/v1/dead-letters')).body as { byCode: Record<string, number>; data: { id: string }[] }

  it('lists them for people and programs, all or a choice, and tells how many there are by reason', async () => {
    const listed = await run()
    expect(listed.out).toMatch(/^letter +code +tenant +failed +times +reason$/m)
    const row = new RegExp(`^${idOf(0)} +INVALID_EVENT +acme +\\d{4}-\\d\\d-\\d\\d \\S+ +1 +of no use {2}\\[2J$`, 'm')
    expect([listed.code, listed.out]).toEqual([0, expect.stringMatching(row) as string])
    const ids = async (...flags: string[]) =>
      (await run('list', '--json', ...flags)).json().map((letter) => (letter as { id: string }).id)
    expect(await ids()).toEqual([3, 2, 1, 0].map(idOf))
    expect(await ids('--code', 'NOT_JSON', '--limit', '2')).toEqual([3, 2].map(idOf))
    expect(await ids('--tenant', 'acme')).toEqual([idOf(0)])
    expect(await ids('--topic', 'another')).toEqual([])
    expect((await run('list', '--code', 'NONE')).out).toBe('No letters wait.\n')
    expect((await run('reasons')).out).toMatch(/^code +waiting\nNOT_JSON +3\nINVALID_EVENT +1\n$/)
    expect((await run('reasons', '--json')).json()).toEqual([
      { code: 'NOT_JSON', waiting: 3 },
      { code: 'INVALID_EVENT', waiting: 1 },
    ])
  })

  it('shows one with its value and headers, and nothing that moves a terminal', async () => {
    const shown = await run('show', idOf(2))
    expect([shown.code, shown.out]).toEqual([0, expect.stringMatching(/^replayable +yes\nheader trace +abc {2}\n$/m)])
    expect(shown.out).toMatch(/\n\ntwo\nlines {2}\[31m\n$/)
    expect(shown.out).not.toContain('\u001b')
    expect((await run('show', idOf(1))).out).toMatch(/\n\n\(base64\) \/wCA\n$/)
    expect((await run('show', idOf(3))).out).toMatch(/^replayable +no$[^]*\n\n\(its value is in the topic only\)\n$/m)
    expect((await run('show', idOf(0), '--json')).json()).toMatchObject([{ id: idOf(0), value: VALUES[0] }])
    const none = await run('show', idOf(9))
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('NOT_FOUND') as string])
    expect((await run('show')).code).toBe(2)
  })

  it('drops one, a choice or all, and asks first', async () => {
    for (const flags of [[], ['--code', 'NOT_JSON', '--all'], [idOf(0), '--tenant', 'acme'], [idOf(0), '--all']]) {
      const { code, err } = await run('drop', ...flags, '--yes')
      expect([flags, code, err]).toEqual([flags, 2, expect.stringContaining('Which letters?') as string])
    }
    for (const flags of [[idOf(0)], ['--code', 'NOT_JSON'], ['--all']]) {
      const { code, err } = await run('drop', ...flags)
      expect([flags, code, err]).toEqual([flags, 2, expect.stringContaining('--yes') as string])
    }
    expect((await waiting()).byCode).toEqual({ NOT_JSON: 3, INVALID_EVENT: 1 })
    expect((await run('drop', idOf(1), '--yes')).out).toBe(`${idOf(1)} is dropped\n`)
    expect((await run('drop', idOf(1), '--yes')).code).toBe(1)
    expect((await run('drop', '--code', 'NOT_JSON', '--yes', '--json')).json()).toEqual([{ dropped: 2 }])
    expect((await waiting()).data).toMatchObject([{ id: idOf(0) }])
    expect((await run('drop', '--all', '--yes')).out).toBe('1 dropped\n')
    expect((await waiting()).data).toEqual([])
  })

  it('says why one can not go round, and keeps it', async () => {
    for (const flags of [
      [idOf(0), '--code', 'NOT_JSON'],
      [idOf(0), '--limit', '1'],
      ['--limit', '0'],
      ['--code', 'NOT_JSON', '--all'],
      [idOf(0), '--all'],
    ])
      expect([flags, (await run('replay', ...flags)).code]).toEqual([flags, 2])
    const refused = async (code: number, word: string, ...flags: string[]) => {
      const ended = await run('replay', ...flags)
      expect([ended.code, ended.err, ended.out]).toEqual([code, expect.stringContaining(word) as string, ''])
    }
    await refused(1, 'NOT_FOUND', idOf(9))
    await refused(1, 'NOT_REPLAYABLE', idOf(3))
    for (const flags of [[], ['--limit', '5']]) await refused(2, 'Which letters?', ...flags)
    await refused(1, 'NO_KAFKA', '--all')
    const { key } = await service.makeTenant()
    for (const verb of [['list'], ['reasons'], ['replay', '--all']])
      expect((await home.attune(['dead-letters', ...verb], { env: { ATTUNE_KEY: key } })).code).toBe(5)
    const env = { ROLES: 'api', KAFKA_BROKERS: '127.0.0.1:1', DATABASE_URL: service.databaseUrl }
    const other = await testService(env)
    try {
      await refused(4, 'KAFKA_AWAY', '--all', '--server', other.url)
    } finally {
      await other.stop()
    }
    expect((await waiting()).byCode).toEqual({ NOT_JSON: 3, INVALID_EVENT: 1 })
  })

  it('has help with examples for each verb', async () => {
    for (const verb of ['show', 'replay', 'drop'])
      expect((await run(verb, '--help')).out).toContain(`attune dead-letters ${verb} `)
    expect((await run('--help')).out).toContain('attune dead-letters reasons')
  })
})

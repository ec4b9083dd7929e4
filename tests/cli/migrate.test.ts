import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MIGRATIONS } from '../../migrations/index.js'
import { testDatabase } from '../support/service.js'
import { type Home, newHome } from './attune.js'

describe('attune migrate', () => {
  let home: Home
  let database: Awaited<ReturnType<typeof testDatabase>>
  beforeAll(async () => {
    database = await testDatabase()
    home = await newHome({ DATABASE_URL: database.url, LOG_LEVEL: 'silent' })
  })
  afterAll(async () => {
    await home.cleanUp()
    await database.drop()
  })
  const done = async () => {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    const { rows } = await client.query<{ name: string }>('SELECT name FROM migrations ORDER BY id')
    await client.end()
    return rows.map(({ name }) => name)
  }

  it('brings an empty database up to date, however many do it at once, and ends with 0', async () => {
    const ended = await Promise.all([home.attune(['migrate']), home.attune(['migrate'])])
    expect(ended.map(({ code, out }) => [code, out])).toEqual(ended.map(() => [0, 'The database is up to date.\n']))
    expect(await done()).toHaveLength(MIGRATIONS.length)
    expect((await home.attune(['migrate'])).code).toBe(0)
    expect(await done()).toHaveLength(MIGRATIONS.length)
  })

  it('ends with 1 where there is no database, and does not say its address', async () => {
    const DATABASE_URL = 'postgres://someone:hidden-word@127.0.0.1:1/there'
    const { code, out, err } = await home.attune(['migrate'], { env: { DATABASE_URL } })
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/^attune: \S/)
    expect(err).not.toContain('hidden-word')
  })
})

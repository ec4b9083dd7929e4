import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { concurrentIndex } from '../../migrations/concurrent-index.js'
import { MIGRATIONS } from '../../migrations/index.js'
import { testDatabase } from '../support/service.js'
import { tryMigration } from './trial.js'

/** No installation had more than some thousand rows of it then: an index was made in less than a request takes. */
const YOUNG = 'the table was young and small when this landed'

/**
 * What migrations that have landed do to the build before them, and why that was borne. One that is new expands first, and
 * contracts when no build is left that uses what it takes away: it has no place here.
 */
const LANDED: Record<string, Record<string, string>> = {
  SessionIndex1763700000009: { 'keeps writers of events waiting': YOUNG },
  Online1763700000020: { 'keeps writers of events waiting': YOUNG },
  Overview1763700000031: {
    'keeps writers of promotions waiting': YOUNG,
    'keeps writers of model_versions waiting': YOUNG,
    'writes model_versions anew':
      'some rows a tenant and day, read by nobody in a hurry; versions are made by runs, which wait',
  },
  LiveItems1763700000032: { 'keeps writers of items waiting': YOUNG },
  LettersFirstFailed1763700000060: {
    'keeps writers of dead_letters waiting': 'it holds 50,000 letters at most',
    'changes the rows of dead_letters': 'it holds 50,000 letters at most',
  },
}

const NAMES = new Map(MIGRATIONS.map((migration) => [migration.name, migration]))

describe('migrations', () => {
  let own: Awaited<ReturnType<typeof testDatabase>>
  let database: DataSource
  let runner: QueryRunner
  beforeAll(async () => {
    own = await testDatabase()
    database = await new DataSource({ type: 'postgres', url: own.url, poolSize: 2 }).initialize()
    runner = database.createQueryRunner()
  })
  afterAll(async () => {
    await runner.release()
    await database.destroy()
    await own.drop()
  })

  for (const [name, Migration] of NAMES)
    it(`${name} leaves the build before it as it was`, async () => {
      expect(await tryMigration(runner, new Migration())).toEqual(Object.keys(LANDED[name] ?? {}).sort())
    })

  it('excuses only what has landed', () => {
    expect(Object.keys(LANDED).filter((name) => !NAMES.has(name))).toEqual([])
  })

  /** What must not go through, on the schema as it is now, and what has to be said of it. */
  const HARMFUL: [statement: string, ...said: (string | RegExp)[]][] = [
    ['DROP TABLE scenarios', 'drops scenarios'],
    ['ALTER TABLE events DROP COLUMN session_id', 'drops events.session_id', 'breaks statements on events'],
    ['ALTER TABLE items RENAME COLUMN title TO headline', 'drops items.title', 'breaks statements on items'],
    ['ALTER TABLE items RENAME TO products', 'drops items'],
    [
      'ALTER TABLE items ALTER COLUMN title TYPE varchar(100)',
      /^makes items.title character varying\(100\): it was text/,
    ],
    [
      'ALTER TABLE events ALTER COLUMN value SET NOT NULL',
      'makes events.value NOT NULL',
      'breaks statements on events',
    ],
    ['ALTER TABLE events ALTER COLUMN received_at DROP DEFAULT', /^takes the default/, 'breaks statements on events'],
    [
      'TRUNCATE scenarios; ALTER TABLE scenarios ADD COLUMN x text NOT NULL',
      'adds scenarios.x, which has to be given',
      'breaks statements on scenarios',
    ],
    [
      'ALTER TABLE events ADD CHECK (value < 1) NOT VALID',
      /^adds to constraints of events/,
      'breaks statements on events',
    ],
    ['ALTER TABLE events ADD FOREIGN KEY (tenant_id, item_id) REFERENCES items', /^adds to constraints of events/],
    ['CREATE INDEX ON events (tenant_id, type)', 'keeps writers of events waiting'],
    [
      'CREATE UNIQUE INDEX ON items (tenant_id, url)',
      /^allows less: .*\(tenant_id, url\)/,
      'keeps writers of items waiting',
    ],
    [
      'ALTER TABLE scenarios DROP CONSTRAINT scenarios_pkey',
      /^drops what ON CONFLICT needs/,
      'breaks statements on scenarios',
    ],
    ['ALTER TABLE events ADD COLUMN x double precision DEFAULT random()', 'writes events anew'],
    [`UPDATE items SET title = 'y'`, 'changes the rows of items'],
    ['REVOKE DELETE ON items FROM attune_service', 'takes away DELETE on items', 'breaks statements on items'],
    ['DROP POLICY tenant_rows ON items', 'breaks statements on items'],
    [
      'CREATE POLICY more ON items AS RESTRICTIVE USING (false)',
      /^adds to policies of items/,
      'breaks statements on items',
    ],
  ]
  for (const [statement, ...said] of HARMFUL)
    it(`is not to be trusted with: ${statement}`, async () => {
      const found = await tryMigration(
        runner,
        { up: (on) => on.query(statement), down: async () => {} },
        { undo: true },
      )
      for (const words of said)
        expect(found).toContainEqual(typeof words === 'string' ? words : expect.stringMatching(words))
    })

  it('may add tables and columns, and indexes that nobody waits for', async () => {
    const expanding: MigrationInterface = {
      up: async (on) => {
        await on.query(`ALTER TABLE events ADD COLUMN x text NOT NULL DEFAULT 'unset', ADD COLUMN y jsonb`)
        await on.query('ALTER TABLE items ALTER COLUMN title SET DEFAULT NULL')
        await on.query('CREATE TABLE more (tenant_id text PRIMARY KEY REFERENCES tenants)')
        await on.query('CREATE INDEX ON more (tenant_id)')
      },
      down: async () => {},
    }
    expect(await tryMigration(runner, expanding, { undo: true })).toEqual([])
    const indexing: MigrationInterface = {
      transaction: false,
      up: (on) => concurrentIndex(on, 'events_by_type', 'events (tenant_id, type)'),
      down: async () => {},
    }
    expect(await tryMigration(runner, indexing)).toEqual([])
    const other: MigrationInterface = { ...indexing, up: (on) => on.query('CREATE INDEX ON events (tenant_id, value)') }
    expect(await tryMigration(runner, other)).toEqual([expect.stringMatching(/^outside of a transaction/)])
  })
})

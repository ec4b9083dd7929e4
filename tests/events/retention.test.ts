import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RetentionService } from '../../src/events/retention.service.js'
import { type TestService, testService } from '../support/service.js'

describe('retention', () => {
  let service: TestService
  let owner: pg.Client
  beforeAll(async () => {
    service = await testService({ ROLES: 'api' })
    owner = new pg.Client({ connectionString: service.databaseUrl })
    await owner.connect()
  })
  afterAll(async () => {
    await owner.end()
    await service.stop()
  })

  it('spares what lies at the place of an old row in another partition', async () => {
    const { id } = await service.makeTenant(undefined, { retentionDays: 30 })
    await owner.query(`
      ALTER TABLE events RENAME TO events_in_one;
      CREATE TABLE events (LIKE events_in_one INCLUDING DEFAULTS) PARTITION BY RANGE (occurred_at);
      CREATE TABLE events_old PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
      CREATE TABLE events_new PARTITION OF events FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
      GRANT SELECT, DELETE ON events TO attune_service`)
    await owner.query(
      `INSERT INTO events (tenant_id, event_id, arrival, user_id, item_id, type, occurred_at)
       VALUES ($1, 'old', 1, 'u', 'i', 'view', '2019-12-31'), ($1, 'new', 2, 'u', 'i', 'view', now())`,
      [id],
    )
    const left = async () => {
      const { rows } = await owner.query<{ event_id: string; ctid: string }>(
        'SELECT event_id, ctid::text FROM events ORDER BY event_id',
      )
      return rows
    }
    expect(await left()).toEqual([
      { event_id: 'new', ctid: '(0,1)' },
      { event_id: 'old', ctid: '(0,1)' },
    ])
    await service.app.get(RetentionService).sweep(Date.now())
    expect(await left()).toEqual([{ event_id: 'new', ctid: '(0,1)' }])
  })
})

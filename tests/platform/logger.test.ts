import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeError } from '../../src/platform/logger.js'
import { Database } from '../../src/platform/database.js'
import { testService, type TestService } from '../support/service.js'

describe('what is logged of an error', () => {
  let service: TestService
  beforeAll(async () => {
    service = await testService()
  })
  afterAll(() => service.stop())

  it('holds neither the values of a failed statement nor the statement', async () => {
    const failing = service.app
      .get(Database)
      .query('t', `INSERT INTO events (tenant_id, event_id, user_id) VALUES ('t', 'e', $1)`, ['a-private-user'])
    const error: unknown = await failing.catch((thrown: unknown) => thrown)
    expect(JSON.stringify(error)).toContain('a-private-user')
    const logged = JSON.stringify(describeError(error))
    expect(logged).not.toContain('a-private-user')
    expect(logged).not.toContain('VALUES')
    expect(logged).toContain('23502')
  })

  it('tells of what is no error too, and of causes', () => {
    expect(describeError('gone')).toEqual({ message: 'gone' })
    expect(describeError(new Error('outer', { cause: new Error('inner') }))).toMatchObject({
      message: 'outer',
      cause: { message: 'inner' },
    })
  })
})

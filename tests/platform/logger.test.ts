import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger, describeError } from '../../src/platform/logger.js'
import { Loop } from '../../src/platform/loop.js'
import { within } from '../../src/platform/work-context.js'
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

  it('holds no value that the database could not read', async () => {
    const failing = service.app.get(Database).query('t', 'SELECT $1::text::integer', ['a-private-user'])
    const error: unknown = await failing.catch((thrown: unknown) => thrown)
    expect(String(error)).toContain('a-private-user')
    const logged = JSON.stringify(describeError(error))
    expect(logged).not.toContain('a-private-user')
    expect(logged).toContain('22P02')
    expect(logged).toMatch(/"stack":"at /)
  })

  it('tells of what is no error too, and of causes', () => {
    expect(describeError('gone')).toEqual({ message: 'gone' })
    expect(describeError(new Error('outer', { cause: new Error('inner') }))).toMatchObject({
      message: 'outer',
      cause: { message: 'inner' },
    })
  })
})

describe('a line of the log', () => {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger('info', { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) })
  const said = (msg: string) => lines.filter((line) => line.msg === msg)

  it('says what the code works for that writes it, however deep, and what it is told beside', async () => {
    await Promise.all(
      ['a', 'b'].map((tenant) =>
        within({ requestId: `of ${tenant}`, tenant }, async () => {
          await sleep(5)
          await within({ run: `r-${tenant}` }, async () => {
            await sleep(5)
            logger.info({ tenant: `${tenant}!` }, 'deep')
          })
          logger.warn('shallow')
        }),
      ),
    )
    logger.info('outside')
    expect(said('deep')).toEqual([
      expect.objectContaining({ level: 'info', requestId: 'of a', tenant: 'a!', run: 'r-a' }),
      expect.objectContaining({ level: 'info', requestId: 'of b', tenant: 'b!', run: 'r-b' }),
    ])
    for (const line of said('shallow')) expect(line).not.toHaveProperty('run')
    expect(said('outside')[0]).not.toHaveProperty('tenant')
  })

  it('says nothing of who set off what is for all', async () => {
    const loop = new Loop(
      () => Promise.resolve(logger.info('round')),
      10_000,
      () => undefined,
    )
    within({ requestId: 'the one that wakes it' }, () => loop.wake())
    await expect.poll(() => said('round').length).toBe(1)
    await loop.stop()
    expect(said('round')[0]).not.toHaveProperty('requestId')
  })
})

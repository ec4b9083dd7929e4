import 'reflect-metadata'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import { readConfig } from '../../src/platform/config.js'
import { type Service, startService } from '../../src/service.js'
import { knock } from './door.js'
import type { PostgresAnswer } from './postgres-of-the-run.js'

export interface Answer {
  status: number
  // A test says itself what it expects of a body.
  body: never
  headers: Headers
}

export interface TestService extends Service {
  /** The database itself, whatever way the service takes to it. */
  databaseUrl: string
  /** Calls the service; a body is sent as JSON, `raw` as it is. */
  call(
    method: string,
    path: string,
    options?: { key?: string; body?: unknown; raw?: string | Buffer; headers?: Record<string, string> },
  ): Promise<Answer>
  /** A tenant with a key that has every scope. */
  makeTenant(id?: string, settings?: object): Promise<{ id: string; key: string }>
}

const postgresOfTheRun = () => knock<PostgresAnswer>(inject('postgresDoor'))

/** A database of its own in the run's PostgreSQL. */
export async function testDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const { url } = await postgresOfTheRun()
  const name = `test_${randomBytes(8).toString('hex')}`
  const run = async (statement: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(statement)
    await client.end()
  }
  await run(`CREATE DATABASE ${name}`)
  return { url: url.replace(/\/[^/]*$/, `/${name}`), drop: () => run(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
}

/** How a service reaches a database: by the run's pooler, where it has one and the database is in the run's PostgreSQL. */
async function wayTo(databaseUrl: string) {
  const { url, pooledUrl } = await postgresOfTheRun()
  const way = new URL(databaseUrl)
  if (!pooledUrl || way.host !== new URL(url).host) return { DATABASE_URL: databaseUrl }
  way.host = new URL(pooledUrl).host
  return { DATABASE_URL: way.href, DATABASE_DIRECT_URL: databaseUrl }
}

/** The environment of a service for tests, whether it runs in this process or as one of its own. */
export async function testEnvironment(env: Record<string, string> = {}) {
  const database = env.DATABASE_URL ? undefined : await testDatabase()
  const databaseUrl = database?.url ?? env.DATABASE_URL
  const dataDir = await mkdtemp(join(tmpdir(), 'attune-data-'))
  const full = {
    PORT: '0',
    DATA_DIR: dataDir,
    OPERATOR_KEY: 'operator-key-of-the-tests',
    LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'silent',
    ...env,
    ...(await wayTo(databaseUrl)),
  }
  return {
    env: full,
    databaseUrl,
    cleanUp: async () => {
      await rm(dataDir, { recursive: true, force: true })
      await database?.drop()
    },
  }
}

/** HTTP calls to a service, wherever it runs. */
export function client(url: string, operatorKey: string): Pick<TestService, 'call' | 'makeTenant'> {
  const call: TestService['call'] = async (method, path, { key = operatorKey, body, raw, headers = {} } = {}) => {
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body))
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(key !== '' && { authorization: `Bearer ${key}` }),
        ...(payload !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: payload as string | undefined,
    })
    const text = await response.text()
    const json = /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '')
    return {
      status: response.status,
      body: (json && text ? JSON.parse(text) : text) as never,
      headers: response.headers,
    }
  }
  const makeTenant: TestService['makeTenant'] = async (id = `t-${randomBytes(4).toString('hex')}`, settings = {}) => {
    const { status, body } = await call('POST', '/v1/tenants', { body: { id, settings } })
    if (status !== 201) throw new Error(`no tenant: ${JSON.stringify(body)}`)
    return { id, key: (body as { apiKey: string }).apiKey }
  }
  return { call, makeTenant }
}

/** The whole service in this process, on a database of its own. Call `stop()` in `afterAll`. */
export async function testService(env: Record<string, string> = {}): Promise<TestService> {
  const environment = await testEnvironment(env)
  const service = await startService(readConfig(environment.env))
  return {
    ...service,
    databaseUrl: environment.databaseUrl,
    ...client(service.url, service.operatorKey),
    stop: async () => {
      await service.stop()
      await environment.cleanUp()
    },
  }
}

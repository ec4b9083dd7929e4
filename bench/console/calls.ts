import type { RunningService } from '../../scripts/quickstart/service.js'
import { type Fill, LARGE } from './fill.js'

export interface ConsoleCall {
  name: string
  method: string
  path: string
  body?: unknown
}

interface Page<T> {
  data: T[]
  nextCursor: string | null
}

const DAY_MS = 86_400_000

/** What a version would recommend: the base, since those that were made up can not be read. */
const look = (tenant: string, userId: string) => ({
  method: 'POST',
  path: `${tenant}/model-versions/base/recommendations`,
  body: { userId, count: 50, returnProperties: true },
})

/** What the pages of the console ask for, those of one tenant about the largest. */
export async function consoleCalls(service: RunningService, { items }: Fill): Promise<ConsoleCall[]> {
  const large = `/v1/tenants/${LARGE}`
  const list = <T>(path: string) => service.call<Page<T>>('GET', path)
  const next = (await list('/v1/overview?limit=50')).nextCursor
  const [version] = (await list<{ id: string }>(`${large}/model-versions?limit=2`)).data
  const [user] = (await list<{ userId: string }>(`${large}/users?limit=1`)).data
  const [letter] = (await list<{ id: string }>('/v1/dead-letters?limit=1')).data
  const [run] = (await list<{ id: string }>(`${large}/training-runs?limit=1`)).data
  const get = (name: string, path: string): ConsoleCall => ({ name, method: 'GET', path })
  return [
    get('tenants', '/v1/overview?limit=50'),
    ...(next ? [get('tenants, second page', `/v1/overview?limit=50&cursor=${next}`)] : []),
    get('tenants that need a person', '/v1/overview?limit=50&attention=any'),
    get('tenants by name', '/v1/overview?limit=50&search=shop%2099'),
    get('tenant', `${large}/overview`),
    get('readiness', `${large}/readiness`),
    get('settings', large),
    get('keys', `${large}/keys`),
    get('audit', `${large}/audit?limit=100`),
    get('items', `${large}/items?limit=50`),
    get('item', `${large}/items/item-${items >> 1}`),
    get('runs', `${large}/training-runs?limit=50`),
    get('run', `${large}/training-runs/${run.id}`),
    get('versions', `${large}/model-versions?limit=25`),
    get('all versions by name', `${large}/model-versions?limit=100&brief=true`),
    get('version', `${large}/model-versions/${version.id}`),
    get('events over time', `${large}/events/counts?by=hour`),
    get(
      'events over a quarter',
      `${large}/events/counts?by=day&from=${new Date(Date.now() - 90 * DAY_MS).toISOString()}`,
    ),
    get('users', `${large}/users?limit=30`),
    get('users by prefix', `${large}/users?limit=30&prefix=user-7`),
    get('history', `${large}/users/${user.userId}/history?limit=60`),
    get('dead letters', '/v1/dead-letters?limit=50'),
    get('dead letters by code', '/v1/dead-letters?limit=50&code=NO_VALUE'),
    get('dead letter', `/v1/dead-letters/${letter.id}`),
    { ...look('/v1/tenants/shop-2', 'user-1'), name: 'look inside a small tenant' },
    { ...look(large, user.userId), name: 'look inside' },
  ]
}

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

/** What the pages of the console ask for, those of one tenant about the largest. */
export async function consoleCalls(service: RunningService, { items }: Fill): Promise<ConsoleCall[]> {
  const large = `/v1/tenants/${LARGE}`
  const list = <T>(path: string) => service.call<Page<T>>('GET', path)
  const next = (await list('/v1/overview?limit=50')).nextCursor
  const [version] = (await list<{ id: string }>(`${large}/model-versions?limit=2`)).data
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
    get('versions', `${large}/model-versions?limit=100`),
    get('version', `${large}/model-versions/${version.id}`),
  ]
}

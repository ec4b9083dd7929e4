import { Inject, Injectable } from '@nestjs/common'
import { CONFIG, type Config } from '../platform/config.js'
import { Database } from '../platform/database.js'

/** Messages of both topics that the group has not consumed yet. */
export interface ConsumerLag {
  messages: number
  measuredAt: Date
}

/** The group works for every tenant. */
const ALL_TENANTS = '*'

/** How far behind the consumers are, for processes that do not consume themselves: whoever consumes measures and tells it. */
@Injectable()
export class ConsumerLagService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @param group that was measured */
  async tell(group: string, messages: number): Promise<void> {
    await this.database.asSystem((sql) =>
      sql.execute(
        `INSERT INTO consumer_lag (tenant_id, consumer_group, messages) VALUES ($1, $2, $3)
         ON CONFLICT (tenant_id, consumer_group) DO UPDATE SET messages = excluded.messages, measured_at = now()`,
        [ALL_TENANTS, group, messages],
      ),
    )
  }

  /** As it was measured last; null where there is no Kafka, or nobody has measured yet. */
  async current(): Promise<ConsumerLag | null> {
    const { kafka } = this.config
    if (!kafka) return null
    const [row] = await this.database.asSystem((sql) =>
      sql.query<ConsumerLag>(
        `SELECT messages::float8 AS messages, measured_at AS "measuredAt" FROM consumer_lag
         WHERE tenant_id = $1 AND consumer_group = $2`,
        [ALL_TENANTS, kafka.group],
      ),
    )
    return row ?? null
  }
}

import { readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { CONFIG, type Config } from '../platform/config.js'
import { Database } from '../platform/database.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { Loop } from '../platform/loop.js'
import { Metrics } from '../platform/metrics.js'
import { packagePath } from '../platform/paths.js'

const LOOK_EVERY_MS = 60_000

/** What this process is, and how much room its data take and have left, as far as it can see that. */
@Injectable()
export class InstanceMetrics implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly databaseBytes
  private readonly free
  private readonly size
  private readonly loop: Loop

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(Database) private readonly database: Database,
    @Inject(LOGGER) logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    const { version } = JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }
    metrics
      .gauge('attune_info', 'Always 1: the version that runs, and its roles', ['version', 'roles'])
      .set({ version, roles: config.roles.join(',') }, 1)
    this.databaseBytes = metrics.gauge('attune_database_bytes', 'Size of the database, indexes and all')
    this.free = metrics.gauge(
      'attune_data_dir_free_bytes',
      'Room left where DATA_DIR is: an embedded database is there, one at DATABASE_URL is elsewhere',
      ['database'],
    )
    this.size = metrics.gauge('attune_data_dir_size_bytes', 'Size of the file system that DATA_DIR is on', ['database'])
    this.loop = new Loop(
      () => this.look(),
      LOOK_EVERY_MS,
      (error) => logger.debug({ err: error }, 'could not look at what the data take'),
    )
  }

  onApplicationBootstrap() {
    this.loop.start()
  }

  beforeApplicationShutdown() {
    return this.loop.stop()
  }

  private async look(): Promise<void> {
    // Where the database and the key come from elsewhere, nobody may have made the folder.
    const disk = await statfs(this.config.dataDir).catch(() => null)
    const database = this.config.database.url ? 'elsewhere' : 'embedded'
    if (disk) {
      this.free.set({ database }, disk.bavail * disk.bsize)
      this.size.set({ database }, disk.blocks * disk.bsize)
    }
    const [{ bytes }] = await this.database.asSystem((sql) =>
      sql.query<{ bytes: number }>('SELECT pg_database_size(current_database())::float8 AS bytes'),
    )
    this.databaseBytes.set(bytes)
  }
}

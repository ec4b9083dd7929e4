import pg from 'pg'

/** Between a connection that broke and the next try. */
const PAUSE_MS = 1000

interface Listener {
  channel: string
  onPayload: (payload: string) => void
}

/**
 * What NOTIFY tells, by one connection for all channels of the process, made when the first asks. It has to be one of the
 * server's own: a pooler in transaction mode gives a session to nobody. Reconnects by itself.
 */
export class Notifications {
  private readonly listeners = new Set<Listener>()
  private client: pg.Client | undefined

  constructor(private readonly url: string) {}

  listen(channel: string, onPayload: (payload: string) => void): { stop: () => Promise<void> } {
    const listener = { channel, onPayload }
    this.listeners.add(listener)
    if (this.client) void this.client.query(`LISTEN ${channel}`).catch(() => undefined)
    else this.connect()
    return {
      stop: async () => {
        this.listeners.delete(listener)
        if (this.listeners.size > 0) return
        const last = this.client
        this.client = undefined
        await last?.end().catch(() => undefined)
      },
    }
  }

  private connect() {
    const client = new pg.Client({ connectionString: this.url, keepAlive: true })
    this.client = client
    const end = () => void client.end().catch(() => undefined)
    client.on('notification', ({ channel, payload = '' }) => {
      for (const listener of this.listeners) if (listener.channel === channel) listener.onPayload(payload)
    })
    client.on('error', end)
    client.on('end', () => setTimeout(() => this.client === client && this.connect(), PAUSE_MS).unref())
    client
      .connect()
      .then(() => client.query([...this.listeners].map(({ channel }) => `LISTEN ${channel}`).join('; ')))
      // Its end brings the next try.
      .catch(end)
  }
}

export interface KafkaBroker {
  /** `127.0.0.1:PORT` */
  brokers: string
  /** Data, settings and `broker.log`; hand it to a second `startKafka` to start again with the same address. */
  dataDir: string
  /** Resolves when the broker's process has ended, for whatever reason. */
  exited: Promise<void>
  /** Graceful; may be called twice, and after `kill`. Deletes the folder where it was temporary. */
  stop(): Promise<void>
  /** kill -9; the data stay. */
  kill(): Promise<void>
}

export function startKafka(options?: { port?: number; dataDir?: string }): Promise<KafkaBroker>
export function prepareKafka(): Promise<string>
export function checkKafka(): Promise<{ ok: true; java: number; prepared: boolean } | { ok: false; reason: string }>

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

/** Which one of several a broker is: see `startKafkaCluster`. */
export interface KafkaMember {
  id: number
  clusterId: string
  controllerPort: number
  /** `id@host:port` of every controller, with commas between. */
  voters: string
  /** Copies of each partition. */
  replicas: number
}

export function startKafka(options?: {
  port?: number
  dataDir?: string
  heapMb?: number
  member?: KafkaMember
}): Promise<KafkaBroker>
export function startKafkaCluster(options: { dataDir: string; size?: number; heapMb?: number }): Promise<KafkaBroker[]>
/** Below the range that systems hand out to outgoing connections. */
export function freePort(except?: number[]): Promise<number>
export function prepareKafka(): Promise<string>
export function checkKafka(): Promise<{ ok: true; java: number; prepared: boolean } | { ok: false; reason: string }>

import { isIPv4, isIPv6 } from 'node:net'
import { z } from 'zod'

export const ROLES = ['api', 'ingest', 'trainer'] as const
export type Role = (typeof ROLES)[number]

const list = (value: string) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
const flag = z.stringbool()
const number = (min: number, max: number) => {
  const error = `has to be a whole number from ${min} to ${max}`
  return z.coerce.number({ error }).int(error).min(min, error).max(max, error)
}
/** An address, or a network of them, as Fastify reads them. */
const isNetwork = (value: string) => {
  const [address, bits, ...more] = value.split('/')
  const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1
  return most > 0 && more.length === 0 && (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= most))
}
const postgres = z.url({ protocol: /^postgres(ql)?$/, error: 'has to be a postgres:// address' })
/** By S3's rules for names; a folder of letters, digits, dot, dash and underscore. */
const BUCKET = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:\/(?!\.\.?(?:\/|$))[\w.-]{1,100}){0,8})\/?$/
const topic = z.string().regex(/^[A-Za-z0-9._-]{1,249}$/, 'letters, digits, dot, dash and underscore, at most 249')

/** Every variable that Attune reads. `.env.example` lists them all; a test keeps it so. */
export const Environment = z.object({
  PORT: number(0, 65535).default(3000),
  HOST: z.string().min(1).default('127.0.0.1'),
  TRUSTED_PROXIES: z
    .string()
    .default('')
    .transform(list)
    .refine(
      (networks) => networks.every(isNetwork),
      'has to be addresses or networks, as 10.0.0.0/8, with commas between',
    ),
  ROLES: z
    .string()
    .default('api,ingest,trainer')
    .transform(list)
    .pipe(z.array(z.enum(ROLES)).min(1)),
  DATA_DIR: z.string().min(1).default('.attune'),
  DATABASE_URL: postgres.optional(),
  DATABASE_DIRECT_URL: postgres.optional(),
  DATABASE_READ_URL: postgres.optional(),
  DATABASE_POOL_SIZE: number(2, 500).default(20),
  ARTIFACTS_URL: z.string().regex(BUCKET, 'has to be s3://bucket or s3://bucket/folder').optional(),
  ARTIFACTS_ENDPOINT: z.url({ protocol: /^https?$/, error: 'has to be an http:// or https:// address' }).optional(),
  ARTIFACTS_REGION: z.string().max(64).optional(),
  OPERATOR_KEY: z.string().min(16, 'has to have at least 16 characters').optional(),
  KAFKA_BROKERS: z.string().transform(list).pipe(z.array(z.string()).min(1)).optional(),
  KAFKA_SSL: flag.default(false),
  KAFKA_SASL_MECHANISM: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD: z.string().optional(),
  KAFKA_EVENTS_TOPIC: topic.default('attune.events'),
  KAFKA_ITEMS_TOPIC: topic.default('attune.items'),
  KAFKA_DEAD_LETTERS_TOPIC: topic.default('attune.dead-letters'),
  KAFKA_GROUP: z.string().min(1).max(249).default('attune'),
  BACKEND: z.enum(['auto', 'cuda', 'native', 'webgpu', 'wasm', 'cpu']).default('auto'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  MODEL_MEMORY_MB: number(64, 1_000_000).default(1024),
  TRAINER_CONCURRENCY: number(1, 64).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: 'has to be an http:// or https:// address' })
    .optional(),
  METRICS_TENANTS: number(0, 10_000).default(50),
})

export interface Config {
  port: number
  host: string
  /** Whose word is taken for a client's address, host and protocol (`X-Forwarded-*`). */
  trustedProxies: string[]
  roles: Role[]
  dataDir: string
  database: {
    url?: string
    /** The server itself, where `url` is a pooler that gives out connections by the transaction. */
    directUrl?: string
    /** A replica of it, for what may lag. */
    readUrl?: string
    poolSize: number
  }
  /** The bucket that files of new model versions go to; absent: the database. */
  artifacts?: { bucket: string; prefix: string; endpoint?: string; region?: string }
  operatorKey?: string
  kafka?: {
    brokers: string[]
    ssl: boolean
    sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string }
    eventsTopic: string
    itemsTopic: string
    deadLettersTopic: string
    group: string
  }
  backend: z.infer<typeof Environment>['BACKEND']
  logLevel: z.infer<typeof Environment>['LOG_LEVEL']
  modelMemoryMb: number
  /** Training runs at once; as many as there are cores unless said. */
  trainerConcurrency?: number
  /** Tenants that metrics name. */
  metricsTenants: number
  /** Where traces go; absent: there are none. */
  otlpEndpoint?: string
}

/**
 * Reads the environment once and says every problem at once, never a value (it may be a secret).
 * @throws Error with one line per variable that does not fit
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  // An empty variable, as docker compose makes them, means "not set".
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = Environment.safeParse(set)
  const problems = parsed.success
    ? [...databaseProblems(parsed.data), ...saslProblems(parsed.data)]
    : parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`)
  if (!parsed.success || problems.length > 0)
    throw new Error(`The environment does not fit:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
  const e = parsed.data
  return {
    port: e.PORT,
    host: e.HOST,
    trustedProxies: e.TRUSTED_PROXIES,
    roles: [...new Set(e.ROLES)],
    dataDir: e.DATA_DIR,
    database: {
      url: e.DATABASE_URL,
      directUrl: e.DATABASE_DIRECT_URL,
      readUrl: e.DATABASE_READ_URL,
      poolSize: e.DATABASE_POOL_SIZE,
    },
    artifacts: artifactsOf(e),
    operatorKey: e.OPERATOR_KEY,
    kafka: e.KAFKA_BROKERS && {
      brokers: e.KAFKA_BROKERS,
      ssl: e.KAFKA_SSL,
      sasl: e.KAFKA_SASL_MECHANISM && {
        mechanism: e.KAFKA_SASL_MECHANISM,
        username: e.KAFKA_SASL_USERNAME ?? '',
        password: e.KAFKA_SASL_PASSWORD ?? '',
      },
      eventsTopic: e.KAFKA_EVENTS_TOPIC,
      itemsTopic: e.KAFKA_ITEMS_TOPIC,
      deadLettersTopic: e.KAFKA_DEAD_LETTERS_TOPIC,
      group: e.KAFKA_GROUP,
    },
    backend: e.BACKEND,
    logLevel: e.LOG_LEVEL,
    modelMemoryMb: e.MODEL_MEMORY_MB,
    trainerConcurrency: e.TRAINER_CONCURRENCY,
    metricsTenants: e.METRICS_TENANTS,
    otlpEndpoint: e.OTEL_EXPORTER_OTLP_ENDPOINT,
  }
}

function artifactsOf(env: z.infer<typeof Environment>): Config['artifacts'] {
  if (!env.ARTIFACTS_URL) return undefined
  const [, bucket, folder] = BUCKET.exec(env.ARTIFACTS_URL) ?? []
  const endpoint = env.ARTIFACTS_ENDPOINT
  // Servers other than Amazon's have no regions; the signature needs one.
  const region = env.ARTIFACTS_REGION ?? (endpoint ? 'us-east-1' : undefined)
  return { bucket, prefix: folder ? `${folder.slice(1)}/` : '', endpoint, region }
}

function databaseProblems(env: z.infer<typeof Environment>): string[] {
  if (env.DATABASE_URL) return []
  const others = ['DATABASE_DIRECT_URL', 'DATABASE_READ_URL'] as const
  return others.filter((name) => env[name]).map((name) => `DATABASE_URL: needed with ${name}`)
}

function saslProblems(env: z.infer<typeof Environment>): string[] {
  if (!env.KAFKA_SASL_MECHANISM) return []
  const needed = ['KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'] as const
  return needed.filter((name) => !env[name]).map((name) => `${name}: needed with KAFKA_SASL_MECHANISM`)
}

/** Injection token of the parsed configuration. */
export const CONFIG = Symbol('config')

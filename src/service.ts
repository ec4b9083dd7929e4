import { randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { MIGRATIONS } from '../migrations/index.js'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppModule } from './app.module.js'
import type { Config } from './platform/config.js'
import { openDatabase } from './platform/database.js'
import { HttpRequests } from './platform/http-requests.js'
import { serveConsole } from './operations/console.js'
import { serveDocuments } from './operations/documents.js'
import { ProblemFilter, sendProblem } from './platform/http.filter.js'
import { createLogger, NestLogger } from './platform/logger.js'
import { startTracing } from './platform/tracing.js'
import { AuthGuard } from './tenants/auth.guard.js'
import { operatorKey } from './tenants/operator-key.js'
import { QuotaGate } from './tenants/quota-gate.js'

/** The contract's 5 MiB. */
const MAX_BODY_BYTES = 5 * 1024 * 1024

export interface Service {
  app: NestFastifyApplication
  url: string
  operatorKey: string
  /** Finishes requests and batches, gives leases back, closes the database. */
  stop(): Promise<void>
}

/** Starts the roles of the configuration in this process. */
export async function startService(config: Config, logger = createLogger(config.logLevel)): Promise<Service> {
  await portIsFree(config)
  const key = await operatorKey(config, logger)
  const tracing = await startTracing(config, logger)
  const database = await openDatabase(config, logger, MIGRATIONS)
  const adapter = new FastifyAdapter({
    bodyLimit: MAX_BODY_BYTES,
    genReqId: () => randomUUID(),
    trustProxy: config.trustedProxies.length > 0 ? config.trustedProxies : false,
    // Ids of 256 characters, each up to twelve bytes when percent-encoded.
    routerOptions: { maxParamLength: 4096 },
    forceCloseConnections: 'idle',
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      sendProblem(error, request, reply, logger)
      app.get(HttpRequests).answered(request, reply)
    },
  })
  const module = AppModule.with(config, logger, database, tracing, key)
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLogger(logger),
    abortOnError: false,
  })
  try {
    app.get(HttpRequests).watch(adapter.getInstance())
    app.get(QuotaGate).watch(adapter.getInstance())
    app.useGlobalFilters(new ProblemFilter(logger))
    app.useGlobalGuards(app.get(AuthGuard))
    await serveDocuments(app)
    await serveConsole(app)
    await app.listen(config.port, config.host).catch(portProblem(config))
  } catch (error) {
    await app.close()
    await tracing.stop()
    throw error
  }
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1')
  logger.info({ url, roles: config.roles }, 'attune is ready')
  let stopping: Promise<void> | undefined
  return { app, url, operatorKey: key, stop: () => (stopping ??= app.close().finally(() => tracing.stop())) }
}

/** Said before a database is started for nothing; whoever takes the port meanwhile is met when it is listened on. */
async function portIsFree({ port, host }: Config): Promise<void> {
  const server = createServer()
  await new Promise<void>((free, taken) => {
    server.once('error', taken).listen(port, host, () => server.close(() => free()))
  }).catch(portProblem({ port, host }))
}

/** @throws Error in words where it is the port or the address that does not do */
const portProblem =
  ({ port, host }: Pick<Config, 'port' | 'host'>) =>
  (error: NodeJS.ErrnoException): never => {
    const words: Record<string, string> = {
      EADDRINUSE: `Port ${port} of ${host} is taken: another program, or another Attune, listens on it. PORT chooses another one.`,
      EACCES: `Port ${port} of ${host} may not be listened on by this user. PORT chooses another one.`,
      EADDRNOTAVAIL: `${host} is no address of this machine. HOST chooses the one to listen on.`,
    }
    const said = error.code && words[error.code]
    throw said ? new Error(said, { cause: error }) : error
  }

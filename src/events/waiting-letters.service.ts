import { Inject, Injectable } from '@nestjs/common'
import type { Producer } from 'kafkajs'
import { z } from 'zod'
import { CONFIG, type Config } from '../platform/config.js'
import { Database, type Sql } from '../platform/database.js'
import { AppError, notFound } from '../platform/errors.js'
import type { Caller } from '../platform/http.js'
import { createKafka, createProducer, sendAll } from '../platform/kafka.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { CursorMoment, cursorMoment, CursorNumber, decodeCursor, toPage } from '../platform/schema.js'
import { AuditService } from '../tenants/audit.service.js'
import { type DeadLetter, inSends, ORIGIN_HEADER, sizeOf } from './dead-letters.js'
import { notErased, withClaims } from './letter-claims.js'
import {
  countKept,
  deleteChosen,
  deleteLetters,
  type LetterChoice,
  placeId,
  putAwayBeyond,
  readLetter,
  readLetters,
  readOldest,
  readPlace,
  upsertLetters,
  type WholeLetter,
} from './letter-rows.js'

/** As long as the topic keeps them, and no more than somebody can look through: the topic has the rest. */
const KEPT_DAYS = 30
export const MOST_KEPT = 50_000
const MIB = 1024 * 1024
/** What somebody looks through is small; a producer that fails at the largest must not fill the database. */
const MOST = {
  letters: MOST_KEPT,
  bytes: 1024 * MIB,
  /** One tenant's producer must not take the room of all others. */
  bytesOfTenant: 256 * MIB,
}
const SWEEP_EVERY_MS = 60_000
/** Somebody waits for the answer. */
const TRIES = 2
/** So far the table may grow beyond what it should hold, by each process. */
const SWEEP_EVERY_BYTES = 32 * MIB
/** Sent, forgotten and told in the audit log together; each may be of a megabyte. */
const CHUNK = { letters: 200, bytes: 8 * MIB }

const Position = z.tuple([
  CursorMoment,
  z.string().max(249),
  z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1),
  CursorNumber,
])

/** Target of what was done to letters of any code. */
const ANY = '*'

/** For the audit log. */
interface Deed {
  caller: Caller
  action: string
  target: string
  choice?: LetterChoice
}

/**
 * Messages that could not be used, each to be looked at, sent round again, or dropped. The topic of dead letters stays what
 * it is, a record of all of them; this is where one of them can be reached.
 */
@Injectable()
export class WaitingLetters {
  private sweptAt = 0
  /** Bytes that came since. */
  private unswept = 0

  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AuditService) private readonly audit: AuditService,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Keeps letters that were met on a partition. May be called twice. */
  async add(topic: string, partition: number, letters: DeadLetter[]): Promise<void> {
    await this.keep(topic, partition, letters, 'told anew')
  }

  /** Keeps letters of the topic that are not here yet, but of users who were erased since. @returns how many */
  takeIn(topic: string, partition: number, letters: DeadLetter[]): Promise<number> {
    return this.keep(topic, partition, letters, 'kept')
  }

  private async keep(topic: string, partition: number, letters: DeadLetter[], known: 'told anew' | 'kept') {
    const written = await this.database.asSystem(async (sql) => {
      const all = await withClaims(sql, letters, this.config.kafka?.itemsTopic)
      return upsertLetters(sql, topic, partition, known === 'kept' ? await notErased(sql, all) : all, known)
    })
    this.unswept += letters.reduce((sum, { message }) => sum + sizeOf(message), 0)
    if (Date.now() - this.sweptAt > SWEEP_EVERY_MS || this.unswept > SWEEP_EVERY_BYTES) await this.sweep()
    return written
  }

  /** Drops what has waited for too long, and what is too much: the oldest letters, or what they hold. */
  async sweep({ letters, bytes, bytesOfTenant } = MOST): Promise<void> {
    this.sweptAt = Date.now()
    this.unswept = 0
    await this.database.asSystem(async (sql) => {
      await sql.execute(`DELETE FROM dead_letters WHERE first_failed_at < now() - interval '${KEPT_DAYS} days'`)
      await sql.execute(
        `DELETE FROM dead_letters WHERE ctid = ANY (ARRAY(SELECT ctid FROM dead_letters
         ORDER BY failed_at DESC, topic DESC, partition DESC, "offset" DESC OFFSET $1))`,
        [letters],
      )
      await putAwayBeyond(sql, bytesOfTenant, 'tenant')
      await putAwayBeyond(sql, bytes, 'all')
    })
  }

  /** Those that failed last first, with the number of all by code, whatever was chosen. */
  async list(choice: LetterChoice, limit: number, cursor?: string) {
    const position = decodeCursor(cursor, Position)
    const after = position && { at: position[0], topic: position[1], partition: position[2], offset: position[3] }
    return this.database.asSystem(async (sql) => {
      const rows = await readLetters(sql, choice, after ?? null, limit + 1)
      const counts = await sql.query<{ code: string; waiting: number }>(
        'SELECT code, count(*)::int AS waiting FROM dead_letters GROUP BY code ORDER BY waiting DESC, code',
      )
      const page = toPage(rows, limit, (last) => [last.at, last.topic, last.partition, last.offset])
      return { ...page, byCode: Object.fromEntries(counts.map(({ code, waiting }) => [code, waiting])) }
    })
  }

  /** @throws AppError NOT_FOUND */
  async get(id: string): Promise<WholeLetter> {
    const place = readPlace(id)
    const letter = place && (await this.database.asSystem((sql) => readLetter(sql, place)))
    if (!letter) throw notFound('dead letter', id)
    return letter
  }

  /** @throws AppError NOT_FOUND */
  async drop(id: string, caller: Caller): Promise<void> {
    const letter = await this.get(id)
    await this.database.asSystem(async (sql) => {
      const dropped = await deleteLetters(sql, [letter])
      await this.note(sql, dropped, { caller, action: 'dead-letter.drop', target: placeId(letter) })
    })
  }

  /** @returns how many were dropped */
  dropAll(choice: LetterChoice, caller: Caller): Promise<number> {
    return this.database.asSystem(async (sql) => {
      const dropped = await deleteChosen(sql, choice)
      await this.note(sql, dropped, { caller, action: 'dead-letter.drop', target: choice.code ?? ANY, choice })
      return [...dropped.values()].reduce((sum, letters) => sum + letters, 0)
    })
  }

  /**
   * Sends one round again, to the topic that it came from; one that still can't be used comes back.
   * @throws AppError NOT_FOUND, NOT_REPLAYABLE (409), NO_KAFKA (409), KAFKA_AWAY (503)
   */
  async replay(id: string, caller: Caller): Promise<void> {
    const letter = await this.get(id)
    if (!letter.isWhole || !this.consumed.includes(letter.topic))
      throw new AppError('NOT_REPLAYABLE', 'It is not kept whole here, or its topic is not consumed.', { status: 409 })
    const deed = { caller, action: 'dead-letter.replay', target: placeId(letter) }
    await this.withProducer((producer) => this.send(producer, [letter], deed))
  }

  /**
   * As `replay`, those that waited longest first.
   * @param before as an earlier call gave it: what came back since does not go round twice
   * @returns how many were sent, how many of the choice can not be, and whether there may be more
   */
  async replayAll(
    choice: LetterChoice,
    limit: number,
    caller: Caller,
    before?: string,
  ): Promise<{ replayed: number; kept: number; more: boolean; before: string }> {
    return this.withProducer(async (producer) => {
      const deed = { caller, action: 'dead-letter.replay', target: choice.code ?? ANY, choice }
      const started = before ?? (await this.now())
      let replayed = 0
      let more = true
      while (more && replayed < limit) {
        const most = { ...CHUNK, letters: Math.min(CHUNK.letters, limit - replayed) }
        const letters = await this.database.asSystem((sql) => readOldest(sql, choice, this.consumed, started, most))
        if (letters.length > 0) await this.send(producer, letters, deed)
        replayed += letters.length
        more = letters.length > 0
      }
      const kept = await this.database.asSystem((sql) => countKept(sql, choice, this.consumed, started))
      return { replayed, kept, more, before: started }
    })
  }

  /** Of the database, to the microsecond. */
  private async now(): Promise<string> {
    const [{ now }] = await this.database.asSystem((sql) =>
      sql.query<{ now: string }>(`SELECT ${cursorMoment('clock_timestamp()')} AS now`),
    )
    return now
  }

  /** Only to these: whatever is written in a row, it must not reach any other topic. */
  private get consumed(): string[] {
    const { kafka } = this.config
    return kafka ? [kafka.eventsTopic, kafka.itemsTopic] : []
  }

  private async send(producer: Producer, letters: WholeLetter[], deed: Deed): Promise<void> {
    for (const topic of new Set(letters.map((letter) => letter.topic))) {
      const messages = letters.filter((letter) => letter.topic === topic).map(toMessage)
      for (const part of inSends(messages)) await sendAll(producer, topic, part, TRIES)
    }
    const byTenant = new Map<string, number>()
    for (const { tenant } of letters) if (tenant !== null) byTenant.set(tenant, (byTenant.get(tenant) ?? 0) + 1)
    await this.database.asSystem(async (sql) => {
      await deleteLetters(sql, letters)
      await this.note(sql, byTenant, deed)
    })
  }

  /** In the logs of the tenants that the letters name. */
  private async note(sql: Sql, letters: Map<string, number>, { caller, action, target, choice }: Deed): Promise<void> {
    if (letters.size === 0) return
    const details = new Map([...letters].map(([tenant, count]) => [tenant, { ...choice, letters: count }]))
    await this.audit.recordInEach(sql, details, caller, action, target)
  }

  private async withProducer<T>(work: (producer: Producer) => Promise<T>): Promise<T> {
    const { kafka } = this.config
    if (!kafka) throw new AppError('NO_KAFKA', 'This service has no Kafka to send it to.', { status: 409 })
    const producer = createProducer(createKafka(kafka, this.logger))
    try {
      await producer.connect()
      return await work(producer)
    } catch (error) {
      if (error instanceof AppError || !isOfKafka(error)) throw error
      this.logger.warn({ err: error }, 'dead letters could not be sent round')
      throw new AppError('KAFKA_AWAY', 'The broker does not take it now.', { status: 503, retryAfter: 5, cause: error })
    } finally {
      await producer.disconnect().catch((error: unknown) => this.logger.debug({ err: error }, 'while disconnecting'))
    }
  }
}

const isOfKafka = (error: unknown) => error instanceof Error && error.name.startsWith('Kafka')

function toMessage({ key, value, headers, sentAt, firstFailedAt, ...letter }: WholeLetter) {
  const { topic, partition, offset, attempts } = letter
  const [timestamp, failedAt] = [sentAt?.getTime() ?? 0, firstFailedAt.getTime()].map(String)
  const origin = { topic, partition, offset, timestamp, attempts, failedAt }
  return { key, value, headers: { ...headers, [ORIGIN_HEADER]: JSON.stringify(origin) } }
}

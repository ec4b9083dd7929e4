import { isUtf8 } from 'node:buffer'
import { Controller, Header, Inject } from '@nestjs/common'
import { z } from 'zod'
import { type Caller, contract, type Input, Parsed, Route } from '../platform/http.js'
import { LOGGER, type Logger } from '../platform/logger.js'
import { CursorMoment, Page, pageOf, text } from '../platform/schema.js'
import { headerText } from './dead-letters.js'
import { type LetterRow, placeId } from './letter-rows.js'
import { WaitingLetters } from './waiting-letters.service.js'

const tag = 'Dead letters'
const moment = z.date().meta({ override: { type: 'string', format: 'date-time' } })
const momentOrNull = z
  .date()
  .nullable()
  .meta({ override: { type: ['string', 'null'], format: 'date-time' } })

const Choice = z.object({
  code: text(256).min(1).optional(),
  topic: text(249).min(1).optional().meta({ description: 'That the message came from' }),
  tenant: text(256).min(1).optional().meta({ description: 'As the message says, whether there is one or not' }),
})
const Letter = z.object({
  id: z
    .string()
    .meta({ description: 'Of the message, by where it was first met: the same however often it goes round' }),
  code: z.string().meta({ description: 'Why it can not be used; stable' }),
  reason: z.string(),
  tenant: z.string().nullable().meta({ description: 'As the message says; null: it names none' }),
  topic: z.string(),
  partition: z.number().int(),
  offset: z.string(),
  key: z.string().nullable(),
  sentAt: momentOrNull,
  failedAt: moment.meta({ description: 'Last' }),
  firstFailedAt: moment.meta({ description: 'What its 30 days are counted from' }),
  attempts: z.number().int(),
  bytes: z.number().int().meta({ description: 'Of its value' }),
  replayable: z.boolean().meta({
    description:
      'Whether all of it is kept here: what is too large, and what the oldest hold where all is too much, is in the topic only',
  }),
})

const listLetters = contract({
  method: 'GET',
  path: '/v1/dead-letters',
  summary: 'Messages from Kafka that could not be used and wait for a word, newest first; at most 50,000 of 30 days',
  tag,
  access: 'operator',
  query: Page.extend(Choice.shape),
  response: pageOf(Letter.meta({ id: 'DeadLetter' })).extend({
    byCode: z.record(z.string(), z.number().int()).meta({ description: 'All that wait, whatever was chosen' }),
  }),
})
const openLetter = contract({
  method: 'GET',
  path: '/v1/dead-letters/:id',
  summary: 'One of them, with its value and headers',
  tag,
  access: 'operator',
  response: Letter.extend({
    value: z.string().nullable().meta({ description: 'Null: there was none, or it is not kept here' }),
    encoding: z.enum(['utf8', 'base64']).meta({ description: 'Of the value: what is no UTF-8 is given as base64' }),
    headers: z.record(z.string(), z.string()),
  }).meta({ id: 'OpenedDeadLetter' }),
})
const replayLetter = contract({
  method: 'POST',
  path: '/v1/dead-letters/:id/replay',
  summary: 'Send it round again; it comes back where it still can not be used',
  tag,
  access: 'operator',
  status: 202,
  errors: [409, 503],
  response: z.object({ replayed: z.number().int() }),
})
const replayLetters = contract({
  method: 'POST',
  path: '/v1/dead-letters/replay',
  summary: 'Send all of a choice round again, those first that wait longest',
  tag,
  access: 'operator',
  status: 202,
  errors: [409, 503],
  body: z.strictObject({
    ...Choice.shape,
    limit: z.number().int().min(1).max(10_000).default(1000),
    before: CursorMoment.optional().meta({
      description: 'As an answer gives it: only those that failed before, so that what comes back goes round once',
    }),
  }),
  response: z.object({
    replayed: z.number().int(),
    kept: z.number().int().meta({ description: 'Of the choice, that can not go round: see `replayable`' }),
    more: z.boolean().meta({ description: 'The limit was reached: there may be others' }),
    before: z.string().meta({ description: 'For the next call, where there are others' }),
  }),
})
const dropLetter = contract({
  method: 'DELETE',
  path: '/v1/dead-letters/:id',
  summary: 'Let it wait no longer; the topic keeps it as long as it keeps all',
  tag,
  access: 'operator',
  status: 204,
})
const dropLetters = contract({
  method: 'POST',
  path: '/v1/dead-letters/drop',
  summary: 'As that, for all of a choice',
  tag,
  access: 'operator',
  body: z.strictObject(Choice.shape),
  response: z.object({ dropped: z.number().int() }),
})

/** They may hold anything, of anybody: for the operator alone, and for no cache. */
@Controller()
export class DeadLettersController {
  constructor(
    @Inject(WaitingLetters) private readonly letters: WaitingLetters,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Route(listLetters)
  @Header('cache-control', 'no-store')
  async list(@Parsed() { query: { limit, cursor, ...choice } }: Input<typeof listLetters>) {
    const page = await this.letters.list(choice, limit, cursor)
    return { ...page, data: page.data.map(told) }
  }

  @Route(openLetter)
  @Header('cache-control', 'no-store')
  async open(@Parsed() { params }: Input<typeof openLetter>): Promise<z.output<(typeof openLetter)['response']>> {
    const letter = await this.letters.get(params.id)
    const { value, headers } = letter
    const encoding = value && !isUtf8(value) ? 'base64' : 'utf8'
    const read = Object.keys(headers).map((name) => [name, headerText(headers, name) ?? ''])
    return {
      ...told(letter),
      value: value?.toString(encoding) ?? null,
      encoding,
      headers: Object.fromEntries(read) as Record<string, string>,
    }
  }

  @Route(replayLetter)
  async replay(@Parsed() { params, caller }: Input<typeof replayLetter>) {
    await this.letters.replay(params.id, caller)
    this.say(caller, 'a dead letter was sent round', { letter: params.id })
    return { replayed: 1 }
  }

  @Route(replayLetters)
  async replayAll(@Parsed() { body: { limit, before, ...choice }, caller }: Input<typeof replayLetters>) {
    const done = await this.letters.replayAll(choice, limit, caller, before)
    this.say(caller, 'dead letters were sent round', { ...choice, ...done })
    return done
  }

  @Route(dropLetter)
  async drop(@Parsed() { params, caller }: Input<typeof dropLetter>) {
    await this.letters.drop(params.id, caller)
    this.say(caller, 'a dead letter was dropped', { letter: params.id })
  }

  @Route(dropLetters)
  async dropAll(@Parsed() { body, caller }: Input<typeof dropLetters>) {
    const dropped = await this.letters.dropAll(body, caller)
    this.say(caller, 'dead letters were dropped', { ...body, dropped })
    return { dropped }
  }

  /** Also where they name no tenant, whose audit log would tell. */
  private say({ name }: Caller, message: string, detail: object) {
    this.logger.info({ actor: name, ...detail }, message)
  }
}

const told = ({ isWhole, key, ...letter }: LetterRow) => ({
  ...{ id: placeId(letter), code: letter.code, reason: letter.reason, tenant: letter.tenant },
  ...{ topic: letter.topic, partition: letter.partition, offset: letter.offset, key: key?.toString() ?? null },
  ...{ sentAt: letter.sentAt, failedAt: letter.failedAt, firstFailedAt: letter.firstFailedAt },
  ...{ attempts: letter.attempts, bytes: letter.bytes },
  replayable: isWhole,
})

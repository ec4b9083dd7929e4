import type { Command } from 'commander'
import type { Attune, Schemas } from '../client/index.js'
import { connect, type ConnectionFlags, withConnection } from './connection.js'
import { EXIT, UsageError } from './exit.js'
import { whole } from './flags.js'
import { first } from './lists.js'
import { type Column, facts, moment, number, Output, plain } from './output.js'
import { confirm } from './terminal.js'

/** Of one call: letters may be of a megabyte each, and a request should end within its time. */
const CALL_LETTERS = 200
const CALL_MS = 120_000

interface Choice {
  code?: string
  topic?: string
  tenant?: string
}

interface Flags extends Choice, Omit<ConnectionFlags, 'tenant'> {
  limit?: number
  all?: boolean
  yes?: boolean
  json?: boolean
}

/** `dead-letters`: messages from Kafka that wait for a word, looked at, sent round again, dropped. */
export function addDeadLetters(program: Command, env: NodeJS.ProcessEnv) {
  const letters = program
    .command('dead-letters')
    .description('messages from Kafka that could not be used (operator)')
    .addHelpText(
      'after',
      `
Examples:
  attune dead-letters reasons
  attune dead-letters list --code INVALID_EVENT --limit 20
  attune dead-letters replay --code UNKNOWN_TENANT --tenant acme-shop
  attune dead-letters drop --code NOT_JSON`,
    )
  const chosen = (command: Command) =>
    command
      .option('--code <code>', 'only those refused with this code')
      .option('--topic <topic>', 'only those that came from this topic')
      .option('--tenant <id>', 'only those that name this tenant, whether there is one or not')
  const talking = (command: Command) => withConnection(command, { tenant: false })

  const listing = chosen(letters.command('list', { isDefault: true }))
    .description('the letters that wait, those that failed last first; changes nothing')
    .option('--limit <n>', 'at most so many', whole, 100)
    .option('--json', 'for programs: one JSON value a line')
    .addHelpText('after', '\nExample:\n  attune dead-letters list --code INVALID_EVENT --limit 20')
  talking(listing).action(async ({ limit = 100, json = false, ...flags }: Flags) => {
    const attune = await operator(flags, env)
    const found = await first(attune.deadLetters.all(choiceOf(flags)), limit)
    new Output(json).list(found, COLUMNS, 'No letters wait.')
  })

  talking(letters.command('reasons').option('--json', 'for programs: one JSON value a line'))
    .description('how many letters wait, by the code they were refused with')
    .addHelpText('after', '\nExample:\n  attune dead-letters reasons')
    .action(async ({ json = false, ...flags }: Flags) => {
      const { byCode } = await (await operator(flags, env)).deadLetters.list({ limit: 1 })
      new Output(json).list(
        Object.entries(byCode).map(([code, waiting]) => ({ code, waiting })),
        [
          { name: 'code', of: ({ code }) => code },
          { name: 'waiting', right: true, of: ({ waiting }) => waiting },
        ],
        'No letters wait.',
      )
    })

  talking(letters.command('show').option('--json', 'for programs'))
    .description('one of them, with its headers and its value')
    .argument('<letter>', 'its id, as attune dead-letters list shows it')
    .addHelpText('after', '\nExample:\n  attune dead-letters show attune.events-3-1042 --json | jq -r .value')
    .action(async (id: string, { json = false, ...flags }: Flags) => {
      const letter = await (await operator(flags, env)).deadLetters.get(id)
      new Output(json).show(letter, () => described(letter))
    })

  const replaying = chosen(letters.command('replay'))
    .summary('send one, those of a choice, or all of them round again')
    .description(
      'send one, those of a choice, or all of them round again, each to the topic it came from, those that wait longest first; what is stored already stays stored once',
    )
    .argument('[letter]', 'its id, as attune dead-letters list shows it')
    .option('--all', 'whatever it is')
    .option('--limit <n>', 'at most so many', whole)
    .option('--json', 'for programs')
  talking(replaying)
    .addHelpText(
      'after',
      `
Examples:
  attune dead-letters replay attune.events-3-1042
  attune dead-letters replay --code UNKNOWN_TENANT              a tenant was made that events had come for too early
  attune dead-letters replay --topic attune.items --limit 100
  attune dead-letters replay --all

Ends with 3 where some of the choice are kept: their value is not here, or the service does not consume their topic. One
that still cannot be used comes back, and goes round once by one command.`,
    )
    .action(async (id: string | undefined, { json = false, limit, ...flags }: Flags) => {
      const choice = choiceNamed(id, flags)
      if (id !== undefined && limit !== undefined) throw new UsageError('One letter is one: --limit is for several.')
      const attune = await operator(flags, env)
      const output = new Output(json)
      if (id !== undefined) {
        const answer = await attune.deadLetters.replay(id)
        return output.show(answer, () => `${id} was sent round again`)
      }
      const done = await replayAll(attune, choice, limit)
      output.show(done, () => `${number(done.replayed)} sent round again, ${number(done.kept)} kept`)
      if (done.kept > 0) process.exitCode = EXIT.partly
    })

  const dropping = chosen(letters.command('drop'))
    .description('let one, those of a choice, or all of them wait no longer')
    .argument('[letter]', 'its id, as attune dead-letters list shows it')
    .option('--all', 'whatever it is')
    .option('--yes', 'without being asked')
    .option('--json', 'for programs')
  talking(dropping)
    .addHelpText(
      'after',
      `
Examples:
  attune dead-letters drop attune.events-3-1042
  attune dead-letters drop --code NOT_JSON --yes
  attune dead-letters drop --all`,
    )
    .action(async (id: string | undefined, { yes, json = false, ...flags }: Flags) => {
      const choice = choiceNamed(id, flags)
      const attune = await operator(flags, env)
      const output = new Output(json)
      if (id !== undefined) {
        await confirm(`Dead letter ${plain(id)} will be dropped.`, 'drop', yes)
        await attune.deadLetters.drop(id)
        return output.show({ dropped: 1 }, () => `${id} is dropped`)
      }
      await confirm(`${words(choice)} will be dropped.`, 'drop', yes)
      const answer = await attune.deadLetters.dropAll(choice, { timeoutMs: CALL_MS })
      output.show(answer, () => `${number(answer.dropped)} dropped`)
    })
}

const operator = async (flags: ConnectionFlags, env: NodeJS.ProcessEnv): Promise<Attune> =>
  // Which letters, and not as whom: a tenant that was named there is no part of the connection.
  (await connect({ ...flags, tenant: undefined }, env)).attune

const choiceOf = ({ code, topic, tenant }: Choice): Choice => ({
  ...(code !== undefined && { code }),
  ...(topic !== undefined && { topic }),
  ...(tenant !== undefined && { tenant }),
})

/** Nothing is done to all of them unasked. @throws UsageError unless they are named in one way */
function choiceNamed(id: string | undefined, flags: Flags): Choice {
  const choice = choiceOf(flags)
  const ways = [id !== undefined, Object.keys(choice).length > 0, flags.all === true].filter(Boolean)
  if (ways.length !== 1)
    throw new UsageError('Which letters? Name one by its id, choose by --code, --topic or --tenant, or say --all.')
  return choice
}

function words({ code, topic, tenant }: Choice): string {
  const parts = [code && ` with code ${code}`, topic && ` from topic ${topic}`, tenant && ` of tenant ${tenant}`]
  return plain(`All dead letters${parts.filter(Boolean).join('')}`)
}

/** @param limit none: all of the choice. Many calls, so that none takes too long. */
async function replayAll(attune: Attune, choice: Choice, limit = Infinity) {
  const sum = { replayed: 0, kept: 0, more: true }
  let before: string | undefined
  try {
    while (sum.more && sum.replayed < limit) {
      const request = { ...choice, limit: Math.min(CALL_LETTERS, limit - sum.replayed), ...(before && { before }) }
      const answer = await attune.deadLetters.replayAll(request, { timeoutMs: CALL_MS })
      sum.replayed += answer.replayed
      Object.assign(sum, { kept: answer.kept, more: answer.more })
      before = answer.before
    }
  } catch (error) {
    if (sum.replayed > 0) console.error(`attune: ${number(sum.replayed)} were sent round before this went wrong`)
    throw error
  }
  return sum
}

const COLUMNS: Column<Schemas['DeadLetter']>[] = [
  { name: 'letter', of: ({ id }) => id },
  { name: 'code', of: ({ code }) => code },
  { name: 'tenant', of: ({ tenant }) => tenant },
  { name: 'failed', of: ({ failedAt }) => moment(failedAt) },
  { name: 'times', right: true, of: ({ attempts }) => attempts },
  { name: 'reason', of: ({ reason }) => reason },
]

/** @returns the whole of it for people */
function described(letter: Schemas['OpenedDeadLetter']): string {
  const { value, encoding } = letter
  return [
    facts([
      ['letter', letter.id],
      ['code', letter.code],
      ['reason', letter.reason],
      ['tenant', letter.tenant],
      ['key', letter.key],
      ['sent', moment(letter.sentAt)],
      ['failed', moment(letter.failedAt)],
      ['times', letter.attempts],
      ['bytes', letter.bytes],
      ['replayable', letter.replayable ? 'yes' : 'no'],
      ...Object.entries(letter.headers).map(([name, text]): [string, string] => [`header ${plain(name)}`, text]),
    ]),
    '',
    value === null
      ? letter.bytes > 0
        ? '(its value is in the topic only)'
        : '(no value)'
      : `${encoding === 'base64' ? '(base64) ' : ''}${value.split('\n').map(plain).join('\n')}`,
  ].join('\n')
}

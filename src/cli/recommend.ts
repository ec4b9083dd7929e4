import type { Command } from 'commander'
import type { Attune, Filter, Schemas } from '../client/index.js'
import { type ConnectionFlags, connectToTenant, withConnection } from './connection.js'
import { UsageError } from './exit.js'
import { jsonObject, list, share, whole } from './flags.js'
import { type Column, Output, plain } from './output.js'

interface Flags extends ConnectionFlags {
  count?: number
  history?: string[]
  similar?: string
  trending?: boolean
  rank?: string[]
  scenario?: string
  filter?: string
  diversity?: number
  freshness?: number
  explain?: boolean
  json?: boolean
}

type Answer = Schemas['Recommendations']
type Recommendation = Schemas['Recommendation']

/** `recommend`: what a user, a visitor or anybody would be shown. */
export function addRecommend(program: Command, env: NodeJS.ProcessEnv) {
  withConnection(program.command('recommend'))
    .description('what a user would be shown; without a user or a history what is trending')
    .argument('[user]')
    .option('--count <n>', 'how many', whole, 10)
    .option('--history <items>', 'of a visitor without an account: item,item', list)
    .option('--similar <item>', 'more like this item')
    .option('--trending', 'what is wanted now')
    .option('--rank <items>', 'these items in order: item,item', list)
    .option('--scenario <name>', 'a named placement')
    .option('--filter <json>', 'JSON, @file, or - for standard input')
    .option('--diversity <share>', '0 to 1', share)
    .option('--freshness <share>', '0 to 1', share)
    .option('--explain', 'because of which items of the history')
    .option('--json', 'for programs: the answer of the service')
    .addHelpText(
      'after',
      `
An answer counts as an impression of its items, unless the tenant counts them itself.

Examples:
  attune recommend ada --count 5 --explain
  attune recommend --history boots,laces --filter '{"price":{"lt":50}}'
  attune recommend --similar boots`,
    )
    .action(async (user: string | undefined, { json = false, ...flags }: Flags) => {
      const { attune } = await connectToTenant(flags, env)
      const answer = await asked(attune, user, flags)
      const output = new Output(json)
      if (json) return output.show(answer, () => '')
      const titles = await titlesOf(attune, answer)
      const shown = flags.explain ? [...columns(titles), because(titles)] : columns(titles)
      output.list([...answer.items.entries()], shown, 'Nothing that may be recommended.')
      const { source, modelVersion, recommendationId } = answer
      console.error(`source: ${source}, version: ${modelVersion}, recommendation: ${recommendationId}`)
    })
}

/** What each way of asking knows nothing of: a filter that does nothing would look like one that hides nothing. */
const DEAF = {
  similar: ['rank', 'scenario', 'filter', 'diversity', 'freshness', 'explain'],
  trending: ['rank', 'scenario', 'filter', 'diversity', 'freshness', 'explain'],
  rank: ['scenario', 'filter', 'diversity', 'freshness'],
} as const satisfies Partial<Record<keyof Flags, (keyof Flags)[]>>

function refuseUnheard(flags: Flags): void {
  for (const [way, deaf] of Object.entries(DEAF))
    for (const flag of deaf)
      if (flags[way as keyof typeof DEAF] !== undefined && flags[flag] !== undefined)
        throw new UsageError(`--${way} knows no --${flag}.`)
}

async function asked(attune: Attune, user: string | undefined, flags: Flags): Promise<Answer> {
  const ways = [user ?? flags.history, flags.similar, flags.trending].filter((way) => way !== undefined)
  if (ways.length > 1) throw new UsageError('A user or a history, --similar, --trending: one of them.')
  refuseUnheard(flags)
  const { count = 10, history, scenario, diversity, freshness, explain } = flags
  if (flags.similar !== undefined) return attune.similar(flags.similar, { count })
  if (flags.trending) return attune.trending({ count })
  const whom = { ...(user !== undefined && { userId: user }), ...(history && { history }), ...(explain && { explain }) }
  if (flags.rank) return attune.rank({ ...whom, itemIds: flags.rank })
  const filter = flags.filter === undefined ? undefined : ((await jsonObject('--filter', flags.filter)) as Filter)
  return attune.recommend({
    ...whom,
    count,
    returnProperties: ['title'],
    ...(scenario !== undefined && { scenario }),
    ...(filter && { filter }),
    ...(diversity !== undefined && { diversity }),
    ...(freshness !== undefined && { freshness }),
  })
}

const MOST_REASONS = 3
const MOST_ASKED = 100

/** Titles of the items and of those they are recommended because of; where a key may only recommend, those that are told. */
async function titlesOf(attune: Attune, { items }: Answer): Promise<Map<string, string>> {
  const told = items.flatMap(({ itemId, properties }) =>
    properties?.title ? [[itemId, properties.title] as const] : [],
  )
  const titles = new Map<string, string>(told)
  const untold = items.flatMap(({ itemId, properties, reason }) => [
    ...(properties === undefined ? [itemId] : []),
    ...(reason?.because.slice(0, MOST_REASONS).map((cause) => cause.itemId) ?? []),
  ])
  const asked = [...new Set(untold)].filter((itemId) => !titles.has(itemId)).slice(0, MOST_ASKED)
  await Promise.all(
    asked.map((itemId) =>
      attune.items.get(itemId).then(
        ({ title }) => title !== undefined && titles.set(itemId, title),
        () => undefined,
      ),
    ),
  )
  return titles
}

const columns = (titles: Map<string, string>): Column<[number, Recommendation]>[] => [
  { name: '', right: true, of: ([place]) => place + 1 },
  { name: 'item', of: ([, { itemId }]) => itemId },
  { name: 'score', right: true, of: ([, { score }]) => score.toFixed(4) },
  { name: 'title', of: ([, { itemId }]) => titles.get(itemId)?.slice(0, 60) },
]

const because = (titles: Map<string, string>): Column<[number, Recommendation]> => ({
  name: 'because of',
  of: ([, { reason }]) =>
    reason?.because
      .slice(0, MOST_REASONS)
      .map(({ itemId, weight }) => `${plain(titles.get(itemId) ?? itemId).slice(0, 40)} (${weight.toFixed(2)})`)
      .join(', '),
})

import { EventTypeName, type Settings, UNNAMED_EVENT_TYPE } from '../../tenants/settings.js'
import { number, plain } from '../output.js'

/** A file that puts something else in the column of types must not fill the memory. */
const MOST_TYPES = 1000
const MOST_SAID = 10

/** Counts the events of an input by their types. */
export class EventTypes {
  private readonly counts = new Map<string, number>()
  private others = 0

  /** @param type as the row says it; what is no text is refused elsewhere */
  add(type: unknown) {
    if (typeof type !== 'string') return
    const before = this.counts.get(type)
    if (before === undefined && this.counts.size >= MOST_TYPES) this.others += 1
    else this.counts.set(type, (before ?? 0) + 1)
  }

  /** Events of each type, the most frequent first; those past the first thousand types together as `…`. */
  get byType(): Record<string, number> {
    const sorted = [...this.counts].sort(([, one], [, other]) => other - one)
    return Object.fromEntries(this.others > 0 ? [...sorted, ['…', this.others]] : sorted)
  }

  /** What a person has to know of them. @param settings of the tenant, or the defaults of one */
  words({ eventTypes }: Pick<Settings, 'eventTypes'>): string[] {
    const sorted = Object.entries(this.byType)
    if (sorted.length === 0) return []
    // One that is no name of a type is refused, line by line.
    const unnamed = sorted
      .filter(([type]) => !Object.hasOwn(eventTypes, type) && EventTypeName.safeParse(type).success)
      .map(([type]) => `"${type}"`)
    const { weight, meaning } = UNNAMED_EVENT_TYPE
    return [
      `by type: ${some(sorted.map(([type, count]) => `${type} ${number(count)}`))}`,
      ...(unnamed.length > 0
        ? [
            `no setting names ${some(unnamed)}: such events count as ${meaning}, with a weight of ${weight} (attune tenants set --settings '{"eventTypes": ...}' says what they mean)`,
          ]
        : []),
    ].map(plain)
  }
}

const some = (words: string[]) =>
  words.length > MOST_SAID
    ? `${words.slice(0, MOST_SAID).join(', ')} and ${number(words.length - MOST_SAID)} more`
    : words.join(', ')

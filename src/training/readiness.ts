/** One thing that training needs and a tenant has too little of. */
export interface Shortage {
  what: 'events' | 'usersWithHistory' | 'items'
  /** What it is called, where people read it. */
  words: string
  have: number
  need: number
  why: string
}

/**
 * The least that a run starts with, each with its reason. Low on purpose: the gate decides whether what came out of it is
 * good enough to serve; these only keep a run from starting that can't be judged at all.
 */
export const NEEDED = {
  events: {
    words: 'events',
    need: 200,
    why: 'a tenth of them validates and a tenth tests: fewer leave both without anything to judge by',
  },
  usersWithHistory: {
    words: 'users with history',
    need: 30,
    why: 'only a user with events at two moments has a history to recommend from and something to be right about',
  },
  items: {
    words: 'items',
    need: 20,
    why: 'a list of ten out of fewer items is right by chance',
  },
} as const satisfies Record<Shortage['what'], { words: string; need: number; why: string }>

/** `events 120 of 200, users with history 3 of 30` */
export const shortageWords = (missing: Shortage[]): string =>
  missing.map(({ words, have, need }) => `${words} ${have} of ${need}`).join(', ')

/** What `historyDays` leaves out, in words. @param stored all events that there are */
export const outsideHistoryWords = (events: number, stored: number, historyDays: number): string =>
  `${whole(events)} of ${whole(stored)} events are older than historyDays (${historyDays} days) before the newest, and take no part`

const whole = (count: number) => count.toLocaleString('en-US')

export interface DataFacts {
  /** Events within the tenant's `historyDays` of items in the catalogue; counted no further than needed. */
  events: number
  usersWithHistory: number
  items: number
}

/** What is missing before a first run makes sense; empty: nothing. */
export function shortages(facts: DataFacts): Shortage[] {
  return (Object.keys(NEEDED) as Shortage['what'][])
    .filter((what) => facts[what] < NEEDED[what].need)
    .map((what) => ({ what, have: facts[what], ...NEEDED[what] }))
}

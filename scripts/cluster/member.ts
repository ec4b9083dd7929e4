/** What a member of a cluster does. */
export type MemberRole = 'api' | 'ingest' | 'trainer' | 'broker' | 'postgres'

/** One process of a cluster (PostgreSQL: with its own children), which can be killed and started again. */
export interface Member {
  name: string
  role: MemberRole
  /** kill -9: nothing is finished, nothing is given back. */
  kill(): Promise<void>
  /** The same again, on the same port and the same data; resolves when it answers. */
  start(): Promise<void>
}

/** That a process ended although nobody had asked it to. */
export interface Ending {
  name: string
  at: number
  code: number | null
  signal: string | null
}

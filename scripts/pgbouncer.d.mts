export interface Pgbouncer {
  binary: string
  env: NodeJS.ProcessEnv
}

export function findPgbouncer(): Pgbouncer | null
export function getPgbouncer(): Pgbouncer | null

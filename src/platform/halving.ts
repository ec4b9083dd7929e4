/**
 * SQLSTATE classes in which the database refuses a row and not the statement: data exception (22), integrity (23),
 * program limit, as of an index entry (54).
 */
const REFUSED_ROW = /^(22|23|54)/

/** The SQLSTATE of a database error, or an empty text. */
export function sqlState(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  return 'driverError' in error && error.driverError !== error ? sqlState(error.driverError) : ''
}

/**
 * Stores rows all at once, and where the database refuses a row, finds it by halving: the rows before and after it are
 * stored, in their order.
 * @param store has to be atomic: everything or, with an error, nothing
 * @param onRefused called for each row that the database does not take by itself
 * @throws whatever `store` throws that is not about a row
 */
export async function storeByHalving<T>(
  rows: T[],
  store: (rows: T[]) => Promise<void>,
  onRefused: (row: T, error: Error) => void,
): Promise<void> {
  if (rows.length === 0) return
  try {
    await store(rows)
  } catch (error) {
    if (!(error instanceof Error) || !REFUSED_ROW.test(sqlState(error))) throw error
    if (rows.length === 1) {
      onRefused(rows[0], error)
      return
    }
    const middle = rows.length >> 1
    await storeByHalving(rows.slice(0, middle), store, onRefused)
    await storeByHalving(rows.slice(middle), store, onRefused)
  }
}

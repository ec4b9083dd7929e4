/** The first entries of a list of any length; further ones are never asked for. */
export async function first<T>(entries: AsyncIterable<T>, most: number): Promise<T[]> {
  const found: T[] = []
  if (most <= 0) return found
  for await (const entry of entries) if (found.push(entry) >= most) break
  return found
}

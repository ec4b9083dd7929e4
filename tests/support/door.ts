import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * Something that all test files of a run share, started by the first that asks, in whatever worker it is: a run that
 * never asks pays nothing for it.
 * @returns the address to GET it from, and what ends it
 */
export async function openDoor<T>(start: () => Promise<T>): Promise<{ url: string; close(): Promise<T | undefined> }> {
  let answer: Promise<T> | undefined
  const server = createServer((_request, response) => {
    answer ??= start()
    answer.then(
      (found) => response.end(JSON.stringify(found)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
      return answer
    },
  }
}

/** What is behind a door. @throws Error where it could not be started */
export async function knock<T>(url: string): Promise<T> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(await response.text())
  return (await response.json()) as T
}

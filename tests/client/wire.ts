import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asked {
  method: string
  /** As it was sent, percent-encoded. */
  url: string
  headers: IncomingMessage['headers']
  body: string
  /** Milliseconds since the server started. */
  at: number
}

/** One answer; `drop` breaks the connection, `wait` never answers. */
export type Reply =
  | { status: number; headers?: Record<string, string>; body?: unknown }
  | 'drop'
  | 'wait'
  | ((response: ServerResponse) => void)

/** The other end of the wire, which answers as it is told: what a service in trouble does, at will. */
export async function wire(reply: (asked: Asked, nth: number) => Reply) {
  const asked: Asked[] = []
  const started = Date.now()
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const one = { method, url, headers, body: Buffer.concat(parts).toString('utf8'), at: Date.now() - started }
      const answer = reply(one, asked.push(one))
      if (answer === 'wait') return
      if (answer === 'drop') return request.socket.destroy()
      if (typeof answer === 'function') return answer(response)
      const problem = answer.status >= 400 ? 'application/problem+json' : 'application/json'
      response.writeHead(answer.status, { 'content-type': problem, ...answer.headers })
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}))
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () =>
      new Promise<void>((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

export const problem = (status: number, code: string, more: object = {}, headers: Record<string, string> = {}) => ({
  status,
  headers,
  body: { type: 'urn:x', title: 'T', status, detail: `Said: ${code}.`, code, requestId: 'r-1', ...more },
})

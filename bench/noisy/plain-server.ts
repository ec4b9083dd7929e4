// Answers whatever comes as briefly as Node can, in a process of its own: what a sender costs a machine by itself.
import { createServer } from 'node:http'

const body = JSON.stringify({ status: 429, code: 'QUOTA_EXCEEDED' })
const server = createServer((_request, response) => {
  response.writeHead(429, { 'content-type': 'application/problem+json', 'content-length': body.length })
  response.end(body)
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address && typeof address === 'object') process.send?.(address.port)
})
process.on('disconnect', () => process.exit())

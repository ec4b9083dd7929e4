import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Serves a made-up picture for each item: the sample has none. @returns its address, and how to end it */
export async function servePictures(): Promise<{ url: string; stop: () => void }> {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'image/svg+xml', 'cache-control': 'max-age=3600' })
    response.end(drawn(decodeURIComponent(request.url?.slice(1) ?? '')))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, stop: () => server.close() }
}

/** Shapes in colours that depend on the name alone. */
function drawn(name: string): string {
  let seed = 7
  for (const letter of name) seed = (seed * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003
  const hue = seed % 360
  const colour = (turn: number, light: number) => `hsl(${(hue + turn) % 360} 45% ${light}%)`
  const [x, y, r] = [20 + (seed % 56), 20 + ((seed >> 3) % 56), 18 + ((seed >> 5) % 18)]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96">
    <rect width="96" height="96" fill="${colour(0, 82)}"/>
    <circle cx="${x}" cy="${y}" r="${r}" fill="${colour(40, 58)}"/>
    <rect x="${96 - x}" y="${90 - y}" width="${r}" height="${r}" rx="5" fill="${colour(190, 45)}" transform="rotate(${seed % 45} 48 48)"/>
  </svg>`
}

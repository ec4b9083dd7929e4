import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** Beside each file itself, as browsers take it: nothing is left to do when it is asked for. */
const compressed: Plugin = {
  name: 'compressed',
  apply: 'build',
  writeBundle({ dir = '' }) {
    const assets = join(dir, 'assets')
    for (const file of readdirSync(assets)) {
      const bytes = readFileSync(join(assets, file))
      writeFileSync(join(assets, `${file}.br`), brotliCompressSync(bytes))
      writeFileSync(join(assets, `${file}.gz`), gzipSync(bytes, { level: 9 }))
    }
  },
}

export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  plugins: [react(), compressed],
  build: {
    outDir: '../dist/console',
    emptyOutDir: true,
    target: 'es2022',
    // These know light-dark() of CSS; for older ones it would be rewritten in a way that does not see the page's scheme.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // The page's policy allows no data addresses but for pictures.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
  },
  // For work on the page itself: `npx vite console` beside a running service.
  server: { proxy: { '/v1': 'http://localhost:3000', '/console/session': 'http://localhost:3000' } },
})

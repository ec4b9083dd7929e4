import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/platform/config.js'
import { startService } from '../../src/service.js'

describe('the port of the service', () => {
  it('is said to be taken before anything is started for it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'attune-port-'))
    const other = createServer()
    try {
      const port = await new Promise<number>((at) =>
        other.listen(0, '127.0.0.1', () => at((other.address() as { port: number }).port)),
      )
      const DATA_DIR = join(folder, 'data')
      const start = (more: Record<string, string>) =>
        startService(readConfig({ DATA_DIR, LOG_LEVEL: 'silent', ...more }))
      await expect(start({ PORT: String(port) })).rejects.toThrow(
        `Port ${port} of 127.0.0.1 is taken: another program, or another Attune, listens on it. PORT chooses another one.`,
      )
      await expect(start({ PORT: '0', HOST: '192.0.2.1' })).rejects.toThrow('192.0.2.1 is no address of this machine')
      expect(existsSync(DATA_DIR)).toBe(false)
    } finally {
      other.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

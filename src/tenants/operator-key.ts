import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../platform/config.js'
import type { Logger } from '../platform/logger.js'

/**
 * The operator's key: from the environment, or made at the first start and kept under `DATA_DIR`, readable by its owner
 * only. Its path is said, never the key.
 */
export async function operatorKey(config: Config, logger: Logger): Promise<string> {
  if (config.operatorKey) return config.operatorKey
  const path = join(config.dataDir, 'operator.key')
  const kept = await readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => '',
  )
  if (kept) return kept
  const made = randomBytes(32).toString('base64url')
  await mkdir(config.dataDir, { recursive: true })
  // `wx`: of two processes that start at once, one makes the key and the other reads it.
  const written = await writeFile(path, `${made}\n`, { mode: 0o600, flag: 'wx' }).then(
    () => true,
    () => false,
  )
  if (written) logger.info({ path }, 'made an operator key')
  return written ? made : (await readFile(path, 'utf8')).trim()
}

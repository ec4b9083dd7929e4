import { writeSync } from 'node:fs'
import type { Config } from '../platform/config.js'
import { AppError } from '../platform/errors.js'
import { startTensorflow } from '../platform/tensorflow.js'

/** `engine-child.js <backend>`: says in one line of JSON which engine a run would get here, and why no better one. */
const say = (line: object) => void writeSync(1, `${JSON.stringify(line)}\n`)

try {
  const { backend: engine, reasons } = await startTensorflow(process.argv[2] as Config['backend'])
  say({ engine, reasons })
} catch (error) {
  const reasons = error instanceof AppError ? error.extra?.reasons : undefined
  say({ error: error instanceof Error ? error.message : String(error), reasons })
}
process.exit(0)

import { readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { completeBlend } from '../model/ensemble.js'
import { decodeVersion, encodeVersion } from '../model/version-file.js'
import { AppError } from '../platform/errors.js'
import { startTensorflow } from '../platform/tensorflow.js'
import { shippedBlend, shippedBlends, shippedPrior } from '../registry/shipped-base.js'
import { readDataset } from './dataset.js'
import { trainVersion } from './pipeline.js'
import { type ChildLine, FILES, type Job } from './training-job.js'

/** `child.js <folder> <seed>`: trains on what lies in the folder and leaves the version there. See `trainInChild`. */
const [folder, seed] = process.argv.slice(2)

// Written at once and not by the event loop, which training keeps busy; whoever reads has ended where this throws.
const say = (line: ChildLine) => void writeSync(1, `${JSON.stringify(line)}\n`)
const read = (name: string) => readFileSync(join(folder, name))
const readIfThere = (name: string) => {
  try {
    return read(name)
  } catch {
    return null
  }
}

try {
  const job = JSON.parse(read(FILES.job).toString('utf8')) as Job
  const { backend: engine, reasons, gpuBytes } = await startTensorflow(job.backend)
  const engineReasons = { ...job.engineReasons, ...reasons }
  const stage = { name: 'reading', at: Date.now() }
  say({ stage, status: { engine, engineReasons, progress: 0.01, detail: 'reading the data' } })
  const dataset = readDataset(join(folder, FILES.dataset))
  const champion = readIfThere(FILES.champion)
  const { version, result } = await trainVersion({
    dataset,
    champion: champion && decodeVersion(champion),
    prior: shippedPrior(),
    base: completeBlend(shippedBlend(job.baseModel), job.without),
    // An operator's choice is not put to the test.
    ...((job.baseModel ?? 'default') === 'default' && { bases: shippedBlends(job.without) }),
    job,
    engine,
    gpuBytes,
    seed: Number(seed),
    say,
  })
  writeFileSync(join(folder, FILES.version), encodeVersion(version))
  // In KiB on every system. For whoever wonders what a run of this size takes.
  result.report.peakMemoryBytes = process.resourceUsage().maxRSS * 1024
  writeFileSync(join(folder, FILES.result), JSON.stringify(result))
  await setImmediate()
  process.exit(0)
} catch (error) {
  if (error instanceof AppError) {
    say({ error: { code: error.code, message: error.message } })
    process.exit(0)
  }
  // The last words: whoever reads them cuts the frames off.
  writeSync(2, `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exit(1)
}
